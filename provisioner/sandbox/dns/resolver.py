"""Recursive resolvers for the sandbox's own tree of zones, with a cache and a simulated DNSSEC validation.

Resolution starts at the root and follows referrals (RFC 1034 section 5.3.3). No zone of the sandbox is signed. Instead,
`set_security_status` sets the result of validation: ``secure`` (responses have the AD bit) or ``bogus`` (SERVFAIL unless the
query has the CD bit, RFC 4035 section 5.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, get_args

import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from provisioner.sandbox.dns import messages, zones
from provisioner.sandbox.dns.cache import Cache, LookupResult
from provisioner.sandbox.dns.presentation import canonical, parse_name
from provisioner.sandbox.dns.server_options import MAX_UDP_SIZE
from provisioner.sandbox.store import Store

SecurityStatus = Literal["insecure", "secure", "bogus"]
"""RFC 4035 section 4.3."""

TIMEOUT_SETTING: Final = "resolver_timeout_seconds"
"""Setting: how long a resolver waits for one name server."""
# Unbound waits 376 ms for a server that it does not know (unknown-server-time-limit).
_TIMEOUT_SECONDS: Final = 0.4
_MAX_CNAMES: Final = 8
_MAX_REFERRALS: Final = 16
_BOGUS = dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS)
_UNREACHABLE = dns.edns.EDEOption(dns.edns.EDECode.NO_REACHABLE_AUTHORITY)
"""The extended error of every SERVFAIL that is not bogus.

Usually no name server sends a usable response. A chain of CNAMEs or referrals that is too long has no code of its own. A
cached failure has this code too: the cache does not store the cause.
"""
_SERVFAIL = LookupResult(dns.rcode.SERVFAIL)


def set_security_status(store: Store, name: str, status: SecurityStatus) -> None:
    """Set the result of DNSSEC validation for a name and the names below it.

    For each name, the status set for the longest enclosing name applies; by default it is insecure.

    Raises:
        ValueError: the name or the status is invalid.
    """
    if status not in get_args(SecurityStatus):
        raise ValueError(f"unknown status {status!r}; choose from {', '.join(get_args(SecurityStatus))}")
    key = canonical(parse_name(name))
    store.put("securityStatus", key, {"name": key, "status": status})


def prefer_server(store: Store, resolver: str, host: str | None) -> None:
    """Let a resolver query one name server before the others; None restores the rotation.

    Raises:
        ValueError: the resolver does not exist.
    """
    key = canonical(parse_name(resolver))
    with store.transaction():
        server = store.get("server", key)
        if server is None or server["role"] != "resolver":
            raise ValueError(f"there is no resolver {key}")
        store.put("server", key, {**server, "prefers": canonical(parse_name(host)) if host else ""})


class Resolvers:
    """All resolvers of the sandbox; each query names the resolver."""

    def __init__(self, store: Store) -> None:
        """Resolve names of the zones in a store."""
        self._store = store
        self._resolution = _IterativeResolution(store)

    async def respond(self, resolver: str, query: dns.message.Message) -> dns.message.Message:
        """Respond from the cache or by resolving; a query without the RD bit gets cached results only."""
        if query.opcode() != dns.opcode.QUERY:
            return _make_response(query, dns.rcode.NOTIMP)
        if len(query.question) != 1:
            return _make_response(query, dns.rcode.FORMERR)
        question = query.question[0]
        if question.rdclass != dns.rdataclass.IN:
            return _make_response(query, dns.rcode.REFUSED)
        if dns.rdatatype.is_metatype(question.rdtype):
            return _make_response(query, dns.rcode.NOTIMP)
        chain = await self._resolve(resolver, query)
        if chain is None:
            return _make_response(query, dns.rcode.REFUSED)
        return self._response(query, chain)

    async def _resolve(self, resolver: str, query: dns.message.Message) -> list[LookupResult] | None:
        """The results of the queried name and of each CNAME target; None when one is not cached and RD is not set."""
        name, rdtype = query.question[0].name, query.question[0].rdtype
        cache = Cache(self._store, resolver)
        chain: list[LookupResult] = []
        while len(chain) <= _MAX_CNAMES:
            result = cache.get(name, rdtype)
            if result is None and not query.flags & dns.flags.RD:
                return None
            if result is None:
                result = await self._resolution.lookup(name, rdtype, prefer=self._preferred(resolver))
                cache.put(name, rdtype, result)
            chain.append(result)
            if result.answer is None or result.answer.rdtype == rdtype:
                return chain
            name = result.answer[0].target
        return [_SERVFAIL]

    def _response(self, query: dns.message.Message, chain: Sequence[LookupResult]) -> dns.message.Message:
        targets = [result.answer[0].target for result in chain[:-1] if result.answer]
        statuses = {self._security_status(name) for name in [query.question[0].name, *targets]}
        if "bogus" in statuses and not query.flags & dns.flags.CD:
            return _make_servfail(query, _BOGUS)
        last = chain[-1]
        if last.rcode == dns.rcode.SERVFAIL:
            return _make_servfail(query, _UNREACHABLE)
        response = _make_response(query, last.rcode)
        response.answer = [result.answer for result in chain if result.answer is not None]
        response.authority = [last.authority] if last.authority is not None else []
        # RFC 6840 section 5.8: AD only in responses to queries with AD or DO.
        if statuses == {"secure"} and (query.flags & dns.flags.AD or query.ednsflags & dns.flags.DO):
            response.flags |= dns.flags.AD
        return response

    def _security_status(self, name: dns.name.Name) -> str:
        statuses = {document["name"]: document["status"] for document in self._store.all("securityStatus")}
        enclosing = zones.longest_enclosing_name(name, [*statuses])
        return str(statuses[enclosing]) if enclosing else "insecure"

    def _preferred(self, resolver: str) -> str:
        server = self._store.get("server", resolver)
        return str(server.get("prefers", "")) if server else ""


def _make_response(query: dns.message.Message, rcode: dns.rcode.Rcode) -> dns.message.Message:
    response = messages.make_response(query, rcode)
    response.flags |= dns.flags.RA
    response.flags |= query.flags & dns.flags.CD
    return response


def _make_servfail(query: dns.message.Message, reason: dns.edns.EDEOption) -> dns.message.Message:
    """SERVFAIL, with an extended DNS error if the query has EDNS (RFC 8914)."""
    response = _make_response(query, dns.rcode.SERVFAIL)
    if query.edns >= 0:
        response.use_edns(0, 0, MAX_UDP_SIZE, query.payload, options=[reason])
    return response


class _IterativeResolution:
    """Queries name servers from the root down; successive lookups begin with another server of a zone."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rotation = 0

    async def lookup(
        self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, *, prefer: str = ""
    ) -> LookupResult:
        """The records of a name and type, a CNAME, a negative answer, or SERVFAIL.

        Args:
            name: the name to look up.
            rdtype: the type of the records.
            prefer: the name server to query first; empty for none.
        """
        zone: dns.name.Name = dns.name.root
        root = self._store.get("zone", ".")
        hosts = root["servers"] if root else []
        self._rotation += 1
        for _ in range(_MAX_REFERRALS):
            response = await self._query_servers(self._ordered(hosts, prefer), name, rdtype, zone)
            if response is None:
                return _SERVFAIL
            delegation = _referral(response, zone)
            if delegation is None:
                return _result(response, name, rdtype)
            zone, hosts = delegation.name, sorted(canonical(server.target) for server in delegation)
        return _SERVFAIL

    def _ordered(self, hosts: Sequence[str], prefer: str) -> list[str]:
        start = self._rotation % len(hosts) if hosts else 0
        return sorted([*hosts[start:], *hosts[:start]], key=lambda host: host != prefer)

    async def _query_servers(
        self, hosts: Sequence[str], name: dns.name.Name, rdtype: dns.rdatatype.RdataType, zone: dns.name.Name
    ) -> dns.message.Message | None:
        """The first usable response; servers that do not respond, refuse, or are lame are skipped."""
        seconds = float(self._store.setting(TIMEOUT_SETTING, _TIMEOUT_SECONDS))
        for host in hosts:
            server = self._store.get("server", host)
            if server is None or not server["port"]:
                continue
            response = await _query(int(server["port"]), name, rdtype, seconds)
            if response is not None and _is_usable(response, zone):
                return response
        return None


