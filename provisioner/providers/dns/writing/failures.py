"""What a vendor's library raised, as a failure that can be waited for, or as an error for people."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote, quote_plus

from provisioner.core.errors import PermissionDeniedError, ProvisionerError, RemoteError, UnreachableError
from provisioner.core.retry import OUTCOME_UNKNOWN, Failure, Request

_FAULT: Final = -1
"""The status of what is no answer of a vendor: dns-lexicon or its settings are at fault."""
_BUSY: Final = frozenset(
    {"PriorRequestNotComplete", "RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException"}
)
"""Codes of AWS that ask to wait (Amazon Route 53 API Reference, common errors)."""
_CHANGED: Final = "InvalidChangeBatch"
"""Route 53's word for a record set that is no longer as it was seen."""
_NETWORK: Final = re.compile(r"Connect|Connection|Timeout|ProxyError|SSLError|IncompleteRead|ChunkedEncoding")
"""Names of the classes by which requests and botocore say that there is no answer."""
_REQUEST_IDS: Final = ("x-amzn-requestid", "x-ms-request-id", "x-request-id", "cf-ray")
_QUERY: Final = re.compile(r"\?\S*")
_LONGEST: Final = 300


class VendorRules:
    """What the failures of vendors mean. Every write is preceded by a look, so anything may be tried again."""

    def is_transient(self, failure: Failure, call: Request) -> bool:
        """Whether waiting can help."""
        if failure.status == 429 or failure.code in _BUSY or failure.status in OUTCOME_UNKNOWN:
            return True
        return failure.code == _CHANGED and call.method != "GET"

    def outcome_unknown(self, failure: Failure) -> bool:
        """Whether the request may have taken effect although it failed."""
        return failure.status in OUTCOME_UNKNOWN

    def wait_reason(self, failure: Failure) -> str:
        """What is waited for."""
        if failure.status == 429 or failure.code in _BUSY:
            return "it asks to slow down"
        return "somebody else changes the name" if failure.code == _CHANGED else failure.summary


def failure_of(error: Exception, secrets: Iterable[str]) -> Failure:
    """What an exception of dns-lexicon, requests or botocore tells.

    Args:
        error: the exception.
        secrets: what must not be shown.
    """
    error = _telling(error)
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict):
        failure = _of_botocore(response)
    elif response is not None:
        failure = _of_requests(response)
    elif _is_silence(error):
        failure = Failure(0, message=_QUERY.sub("", str(error)) or type(error).__name__)
    else:
        code = type(error).__name__
        failure = Failure(_FAULT, code, str(error) or code)
    return Failure(
        failure.status,
        failure.code,
        _shortened(_scrubbed(failure.message, secrets)),
        failure.request_id,
        failure.retry_after,
    )


def is_answer(error: Exception) -> bool:
    """Whether an exception tells of the vendor's answer, or of none; else the library is at fault."""
    error = _telling(error)
    return _has_response(error) or _is_silence(error)


def error_of(failure: Failure, where: str, gave_up: str, unset: Iterable[str]) -> ProvisionerError:
    """The error for a failure that is final.

    Args:
        failure: the last one.
        where: for people.
        gave_up: why it was not tried again; empty when that would be of no use.
        unset: settings that have no value, which may be the fault.
    """
    ending = f"; {gave_up}" if gave_up else ""
    facts: dict[str, Any] = {"code": failure.code, "request_id": failure.request_id}
    if failure.status == 0:
        return UnreachableError(
            f"{where}: no answer: {failure.message}{ending}", hint="check the network, and run it again"
        )
    if failure.status == 403:
        return PermissionDeniedError(
            f"{where}: {_told(failure)}",
            permissions=("these credentials the right to read and change the zone",),
            **facts,
        )
    status = max(failure.status, 0)
    if (
        failure.status == 401
        or failure.code == "AuthenticationError"
        or "credentials" in failure.code.lower()
    ):
        hint = "check credentials and options under dns:, the LEXICON_ variables, and the zone's name"
    elif failure.status == _FAULT:
        hint = "check credentials and options under dns:" + (
            f"; not set: {', '.join(unset)}" if unset else ""
        )
    else:
        hint = (
            "run it again later"
            if failure.status in OUTCOME_UNKNOWN
            else "look it up in the vendor's documentation"
        )
    return RemoteError(f"{where}: {_told(failure)}{ending}", status=status, hint=hint, **facts)


def _telling(error: Exception) -> Exception:
    """The exception that tells most: some of dns-lexicon's classes stumble over an error while they handle it."""
    chain: list[BaseException] = [error]
    while (earlier := chain[-1].__cause__ or chain[-1].__context__) is not None and earlier not in chain:
        chain.append(earlier)
    found = (one for one in chain if isinstance(one, Exception))
    return next((one for one in found if _has_response(one) or _is_silence(one)), error)


def _has_response(error: Exception) -> bool:
    return getattr(error, "response", None) is not None


def _is_silence(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or bool(_NETWORK.search(type(error).__name__))


def _told(failure: Failure) -> str:
    if failure.status == _FAULT:
        return (
            f"{failure.message} ({failure.code})" if failure.code not in failure.message else failure.message
        )
    return f"{failure.message} ({failure.summary})" if failure.message else failure.summary


def _of_botocore(response: dict[str, Any]) -> Failure:
    said, facts = response.get("Error", {}), response.get("ResponseMetadata", {})
    return Failure(
        int(facts.get("HTTPStatusCode", _FAULT)),
        str(said.get("Code", "")),
        str(said.get("Message", "")),
        str(facts.get("RequestId", "")),
    )


def _of_requests(response: Any) -> Failure:
    headers = response.headers
    wait = str(headers.get("Retry-After", ""))
    return Failure(
        int(response.status_code),
        message=" ".join(response.text.split()) or str(response.reason or ""),
        request_id=next((str(headers[name]) for name in _REQUEST_IDS if name in headers), ""),
        retry_after=float(wait) if wait.isdigit() else None,
    )


def _scrubbed(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
            text = text.replace(form, "(secret)")
    return text


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
