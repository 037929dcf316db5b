"""Looking up a name in one version of a zone: the algorithm of RFC 1034 section 4.3.2; no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import dns.name
import dns.rcode
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset

from provisioner.sandbox.dns.presentation import parse_rdata
from provisioner.sandbox.dns.server_options import Override
from provisioner.sandbox.dns.zones import Contents

_MAX_CNAMES = 8

Node = dict[dns.rdatatype.RdataType, dns.rrset.RRset]


@dataclass(slots=True)
class ZoneResponse:
    """The content of an authoritative response.

    Attributes:
        authoritative: the AA bit; not set in a referral.
        rcode: NOERROR or NXDOMAIN.
        answer: the answer section, CNAMEs first.
        authority: the SOA of a negative answer, or the NS records of a referral.
        additional: addresses of name servers.
    """

    authoritative: bool = True
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    answer: list[dns.rrset.RRset] = field(default_factory=list)
    authority: list[dns.rrset.RRset] = field(default_factory=list)
    additional: list[dns.rrset.RRset] = field(default_factory=list)


class ZoneLookup:
    """One version of a zone, with the overrides of one server."""

    def __init__(self, origin: dns.name.Name, contents: Contents, overrides: Iterable[Override] = ()) -> None:
        """Parse the records.

        Args:
            origin: name of the zone.
            contents: its records.
            overrides: records that replace those of the zone; those of other zones are ignored.
        """
        self.origin = origin
        self._nodes: dict[dns.name.Name, Node] = {}
        for name, node in contents.items():
            for rdtype, rrset in node.items():
                self._set(dns.name.from_text(name), rdtype, rrset["ttl"], rrset["data"])
        for override in overrides:
            owner = dns.name.from_text(override.name)
            if owner.is_subdomain(origin):
                self._set(owner, override.type, override.ttl, override.data)
        # A name between the origin and a name with records exists as an empty non-terminal (RFC 4592 section 2.2.2).
        self._existing = {ancestor for name in self._nodes for ancestor in _ancestors(name, origin)}

    @property
    def soa(self) -> dns.rdtypes.ANY.SOA.SOA:
        """The zone's SOA."""
        soa = self._nodes[self.origin][dns.rdatatype.SOA][0]
        assert isinstance(soa, dns.rdtypes.ANY.SOA.SOA)
        return soa

    def lookup(self, qname: dns.name.Name, qtype: dns.rdatatype.RdataType) -> ZoneResponse:
        """The response to a question; CNAMEs are followed inside the zone."""
        response = ZoneResponse()
        for _ in range(_MAX_CNAMES):
            target = self._lookup_name(qname, qtype, response)
            if target is None or not target.is_subdomain(self.origin):
                break
            qname = target
        return response

    def _lookup_name(
        self, qname: dns.name.Name, qtype: dns.rdatatype.RdataType, response: ZoneResponse
    ) -> dns.name.Name | None:
        """Add the records of one name to the response; returns the target of a CNAME, if any."""
        if self._add_referral(qname, qtype, response):
            return None
        node = self._node(qname)
        if node is None:
            response.rcode = dns.rcode.NXDOMAIN
            self._add_soa(response)
            return None
        cname = node.get(dns.rdatatype.CNAME)
        if cname is not None and qtype not in (dns.rdatatype.CNAME, dns.rdatatype.ANY):
            response.answer.append(_with_owner(cname, qname))
            target: dns.name.Name = cname[0].target
            return target
        rrsets = list(node.values()) if qtype == dns.rdatatype.ANY else [node[qtype]] if qtype in node else []
        response.answer += [_with_owner(rrset, qname) for rrset in rrsets]
        if not rrsets:
            self._add_soa(response)
        return None

    def _add_referral(
        self, qname: dns.name.Name, qtype: dns.rdatatype.RdataType, response: ZoneResponse
    ) -> bool:
        """Add a referral if the name is at or below a zone cut; returns whether it is. DS belongs to the parent zone."""
        for zone_cut in reversed(_ancestors(qname, self.origin)[:-1]):
            servers = self._nodes.get(zone_cut, {}).get(dns.rdatatype.NS)
            if servers is None or (zone_cut == qname and qtype == dns.rdatatype.DS):
                continue
            response.authoritative = bool(response.answer)
            response.authority.append(servers)
            response.additional += [
                address
                for server in servers
                if (address := self._nodes.get(server.target, {}).get(dns.rdatatype.A)) is not None
            ]
            return True
        return False

    def _node(self, qname: dns.name.Name) -> Node | None:
        """The records of a name, synthesized from a wildcard if necessary (RFC 4592 section 3.3.1); None for NXDOMAIN."""
        if qname in self._existing:
            return self._nodes.get(qname, {})
        encloser = next(name for name in _ancestors(qname, self.origin) if name in self._existing)
        return self._nodes.get(dns.name.from_text("*", encloser))

    def _add_soa(self, response: ZoneResponse) -> None:
        """The SOA of a negative answer, with the lesser of its TTL and its MINIMUM (RFC 2308 section 3)."""
        soa = self._nodes[self.origin][dns.rdatatype.SOA]
        ttl = min(soa.ttl, self.soa.minimum)
        response.authority.append(dns.rrset.from_rdata_list(self.origin, ttl, list(soa)))

    def _set(self, name: dns.name.Name, rdtype_name: str, ttl: int, values: Iterable[str]) -> None:
        rdtype = dns.rdatatype.from_text(rdtype_name)
        rdatas = [parse_rdata(rdtype, value) for value in values]
        node = self._nodes.setdefault(name, {})
        node.pop(rdtype, None)
        if rdatas:
            node[rdtype] = dns.rrset.from_rdata_list(name, ttl, rdatas)
        if not node:
            del self._nodes[name]


def _ancestors(name: dns.name.Name, origin: dns.name.Name) -> list[dns.name.Name]:
    """A name and its ancestors down to the origin, the longest first."""
    return [name.split(depth)[1] for depth in range(len(name), len(origin) - 1, -1)]


def _with_owner(rrset: dns.rrset.RRset, name: dns.name.Name) -> dns.rrset.RRset:
    """The RRset with the queried name as owner: for a wildcard, and for the case that the query has."""
    return dns.rrset.from_rdata_list(name, rrset.ttl, list(rrset))
