"""Resolvers: recursive for the sandbox's own tree of zones, with a memory, and with an opinion on DNSSEC when told to.

Nothing in the sandbox is signed. What a validating resolver would say is set: a zone can be declared ``secure`` (its answers
carry AD) or ``bogus`` (SERVFAIL unless the asker sets CD, RFC 4035 section 5.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, get_args

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from provisioner.sandbox.dns import exchange
from provisioner.sandbox.dns.behaviour import PAYLOAD
from provisioner.sandbox.dns.cache import Cache, Remembered
from provisioner.sandbox.dns.recursion import Recursion
from provisioner.sandbox.dns.text import kept, parsed
from provisioner.sandbox.store import Store

Validity = Literal["insecure", "secure", "bogus"]

_LONGEST_CHAIN: Final = 8
_BOGUS = dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS)
_UNREACHABLE = dns.edns.EDEOption(dns.edns.EDECode.NO_REACHABLE_AUTHORITY)


def declare(store: Store, name: str, validity: Validity) -> None:
    """Say what validation finds at a name and below it; what is closest to a name counts.

    Raises:
        ValueError: the name or the validity is none.
    """
    if validity not in get_args(Validity):
        raise ValueError(f"unknown validity {validity!r}; choose from {', '.join(get_args(Validity))}")
    store.put("validity", kept(parsed(name)), {"name": kept(parsed(name)), "validity": validity})


def prefer(store: Store, resolver: str, host: str | None) -> None:
    """Let a resolver ask one name server before its fellows; None lets them take turns again.

    Raises:
        ValueError: there is no such resolver.
    """
    key = kept(parsed(resolver))
    with store.transaction():
        found = store.get("server", key)
        if found is None or found["role"] != "resolver":
            raise ValueError(f"there is no resolver {key}")
        store.put("server", key, {**found, "prefers": kept(parsed(host)) if host else ""})


class Resolving:
    """Every resolver of the sandbox; which of them speaks is said with each query."""

    def __init__(self, store: Store) -> None:
        """Resolve what the name servers of a store know."""
        self._store = store
        self._recursion = Recursion(store)

    async def answer(self, resolver: str, query: dns.message.Message) -> dns.message.Message:
        """Answer a query, from memory or by asking; one without RD only from memory."""
        if query.opcode() != dns.opcode.QUERY:
            return _blank(query, dns.rcode.NOTIMP)
        if len(query.question) != 1:
            return _blank(query, dns.rcode.FORMERR)
        question = query.question[0]
        if question.rdclass != dns.rdataclass.IN or dns.rdatatype.is_metatype(question.rdtype):
            return _blank(
                query, dns.rcode.NOTIMP if question.rdclass == dns.rdataclass.IN else dns.rcode.REFUSED
            )
        chain = await self._chain(resolver, query)
        if chain is None:
            return _blank(query, dns.rcode.REFUSED)
        return self._said(query, chain)

    async def _chain(self, resolver: str, query: dns.message.Message) -> list[Remembered] | None:
        """What is known of the name, then of what its CNAME points to, and so on; None when it may not be looked for."""
        name, rdtype = query.question[0].name, query.question[0].rdtype
        cache = Cache(self._store, resolver)
        chain: list[Remembered] = []
        while len(chain) <= _LONGEST_CHAIN:
            known = cache.find(name, rdtype)
            if known is None and not query.flags & dns.flags.RD:
                return None
            if known is None:
                known = await self._recursion.find(name, rdtype, prefer=self._preferred(resolver))
                cache.keep(name, rdtype, known)
            chain.append(known)
            if known.answer is None or known.answer.rdtype == rdtype:
                return chain
            name = known.answer[0].target
        return [Remembered(dns.rcode.SERVFAIL)]

    def _said(self, query: dns.message.Message, chain: Sequence[Remembered]) -> dns.message.Message:
        names = [query.question[0].name, *(known.answer[0].target for known in chain[:-1] if known.answer)]
        found = {self._validity(name) for name in names}
        if "bogus" in found and not query.flags & dns.flags.CD:
            return _failure(query, _BOGUS)
        last = chain[-1]
        if last.rcode == dns.rcode.SERVFAIL:
            return _failure(query, _UNREACHABLE)
        response = _blank(query, last.rcode)
        response.answer = [known.answer for known in chain if known.answer is not None]
        response.authority = [last.authority] if last.authority is not None else []
        # RFC 6840 section 5.8: only to those who show that they understand it.
        if found == {"secure"} and (query.flags & dns.flags.AD or query.ednsflags & dns.flags.DO):
            response.flags |= dns.flags.AD
        return response

    def _validity(self, name: dns.name.Name) -> str:
        declared = {parsed(each["name"]): each["validity"] for each in self._store.all("validity")}
        above = [zone for zone in declared if name.is_subdomain(zone)]
        return str(declared[max(above, key=len)]) if above else "insecure"

    def _preferred(self, resolver: str) -> str:
        found = self._store.get("server", resolver)
        return str(found.get("prefers", "")) if found else ""


def _blank(query: dns.message.Message, rcode: dns.rcode.Rcode) -> dns.message.Message:
    response = exchange.blank(query, rcode)
    response.flags |= dns.flags.RA
    response.flags |= query.flags & dns.flags.CD
    return response


def _failure(query: dns.message.Message, reason: dns.edns.EDEOption) -> dns.message.Message:
    """SERVFAIL, with the reason for those who know EDNS (RFC 8914)."""
    response = _blank(query, dns.rcode.SERVFAIL)
    if query.edns >= 0:
        response.use_edns(0, 0, PAYLOAD, query.payload, options=[reason])
    return response
