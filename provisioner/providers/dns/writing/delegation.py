"""Whether the public DNS delegates a domain to the zone that would be written. Pure."""

from __future__ import annotations

from collections.abc import Collection

from provisioner.core.errors import RefusedError
from provisioner.providers.dns.observations import Zone


def check_delegation(title: str, name: str, servers: Collection[str], public_zone: Zone) -> None:
    """Refuse to write to a zone that the public DNS does not use.

    Args:
        title: the zone and its location, for messages.
        name: the zone to write.
        servers: its name servers, as its host returns them; empty if unknown.
        public_zone: the domain's zone in the public DNS.

    Raises:
        RefusedError: the domain is not registered, is in another zone, or the zone has other servers.
    """
    if public_zone.registered is False:
        raise RefusedError(
            f"{title}: the record would not be visible: {public_zone.problem or 'the domain is not registered'}",
            hint="register the domain, or correct its name in the playbook",
        )
    if public_zone.name is not None and public_zone.name != name:
        raise RefusedError(
            f"{title}: in the public DNS, {public_zone.key} is in the zone {public_zone.name}; "
            f"a record in {name} would not be visible",
            hint=f"set dns.zone to {public_zone.name}, or remove dns.zone",
        )
    delegated = {server.name for server in public_zone.servers}
    serving = {server.rstrip(".").lower() for server in servers}
    if delegated and serving and not delegated & serving:
        raise RefusedError(
            f"{title}: the zone is served by {', '.join(sorted(serving))}, but the public DNS delegates it to "
            f"{', '.join(sorted(delegated))}: it is private, or not delegated",
            hint="choose the public zone, or delegate the domain to this zone at its registrar",
        )
