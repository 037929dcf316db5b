"""Exceptions of the vendors' libraries, as failures that may be retried, or as errors for the user.

dns-lexicon, requests and botocore raise untyped or private errors, so class names and texts are parsed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from provisioner.core.errors import PermissionDeniedError, ProvisionerError, RemoteError, UnreachableError
from provisioner.core.retry import OUTCOME_UNKNOWN, Failure, Request

_LIBRARY_ERROR: Final = -1
"""The status of an exception without a vendor's response: an error of dns-lexicon or its settings."""
_THROTTLED: Final = frozenset(
    {"PriorRequestNotComplete", "RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException"}
)
"""Error codes of AWS that ask to wait (Amazon Route 53 API Reference, common errors)."""
_CONFLICT: Final = "InvalidChangeBatch"
"""Error code of Route 53 for a record set that has changed since it was read."""
_NETWORK_ERROR: Final = re.compile(
    r"Connect|Connection|Timeout|ProxyError|SSLError|IncompleteRead|ChunkedEncoding"
)
"""Class names of the exceptions of requests and botocore without a response."""
_REQUEST_IDS: Final = ("x-amzn-requestid", "x-ms-request-id", "x-request-id", "cf-ray")
_QUERY: Final = re.compile(r"\?\S*")


class VendorFailureRules:
    """What the failures of vendors mean. Every write follows a read, so any request may be repeated."""

    def is_transient(self, failure: Failure, request: Request) -> bool:
        """Whether waiting can help."""
        if failure.status == 429 or failure.code in _THROTTLED or failure.status in OUTCOME_UNKNOWN:
            return True
        return failure.code == _CONFLICT and request.method != "GET"

    def outcome_unknown(self, failure: Failure) -> bool:
        """Whether the request may have taken effect although it failed."""
        return failure.status in OUTCOME_UNKNOWN

    def wait_reason(self, failure: Failure) -> str:
        """What is waited for."""
        if failure.status == 429 or failure.code in _THROTTLED:
            return "the vendor asks to slow down"
        return "another admin changes the name" if failure.code == _CONFLICT else failure.summary


def to_failure(error: Exception) -> Failure:
    """The failure that an exception of dns-lexicon, requests or botocore reports."""
    error = _most_informative(error)
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict):
        return _from_botocore(response)
    if response is not None:
        return _from_requests(response)
    if _is_network_error(error):
        return Failure(0, message=_QUERY.sub("", str(error)) or type(error).__name__)
    code = type(error).__name__
    return Failure(_LIBRARY_ERROR, code, str(error) or code)


def is_remote_failure(error: Exception) -> bool:
    """Whether an exception reports a response of the vendor, or none; otherwise it is an error of the library."""
    error = _most_informative(error)
    return _has_response(error) or _is_network_error(error)


def to_error(failure: Failure, title: str, reason: str, missing_settings: Iterable[str]) -> ProvisionerError:
    """The error for a failure that is not retried.

    Args:
        failure: the last failure.
        title: the zone and its location, for messages.
        reason: why it is not retried any more; empty if retrying is useless.
        missing_settings: settings without a value, a possible cause.
    """
    ending = f"; {reason}" if reason else ""
    details: dict[str, Any] = {"code": failure.code, "request_id": failure.request_id}
    if failure.status == 0:
        return UnreachableError(
            f"{title}: no response: {failure.message}{ending}", hint="check the network, and run it again"
        )
    if failure.status == 403:
        return PermissionDeniedError(
            f"{title}: {_describe(failure)}",
            permissions=("these credentials the right to read and change the zone",),
            **details,
        )
    is_authentication = failure.code == "AuthenticationError" or "credentials" in failure.code.lower()
    if failure.status == 401 or is_authentication:
        hint = "check credentials and options under dns:, the LEXICON_ variables, and the zone's name"
    elif failure.status == _LIBRARY_ERROR:
        hint = "check credentials and options under dns:"
        if names := ", ".join(missing_settings):
            hint += f"; not set: {names}"
    elif failure.status in OUTCOME_UNKNOWN:
        hint = "run it again later"
    else:
        hint = "check the vendor's documentation of this error"
    return RemoteError(
        f"{title}: {_describe(failure)}{ending}", status=max(failure.status, 0), hint=hint, **details
    )


def _most_informative(error: Exception) -> Exception:
    """The cause with a response, if there is one: some classes of dns-lexicon fail while they handle an error."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    exceptions = (cause for cause in chain if isinstance(cause, Exception))
    return next((cause for cause in exceptions if _has_response(cause) or _is_network_error(cause)), error)


def _has_response(error: Exception) -> bool:
    return getattr(error, "response", None) is not None


def _is_network_error(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or bool(_NETWORK_ERROR.search(type(error).__name__))


def _describe(failure: Failure) -> str:
    if failure.status == _LIBRARY_ERROR:
        return (
            f"{failure.message} ({failure.code})" if failure.code not in failure.message else failure.message
        )
    return f"{failure.message} ({failure.summary})" if failure.message else failure.summary


def _from_botocore(response: dict[str, Any]) -> Failure:
    error, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    return Failure(
        int(metadata.get("HTTPStatusCode", _LIBRARY_ERROR)),
        str(error.get("Code", "")),
        str(error.get("Message", "")),
        str(metadata.get("RequestId", "")),
    )


def _from_requests(response: Any) -> Failure:
    headers = response.headers
    retry_after = str(headers.get("Retry-After", ""))
    return Failure(
        int(response.status_code),
        message=" ".join(response.text.split()) or str(response.reason or ""),
        request_id=next((str(headers[name]) for name in _REQUEST_IDS if name in headers), ""),
        retry_after=float(retry_after) if retry_after.isdigit() else None,
    )
