"""Data of DNS messages, and answers made of them. Uses dnspython's data types; sends no query."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .client import QueryResult
from .observations import Answer, QueryPurpose, Soa, TxtValue
from .servers import Endpoint

_BOGUS: Final = range(6, 13)
"""Extended errors that report a failed validation (RFC 8914, sections 4.7 to 4.13)."""


def name_text(name: dns.name.Name) -> str:
    """A name in canonical form."""
    return name.to_text(omit_final_dot=True).lower()


def answer_records(message: dns.message.Message | None) -> list[Any]:
    """The records that answer the question, at the end of the CNAME chain if there is one."""
    rrset = None if message is None else _follow_cnames(message)[1]
    return [] if rrset is None else list(rrset)


def records_at(message: dns.message.Message | None, name: str, rdtype: str) -> list[Any]:
    """The records in the answer section whose owner is the name itself."""
    if message is None:
        return []
    owner, kind = dns.name.from_text(name), dns.rdatatype.from_text(rdtype)
    return list(message.get_rrset(message.answer, owner, dns.rdataclass.IN, kind) or ())


def addresses_of(message: dns.message.Message | None, name: str) -> tuple[str, ...]:
    """The IP addresses of a name in the answer and additional sections."""
    if message is None:
        return ()
    owner = dns.name.from_text(name)
    rrsets = (
        message.get_rrset(section, owner, dns.rdataclass.IN, rdtype)
        for section in (message.answer, message.additional)
        for rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)
    )
    return tuple(record.to_text() for rrset in rrsets for record in rrset or ())


def soa_of(message: dns.message.Message | None) -> Soa | None:
    """The SOA record in the authority section (of a negative response) or the answer section."""
    if message is None:
        return None
    for rrset in (*message.authority, *message.answer):
        if rrset.rdtype == dns.rdatatype.SOA:
            record: Any = rrset[0]
            return Soa(
                zone=name_text(rrset.name), serial=record.serial, minimum=record.minimum, ttl=int(rrset.ttl)
            )
    return None


def name_exists(message: dns.message.Message | None) -> bool | None:
    """Whether the queried name exists; None if the response does not show it."""
    if message is None:
        return None
    known = {dns.rcode.NOERROR: True, dns.rcode.NXDOMAIN: False}
    return known.get(message.rcode())


def to_answer(
    result: QueryResult,
    endpoint: Endpoint,
    name: str,
    domain: str,
    *,
    purpose: QueryPurpose,
    bogus: bool,
    at: datetime,
) -> Answer:
    """The answer of a server to a TXT query.

    Args:
        result: the result of the query.
        endpoint: the server.
        name: the queried name.
        domain: the domain that the query is about.
        purpose: why the name was queried.
        bogus: the server responds only with the CD flag.
        at: time of the response.
    """
    answer = Answer(
        key=f"{domain}/{endpoint.name}@{endpoint.location}/{name}",
        domain=domain,
        server=endpoint.name,
        location=endpoint.location,
        role=endpoint.role,
        name=name,
        purpose=purpose,
        truncated=result.truncated,
        edns=result.edns,
        failure=result.failure,
        detail=result.detail,
        elapsed_ms=result.elapsed_ms,
        at=at,
    )
    message = result.message
    return answer if message is None else answer.model_copy(update=_content(message, bogus=bogus))


def _content(message: dns.message.Message, *, bogus: bool) -> dict[str, Any]:
    cnames, rrset = _follow_cnames(message)
    errors = [option for option in message.options if isinstance(option, dns.edns.EDEOption)]
    return {
        "rcode": dns.rcode.to_text(message.rcode()),
        "values": tuple(sorted(map(_txt_value, rrset or ()), key=lambda value: value.joined)),
        "ttl": None if rrset is None else int(rrset.ttl),
        "cnames": cnames,
        "soa": None if rrset is not None else soa_of(message),
        "authoritative": bool(message.flags & dns.flags.AA),
        "authenticated": bool(message.flags & dns.flags.AD),
        "bogus": bogus or any(error.code in _BOGUS for error in errors),
        "extended_errors": tuple(map(_extended_error, errors)),
    }


def _follow_cnames(message: dns.message.Message) -> tuple[tuple[str, ...], dns.rrset.RRset | None]:
    """The targets of the CNAME chain from the queried name, and the records at its end."""
    assert isinstance(message, dns.message.QueryMessage)
    try:
        chain = message.resolve_chaining()
    except dns.message.ChainTooLong:  # possibly a loop
        cnames = [rrset for rrset in message.answer if rrset.rdtype == dns.rdatatype.CNAME]
        return tuple(map(_cname_target, cnames)), None
    except dns.exception.DNSException:  # an error response without question, or an answer with NXDOMAIN
        return (), None
    return tuple(map(_cname_target, chain.cnames)), chain.answer


def _cname_target(rrset: Any) -> str:
    return name_text(rrset[0].target)


def _txt_value(record: Any) -> TxtValue:
    return TxtValue(strings=tuple(octets.decode(errors="backslashreplace") for octets in record.strings))


def _extended_error(option: dns.edns.EDEOption) -> str:
    name = dns.edns.EDECode.to_text(option.code).replace("_", " ")
    return f"{int(option.code)}: {option.text or name}"
