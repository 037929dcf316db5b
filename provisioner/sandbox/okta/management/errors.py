"""Errors in Okta's words.

Form: Okta Management API 2026.06.3, schema Error. Codes and sentences: recorded traffic where a function says so, else
Okta Developer, "Okta error codes".
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from provisioner.sandbox.okta.management.identity import new_error_id


class OktaError(Exception):
    """A refusal: an HTTP status, Okta's error code and summary, causes, extra headers.

    Attributes:
        empty: whether the answer has no body at all.
    """

    def __init__(
        self,
        status: int,
        code: str,
        summary: str,
        causes: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        *,
        empty: bool = False,
    ) -> None:
        super().__init__(summary)
        self.status = status
        self.code = code
        self.summary = summary
        self.causes = list(causes)
        self.headers = dict(headers or {})
        self.empty = empty

    def body(self) -> dict[str, Any] | None:
        """The documented error object, with an id of its own; None for an empty answer."""
        if self.empty:
            return None
        return {
            "errorCode": self.code,
            "errorSummary": self.summary,
            "errorLink": self.code,
            "errorId": new_error_id(),
            "errorCauses": [{"errorSummary": cause} for cause in self.causes],
        }


def invalid(what: str, *causes: str) -> OktaError:
    """400: a value that Okta does not take (recorded form: ``Api validation failed: feature``)."""
    return OktaError(400, "E0000001", f"Api validation failed: {what}", causes)


def malformed() -> OktaError:
    """400: the body is not JSON, or not of the right kind."""
    return OktaError(400, "E0000003", "The request body was not well-formed.")


def wrong_media_type() -> OktaError:
    """400: a body that is not announced as JSON."""
    return OktaError(
        400,
        "E0000019",
        "Bad request. Accept and/or Content-Type headers likely do not match supported values.",
    )


def invalid_token() -> OktaError:
    """401: no usable token (ErrorInvalidToken401)."""
    return OktaError(401, "E0000011", "Invalid token provided")


def unlicensed() -> OktaError:
    """401, not 403: the org lacks the feature (recorded: TestAccResourceOktaAuthServer_fullStack)."""
    return OktaError(401, "E0000015", "You do not have permission to access the feature you are requesting")


def denied(headers: Mapping[str, str] | None = None) -> OktaError:
    """403: the caller lacks a scope or a role (ErrorAccessDenied403)."""
    return OktaError(
        403, "E0000006", "You do not have permission to perform the requested action", headers=headers
    )


def not_found(key: str, kind: str) -> OktaError:
    """404. Recorded kinds: AppInstance, PolicyRule; the others are named alike."""
    return OktaError(404, "E0000007", f"Not found: Resource not found: {key} ({kind})")


def method_not_allowed() -> OktaError:
    """405: the path exists, the method does not."""
    return OktaError(405, "E0000022", "The endpoint does not support the provided HTTP method")


def invalid_cursor() -> OktaError:
    """400: an ``after`` that Okta did not give out."""
    return OktaError(400, "E0000029", "Invalid cursor.")


def rate_limited(limit: int, reset: int) -> OktaError:
    """429 with the headers that say when to come back (recorded: test_comprehensive_coverage_push)."""
    headers = {
        "x-rate-limit-limit": str(limit),
        "x-rate-limit-remaining": "0",
        "x-rate-limit-reset": str(reset),
    }
    return OktaError(
        429, "E0000047", "API call exceeded rate limit due to too many requests.", headers=headers
    )


_INJECTED = {
    403: ("E0000006", "You do not have permission to perform the requested action"),
    404: ("E0000007", "Not found: Resource not found: null (Resource)"),
    409: ("E0000157", "Conflict: the resource is being changed at this moment."),
    423: ("E0000239", "Policy priorities are being reconciled. Please try again later."),
    500: ("E0000009", "Internal Server Error"),
    502: ("E0000009", "Internal Server Error"),
    503: ("E0000010", "Service is in read only mode"),
    504: ("E0000009", "Internal Server Error"),
}
_DEFAULT_WAIT = 60


def injected(status: int, retry_after: int | None) -> OktaError:
    """The error for a fault injected on purpose.

    423 is recorded (TestAccResourceOktaGroupRule_423ResponseCapture), as are the forms of 429 and 404; the codes of 409,
    502 and 504 are plausible, not seen. Okta sends no Retry-After: the wait becomes the rate limit's reset.
    """
    if status == 429:
        wait = _DEFAULT_WAIT if retry_after is None else retry_after
        return rate_limited(50, int(time.time()) + wait)
    code, summary = _INJECTED[status]
    return OktaError(status, code, summary)
