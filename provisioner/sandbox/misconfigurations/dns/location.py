"""Faults of where the record is: nowhere, at another name, or where an alias stands."""

from __future__ import annotations

from provisioner.sandbox.dns.zones import add_record, records, remove_record
from provisioner.sandbox.misconfigurations.registry import Faults

from .domain import Net

_LABELS = ("kiro-app-2", "kiro-app-1")
_WEB_HOST = "sites.webhost.example."

fault: Faults[Net] = Faults()


@fault("dns-record-missing")
def _record_missing(net: Net) -> None:
    """Somebody deleted the TXT record."""
    net.replace()


@fault("dns-record-doubled")
def _record_doubled(net: Net) -> None:
    """Somebody gave the record's full name to a DNS provider that adds the domain to it."""
    record = net.record
    net.replace(record.data, at=record.name.removesuffix("."))  # relative to the zone without the dot


@fault("dns-record-at-apex")
def _record_at_apex(net: Net) -> None:
    """Somebody left the record's name empty, so that it is at the domain itself."""
    record = net.labelled
    net.replace(record.data, at=record.domain)


@fault("dns-record-at-other-label")
def _record_at_other_label(net: Net) -> None:
    """Somebody made the record with another number in its label."""
    record = net.record
    other = next(name for label in _LABELS if (name := record.beside(label)) != record.name)
    net.replace(record.data, at=other)


@fault("dns-cname-in-the-way")
def _cname_in_the_way(net: Net) -> None:
    """Somebody pointed the record's name to a web host with an alias, which took the record's place."""
    record = net.labelled
    with net.dns.transaction():
        for kind in records(net.dns, record.zone)[record.name]:
            remove_record(net.dns, record.zone, record.name, kind)
        add_record(net.dns, record.zone, record.name, "CNAME", _WEB_HOST)
