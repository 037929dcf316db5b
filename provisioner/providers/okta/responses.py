"""What Okta's answers mean: a success, a failure that may pass, or an error to tell. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from provisioner.core.errors import NotLicensedError, RemoteError
from provisioner.core.retry import Failure, Request
from provisioner.providers.base.client import failure_details, http_error, no_response

from .permissions import ADMIN_ROLE, PERMISSIONS
from .resources import Json
from .retry import until_reset

_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="next"')
_NOT_LICENSED = "E0000015"
_NO_LICENCE = (
    "the credentials are fine, but the organization lacks API Access Management, which custom authorization servers "
    "need: ask Okta for it"
)


@dataclass(frozen=True)
class Answer:
    """A success.

    Attributes:
        body: JSON; None when there is none.
        next: path and query of the next page, if there is one.
    """

    body: Any
    next: str | None = None


def read(
    call: Request, status: int, headers: Any, text: str, path_of: Callable[[str], str]
) -> Answer | Failure:
    """What an HTTP answer means.

    Args:
        call: what was asked.
        status: the HTTP status.
        headers: a case-insensitive multi-mapping.
        text: the body.
        path_of: path and query of a link, if it may be followed.
    """
    try:
        body = json.loads(text) if text.strip() else None
    except ValueError:
        return _failure(status if status >= 400 else 502, {}, headers, _not_json(text))
    if 200 <= status < 300:
        if body is None and call.method == "GET":
            return _failure(502, {}, headers, "the answer is empty")
        links = ",".join(headers.getall("Link", ()))
        found = _NEXT.search(links)
        return Answer(body, path_of(found[1]) if found else None)
    if 300 <= status < 400:
        return _failure(400, {}, headers, _redirected(headers))
    return _failure(status, body if isinstance(body, dict) else {}, headers, "")


def _not_json(text: str) -> str:
    is_page = text.lstrip()[:1] == "<"
    return "the answer is a web page, not JSON" if is_page else "the answer is not JSON, or cut short"


def _failure(status: int, body: Json, headers: Any, message: str) -> Failure:
    listed = body.get("errorCauses")
    causes = [
        str(cause.get("errorSummary"))
        for cause in (listed if isinstance(listed, list) else ())
        if isinstance(cause, dict)
    ]
    summary = str(body.get("errorSummary") or body.get("error_description") or body.get("error") or "")
    text = message or ": ".join(filter(None, [summary, "; ".join(causes)]))
    reset = headers.get("X-Rate-Limit-Reset")
    return Failure(
        status=status,
        code=str(body.get("errorCode") or body.get("error") or ""),
        message=text,
        request_id=str(headers.get("X-Okta-Request-Id") or body.get("errorId") or ""),
        retry_after=until_reset(str(reset), str(headers.get("Date"))) if status == 429 and reset else None,
    )


def without_nulls(value: Any) -> Any:
    """The same JSON without the members that are null."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def refused(error: Any) -> Failure:
    """The SDK's error for a token request, as a failure."""
    status = getattr(error, "status", 0)
    if not status:
        return no_response(error)
    code = str(getattr(error, "error_code", "") or "")
    text = str(getattr(error, "error_summary", "") or f"HTTP {status}, not an answer of Okta's API")
    headers = getattr(error, "headers", None) or {}
    failure = _failure(int(status), {"errorCode": code}, headers, f"no access token: {text}")
    return replace(failure, request_id=failure.request_id or str(getattr(error, "error_id", "") or ""))


def home_of(document: Any) -> str | None:
    """The organization's own URL in the document ``/.well-known/okta-organization``."""
    links = document.get("_links") if isinstance(document, dict) else None
    organization = links.get("organization") if isinstance(links, dict) else None
    href = organization.get("href") if isinstance(organization, dict) else None
    return href.rstrip("/") if isinstance(href, str) else None


def _redirected(headers: Any) -> str:
    target = urlsplit(str(headers.get("Location", "")))
    return f"redirected to {target.netloc}{target.path}, and not followed"


def _hint(failure: Failure) -> str:
    if failure.code == "invalid_scope":
        return "grant the service app the scopes that 'provisioner permissions' lists"
    if failure.code == "invalid_dpop_proof":
        return "the service app demands proof of possession: say connection: dpop: true"
    return "check the credentials in connection:, and that they are for this organization"


def error(failure: Failure, call: Request, gave_up: str) -> RemoteError:
    """The error for a failure that is final.

    Args:
        failure: the last one.
        call: what was asked.
        gave_up: why it was not tried again; empty when that would be of no use.
    """
    message, facts = failure_details(failure, call, gave_up)
    if failure.status == 401 and failure.code == _NOT_LICENSED:
        return NotLicensedError(message, hint=_NO_LICENCE, **facts)
    if failure.status == 401 or failure.code in ("invalid_client", "invalid_dpop_proof", "invalid_scope"):
        return RemoteError(message, hint=_hint(failure), **facts)
    return http_error(failure, call, gave_up, permissions=PERMISSIONS, role=ADMIN_ROLE)
