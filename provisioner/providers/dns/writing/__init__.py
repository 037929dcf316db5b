"""Writes TXT records where a zone lives: at a name server that takes dynamic updates, or at a DNS vendor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from provisioner.providers.dns.observations import Zone
from provisioner.providers.dns.playbook import UPDATE, DnsSection
from provisioner.providers.dns.resources import DomainRecord
from provisioner.providers.dns.servers import PUBLIC_RESOLVERS, Endpoint, Limits, ServerMap


class Writer(Protocol):
    """Makes and removes single TXT values at a name. Other values there are never touched.

    Every method but ``close`` raises RemoteError, or one of its kinds, when the other side says no or nothing.
    """

    @property
    def where(self) -> str:
        """For people: ``Route 53, zone contoso.com``."""

    async def check(self, zone: Zone, record: DomainRecord) -> None:
        """Fail before the first write, without writing anything.

        Args:
            zone: what the public DNS says of the zone.
            record: what is to be written.

        Raises:
            PermissionDeniedError: the credentials may not change the record.
            NotFoundRemotelyError: the zone is not there.
            RefusedError: the zone is not the one that the public DNS asks.
        """

    async def values(self, record: DomainRecord) -> tuple[str, ...]:
        """All TXT values at the record's name, sorted; those of several strings joined."""

    async def add(self, record: DomainRecord) -> bool:
        """Make the record's value. False: it was there already, and nothing was written."""

    async def remove(self, record: DomainRecord, value: str) -> bool:
        """Remove one value at the record's name. False: it was not there, and nothing was written."""

    async def close(self) -> None:
        """Close the connections."""


def writer(
    keys: DnsSection,
    zone: str,
    *,
    tell: Callable[[str], None] = lambda _: None,
    resolvers: Sequence[Endpoint] = PUBLIC_RESOLVERS,
    servers: ServerMap | None = None,
    limits: Limits | None = None,
) -> Writer:
    """Who writes to a zone. Asks nobody yet.

    Args:
        keys: what the playbook says.
        zone: the zone's name, canonical.
        tell: called with a sentence whenever something is waited for.
        resolvers: whom to ask for the zone's primary where the playbook names none.
        servers: other addresses and ports for name servers.
        limits: how long to wait for name servers.

    Raises:
        UsageError: the provider, or one of its settings, is unknown or cannot be; a package that it needs is missing.
    """
    if keys.provider == UPDATE:
        from .update import UpdateWriter  # noqa: PLC0415 - start-up time

        return UpdateWriter(keys, zone, resolvers=resolvers, servers=servers or {}, limits=limits or Limits())
    from .vendor import VendorWriter  # noqa: PLC0415 - start-up time
    from .vendors import opener  # noqa: PLC0415

    return VendorWriter(opener(keys, zone), tell=tell)
