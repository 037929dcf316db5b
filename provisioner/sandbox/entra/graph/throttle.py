"""Throttling by count: so many calls of a kind by one application in so many seconds.

Microsoft Graph, "Service-specific throttling limits": the reports endpoints of identity and access allow 5 requests
in 10 seconds per application and tenant; provisioning on demand 5 in 10 seconds ("synchronizationJob:
provisionOnDemand"). Counted per running sandbox.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Mapping

# Units of a GET by the last named resource of its path; everything else costs 1 (same page, "Request resource costs").
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


class Throttle:
    """Counts calls in a sliding window."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def delay(self, bucket: str, app_id: str, now: float | None = None) -> int | None:
        """Count a call; seconds to wait when it is one too many, else None.

        Args:
            bucket: a key of `LIMITS`.
            app_id: the calling application.
            now: seconds of a steady clock; the present by default.
        """
        allowed, window = LIMITS[bucket]
        moment = time.monotonic() if now is None else now
        with self._lock:
            calls = self._calls[bucket, app_id]
            while calls and calls[0] <= moment - window:
                calls.popleft()
            if len(calls) >= allowed:
                return max(1, math.ceil(calls[0] + window - moment))
            calls.append(moment)
            return None


def resource_units(method: str, path: str, options: Mapping[str, str]) -> int:
    """What a call costs: the header ``x-ms-resource-unit``.

    Args:
        method: HTTP method.
        path: path below the API version.
        options: OData query options.
    """
    if method != "GET":
        return 1
    named = [_COSTS[segment] for segment in path.split("/") if segment in _COSTS]
    small = options.get("top", "").isdecimal() and int(options["top"]) < _SMALL_PAGE
    cost = (named[-1] if named else 1) - ("select" in options) + ("expand" in options) - small
    return max(1, cost)
