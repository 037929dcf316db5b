"""Reading a query and writing an answer: what every server here has in common, whoever it is."""

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

from provisioner.sandbox.dns import keyring
from provisioner.sandbox.dns.behaviour import PAYLOAD, Behaviour
from provisioner.sandbox.store import Store

Transport = Literal["udp", "tcp"]

HEADER = 12
_PLAIN_PAYLOAD = 512  # RFC 1035 section 4.2.1: without EDNS
_LARGEST = 65535
_FUDGE = 300
_FLAGS = struct.Struct("!HH")

_TSIG_ERRORS: tuple[tuple[type[dns.exception.DNSException], dns.rcode.Rcode], ...] = (
    (dns.message.UnknownTSIGKey, dns.rcode.BADKEY),
    (dns.tsig.BadKey, dns.rcode.BADKEY),
    (dns.tsig.BadAlgorithm, dns.rcode.BADKEY),
    (dns.tsig.BadSignature, dns.rcode.BADSIG),
    (dns.tsig.BadTime, dns.rcode.BADTIME),
)


class Refused(Exception):  # noqa: N818 (it is no error: the answer is known)
    """The query cannot be taken further.

    Attributes:
        wire: what to answer.
    """

    def __init__(self, wire: bytes) -> None:
        super().__init__()
        self.wire = wire


def read(store: Store, wire: bytes) -> dns.message.Message | None:
    """A query as a message, its signature checked.

    Args:
        store: where the TSIG keys are.
        wire: what was received.

    Returns:
        The query; None for what deserves no answer: a response, or less than a header.

    Raises:
        Refused: it is malformed (FORMERR), has an unknown EDNS version (BADVERS, RFC 6891 section 6.1.3), or is signed
            wrongly (NOTAUTH with the TSIG error, RFC 8945 section 5.2).
    """
    if len(wire) < HEADER or _FLAGS.unpack_from(wire)[1] & dns.flags.QR:
        return None
    try:
        query = dns.message.from_wire(wire, keyring=_keyring(store))
    except tuple(kind for kind, _ in _TSIG_ERRORS) as problem:
        code = next(code for kind, code in _TSIG_ERRORS if isinstance(problem, kind))
        raise Refused(_unsigned(dns.message.from_wire(wire, keyring=False), code)) from problem
    except Exception as problem:
        raise Refused(_malformed(wire)) from problem
    if query.edns > 0:
        response = dns.message.make_response(query, our_payload=PAYLOAD)
        response.set_rcode(dns.rcode.BADVERS)
        raise Refused(response.to_wire())
    return query


def blank(query: dns.message.Message, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> dns.message.Message:
    """An answer to a query that says nothing yet, signed like it."""
    response = dns.message.make_response(query, our_payload=PAYLOAD)
    response.set_rcode(rcode)
    return response


def write(
    query: dns.message.Message, response: dns.message.Message, transport: Transport, behaviour: Behaviour
) -> bytes:
    """The answer's octets, cut to what the asker takes by UDP with the TC bit set (RFC 2181 section 9, RFC 6891 section 6.2.5).

    Args:
        query: what was asked.
        response: the answer.
        transport: how it goes back.
        behaviour: of the server: its own limit, whether it only answers by TCP, whether it knows EDNS.
    """
    if behaviour.edns == "ignore":
        response.use_edns(edns=False)
    if transport == "tcp":
        return response.to_wire(max_size=_LARGEST)
    if behaviour.mode == "truncate":
        response.answer, response.authority, response.additional = [], [], []
        response.flags |= dns.flags.TC
    wanted = query.payload if response.edns >= 0 else _PLAIN_PAYLOAD
    size = max(_PLAIN_PAYLOAD, min(wanted, behaviour.payload))
    return response.to_wire(max_size=size, prefer_truncation=True)


def _keyring(store: Store) -> Callable[[dns.message.Message, dns.name.Name], dns.tsig.Key | None]:
    def find(_: dns.message.Message, name: dns.name.Name) -> dns.tsig.Key | None:
        grant = keyring.find(store, name)
        return grant.key() if grant else None

    return find


def _malformed(wire: bytes) -> bytes:
    """FORMERR with nothing but the header: what came cannot be repeated."""
    number, flags = _FLAGS.unpack_from(wire)
    kept = flags & (0x7800 | dns.flags.RD)
    return struct.pack("!6H", number, dns.flags.QR | kept | dns.rcode.FORMERR, 0, 0, 0, 0)


def _unsigned(query: dns.message.Message, error: dns.rcode.Rcode) -> bytes:
    """NOTAUTH with a TSIG that tells the error and has no MAC (RFC 8945 section 5.2; for BADTIME it should be signed too)."""
    assert query.tsig is not None
    theirs = query.tsig[0]
    assert isinstance(theirs, dns.rdtypes.ANY.TSIG.TSIG)
    now = int(time.time())
    other = now.to_bytes(6, "big") if error == dns.rcode.BADTIME else b""
    tsig = dns.rdtypes.ANY.TSIG.TSIG(  # type: ignore[no-untyped-call]
        theirs.rdclass,
        dns.rdatatype.TSIG,
        theirs.algorithm,
        theirs.time_signed if other else now,
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
