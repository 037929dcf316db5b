"""DNS over HTTPS (RFC 8484): wire format in GET and POST requests to a resolver."""

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

from provisioner.sandbox.dns.messages import MAX_MESSAGE_SIZE

PATHS: Final = re.compile(r"/dns-query(/|$)")
"""Paths to mount: ``/dns-query`` is the first resolver, ``/dns-query/NAME`` the one with that name."""
MEDIA_TYPE: Final = "application/dns-message"

Resolve = Callable[[str, bytes], bytes | None]
"""Takes the name of a resolver (empty for the first one) and a query in wire format; returns the response, or None for none.

Raises KeyError when the resolver does not exist.
"""


class DohHandler:
    """Handles requests to `PATHS`."""

    def __init__(self, resolve: Resolve) -> None:
        """Respond with what ``resolve`` returns."""
        self._resolve = resolve

    def __call__(self, request: Request) -> Response:
        """Handle a request.

        Returns:
            200 with the response, whatever its RCODE; 400 for an invalid query, 404 for an unknown resolver, 405, 413, 415
            (RFC 8484 section 4.2.1); 504 when the resolver does not respond.
        """
        try:
            wire = _parse_query(request)
            response = self._resolve(request.path.removeprefix("/dns-query").strip("/"), wire)
        except HTTPException as error:
            return Response.from_app(error.get_response(), request.environ)
        except KeyError:
            return _text_response(404, "there is no such resolver")
        if response is None:
            return _text_response(504, "the resolver does not answer")
        headers = {"Cache-Control": f"max-age={_freshness_seconds(response)}"}
        return Response(response, mimetype=MEDIA_TYPE, headers=headers)


def error_response(status: int, retry_after: int | None) -> Response:
    """An error response, for an injected fault or a defect of the sandbox; see `server.Api`."""
    return _text_response(status, "", {} if retry_after is None else {"Retry-After": str(retry_after)})


def _parse_query(request: Request) -> bytes:
    """The query in wire format; raises an HTTPException for an invalid request."""
    if request.method not in ("GET", "POST"):
        raise MethodNotAllowed(("GET", "POST"))
    if request.method == "POST" and request.mimetype != MEDIA_TYPE:
        raise UnsupportedMediaType
    wire = request.get_data() if request.method == "POST" else _decode(request.args.get("dns", ""))
    if len(wire) > MAX_MESSAGE_SIZE:
        raise RequestEntityTooLarge
    try:
        dns.message.from_wire(wire, keyring=False)
    except dns.exception.DNSException as error:
        raise BadRequest from error
    return wire


def _decode(text: str) -> bytes:
    """The ``dns`` parameter: base64url without padding (RFC 8484 section 6); empty if it is invalid."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _freshness_seconds(response: bytes) -> int:
    """The smallest TTL of the response, or of the SOA of a negative answer (RFC 8484 section 5.1)."""
    message = dns.message.from_wire(response, keyring=False)
    return min((rrset.ttl for rrset in [*message.answer, *message.authority]), default=0)


def _text_response(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status=status, mimetype="text/plain", headers=headers)
