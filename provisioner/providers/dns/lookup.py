"""Looks domains up: every authoritative server and every public resolver, at every name that may matter.

Network failures raise nothing: they become answers with a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import dns.message
import dns.rcode

from provisioner.core.resource import Resource

from . import responses
from .client import DnsClient, QueryResult
from .context import build_contexts
from .names import doubled_name, parents
from .observations import Answer, NameServer, QueryPurpose, ServerRole, Zone
from .resources import DomainRecord
from .servers import DnsConnection, Endpoint
from .suffixes import classify

T = TypeVar("T")

OTHER_LABELS: Final = ("kiro-app-1", "kiro-app-2")
"""Labels at which admins create the record instead of the desired one (Kiro, Entra guide, step 3)."""


async def look_up(
    records: Iterable[DomainRecord], connection: DnsConnection, *, always_query_resolvers: bool = True
) -> tuple[Resource, ...]:
    """Look up domains.

    Args:
        records: their desired records.
        connection: the DNS to query. Its resolvers also find the name servers of a zone.
        always_query_resolvers: query resolvers for a record even before every server of its zone has it. A resolver that
            is queried for a missing record caches its absence.

    Returns:
        A :class:`Zone` for each domain, and an :class:`Answer` for each server and name.
    """
    client = DnsClient(connection.limits)
    try:
        lookup = _Lookup(client, connection, always_query_resolvers)
        observations = await _gather([lookup.domain(record) for record in records])
    finally:
        await client.close()
    return tuple(resource for resources in observations for resource in resources)


async def _gather(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, in order; if one fails, the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(coroutine) for coroutine in work]
    return [task.result() for task in tasks]


class _Lookup:
    """One lookup, which sends each query about zones and servers once."""

    def __init__(self, client: DnsClient, connection: DnsConnection, always_query_resolvers: bool) -> None:
        self._client = client
        self._connection = connection
        self._resolvers = tuple(map(connection.redirect, connection.resolvers))
        self._always_query_resolvers = always_query_resolvers
        self._resolved: dict[tuple[str, str], asyncio.Task[dns.message.Message | None]] = {}

    async def domain(self, record: DomainRecord) -> list[Resource]:
        """The zone and all answers of one domain."""
        if self._always_query_resolvers:
            (zone, answers), resolver_answers = await asyncio.gather(
                self._authoritative(record), self._query_all(record, self._resolvers)
            )
            return [zone, *answers, *resolver_answers]
        zone, answers = await self._authoritative(record)
        (context,) = build_contexts([record], [zone, *answers])
        if context.authoritative_answers and not context.published:
            return [zone, *answers]
        return [zone, *answers, *await self._query_all(record, self._resolvers)]

    async def _authoritative(self, record: DomainRecord) -> tuple[Zone, list[Answer]]:
        zone = await self._zone(record)
        endpoints = [endpoint for server in zone.servers for endpoint in self._endpoints(server)]
        return zone, await self._query_all(record, endpoints)

    def _names(self, record: DomainRecord) -> dict[str, QueryPurpose]:
        """The names to query, the record's own first."""
        own = {record.name: QueryPurpose.RECORD}
        others = {f"{label}.{record.key}": QueryPurpose.OTHER_LABEL for label in OTHER_LABELS}
        names = own | {record.key: QueryPurpose.APEX} | others | own
        doubled = doubled_name(record.name, record.key)
        return names | ({doubled: QueryPurpose.DOUBLED} if doubled else {})

    async def _query_all(self, record: DomainRecord, endpoints: Iterable[Endpoint]) -> list[Answer]:
        names = self._names(record)
        return await _gather(
            self._query(record.key, endpoint, name, purpose)
            for endpoint in endpoints
            for name, purpose in names.items()
        )

    async def _query(self, domain: str, endpoint: Endpoint, name: str, purpose: QueryPurpose) -> Answer:
        result = await self._client.query(endpoint, name, "TXT")
        bogus = False
        if endpoint.role is ServerRole.RESOLVER and result.rcode == dns.rcode.SERVFAIL:
            unchecked = await self._client.query(endpoint, name, "TXT", checking_disabled=True)
            bogus = responses.name_exists(unchecked.message) is not None
        return responses.to_answer(
            result, endpoint, name, domain, purpose=purpose, bogus=bogus, at=datetime.now(UTC)
        )

    # -- zones and their servers

    async def _zone(self, record: DomainRecord) -> Zone:
        """The zone of a record: the nearest name above it that has name servers."""
        suffixes = self._connection.suffixes
        registrable = classify(record.key, suffixes).registrable or record.key
        # Querying resolvers for the record's own name, even for another type, makes them cache NXDOMAIN.
        own_name = self._always_query_resolvers or record.label == "@"
        candidates = parents(record.name if own_name else record.name.partition(".")[2], registrable)
        messages = await _gather(self._resolve(name, "NS") for name in candidates)
        registered = responses.name_exists(messages[-1])
        for name, message in zip(candidates, messages, strict=True):
            if ns_records := responses.records_at(message, name, "NS"):
                hosts = sorted({responses.name_text(ns_record.target) for ns_record in ns_records})
                servers = await _gather(self._name_server(host, message) for host in hosts)
                return Zone(
                    key=record.key,
                    name=name,
                    servers=tuple(servers),
                    registered=registered,
                    suffixes=suffixes,
                )
        problem = f"no name servers of {record.key} were found"
        if registered is False:
            problem = f"{registrable} does not exist"
        elif all(message is None for message in messages):
            problem = "no resolver responded"
        return Zone(key=record.key, registered=registered, suffixes=suffixes, problem=problem)

    async def _name_server(self, host: str, message: dns.message.Message | None) -> NameServer:
        """A name server with its addresses, which often come with the NS records."""
        if host in self._connection.overrides:
            return NameServer(name=host, addresses=(self._connection.overrides[host][0],))
        addresses = responses.addresses_of(message, host)
        if not addresses:
            replies = await _gather(self._resolve(host, rdtype) for rdtype in ("A", "AAAA"))
            addresses = tuple(
                str(record.address) for reply in replies for record in responses.answer_records(reply)
            )
            if replies == [None, None]:
                problem = "its address could not be looked up: no resolver responded"
                return NameServer(name=host, problem=problem)
        return NameServer(name=host, addresses=addresses, problem="" if addresses else "it has no address")

    def _endpoints(self, server: NameServer) -> list[Endpoint]:
        """Its addresses, each once: overrides may map several to one."""
        endpoints = (Endpoint(server.name, ServerRole.AUTHORITATIVE, address) for address in server.addresses)
        return list(dict.fromkeys(map(self._connection.redirect, endpoints)))

    async def _resolve(self, name: str, rdtype: str) -> dns.message.Message | None:
        """The first conclusive response of a resolver, without DNSSEC validation; None if there is none."""
        if (name, rdtype) not in self._resolved:
            self._resolved[name, rdtype] = asyncio.create_task(self._first_response(name, rdtype))
        return await self._resolved[name, rdtype]

    async def _first_response(self, name: str, rdtype: str) -> dns.message.Message | None:
        queries: list[asyncio.Task[QueryResult]] = [
            asyncio.create_task(self._client.query(resolver, name, rdtype, checking_disabled=True))
            for resolver in self._resolvers
        ]
        try:
            for query in asyncio.as_completed(queries):
                result = await query
                if responses.name_exists(result.message) is not None:
                    return result.message
        finally:
            for task in queries:
                task.cancel()
        return None
