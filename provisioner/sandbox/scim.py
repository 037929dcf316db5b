"""A SCIM client for the emulated provisioning services: the names of RFC 7643 and 7644, and real HTTP.

It calls loopback addresses only: a sandbox must never provision its invented users to a real application.
"""

from __future__ import annotations

import http
import json
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import SplitResult, urlencode, urlsplit

from provisioner.sandbox.loopback import is_loopback

if TYPE_CHECKING:
    import httpx

Body = dict[str, Any]

CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
CORE_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

_TIMEOUT = 30.0

Failure = Literal["address", "unreachable", "timeout", "broken"]


class AddressError(ValueError):
    """Not the address of a SCIM endpoint on this machine.

    Attributes:
        foreign_host: the host of a valid address of another machine; else empty.
    """

    def __init__(self, message: str, foreign_host: str = "") -> None:
        super().__init__(message)
        self.foreign_host = foreign_host


class NoResponseError(Exception):
    """A request got no response.

    Attributes:
        failure: the URL cannot be requested, no server listens, the response took too long, or the connection broke.
    """

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


def parse_address(address: str) -> SplitResult:
    """Parse the address of a SCIM endpoint.

    Raises:
        AddressError: it is not an http(s) URL, or it is on another machine.
    """
    try:
        parts = urlsplit(address.strip())
        host = parts.hostname
    except ValueError as error:
        raise AddressError(f"{address!r} is not a URL.") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise AddressError(f"{address!r} is not a URL.")
    if not is_loopback(host):
        raise AddressError(f"{host}: the sandbox provisions to loopback addresses only.", host)
    return parts


def is_header_text(token: str) -> bool:
    """Whether a token can be sent in an HTTP header."""
    return token.isascii() and token.isprintable()


class ScimHttp:
    """HTTP to one SCIM endpoint. The caller interprets the responses."""

    def __init__(self, base: str, token: str, user_agent: str) -> None:
        """Prepare, without calling.

        Args:
            base: the SCIM root; paths are appended to it.
            token: bearer token, or empty for none.
            user_agent: the User-Agent header.
        """
        import httpx  # noqa: PLC0415  start-up time

        self._base = base
        self._http = httpx.Client(
            # An explicit transport ignores the proxies of the environment, but not its CA settings.
            transport=httpx.HTTPTransport(trust_env=base.startswith("https:")),
            timeout=_TIMEOUT,
            follow_redirects=False,  # an endpoint must not lead the invented users, or the token, elsewhere
            headers={"Accept": "application/scim+json", "User-Agent": user_agent},
        )
        if token:
            self._http.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def request(
        self, method: str, path: str, *, query: Sequence[tuple[str, str]] = (), body: Body | None = None
    ) -> httpx.Response:
        """Send one request.

        Raises:
            NoResponseError: there was no response.
        """
        import httpx  # noqa: PLC0415  start-up time

        url = f"{self._base}{path}" + (f"?{urlencode(query)}" if query else "")
        content = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/scim+json"}
        try:
            return self._http.request(method, url, content=content, headers=headers)
        except httpx.ConnectError as error:
            raise NoResponseError("unreachable", str(error)) from error
        except httpx.TimeoutException as error:
            raise NoResponseError("timeout", str(error)) from error
        except httpx.HTTPError as error:
            raise NoResponseError("broken", str(error)) from error
        except httpx.InvalidURL as error:
            raise NoResponseError("address", str(error)) from error


def equals(attribute: str, value: str) -> str:
    """A SCIM filter: an attribute equals a value (RFC 7644, section 3.4.2.2)."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{attribute} eq "{quoted}"'


def patch_body(operations: Sequence[Body]) -> Body:
    """The body of a PATCH request (RFC 7644, section 3.5.2)."""
    return {"schemas": [PATCH_SCHEMA], "Operations": list(operations)}


def response_object(response: httpx.Response) -> Body:
    """The JSON object in a response; an empty object for a response without content.

    Raises:
        ValueError: the content is not a JSON object.
    """
    if not response.content:
        return {}
    body = response.json()
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 (like the ValueError of invalid JSON)
    return body


def status_phrase(status: int) -> str:
    """The reason phrase of an HTTP status, such as ``Not Found``; the number for an unknown status."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return str(status)
