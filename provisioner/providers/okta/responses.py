"""What Okta's HTTP responses mean: a success, a failure that may be transient, or a final error. Pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from provisioner.core.errors import NotLicensedError, RemoteError
from provisioner.core.retry import Failure, Request
from provisioner.providers.base.client import failure_details, http_error, no_response
from provisioner.providers.base.wire import Json

from .permissions import ADMIN_ROLE, PERMISSIONS
from .retry import seconds_until_reset

_NEXT_LINK: Final = re.compile(r'<([^<>]+)>\s*;\s*rel="next"')
_NOT_LICENSED: Final = "E0000015"
_LICENSE_HINT: Final = (
    "the credentials are valid, but the organization lacks API Access Management, which custom authorization servers "
    "need: ask Okta for it"
)
_TOKEN_ERRORS: Final = {
    "invalid_client": "check the credentials in connection:, and that they belong to this organization",
    "invalid_scope": "grant the service app the scopes that 'provisioner permissions' lists",
    "invalid_dpop_proof": "the service app requires proof of possession: set connection: dpop: true",
}
"""Hints for the errors of the token endpoint (RFC 6749, section 5.2; RFC 9449, section 5)."""


@dataclass(frozen=True)
class Response:
    """A successful response.

    Attributes:
        body: JSON; None when the response has no body.
        next: path and query of the next page, if there is one.
    """

    body: Any
    next: str | None = None


def read_response(
    request: Request, status: int, headers: Any, text: str, path_of: Callable[[str], str]
) -> Response | Failure:
    """Interpret an HTTP response.

    Args:
        request: the request.
        status: the HTTP status.
        headers: a case-insensitive multi-mapping.
        text: the body.
        path_of: returns path and query of a link, or raises if the link must not be followed.
    """
    try:
        body = json.loads(text) if text.strip() else None
    except ValueError:
        return _failure(status if status >= 400 else 502, {}, headers, _not_json(text))
    if 200 <= status < 300:
        if body is None and request.method == "GET":
            return _failure(502, {}, headers, "the response is empty")
        link = _NEXT_LINK.search(",".join(headers.getall("Link", ())))
        return Response(body, path_of(link[1]) if link else None)
    if 300 <= status < 400:
        target = urlsplit(str(headers.get("Location", "")))
        return _failure(400, {}, headers, f"redirected to {target.netloc}{target.path}, and not followed")
    return _failure(status, body if isinstance(body, dict) else {}, headers, "")


def _not_json(text: str) -> str:
    is_page = text.lstrip()[:1] == "<"
    return "the response is a web page, not JSON" if is_page else "the response is not JSON, or truncated"


def _failure(status: int, body: Json, headers: Any, message: str) -> Failure:
    listed = body.get("errorCauses")
    causes = [
        str(cause.get("errorSummary"))
        for cause in (listed if isinstance(listed, list) else ())
        if isinstance(cause, dict)
    ]
    summary = str(body.get("errorSummary") or body.get("error_description") or body.get("error") or "")
    reset = headers.get("X-Rate-Limit-Reset")
    return Failure(
        status=status,
        code=str(body.get("errorCode") or body.get("error") or ""),
        message=message or ": ".join(filter(None, [summary, "; ".join(causes)])),
        request_id=str(headers.get("X-Okta-Request-Id") or body.get("errorId") or ""),
        retry_after=seconds_until_reset(str(reset), str(headers.get("Date")))
        if status == 429 and reset
        else None,
    )


def without_nulls(value: Any) -> Any:
    """The same JSON without the members that are null."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def token_failure(error: Any) -> Failure:
    """The failure for an error of the SDK at a token request."""
    status = getattr(error, "status", 0)
    if not status:
        return no_response(error)
    code = str(getattr(error, "error_code", "") or "")
    text = str(getattr(error, "error_summary", "") or f"HTTP {status}, not a response of Okta's API")
    headers = getattr(error, "headers", None) or {}
    failure = _failure(int(status), {"errorCode": code}, headers, f"no access token: {text}")
    return replace(failure, request_id=failure.request_id or str(getattr(error, "error_id", "") or ""))


def own_url(document: Any) -> str | None:
    """The organization's own URL in the document ``/.well-known/okta-organization``, or None."""
    links = document.get("_links") if isinstance(document, dict) else None
    organization = links.get("organization") if isinstance(links, dict) else None
    href = organization.get("href") if isinstance(organization, dict) else None
    return href.rstrip("/") if isinstance(href, str) else None


def okta_error(failure: Failure, request: Request, gave_up_reason: str) -> RemoteError:
    """The error for a failure that is final.

    Args:
        failure: the last failure.
        request: the request.
        gave_up_reason: why it is not retried any more; empty when a retry cannot help.
    """
    message, details = failure_details(failure, request, gave_up_reason)
    if failure.status == 401 and failure.code == _NOT_LICENSED:
        return NotLicensedError(message, hint=_LICENSE_HINT, **details)
    if failure.status == 401 or failure.code in _TOKEN_ERRORS:
        hint = _TOKEN_ERRORS.get(failure.code, _TOKEN_ERRORS["invalid_client"])
        return RemoteError(message, hint=hint, **details)
    return http_error(failure, request, gave_up_reason, permissions=PERMISSIONS, role=ADMIN_ROLE)
