"""A domain in the sandbox's DNS, with its verification record: what DNS misconfigurations change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import dns.name
import dns.rdatatype
import dns.rdtypes.ANY.TXT

from provisioner.sandbox.dns import zones
from provisioner.sandbox.dns.presentation import canonical, parse_name, parse_rdata
from provisioner.sandbox.misconfigurations import Misconfigurations, NothingToBreakError, existing, newest
from provisioner.sandbox.store import Store

PREFIX: Final = "kiro-site-verification="
"""How the value begins (kirodotdev/Kiro issue 6167)."""


@dataclass(frozen=True)
class Record:
    """A TXT record that verifies a domain. Names are absolute, with a final dot.

    Attributes:
        zone: the zone that contains it.
        domain: the domain that it verifies.
        name: its name.
        value: its strings, joined.
        data: its strings in zone file format.
        ttl: seconds.
    """

    zone: str
    domain: str
    name: str
    value: str
    data: str
    ttl: int

    def sibling(self, label: str) -> str:
        """Another name in the domain."""
        return f"{label}.{self.domain}"


@dataclass(frozen=True)
class VerifiedDomain:
    """A domain with a verification record.

    Attributes:
        store: the DNS's documents.
        domain: the domain; None for that of the newest record.
    """

    store: Store
    domain: str | None = None

    @cached_property
    def record(self) -> Record:
        """The verification record, as it was first read.

        Raises:
            NothingToBreakError: there is none, or the domain is not a valid name.
        """
        try:
            domain = canonical(parse_name(self.domain)) if self.domain else None
        except ValueError as error:
            raise NothingToBreakError(str(error)) from error
        records = [record for zone in zones.zone_names(self.store) for record in self._records(zone, domain)]
        if domain:
            return newest(records, f"the domain {self.domain!r} has no verification record")
        return newest(records, "no domain has a verification record yet")

    @property
    def labelled_record(self) -> Record:
        """The verification record, if it is not at the domain itself."""
        if self.record.name == self.record.domain:
            raise NothingToBreakError("the verification record is at the domain itself")
        return self.record

    @property
    def secondary(self) -> str:
        """A secondary name server of the zone."""
        zone = self.store.get("zone", self.record.zone)
        hosts: list[str] = zone["servers"] if zone else []
        if len(hosts) < 2:
            raise NothingToBreakError(f"the zone {self.record.zone} has only one name server")
        return hosts[-1]

    @property
    def parent_zone(self) -> str:
        """The zone that delegates the record's zone."""
        parent = zones.parent_zone(self.store, self.record.zone)
        return existing(parent, f"there is no zone above {self.record.zone}")

    @property
    def resolvers(self) -> list[str]:
        return [server["host"] for server in self.store.all("server") if server["role"] == "resolver"]

    def replace(self, *texts: str, at: str | None = None, ttl: int | None = None) -> None:
        """Replace the verification record by other TXT records, or delete it.

        Args:
            texts: the new records, in zone file format.
            at: their name; by default that of the record.
            ttl: seconds; by default that of the record.
        """
        record = self.record
        with self.store.transaction():
            zones.remove_record(self.store, record.zone, record.name, "TXT", record.data)
            if texts:
                zones.add_record(
                    self.store, record.zone, at or record.name, "TXT", *texts, ttl=ttl or record.ttl
                )

    def _records(self, zone: str, domain: str | None) -> Iterator[Record]:
        """The verification records in a zone, of one domain or of every one; the newest last."""
        for name, node in zones.records(self.store, zone).items():
            texts = node.get("TXT", {"ttl": 0, "data": []})
            above = name if name == zone else canonical(parse_name(name).parent())
            for text in texts["data"] if domain in {None, name, above} else ():
                value = _joined(text)
                if value.startswith(PREFIX):
                    yield Record(zone, domain or above, name, value, text, texts["ttl"])


misconfiguration: Misconfigurations[VerifiedDomain] = Misconfigurations(VerifiedDomain)


def _joined(text: str) -> str:
    """The strings of a TXT record, joined."""
    record = parse_rdata(dns.rdatatype.TXT, text)
    assert isinstance(record, dns.rdtypes.ANY.TXT.TXT)
    return b"".join(record.strings).decode(errors="replace")
