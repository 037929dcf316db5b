"""What HTTP failures mean with every vendor. A vendor's rules add what its documentation and recorded traffic show."""

from __future__ import annotations

from typing import ClassVar

from provisioner.core.retry import OUTCOME_UNKNOWN, Failure, Request


class HttpFailureRules:
    """The rules of :class:`provisioner.core.retry.FailureRules` that hold for every vendor.

    Attributes:
        throttled: the reason for waiting after a 429.
    """

    throttled: ClassVar[str]

    def is_transient(self, failure: Failure, request: Request) -> bool:
        if failure.status == 429 or failure.status in OUTCOME_UNKNOWN:
            return True
        if failure.status == 404:
            return request.expects_existing
        return failure.status == 409 and request.method != "GET"

    def outcome_unknown(self, failure: Failure) -> bool:
        return failure.status in OUTCOME_UNKNOWN or failure.status == 409

    def wait_reason(self, failure: Failure) -> str:
        if failure.status == 429:
            return self.throttled
        if failure.status in (400, 403, 404, 409):
            return f"the change has not reached every replica yet ({failure.summary})"
        return failure.summary
