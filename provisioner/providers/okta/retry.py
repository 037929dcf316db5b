"""What Okta's failures mean: which are transient, and which leave open whether the request took effect.

Sources: Okta developer documentation, Rate limits; recorded traffic of terraform-provider-okta (423, transient 500).
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import ClassVar, Final

from provisioner.core.retry import Failure, Request
from provisioner.providers.base.retry import HttpFailureRules

LOCKED: Final = 423
"""Okta is reconciling policy priorities (E0000239)."""
_MARGIN: Final = 1.0
"""Seconds to wait after the moment at which a rate limit is reset."""


class OktaRules(HttpFailureRules):
    """The failure rules of Okta."""

    throttled: ClassVar[str] = "Okta's rate limit is exhausted"

    def is_transient(self, failure: Failure, request: Request) -> bool:
        return failure.status == LOCKED or super().is_transient(failure, request)

    def wait_reason(self, failure: Failure) -> str:
        return "Okta is reordering the policies" if failure.status == LOCKED else super().wait_reason(failure)


def seconds_until_reset(reset: str, date: str) -> float | None:
    """Seconds to wait for a rate limit, or None when the headers are not valid.

    Args:
        reset: header X-Rate-Limit-Reset, in seconds since 1970.
        date: header Date. It makes the result independent of this machine's clock.
    """
    try:
        return max(0.0, float(reset) - parsedate_to_datetime(date).timestamp()) + _MARGIN
    except (TypeError, ValueError):
        return None
