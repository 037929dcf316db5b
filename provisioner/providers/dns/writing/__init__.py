"""Writes TXT records to a zone: on a name server that takes dynamic updates, or through the API of a DNS vendor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from provisioner.providers.dns.observations import Zone
from provisioner.providers.dns.playbook import DYNAMIC_UPDATE, DnsSection
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.servers import DnsConnection


class RecordWriter(Protocol):
    """Adds and removes single TXT values at a name; other values are never changed.

    Every method but ``close`` raises RemoteError, or a subclass, on an error response or without a response.
    """

    @property
    def title(self) -> str:
        """The zone and its location, for messages: ``Route 53, zone contoso.com``."""

    async def check(self, zone: Zone, record: DomainRecord) -> None:
        """Check before the first write that the record can be written; writes nothing.

        Args:
            zone: the zone in the public DNS.
            record: the desired record.

        Raises:
            PermissionDeniedError: the credentials may not change the record.
            RemoteNotFoundError: the zone does not exist.
            RefusedError: the public DNS delegates the zone to other servers.
        """

    async def values(self, record: DomainRecord) -> tuple[str, ...]:
        """All TXT values at the record's name, sorted, the strings of each joined."""

    async def add(self, record: DomainRecord) -> bool:
        """Add the record's value. False: it existed already, and nothing was written."""

    async def remove(self, record: DomainRecord, value: str) -> bool:
        """Remove one value at the record's name. False: it did not exist, and nothing was written."""

    async def close(self) -> None:
        """Close the connections."""


def _ignore(_: str) -> None:
    """Discard a message."""


def record_writer(
    section: DnsSection,
    zone: str,
    connection: DnsConnection | None = None,
    *,
    on_wait: Callable[[str], None] = _ignore,
) -> RecordWriter:
    """The writer for a zone. No request is sent yet.

    Args:
        section: the ``dns:`` section of the playbook.
        zone: the zone's name, canonical.
        connection: the DNS that returns the zone's primary, if the playbook names none; the public DNS if None.
        on_wait: called with a sentence whenever a request has to wait.

    Raises:
        UsageError: the provider or one of its settings is unknown or invalid, or a package is not installed.
    """
    if section.provider == DYNAMIC_UPDATE:
        from .update import UpdateWriter  # noqa: PLC0415 - start-up time

        return UpdateWriter(section, zone, connection or DnsConnection())
    from .vendor import VendorWriter  # noqa: PLC0415 - start-up time
    from .vendors import vendor_zone  # noqa: PLC0415

    return VendorWriter(vendor_zone(section, zone), on_wait=on_wait)
