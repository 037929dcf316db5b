"""What a resolver remembers, positive and negative, and for how long; kept, so that the next command finds it as it was.

Kind ``cached`` (key: ``resolver|name|type``; the type ``*`` is a name that does not exist at all, RFC 2308 section 5).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from provisioner.sandbox.dns.text import data, kept, parsed
from provisioner.sandbox.store import Document, Store

LONGEST: Final = 86400
"""Seconds for which anything is remembered at most (RFC 8767 section 4 and BIND's max-cache-ttl are of this order)."""
LONGEST_NEGATIVE: Final = 10800
"""Seconds for which the absence of something is remembered at most (RFC 2308 section 5; BIND's max-ncache-ttl)."""
FAILURE: Final = 1
"""Seconds for which a failure is remembered (RFC 9520 section 3.2 requires at least one)."""

_NO_NAME = "*"
_CLOCK = "resolver_clock_offset"


@dataclass(frozen=True, slots=True)
class Remembered:
    """Something a resolver knows, with the TTL that is left of it.

    Attributes:
        rcode: NOERROR, NXDOMAIN or SERVFAIL.
        answer: the records asked for (or the CNAME in their place); None for a negative answer.
        authority: the SOA of a negative answer; None otherwise.
    """

    rcode: dns.rcode.Rcode
    answer: dns.rrset.RRset | None = None
    authority: dns.rrset.RRset | None = None


def now(store: Store) -> float:
    """The resolvers' clock: seconds since 1970, moved by the setting."""
    return time.time() + float(store.setting(_CLOCK, 0))


def move_clock(store: Store, seconds: float) -> None:
    """Let time pass for the resolvers: their clock runs so many seconds ahead of this machine's."""
    store.set(_CLOCK, seconds)


def flush(store: Store, resolver: str = "") -> None:
    """Let a resolver, or all of them, forget everything."""
    prefix = f"{kept(parsed(resolver))}|" if resolver else ""
    store.delete_many("cached", store.keys("cached", prefix))


class Cache:
    """The memory of one resolver."""

    def __init__(self, store: Store, resolver: str) -> None:
        """Open the memory of a resolver, by its name."""
        self._store = store
        self._resolver = resolver

    def find(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Remembered | None:
        """What is known of a name and a type, or None when nothing is, or is no longer."""
        for kind in (_NO_NAME, rdtype.name, dns.rdatatype.CNAME.name):
            found = self._store.get("cached", self._key(name, kind))
            if found is not None and (left := found["expires"] - now(self._store)) > 0:
                return _read(found, name, int(left) + 1)
        return None

    def keep(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, known: Remembered) -> None:
        """Remember what was learnt, for as long as its TTL says and is sensible; a TTL of 0 is not remembered."""
        rrset = known.answer or known.authority
        limit = LONGEST if known.answer is not None else LONGEST_NEGATIVE
        ttl = FAILURE if rrset is None else min(rrset.ttl, limit)
        if ttl <= 0:
            return
        kind = _NO_NAME if known.rcode == dns.rcode.NXDOMAIN else rdtype.name
        if known.answer is not None:
            kind = known.answer.rdtype.name
        document = {
            "rcode": int(known.rcode),
            "expires": now(self._store) + ttl,
            "answer": _written(known.answer),
            "authority": _written(known.authority),
        }
        self._store.put("cached", self._key(name, kind), document)

    def _key(self, name: dns.name.Name, kind: str) -> str:
        return f"{self._resolver}|{kept(name)}|{kind}"


def _written(rrset: dns.rrset.RRset | None) -> Document | None:
    if rrset is None:
        return None
    return {
        "name": kept(rrset.name),
        "type": rrset.rdtype.name,
        "data": [rdata.to_text() for rdata in rrset],
    }


def _read(found: Document, name: dns.name.Name, left: int) -> Remembered:
    answer, authority = (_rrset(found[part], left) for part in ("answer", "authority"))
    if answer is not None:
        answer.name = name  # as it was asked for
    return Remembered(dns.rcode.Rcode.make(found["rcode"]), answer, authority)


def _rrset(written: Document | None, ttl: int) -> dns.rrset.RRset | None:
    if written is None:
        return None
    rdtype = dns.rdatatype.from_text(written["type"])
    rdatas = [data(rdtype, value, dns.name.root) for value in written["data"]]
    return dns.rrset.from_rdata_list(dns.name.from_text(written["name"]), ttl, rdatas)
