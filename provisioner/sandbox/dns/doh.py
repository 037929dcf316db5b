"""DNS over HTTPS (RFC 8484): the wire format in GET and POST, answered by a resolver."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Final

import dns.exception
import dns.message
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    MethodNotAllowed,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from werkzeug.wrappers import Request, Response

PATHS: Final = re.compile(r"/dns-query(/|$)")
"""What to mount: ``/dns-query`` is the first resolver, ``/dns-query/NAME`` the one of that name."""
MEDIA_TYPE: Final = "application/dns-message"

_LARGEST = 65535

Ask = Callable[[str, bytes], bytes | None]
"""Takes a resolver's name (empty for the first) and a query's octets; None when nothing is answered.

Raises KeyError when there is no such resolver.
"""


class Doh:
    """Handles requests on `PATHS`."""

    def __init__(self, ask: Ask) -> None:
        """Answer with what `ask` returns."""
        self._ask = ask

    def __call__(self, request: Request) -> Response:
        """Answer a request.

        Returns:
            200 with the answer, whatever its rcode; 400 for what is no DNS query, 404 for an unknown resolver, 405, 413, 415
            (RFC 8484 section 4.2.1); 504 when the resolver says nothing.
        """
        try:
            wire = _query(request)
            answer = self._ask(request.path.removeprefix("/dns-query").strip("/"), wire)
        except HTTPException as problem:
            return Response.from_app(problem.get_response(), request.environ)
        except KeyError:
            return _plain(404, "there is no such resolver")
        if answer is None:
            return _plain(504, "the resolver does not answer")
        headers = {"Cache-Control": f"max-age={_fresh_seconds(answer)}"}
        return Response(answer, mimetype=MEDIA_TYPE, headers=headers)


def refusal(status: int, retry_after: int | None) -> Response:
    """How an injected failure looks here: the status, and nothing of DNS."""
    return _plain(status, "", {} if retry_after is None else {"Retry-After": str(retry_after)})


def _query(request: Request) -> bytes:
    """The query's octets; an HTTPException when there are none, or they are no DNS message."""
    if request.method not in ("GET", "POST"):
        raise MethodNotAllowed(("GET", "POST"))
    if request.method == "POST" and request.mimetype != MEDIA_TYPE:
        raise UnsupportedMediaType
    wire = request.get_data() if request.method == "POST" else _decoded(request.args.get("dns", ""))
    if len(wire) > _LARGEST:
        raise RequestEntityTooLarge
    try:
        dns.message.from_wire(wire, keyring=False)
    except dns.exception.DNSException as problem:
        raise BadRequest from problem
    return wire


def _decoded(text: str) -> bytes:
    """The ``dns`` parameter: base64url without padding (RFC 8484 section 6); nothing when it is not that."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _fresh_seconds(answer: bytes) -> int:
    """The smallest TTL of the answer, or of the SOA of a negative one (RFC 8484 section 5.1)."""
    message = dns.message.from_wire(answer, keyring=False)
    return min((rrset.ttl for rrset in [*message.answer, *message.authority]), default=0)


def _plain(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status=status, mimetype="text/plain", headers=headers)
