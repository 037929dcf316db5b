"""Error responses of the Management API.

Form: Okta Management API 2026.06.3, schema Error. Codes and texts: recorded traffic where a docstring names it, otherwise
Okta Developer, "Okta error codes". The texts of causes are the sandbox's own unless a source is named.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any


class OktaError(Exception):
    """An error response.

    Attributes:
        status: HTTP status.
        code: ``errorCode``.
        summary: ``errorSummary``.
        causes: the summaries of ``errorCauses``.
        headers: additional response headers.
        empty: whether the response has no body.
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
        self.status, self.code, self.summary = status, code, summary
        self.causes, self.headers, self.empty = list(causes), dict(headers or {}), empty

    def body(self) -> dict[str, Any] | None:
        """The error object with a new ``errorId``; None for an empty response."""
        if self.empty:
            return None
        return {
            "errorCode": self.code,
            "errorSummary": self.summary,
            "errorLink": self.code,
            "errorId": f"oae{secrets.token_urlsafe(16)}",
            "errorCauses": [{"errorSummary": cause} for cause in self.causes],
        }


def invalid(field: str, *causes: str) -> OktaError:
    """400: Okta does not accept a value (recorded form: ``Api validation failed: feature``)."""
    return OktaError(400, "E0000001", f"Api validation failed: {field}", causes)


def required_field(path: str) -> OktaError:
    """400: a required member, given by its dotted path, is missing or blank."""
    return invalid(path, f"{path.rpartition('.')[2]}: The field cannot be left blank")


def missing_parameter(name: str) -> OktaError:
    """400: a required query parameter is missing."""
    return OktaError(400, "E0000028", "The request is missing a required parameter.", [name])


def malformed_body() -> OktaError:
    """400: the body is not JSON, or has the wrong JSON type."""
    return OktaError(400, "E0000003", "The request body was not well-formed.")


def unsupported_media_type() -> OktaError:
    """400: the Content-Type is not JSON."""
    return OktaError(
        400,
        "E0000019",
        "Bad request. Accept and/or Content-Type headers likely do not match supported values.",
    )


def invalid_cursor() -> OktaError:
    """400: an ``after`` that Okta did not issue."""
    return OktaError(400, "E0000029", "Invalid cursor.")


def invalid_token() -> OktaError:
    """401: no valid token (ErrorInvalidToken401)."""
    return OktaError(401, "E0000011", "Invalid token provided")


def unlicensed() -> OktaError:
    """401, not 403: the org lacks the feature (recorded: TestAccResourceOktaAuthServer_fullStack)."""
    return OktaError(401, "E0000015", "You do not have permission to access the feature you are requesting")


def access_denied(headers: Mapping[str, str] | None = None) -> OktaError:
    """403: the caller lacks a scope or a role (ErrorAccessDenied403)."""
    return OktaError(
        403, "E0000006", "You do not have permission to perform the requested action", headers=headers
    )


def unsupported_operation() -> OktaError:
    """403: the object does not allow the operation."""
    return OktaError(403, "E0000060", "Unsupported operation.")


def not_found(key: str, type_name: str) -> OktaError:
    """404. AppInstance and PolicyRule are recorded type names; the others follow the same pattern."""
    return OktaError(404, "E0000007", f"Not found: Resource not found: {key} ({type_name})")


def method_not_allowed() -> OktaError:
    """405: the path exists, the method does not."""
    return OktaError(405, "E0000022", "The endpoint does not support the provided HTTP method")


def rate_limited(limit: int, reset: int) -> OktaError:
    """429 with rate limit headers (recorded: test_comprehensive_coverage_push).

    Args:
        limit: requests per minute.
        reset: end of the current window, in epoch seconds.
    """
    headers = {
        "x-rate-limit-limit": str(limit),
        "x-rate-limit-remaining": "0",
        "x-rate-limit-reset": str(reset),
    }
    return OktaError(
        429, "E0000047", "API call exceeded rate limit due to too many requests.", headers=headers
    )


_FAULTS = {
    403: ("E0000006", "You do not have permission to perform the requested action"),
    404: ("E0000007", "Not found: Resource not found: null (Resource)"),
    409: ("E0000157", "Conflict: the resource is being changed at this moment."),
    423: ("E0000239", "Policy priorities are being reconciled. Please try again later."),
    500: ("E0000009", "Internal Server Error"),
    502: ("E0000009", "Internal Server Error"),
    503: ("E0000010", "Service is in read only mode"),
    504: ("E0000009", "Internal Server Error"),
}
_DEFAULT_RESET_SECONDS = 60


def injected_fault(status: int, retry_after: int | None) -> OktaError:
    """The error for an injected fault.

    423 is recorded (TestAccResourceOktaGroupRule_423ResponseCapture), as are the forms of 429 and 404; the codes of 409,
    502 and 504 are assumptions. Okta sends no Retry-After: the seconds become the reset time of the rate limit.
    """
    if status == 429:
        seconds = _DEFAULT_RESET_SECONDS if retry_after is None else retry_after
        return rate_limited(50, int(time.time()) + seconds)
    code, summary = _FAULTS[status]
    return OktaError(status, code, summary)
