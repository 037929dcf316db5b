"""Whether a zone that can be written is the one that the public DNS asks. Pure."""

from __future__ import annotations

from collections.abc import Collection

from provisioner.core.errors import RefusedError
from provisioner.providers.dns.observations import Zone


def confirm(where: str, name: str, servers: Collection[str], world: Zone) -> None:
    """Refuse to write where nobody would see it.

    Args:
        where: for people.
        name: the zone that would be written.
        servers: its name servers as they are known there; none: not known.
        world: what the public DNS says.

    Raises:
        RefusedError: the public DNS has the domain in another zone, asks other servers, or knows no such domain.
    """
    if world.registered is False:
        raise RefusedError(
            f"{where}: nobody would see the record: {world.problem or 'the domain is not registered'}",
            hint="register the domain, or correct its name in the playbook",
        )
    if world.zone is not None and world.zone != name:
        raise RefusedError(
            f"{where}: the public DNS has {world.key} in the zone {world.zone}, so a record in {name} would not be seen",
            hint=f"set dns.zone to {world.zone}, or remove dns.zone",
        )
    public = {server.name for server in world.servers}
    here = {server.rstrip(".").lower() for server in servers}
    if public and here and not public & here:
        raise RefusedError(
            f"{where}: this zone is served by {listed(here)}, but the public DNS asks {listed(public)}: it is "
            "a private zone, or one that is not delegated",
            hint="choose the public zone, or delegate the domain to this one at its registrar",
        )


def listed(names: Collection[str]) -> str:
    """Names for a sentence."""
    return ", ".join(sorted(names)) or "nobody"
