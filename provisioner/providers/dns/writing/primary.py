"""Which server takes a zone's dynamic updates."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.core.errors import RemoteNotFoundError, UnreachableError
from provisioner.providers.dns import responses
from provisioner.providers.dns.client import Exchange
from provisioner.providers.dns.observations import Role
from provisioner.providers.dns.servers import Endpoint, Limits, ServerMap, redirected


@dataclass(frozen=True)
class Search:
    """Whom to ask for the server; see :func:`~provisioner.providers.dns.writing.writer` for the attributes."""

    resolvers: Sequence[Endpoint]
    servers: ServerMap
    limits: Limits


async def primary(zone: str, server: str | None, port: int, search: Search) -> Endpoint:
    """The server that the playbook names, or else the one that the zone's SOA record names (RFC 2136, section 4.3).

    Args:
        zone: the zone.
        server: its address or name, if the playbook has it.
        port: its port.
        search: whom to ask for what is not known.

    Raises:
        NotFoundRemotelyError: the zone has no primary, or the primary has no address.
        UnreachableError: no resolver answered.
    """
    exchange = Exchange(search.limits)
    try:
        name = (server or await _named_by(zone, exchange, search)).rstrip(".").lower()
        endpoint = redirected(Endpoint(name, Role.AUTHORITATIVE, "", port), search.servers)
        if endpoint.host:
            return endpoint
        if _is_address(name):
            host = name
        else:
            host = await (_address_here(name) if server else _address_of(name, exchange, search))
        return redirected(Endpoint(name, Role.AUTHORITATIVE, host, port), search.servers)
    finally:
        await exchange.close()


async def _named_by(zone: str, exchange: Exchange, search: Search) -> str:
    for record in await _looked_up(zone, "SOA", exchange, search):
        return responses.text_of(record.mname)
    raise RemoteNotFoundError(
        f"the public DNS has no zone {zone}, so it does not tell which server takes updates",
        hint="set dns.server, and dns.zone if the zone has another name",
    )


async def _address_of(name: str, exchange: Exchange, search: Search) -> str:
    for kind in ("A", "AAAA"):
        for record in await _looked_up(name, kind, exchange, search):
            return str(record.address)
    raise RemoteNotFoundError(f"the name server {name} has no address", hint="set dns.server to its address")


async def _address_here(name: str) -> str:
    """The address of a name that somebody wrote, which may be known only where this runs."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise RemoteNotFoundError(
            f"the name server {name} has no address: {error}", hint="correct dns.server"
        ) from error
    return str(found[0][4][0])


async def _looked_up(name: str, kind: str, exchange: Exchange, search: Search) -> list[Any]:
    """What the first resolver that answers says."""
    for resolver in search.resolvers:
        reply = await exchange.ask(
            redirected(resolver, search.servers), name, kind, recurse=True, validate=False
        )
        if responses.exists(reply.message) is not None:
            return responses.records(reply.message, name, kind)
    raise UnreachableError(
        f"no resolver answered the question for the {kind} record of {name}",
        hint="set dns.server to the address of the zone's primary name server",
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
