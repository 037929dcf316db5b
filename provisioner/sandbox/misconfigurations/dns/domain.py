"""The sandbox's DNS as those who break it see it: from one verification record, and what serves it."""

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
from provisioner.sandbox.misconfigurations.registry import NothingToBreakError
from provisioner.sandbox.store import Store

PREFIX: Final = "kiro-site-verification="
"""How the value begins (kirodotdev/Kiro issue 6167)."""


@dataclass(frozen=True)
class Record:
    """A TXT record that verifies a domain; names are absolute, as the DNS keeps them.

    Attributes:
        zone: the zone that has it.
        domain: what it verifies.
        name: its owner.
        value: its strings, joined.
        data: the same as a zone file has it.
        ttl: seconds.
    """

    zone: str
    domain: str
    name: str
    value: str
    data: str
    ttl: int

    def beside(self, label: str) -> str:
        """Another name in the domain."""
        return f"{label}.{self.domain}"


@dataclass(frozen=True)
class Net:
    """The sandbox's DNS, seen from one verification record.

    Attributes:
        dns: the DNS's documents.
        domain: the domain whose record to break; None means the newest record's.
    """

    dns: Store
    domain: str | None = None

    @cached_property
    def record(self) -> Record:
        """The record, as it was before anything was done to it.

        Raises:
            NothingToBreakError: there is none.
            ValueError: the domain is no name.
        """
        found = [record for zone in zones.zone_names(self.dns) for record in self._records(zone)]
        if not found:
            whose = f" of {self.domain}" if self.domain else ""
            raise NothingToBreakError(
                f"there is no verification record{whose} yet: apply a playbook with domains first"
            )
        return found[-1]

    @property
    def labelled(self) -> Record:
        """The record, if it is below its domain."""
        if self.record.name == self.record.domain:
            raise NothingToBreakError("the verification record is at the domain itself")
        return self.record

    @property
    def secondary(self) -> str:
        """The last of the zone's name servers, which is not its primary."""
        zone = self.dns.get("zone", self.record.zone)
        hosts: list[str] = zone["servers"] if zone else []
        if len(hosts) < 2:
            raise NothingToBreakError(f"the zone {self.record.zone} has only one name server")
        return hosts[-1]

    @property
    def registry(self) -> str:
        """The zone above that of the record."""
        above = zones.parent_zone(self.dns, self.record.zone)
        if above is None:
            raise NothingToBreakError(f"there is no zone above {self.record.zone}")
        return above

    @property
    def resolvers(self) -> list[str]:
        return [server["host"] for server in self.dns.all("server") if server["role"] == "resolver"]

    def replace(self, *texts: str, at: str | None = None, ttl: int | None = None) -> None:
        """Put other TXT records in the record's place, or none.

        Args:
            texts: the data of each, as in a zone file.
            at: the name at which they are instead.
            ttl: seconds; as before by default.
        """
        record = self.record
        with self.dns.transaction():
            zones.remove_record(self.dns, record.zone, record.name, "TXT", record.data)
            if texts:
                zones.add_record(
                    self.dns, record.zone, at or record.name, "TXT", *texts, ttl=ttl or record.ttl
                )

    def _records(self, zone: str) -> Iterator[Record]:
        """The verification records of a zone, the newest name last."""
        named = canonical(parse_name(self.domain)) if self.domain else None
        for name, node in zones.records(self.dns, zone).items():
            texts = node.get("TXT", {"ttl": 0, "data": []})
            above = name if name == zone else canonical(parse_name(name).parent())
            for text in texts["data"] if named in {None, name, above} else ():
                value = _joined(text)
                if value.startswith(PREFIX):
                    yield Record(zone, named or above, name, value, text, texts["ttl"])


def _joined(text: str) -> str:
    """The value of a TXT record, as its readers see it."""
    record = parse_rdata(dns.rdatatype.TXT, text)
    assert isinstance(record, dns.rdtypes.ANY.TXT.TXT)
    return b"".join(record.strings).decode(errors="replace")
