"""What Okta's failures mean: which pass, and which leave it open whether something was done.

Sources: Okta developer documentation, Rate limits; recorded traffic of terraform-provider-okta (423, transient 500).
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import ClassVar, Final

from provisioner.core.retry import Failure, Request
from provisioner.providers.base.retry import HttpFailureRules

LOCKED: Final = 423
"""Policy priorities are being reconciled (E0000239)."""
_MARGIN: Final = 1.0
"""Seconds to wait beyond the moment at which a rate limit is reset."""


class OktaRules(HttpFailureRules):
    """The failure rules of Okta."""

    throttled: ClassVar[str] = "Okta's rate limit is used up"

    def is_transient(self, failure: Failure, request: Request) -> bool:
        return failure.status == LOCKED or super().is_transient(failure, request)

    def wait_reason(self, failure: Failure) -> str:
        return "Okta is reordering the policies" if failure.status == LOCKED else super().wait_reason(failure)


def until_reset(reset: str, date: str) -> float | None:
    """How many seconds to wait for a rate limit.

    Args:
        reset: header X-Rate-Limit-Reset, in seconds since 1970.
        date: header Date, so that this machine's clock does not matter.
    """
    try:
        return max(0.0, float(reset) - parsedate_to_datetime(date).timestamp()) + _MARGIN
    except (TypeError, ValueError):
        return None
