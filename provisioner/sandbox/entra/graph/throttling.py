"""Throttling: limits on an application's requests, and the resource units of a request.

Microsoft Graph, "Service-specific throttling limits": the reports endpoints of identity and access allow 5 requests
in 10 seconds per application and tenant; provisioning on demand 5 in 10 seconds ("synchronizationJob:
provisionOnDemand"). The counts are in memory.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Mapping

# Resource units of a GET by the last resource in its path; other requests cost 1 (same page, "Request resource costs").
_COSTS = {
    "applications": 2,
    "appRoleAssignments": 2,
    "members": 3,
    "transitiveMembers": 5,
    "oauth2PermissionGrants": 2,
    "users": 2,
}
_SMALL_PAGE = 20
LIMITS = {"reports": (5, 10.0), "provisionOnDemand": (5, 10.0)}
"""Allowed requests and the window in seconds, by name of the limit."""


class Throttle:
    """Counts requests in a sliding window."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def retry_after(self, limit: str, app_id: str, now: float | None = None) -> int | None:
        """Count a request; the seconds to wait when it exceeds the limit, else None.

        Args:
            limit: a key of `LIMITS`.
            app_id: the calling application.
            now: seconds of a monotonic clock; by default the current time.
        """
        allowed, window = LIMITS[limit]
        moment = time.monotonic() if now is None else now
        with self._lock:
            requests = self._requests[limit, app_id]
            while requests and requests[0] <= moment - window:
                requests.popleft()
            if len(requests) >= allowed:
                return max(1, math.ceil(requests[0] + window - moment))
            requests.append(moment)
            return None


def resource_units(method: str, path: str, options: Mapping[str, str]) -> int:
    """The cost of a request, as in the header ``x-ms-resource-unit``.

    Args:
        method: HTTP method.
        path: path below the API version.
        options: OData query options.
    """
    if method != "GET":
        return 1
    costs = [_COSTS[segment] for segment in path.split("/") if segment in _COSTS]
    small_page = options.get("top", "").isdecimal() and int(options["top"]) < _SMALL_PAGE
    return max(1, (costs[-1] if costs else 1) - ("select" in options) + ("expand" in options) - small_page)