async def _query(
    port: int, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, seconds: float
) -> dns.message.Message | None:
    """Query one server with EDNS, again without EDNS after FORMERR, and over TCP after a truncated response.

    A time-out does not lead to a query without EDNS (DNS Flag Day 2019).
    """
    response = None
    for edns in (True, False):
        query = dns.message.make_query(name, rdtype, use_edns=edns, payload=MAX_UDP_SIZE)
        query.flags &= ~dns.flags.RD
        try:
            response, _ = await dns.asyncquery.udp_with_fallback(query, zones.LOOPBACK, seconds, port)
        except (OSError, EOFError, TimeoutError, dns.exception.DNSException):
            return None
        if response.rcode() != dns.rcode.FORMERR:
            break
    return response


def _is_usable(response: dns.message.Message, zone: dns.name.Name) -> bool:
    if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return False
    return bool(response.flags & dns.flags.AA) or _referral(response, zone) is not None


def _referral(response: dns.message.Message, zone: dns.name.Name) -> dns.rrset.RRset | None:
    """The NS records of a zone below the current one; an upward or sideways referral does not count."""
    if response.flags & dns.flags.AA or response.answer:
        return None
    for rrset in response.authority:
        if rrset.rdtype == dns.rdatatype.NS and rrset.name != zone and rrset.name.is_subdomain(zone):
            return rrset
    return None


def _result(
    response: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> LookupResult:
    """What an authoritative response states about a name: its records or CNAME, or with an SOA that there are none.

    The target of a CNAME is looked up separately. The TTL of a negative result is the lesser of the SOA's TTL and its MINIMUM
    (RFC 2308 section 5).

    Returns:
        the records, the CNAME or the SOA; SERVFAIL if the response has none of them.
    """
    for rrset in response.answer:
        if rrset.name == name and rrset.rdtype in (rdtype, dns.rdatatype.CNAME):
            return LookupResult(dns.rcode.NOERROR, rrset)
    soa = next((rrset for rrset in response.authority if rrset.rdtype == dns.rdatatype.SOA), None)
    if soa is None:
        return _SERVFAIL
    soa.ttl = min(soa.ttl, soa[0].minimum)
    return LookupResult(response.rcode(), authority=soa)
