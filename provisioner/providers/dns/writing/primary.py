"""The server that takes a zone's dynamic updates."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

from provisioner.core.errors import RemoteNotFoundError, UnreachableError
from provisioner.providers.dns import responses
from provisioner.providers.dns.client import DnsClient
from provisioner.providers.dns.observations import ServerRole
from provisioner.providers.dns.servers import DnsConnection, Endpoint


async def primary_server(zone: str, server: str | None, port: int, connection: DnsConnection) -> Endpoint:
    """The server that the playbook names, or else the primary in the zone's SOA record (RFC 2136, section 4.3).

    Args:
        zone: the zone.
        server: its address or host name, if the playbook has it.
        port: its port.
        connection: the DNS to query for the primary and its address.

    Raises:
        RemoteNotFoundError: the zone has no primary, or the primary has no address.
        UnreachableError: no resolver responded.
    """
    client = DnsClient(connection.limits)
    try:
        name = (server or await _soa_primary(zone, client, connection)).rstrip(".").lower()
        endpoint = connection.redirect(Endpoint(name, ServerRole.AUTHORITATIVE, "", port))
        if endpoint.host:
            return endpoint
        if _is_address(name):
            host = name
        else:
            host = await (_system_address(name) if server else _dns_address(name, client, connection))
        return connection.redirect(Endpoint(name, ServerRole.AUTHORITATIVE, host, port))
    finally:
        await client.close()


async def _soa_primary(zone: str, client: DnsClient, connection: DnsConnection) -> str:
    for record in await _query(zone, "SOA", client, connection):
        return responses.name_text(record.mname)
    raise RemoteNotFoundError(
        f"the public DNS has no zone {zone}, so its primary name server is unknown",
        hint="set dns.server, and dns.zone if the zone has another name",
    )


async def _dns_address(name: str, client: DnsClient, connection: DnsConnection) -> str:
    for rdtype in ("A", "AAAA"):
        for record in await _query(name, rdtype, client, connection):
            return str(record.address)
    raise RemoteNotFoundError(f"the name server {name} has no address", hint="set dns.server to its address")


async def _system_address(name: str) -> str:
    """The address of a host name from the playbook, which may be known to this machine only."""
    try:
        addresses = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise RemoteNotFoundError(
            f"the name server {name} has no address: {error}", hint="correct dns.server"
        ) from error
    return str(addresses[0][4][0])


async def _query(name: str, rdtype: str, client: DnsClient, connection: DnsConnection) -> list[Any]:
    """The records from the first resolver that answers."""
    for resolver in connection.resolvers:
        result = await client.query(connection.redirect(resolver), name, rdtype, checking_disabled=True)
        if responses.name_exists(result.message) is not None:
            return responses.answer_records(result.message)
    raise UnreachableError(
        f"no resolver responded to the query for the {rdtype} record of {name}",
        hint="set dns.server to the address of the zone's primary name server",
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
