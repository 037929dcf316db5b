"""Asking name servers one after the other, from the root down, as a resolver does (RFC 1034 section 5.3.3)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from provisioner.sandbox.dns.behaviour import PAYLOAD
from provisioner.sandbox.dns.cache import Remembered
from provisioner.sandbox.dns.text import kept
from provisioner.sandbox.dns.zone_data import ADDRESS
from provisioner.sandbox.store import Store

PATIENCE_SECONDS = 0.4  # for one server, as BIND and Unbound begin with
_MOST_CUTS = 16
_FAILED = Remembered(dns.rcode.SERVFAIL)


class Recursion:
    """Finds things out; remembers nothing but whom to ask first next time."""

    def __init__(self, store: Store) -> None:
        """Recurse in the sandbox's own tree of zones."""
        self._store = store
        self._turn = 0

    async def find(
        self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, *, prefer: str = ""
    ) -> Remembered:
        """What the name servers say of a name and a type: the records, a CNAME, their absence, or SERVFAIL.

        Args:
            name: the name.
            rdtype: the type.
            prefer: a name server to ask before its fellows; otherwise they take turns.
        """
        cut: dns.name.Name = dns.name.root
        root = self._store.get("zone", ".")
        hosts = root["servers"] if root else []
        self._turn += 1
        for _ in range(_MOST_CUTS):
            response = await self._ask(self._ordered(hosts, prefer), name, rdtype, cut)
            if response is None:
                return _FAILED
            below = _referral(response, cut)
            if below is None:
                return _learnt(response, name, rdtype)
            cut, hosts = below.name, sorted(kept(server.target) for server in below)
        return _FAILED

    def _ordered(self, hosts: Sequence[str], prefer: str) -> list[str]:
        """Each time another server comes first, so that every one of them is heard."""
        turn = self._turn % len(hosts) if hosts else 0
        ordered = [*hosts[turn:], *hosts[:turn]]
        return sorted(ordered, key=lambda host: host != prefer)

    async def _ask(
        self, hosts: Sequence[str], name: dns.name.Name, rdtype: dns.rdatatype.RdataType, cut: dns.name.Name
    ) -> dns.message.Message | None:
        """The first answer of use; a server that is silent, refuses, or does not know the zone is passed over."""
        for host in hosts:
            server = self._store.get("server", host)
            if server is None or not server["port"]:
                continue
            response = await _query(int(server["port"]), name, rdtype)
            if response is not None and _of_use(response, cut):
                return response
        return None


async def _query(
    port: int, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> dns.message.Message | None:
    """Ask one server: with EDNS, without it where that is refused, by TCP where the answer was cut.

    Silence is not taken for a refusal of EDNS (DNS Flag Day 2019).
    """
    response = None
    for payload in (PAYLOAD, 0):
        query = dns.message.make_query(name, rdtype, use_edns=0 if payload else False, payload=payload or 512)
        query.flags &= ~dns.flags.RD
        response = await _send(query, port)
        if response is None or response.rcode() != dns.rcode.FORMERR:
            break
    return response


async def _send(query: dns.message.Message, port: int) -> dns.message.Message | None:
    with contextlib.suppress(OSError, EOFError, asyncio.TimeoutError, dns.exception.DNSException):
        response = await dns.asyncquery.udp(query, ADDRESS, timeout=PATIENCE_SECONDS, port=port)
        if response.flags & dns.flags.TC:
            response = await dns.asyncquery.tcp(query, ADDRESS, timeout=PATIENCE_SECONDS, port=port)
        return response
    return None


def _of_use(response: dns.message.Message, cut: dns.name.Name) -> bool:
    if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return False
    return bool(response.flags & dns.flags.AA) or _referral(response, cut) is not None


def _referral(response: dns.message.Message, cut: dns.name.Name) -> dns.rrset.RRset | None:
    """The NS records of a zone further down that the server points to; pointing up or sideways does not count."""
    if response.flags & dns.flags.AA or response.answer:
        return None
    for rrset in response.authority:
        if rrset.rdtype == dns.rdatatype.NS and rrset.name != cut and rrset.name.is_subdomain(cut):
            return rrset
    return None


def _learnt(
    response: dns.message.Message, name: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> Remembered:
    """What an authoritative answer says of the name itself; where a CNAME leads is asked separately."""
    for rrset in response.answer:
        if rrset.name == name and rrset.rdtype in (rdtype, dns.rdatatype.CNAME):
            return Remembered(dns.rcode.NOERROR, rrset)
    soa = next((rrset for rrset in response.authority if rrset.rdtype == dns.rdatatype.SOA), None)
    if soa is None:
        return _FAILED
    soa.ttl = min(soa.ttl, soa[0].minimum)
    return Remembered(response.rcode(), authority=soa)
