"""What Graph's failures mean: which are transient, and after which the request may have taken effect.

Sources: Microsoft Graph throttling guidance (honour Retry-After, otherwise back off); the public record of
replication behaviour in the azuread Terraform provider (404, 409 and certain 400s right after a write).
"""

from __future__ import annotations

from typing import ClassVar, Final

from provisioner.core.retry import Failure, Request
from provisioner.providers.base.retry import HttpFailureRules

_LAG_MESSAGES: Final = (
    "does not reference a valid application object",
    "must in the local tenant",
    "Not a valid reference update",
)
"""Messages of 400 and 403 responses that mean "not replicated yet". The error code is the same as for a faulty
request, so only the message tells the two apart."""

_EXISTS_MESSAGES: Final = ("Permission being assigned already exists on the object",)
"""Messages of 400 responses to a POST that mean that an earlier attempt succeeded."""


class GraphRules(HttpFailureRules):
    """The failure rules of Microsoft Graph."""

    throttled: ClassVar[str] = "Graph asks to slow down"

    def is_transient(self, failure: Failure, request: Request) -> bool:
        if any(text in failure.message for text in _LAG_MESSAGES):
            return True
        if not request.idempotent and (failure.status == 404 or _exists(failure)):
            return True
        if failure.status == 403 and request.may_lag:
            return True
        return super().is_transient(failure, request)

    def outcome_unknown(self, failure: Failure) -> bool:
        """As for every vendor; also after a 404, because a template may report one although it was instantiated."""
        return failure.status == 404 or _exists(failure) or super().outcome_unknown(failure)


def _exists(failure: Failure) -> bool:
    return any(text in failure.message for text in _EXISTS_MESSAGES)
