"""DNS messages: parsing queries and encoding responses, for name servers and resolvers alike."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Literal

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.rrset
import dns.tsig

from provisioner.sandbox.dns.server_options import MAX_UDP_SIZE, ServerOptions
from provisioner.sandbox.dns.tsig_keys import find_key
from provisioner.sandbox.store import Store

Transport = Literal["udp", "tcp"]

MAX_MESSAGE_SIZE = 65535
_HEADER_SIZE = 12
_SIZE_WITHOUT_EDNS = 512  # RFC 1035 section 4.2.1
_FUDGE = 300
_FLAGS = struct.Struct("!HH")

_TSIG_ERRORS: tuple[tuple[type[dns.exception.DNSException], dns.rcode.Rcode], ...] = (
    (dns.message.UnknownTSIGKey, dns.rcode.BADKEY),
    (dns.tsig.BadKey, dns.rcode.BADKEY),
    (dns.tsig.BadAlgorithm, dns.rcode.BADKEY),
    (dns.tsig.BadSignature, dns.rcode.BADSIG),
    (dns.tsig.BadTime, dns.rcode.BADTIME),
)


class QueryError(Exception):
    """A query that cannot be processed.

    Attributes:
        response: the error response in wire format.
    """

    def __init__(self, response: bytes) -> None:
        super().__init__()
        self.response = response


def parse_query(store: Store, wire: bytes) -> dns.message.Message | None:
    """Parse a query and verify its TSIG.

    Args:
        store: the DNS store, which has the TSIG keys.
        wire: the received message.

    Returns:
        the query; None for a message that gets no response: a response, or less than a header.

    Raises:
        QueryError: FORMERR for a malformed query, BADVERS for an unknown EDNS version (RFC 6891 section 6.1.3), NOTAUTH with a
            TSIG error for an invalid TSIG (RFC 8945 section 5.2).
    """
    if len(wire) < _HEADER_SIZE or _FLAGS.unpack_from(wire)[1] & dns.flags.QR:
        return None
    try:
        query = dns.message.from_wire(wire, keyring=_keyring(store))
    except tuple(error_type for error_type, _ in _TSIG_ERRORS) as error:
        rcode = next(rcode for error_type, rcode in _TSIG_ERRORS if isinstance(error, error_type))
        raise QueryError(_tsig_error(dns.message.from_wire(wire, keyring=False), rcode)) from error
    except Exception as error:
        raise QueryError(_format_error(wire)) from error
    if query.edns > 0:
        raise QueryError(make_response(query, dns.rcode.BADVERS).to_wire())
    return query


def make_response(
    query: dns.message.Message, rcode: dns.rcode.Rcode = dns.rcode.NOERROR
) -> dns.message.Message:
    """An empty response to a query, signed with the same key."""
    response = dns.message.make_response(query, our_payload=MAX_UDP_SIZE)
    response.set_rcode(rcode)
    return response


def encode_response(
    query: dns.message.Message, response: dns.message.Message, transport: Transport, options: ServerOptions
) -> bytes:
    """The response in wire format.

    A UDP response is truncated to the size that client and server accept (RFC 2181 section 9, RFC 6891 section 6.2.5).

    Args:
        query: the query.
        response: the response.
        transport: transport of the query.
        options: options of the server.
    """
    if options.edns == "ignore":
        response.use_edns(edns=False)
    if transport == "tcp":
        return response.to_wire(max_size=MAX_MESSAGE_SIZE)
    if options.mode == "truncate":
        response.answer, response.authority, response.additional = [], [], []
        response.flags |= dns.flags.TC
    client_size = query.payload if response.edns >= 0 else _SIZE_WITHOUT_EDNS
    size = max(_SIZE_WITHOUT_EDNS, min(client_size, options.max_udp_size))
    return response.to_wire(max_size=size, prefer_truncation=True)


def _keyring(store: Store) -> Callable[[dns.message.Message, dns.name.Name], dns.tsig.Key | None]:
    def find(_: dns.message.Message, name: dns.name.Name) -> dns.tsig.Key | None:
        key = find_key(store, name)
        return key.to_dnspython() if key else None

    return find


def _format_error(wire: bytes) -> bytes:
    """FORMERR with a header only, since the question cannot be parsed."""
    message_id, flags = _FLAGS.unpack_from(wire)
    opcode_and_rd = flags & (0x7800 | dns.flags.RD)
    return struct.pack("!6H", message_id, dns.flags.QR | opcode_and_rd | dns.rcode.FORMERR, 0, 0, 0, 0)


def _tsig_error(query: dns.message.Message, error: dns.rcode.Rcode) -> bytes:
    """NOTAUTH with a TSIG error and without a MAC (RFC 8945 section 5.2; a BADTIME response should be signed, but is not)."""
    assert query.tsig is not None
    request_tsig = query.tsig[0]
    assert isinstance(request_tsig, dns.rdtypes.ANY.TSIG.TSIG)
    now = int(time.time())
    other = now.to_bytes(6, "big") if error == dns.rcode.BADTIME else b""
    tsig = dns.rdtypes.ANY.TSIG.TSIG(  # type: ignore[no-untyped-call]
        request_tsig.rdclass,
        dns.rdatatype.TSIG,
        request_tsig.algorithm,
        request_tsig.time_signed if other else now,
        _FUDGE,
        b"",
        query.id,
        error,
        other,
    )
    response = dns.message.Message(id=query.id)
    response.flags = dns.flags.Flag(dns.flags.QR)
    response.set_opcode(query.opcode())
    response.set_rcode(dns.rcode.NOTAUTH)
    response.question = list(query.question)
    response.tsig = dns.rrset.from_rdata(query.tsig.name, 0, tsig)
    response.want_tsig_sign = False
    return response.to_wire()
