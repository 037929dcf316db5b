"""The cache of a resolver, positive and negative; it is stored, so that it survives the process.

Kind ``cached`` (key: ``resolver|name|type``; the type ``*`` is the NXDOMAIN of a name, RFC 2308 section 5).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from provisioner.sandbox.dns.presentation import canonical, parse_name, parse_rdata
from provisioner.sandbox.store import Document, Store

_MAX_CACHE_TTL: Final = 86400
"""As BIND's max-cache-ttl and RFC 8767 section 4, of the same order."""
_MAX_NCACHE_TTL: Final = 10800
"""RFC 2308 section 5; BIND's max-ncache-ttl."""
_SERVFAIL_TTL: Final = 1
"""RFC 9520 section 3.2 requires at least one second; BIND's servfail-ttl."""

_NXDOMAIN = "*"
_CLOCK_OFFSET = "resolver_clock_offset"


@dataclass(frozen=True, slots=True)
class LookupResult:
    """The result of resolving one name, without following CNAMEs; TTLs are the remaining ones.

    Attributes:
        rcode: NOERROR, NXDOMAIN or SERVFAIL.
        answer: the RRset, or the CNAME instead of it; None for a negative answer.
        authority: the SOA of a negative answer, else None.
    """

    rcode: dns.rcode.Rcode
    answer: dns.rrset.RRset | None = None
    authority: dns.rrset.RRset | None = None


def set_clock_offset(store: Store, seconds: float) -> None:
    """Set the resolvers' clock ahead of this machine's, so that cache entries expire."""
    store.set(_CLOCK_OFFSET, seconds)


def flush(store: Store, resolver: str = "") -> None:
    """Delete the cache of a resolver, or of all resolvers."""
    prefix = f"{canonical(parse_name(resolver))}|" if resolver else ""
    store.delete_many("cached", store.keys("cached", prefix))


class Cache:
    """The cache of one resolver."""

    def __init__(self, store: Store, resolver: str) -> None:
        """Open the cache of a resolver, given by its name."""
        self._store = store
        self._resolver = resolver

    def get(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> LookupResult | None:
        """The cached result for a name and type, or None when there is none or it has expired."""
        for type_name in (_NXDOMAIN, rdtype.name, dns.rdatatype.CNAME.name):
            entry = self._store.get("cached", self._key(name, type_name))
            if entry is not None and (remaining := entry["expires"] - self._now()) > 0:
                return _parse(entry, name, int(remaining) + 1)
        return None

    def put(self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, result: LookupResult) -> None:
        """Cache a result for its TTL, within the limits; a result with TTL 0 is not cached."""
        rrset = result.answer or result.authority
        limit = _MAX_CACHE_TTL if result.answer is not None else _MAX_NCACHE_TTL
        ttl = _SERVFAIL_TTL if rrset is None else min(rrset.ttl, limit)
        if ttl <= 0:
            return
        type_name = _NXDOMAIN if result.rcode == dns.rcode.NXDOMAIN else rdtype.name
        if result.answer is not None:
            type_name = result.answer.rdtype.name
        entry = {
            "rcode": int(result.rcode),
            "expires": self._now() + ttl,
            "answer": _to_document(result.answer),
            "authority": _to_document(result.authority),
        }
        self._store.put("cached", self._key(name, type_name), entry)

    def _now(self) -> float:
        return time.time() + float(self._store.setting(_CLOCK_OFFSET, 0))

    def _key(self, name: dns.name.Name, type_name: str) -> str:
        return f"{self._resolver}|{canonical(name)}|{type_name}"


def _to_document(rrset: dns.rrset.RRset | None) -> Document | None:
    if rrset is None:
        return None
    return {
        "name": canonical(rrset.name),
        "type": rrset.rdtype.name,
        "data": [rdata.to_text() for rdata in rrset],
    }


def _parse(entry: Document, name: dns.name.Name, ttl: int) -> LookupResult:
    answer, authority = (_to_rrset(entry[section], ttl) for section in ("answer", "authority"))
    if answer is not None:
        answer.name = name  # with the case that the query has
    return LookupResult(dns.rcode.Rcode.make(entry["rcode"]), answer, authority)


def _to_rrset(document: Document | None, ttl: int) -> dns.rrset.RRset | None:
    if document is None:
        return None
    rdtype = dns.rdatatype.from_text(document["type"])
    rdatas = [parse_rdata(rdtype, text) for text in document["data"]]
    return dns.rrset.from_rdata_list(dns.name.from_text(document["name"]), ttl, rdatas)
