"""From DNS messages to observations. Knows dnspython's data types, asks nobody."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from .client import Reply
from .observations import Answer, Place, Soa, TxtValue
from .servers import Endpoint

_BOGUS: Final = range(6, 13)
"""Extended errors that say that validation failed (RFC 8914, sections 4.7 to 4.13)."""
_CHAIN: Final = 16


def text_of(name: dns.name.Name) -> str:
    """A name, canonical."""
    return name.to_text(omit_final_dot=True).lower()


def records(message: dns.message.Message | None, name: str, kind: str) -> list[Any]:
    """The records of a name itself, or at the end of its aliases, in the answer section."""
    if message is None:
        return []
    _, owner = _aliases(message, dns.name.from_text(name))
    found = _rrset(message, owner, kind)
    return [] if found is None else list(found)


def own(message: dns.message.Message | None, name: str, kind: str) -> list[Any]:
    """The records of a name itself, not of an alias."""
    found = None if message is None else _rrset(message, dns.name.from_text(name), kind)
    return [] if found is None else list(found)


def addresses(message: dns.message.Message | None, name: str) -> tuple[str, ...]:
    """The addresses of a name anywhere in the message."""
    if message is None:
        return ()
    owner = dns.name.from_text(name)
    sets = [rrset for section in (message.answer, message.additional) for rrset in section]
    kinds = (dns.rdatatype.A, dns.rdatatype.AAAA)
    return tuple(
        str(record.address)
        for rrset in sets
        if rrset.name == owner and rrset.rdtype in kinds
        for record in rrset
    )


def soa_of(message: dns.message.Message | None) -> Soa | None:
    """The start of authority in the authority section (of a negative answer) or the answer."""
    if message is None:
        return None
    for rrset in (*message.authority, *message.answer):
        if rrset.rdtype == dns.rdatatype.SOA:
            record: Any = rrset[0]
            return Soa(
                zone=text_of(rrset.name), serial=record.serial, minimum=record.minimum, ttl=int(rrset.ttl)
            )
    return None


def exists(message: dns.message.Message | None) -> bool | None:
    """Whether the name of the question exists; None: no telling."""
    if message is None:
        return None
    known = {dns.rcode.NOERROR: True, dns.rcode.NXDOMAIN: False}
    return known.get(message.rcode())


def observed(
    reply: Reply, endpoint: Endpoint, name: str, domain: str, *, place: Place, bogus: bool, at: datetime
) -> Answer:
    """What a server said of the TXT records of a name.

    Args:
        reply: what came back.
        endpoint: the server.
        name: the name that was asked for.
        domain: the domain it is about.
        place: why that name.
        bogus: it answers only if told not to validate.
        at: when.
    """
    key = f"{domain}/{endpoint.name}@{endpoint.address}/{name}"
    answer = Answer(
        key=key,
        domain=domain,
        server=endpoint.name,
        location=endpoint.address,
        role=endpoint.role,
        name=name,
        place=place,
        truncated=reply.truncated,
        tcp=reply.tcp,
        edns=reply.edns,
        failure=reply.failure,
        detail=reply.detail,
        elapsed_ms=reply.elapsed_ms,
        at=at,
    )
    message = reply.message
    return answer if message is None else answer.model_copy(update=_content(message, name, bogus=bogus))


def _content(message: dns.message.Message, name: str, *, bogus: bool) -> dict[str, Any]:
    cnames, owner = _aliases(message, dns.name.from_text(name))
    found = _rrset(message, owner, "TXT")
    errors = _extended(message)
    return {
        "rcode": dns.rcode.to_text(message.rcode()),
        "values": () if found is None else tuple(sorted(map(_value, found), key=lambda value: value.joined)),
        "ttl": None if found is None else int(found.ttl),
        "cnames": cnames,
        "soa": None if found is not None else soa_of(message),
        "authoritative": bool(message.flags & dns.flags.AA),
        "authenticated": bool(message.flags & dns.flags.AD),
        "bogus": bogus or any(code in _BOGUS for code, _ in errors),
        "extended": tuple(text for _, text in errors),
    }


def _aliases(message: dns.message.Message, owner: dns.name.Name) -> tuple[tuple[str, ...], dns.name.Name]:
    """The chain of aliases from a name, and the name at its end."""
    chain: list[str] = []
    while len(chain) < _CHAIN and (found := _rrset(message, owner, "CNAME")):
        record: Any = found[0]
        owner = record.target
        chain.append(text_of(owner))
    return tuple(chain), owner


def _rrset(message: dns.message.Message, owner: dns.name.Name, kind: str) -> dns.rrset.RRset | None:
    wanted = dns.rdatatype.from_text(kind)
    for rrset in message.answer:
        if rrset.name == owner and rrset.rdtype == wanted:
            return rrset
    return None


def _value(record: Any) -> TxtValue:
    return TxtValue(strings=tuple(octets.decode(errors="backslashreplace") for octets in record.strings))


def _extended(message: dns.message.Message) -> list[tuple[int, str]]:
    found = []
    for option in message.options:
        if isinstance(option, dns.edns.EDEOption):
            name = dns.edns.EDECode.to_text(option.code).replace("_", " ")
            found.append((int(option.code), f"{int(option.code)}: {option.text or name}"))
    return found
