"""What Graph's failures mean: which pass, and which leave it open whether something was done.

Sources: Microsoft Graph throttling guidance (honour Retry-After, otherwise back off); the public record of
replication behaviour in the azuread Terraform provider (404, 409 and certain 400s right after a write).
"""

from __future__ import annotations

from typing import Final

from provisioner.core.retry import OUTCOME_UNKNOWN, Failure, Request

_LAG_MESSAGES: Final = (
    "does not reference a valid application object",
    "must in the local tenant",
    "Not a valid reference update",
)
"""Texts of 400 and 403 answers that mean "not replicated yet". The code is the same as for real faults, so the
text is all there is to tell them by; all such texts are here."""

_EXISTS_MESSAGES: Final = ("Permission being assigned already exists on the object",)
"""Texts of 400 answers to a POST that mean that an earlier attempt succeeded."""


class GraphRules:
    """Microsoft Graph's."""

    def is_transient(self, failure: Failure, call: Request) -> bool:
        if any(text in failure.message for text in _LAG_MESSAGES) or (
            _exists(failure) and not call.idempotent
        ):
            return True
        if failure.status == 429 or failure.status in OUTCOME_UNKNOWN:
            return True
        if failure.status == 404:
            return call.expects_existing or not call.idempotent
        if failure.status == 409:
            return call.method != "GET"
        return failure.status == 403 and call.just_created

    def outcome_unknown(self, failure: Failure) -> bool:
        """A template's 404 is known to lie, so it counts."""
        return failure.status in OUTCOME_UNKNOWN or failure.status in (404, 409) or _exists(failure)

    def wait_reason(self, failure: Failure) -> str:
        if failure.status == 429:
            return "Graph asks to slow down"
        if failure.status in (400, 403, 404, 409):
            return f"the change has not reached every replica yet ({failure.summary})"
        return failure.summary


def _exists(failure: Failure) -> bool:
    return any(text in failure.message for text in _EXISTS_MESSAGES)
