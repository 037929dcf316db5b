"""A zone as one server sees it, and what it answers: the algorithm of RFC 1034 section 4.3.2; no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import dns.name
import dns.node
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset

from provisioner.sandbox.dns.behaviour import Lie
from provisioner.sandbox.dns.text import data
from provisioner.sandbox.dns.zone_data import Contents

_LONGEST_CHAIN = 8  # CNAMEs that are followed inside the zone

Node = dict[dns.rdatatype.RdataType, dns.rrset.RRset]


@dataclass(slots=True)
class Answer:
    """What a zone says to a question.

    Attributes:
        authoritative: whether the server speaks for the name; not for a referral.
        rcode: NOERROR, or NXDOMAIN.
        answer: the records asked for, CNAMEs first.
        authority: the SOA of a negative answer, or the NS of a referral.
        additional: addresses of servers.
    """

    authoritative: bool = True
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    answer: list[dns.rrset.RRset] = field(default_factory=list)
    authority: list[dns.rrset.RRset] = field(default_factory=list)
    additional: list[dns.rrset.RRset] = field(default_factory=list)


class View:
    """One version of a zone, with what one server says differently."""

    def __init__(self, origin: dns.name.Name, contents: Contents, lies: Iterable[Lie] = ()) -> None:
        """Read the records.

        Args:
            origin: the zone's name.
            contents: its records.
            lies: what is said instead; those outside the zone are left out.
        """
        self.origin = origin
        self._nodes: dict[dns.name.Name, Node] = {}
        for name, node in contents.items():
            for kind, found in node.items():
                self._set(dns.name.from_text(name), kind, found["ttl"], found["data"])
        for lie in lies:
            owner = dns.name.from_text(lie.name)
            if owner.is_subdomain(origin):
                self._set(owner, lie.type, lie.ttl, lie.data)
        # Every name between the origin and a name that has records exists, if only as an empty one (RFC 4592 section 2.2.2).
        self._existing = {ancestor for name in self._nodes for ancestor in _ancestors(name, origin)}

    @property
    def soa(self) -> dns.rdtypes.ANY.SOA.SOA:
        """The zone's SOA."""
        found = self._nodes[self.origin][dns.rdatatype.SOA][0]
        assert isinstance(found, dns.rdtypes.ANY.SOA.SOA)
        return found

    def answer(self, qname: dns.name.Name, qtype: dns.rdatatype.RdataType) -> Answer:
        """Answer a question about a name inside the zone."""
        said = Answer()
        for _ in range(_LONGEST_CHAIN):
            target = self._step(qname, qtype, said)
            if target is None or not target.is_subdomain(self.origin):
                break
            qname = target
        return said

    def _step(
        self, qname: dns.name.Name, qtype: dns.rdatatype.RdataType, said: Answer
    ) -> dns.name.Name | None:
        """Add what the zone has at one name; the CNAME's target when there is one to follow."""
        if self._refer(qname, qtype, said):
            return None
        node = self._node(qname)
        if node is None:
            said.rcode = dns.rcode.NXDOMAIN
            self._deny(said)
            return None
        alias = node.get(dns.rdatatype.CNAME)
        if alias is not None and qtype not in (dns.rdatatype.CNAME, dns.rdatatype.ANY):
            said.answer.append(_renamed(alias, qname))
            target: dns.name.Name = alias[0].target
            return target
        found = list(node.values()) if qtype == dns.rdatatype.ANY else [node[qtype]] if qtype in node else []
        said.answer += [_renamed(rrset, qname) for rrset in found]
        if not found:
            self._deny(said)
        return None

    def _refer(self, qname: dns.name.Name, qtype: dns.rdatatype.RdataType, said: Answer) -> bool:
        """Whether the name lies at or below a delegation, and if so the referral (DS belongs to this side of the cut)."""
        for cut in reversed(_ancestors(qname, self.origin)[:-1]):
            servers = self._nodes.get(cut, {}).get(dns.rdatatype.NS)
            if servers is None or (cut == qname and qtype == dns.rdatatype.DS):
                continue
            said.authoritative = bool(said.answer)
            said.authority.append(servers)
            said.additional += [
                address
                for server in servers
                if (address := self._nodes.get(server.target, {}).get(dns.rdatatype.A)) is not None
            ]
            return True
        return False

    def _node(self, qname: dns.name.Name) -> Node | None:
        """What is at a name, or what a wildcard makes there (RFC 4592 section 3.3.1); None when nothing is."""
        if qname in self._existing:
            return self._nodes.get(qname, {})
        encloser = next(name for name in _ancestors(qname, self.origin) if name in self._existing)
        return self._nodes.get(dns.name.from_text("*", encloser))

    def _deny(self, said: Answer) -> None:
        """The SOA of a negative answer; its TTL is the lesser of its own and the minimum (RFC 2308 section 3)."""
        soa = self._nodes[self.origin][dns.rdatatype.SOA]
        ttl = min(soa.ttl, self.soa.minimum)
        said.authority.append(dns.rrset.from_rdata_list(self.origin, ttl, list(soa)))

    def _set(self, name: dns.name.Name, kind: str, ttl: int, values: Iterable[str]) -> None:
        rdtype = dns.rdatatype.from_text(kind)
        rdatas = [data(rdtype, value, dns.name.root) for value in values]
        node = self._nodes.setdefault(name, {})
        node.pop(rdtype, None)
        if rdatas:
            node[rdtype] = dns.rrset.from_rdata_list(name, ttl, rdatas)
        if not node:
            del self._nodes[name]


def _ancestors(name: dns.name.Name, origin: dns.name.Name) -> list[dns.name.Name]:
    """A name and those above it, down to the origin, the longest first."""
    return [name.split(depth)[1] for depth in range(len(name), len(origin) - 1, -1)]


def _renamed(rrset: dns.rrset.RRset, name: dns.name.Name) -> dns.rrset.RRset:
    """The set under the name that was asked for: a wildcard's records, or the asker's spelling of the name."""
    return dns.rrset.from_rdata_list(name, rrset.ttl, list(rrset))
