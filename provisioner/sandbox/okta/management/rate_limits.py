"""Rate limits: requests per minute of one caller in one bucket of endpoints.

Headers and the 429 response follow recorded traffic of okta-sdk-python (test_comprehensive_coverage_push). Which paths share
a bucket follows the remaining counts in recorded traffic: paths below ``/apps/{id}/`` count with ``/apps``, a single app does
not. Real limits depend on the org (recorded: 10 to 100 per minute for ``/apps``). The limits here are generous; the setting
``rate_limits`` overrides them by bucket.
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
WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """A bucket of one caller: requests per window, those left, the end of the window (epoch seconds)."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool

    def headers(self) -> dict[str, str]:
        """The rate limit headers of every response."""
        return {
            "x-rate-limit-limit": str(self.limit),
            "x-rate-limit-remaining": str(self.remaining),
            "x-rate-limit-reset": str(self.reset),
        }


class RateLimiter:
    """Counts requests in fixed windows, for as long as the sandbox runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}

    def count(
        self, bucket: str, caller: str, limits: Mapping[str, int], timestamp: float | None = None
    ) -> RateLimitStatus:
        """Count a request.

        Args:
            bucket: a key of `LIMITS`.
            caller: key of the caller.
            limits: overrides of `LIMITS`, by bucket.
            timestamp: time of the request in epoch seconds; the current time by default.
        """
        current = time.time() if timestamp is None else timestamp
        limit = int(limits.get(bucket, LIMITS[bucket]))
        with self._lock:
            window_start, count = self._windows.get((bucket, caller), (current, 0))
            if current >= window_start + WINDOW_SECONDS:
                window_start, count = current, 0
            count += 1
            self._windows[bucket, caller] = window_start, count
        reset = int(window_start) + WINDOW_SECONDS
        return RateLimitStatus(limit, max(0, limit - count), reset, exceeded=count > limit)
