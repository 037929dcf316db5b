"""What Okta's failures mean: which pass, and which leave it open whether something was done.

Sources: Okta developer documentation, Rate limits; recorded traffic of terraform-provider-okta (423, transient 500).
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Final

from provisioner.core.retry import OUTCOME_UNKNOWN, Failure, Request

LOCKED: Final = 423
"""Policy priorities are being reconciled (E0000239)."""
_MARGIN: Final = 1.0
"""Seconds to wait beyond the moment at which a rate limit is reset."""


class OktaRules:
    """Okta's."""

    def is_transient(self, failure: Failure, call: Request) -> bool:
        if failure.status in (429, LOCKED) or failure.status in OUTCOME_UNKNOWN:
            return True
        if failure.status == 404:
            return call.expects_existing
        return failure.status == 409 and call.method != "GET"

    def outcome_unknown(self, failure: Failure) -> bool:
        return failure.status in OUTCOME_UNKNOWN or failure.status == 409

    def wait_reason(self, failure: Failure) -> str:
        if failure.status == 429:
            return "Okta's rate limit is used up"
        if failure.status == LOCKED:
            return "Okta is reordering the policies"
        if failure.status in (404, 409):
            return f"the change has not arrived everywhere yet ({failure.summary})"
        return failure.summary


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
