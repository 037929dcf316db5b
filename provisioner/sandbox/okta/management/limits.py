"""Rate limits: so many requests a minute by one caller on one family of endpoints.

Headers and the 429 as in recorded traffic of okta-sdk-python (test_comprehensive_coverage_push). Which paths share a
bucket follows the remaining counts in recorded traffic: everything below ``/apps/{id}/`` counts with ``/apps``, an app by
itself does not. Real limits depend on the org (seen: 10 to 100 a minute for ``/apps``); the ones here are generous, and the
setting ``rate_limits`` replaces them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

LIMITS = {
    "apps": 1200,
    "app": 2000,
    "authorizationServers": 2000,
    "groups": 2000,
    "logs": 600,
    "mappings": 1200,
    "oauth": 2000,
    "other": 2000,
    "policies": 1200,
    "users": 2000,
}
WINDOW = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands in a bucket: its limit, what is left, when it starts over (epoch seconds)."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool

    def headers(self) -> dict[str, str]:
        """The three headers of every answer."""
        return {
            "x-rate-limit-limit": str(self.limit),
            "x-rate-limit-remaining": str(self.remaining),
            "x-rate-limit-reset": str(self.reset),
        }


class RateLimits:
    """Counts requests in fixed windows, per running sandbox."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}

    def count(
        self, bucket: str, caller: str, limits: Mapping[str, int], moment: float | None = None
    ) -> Standing:
        """Count a request.

        Args:
            bucket: a key of `LIMITS`.
            caller: who calls.
            limits: what replaces the usual limits, by bucket.
            moment: epoch seconds; the present by default.
        """
        present = time.time() if moment is None else moment
        limit = int(limits.get(bucket, LIMITS[bucket]))
        with self._lock:
            began, count = self._windows.get((bucket, caller), (present, 0))
            if present >= began + WINDOW:
                began, count = present, 0
            count += 1
            self._windows[bucket, caller] = began, count
        return Standing(limit, max(0, limit - count), int(began) + WINDOW, exceeded=count > limit)
