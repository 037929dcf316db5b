"""Misconfigurations of the record's location: no record, another name, or an alias at its name."""

from __future__ import annotations

from provisioner.sandbox.dns.zones import add_record, records, remove_record

from .domain import VerifiedDomain, misconfiguration

_LABELS = ("kiro-app-2", "kiro-app-1")
_WEB_HOST = "sites.webhost.example."


@misconfiguration("dns-record-missing")
def _record_missing(domain: VerifiedDomain) -> None:
    """An admin deleted the TXT record."""
    domain.replace()


@misconfiguration("dns-record-doubled")
def _record_doubled(domain: VerifiedDomain) -> None:
    """An admin entered the record's full name at a DNS provider that appends the domain."""
    record = domain.record
    domain.replace(record.data, at=record.name.removesuffix("."))  # relative to the zone without the dot


@misconfiguration("dns-record-at-apex")
def _record_at_apex(domain: VerifiedDomain) -> None:
    """An admin left the record's name empty, so the record is at the domain itself."""
    record = domain.labelled_record
    domain.replace(record.data, at=record.domain)


@misconfiguration("dns-record-at-other-label")
def _record_at_other_label(domain: VerifiedDomain) -> None:
    """An admin created the record with another number in its label."""
    record = domain.record
    other = next(name for label in _LABELS if (name := record.sibling(label)) != record.name)
    domain.replace(record.data, at=other)


@misconfiguration("dns-cname-in-the-way")
def _cname_in_the_way(domain: VerifiedDomain) -> None:
    """An admin replaced the record by an alias (CNAME) to a web host."""
    record = domain.labelled_record
    with domain.store.transaction():
        for kind in records(domain.store, record.zone)[record.name]:
            remove_record(domain.store, record.zone, record.name, kind)
        add_record(domain.store, record.zone, record.name, "CNAME", _WEB_HOST)
