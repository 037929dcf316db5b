"""Looks at domains in the DNS: every authoritative server and every public resolver, at every name that may matter.

Nothing here raises for a bad network: what failed is an observation too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import dns.message
import dns.rcode

from provisioner.core.resource import Resource

from . import responses
from .client import Exchange, Reply
from .context import sights
from .names import doubled, parents
from .observations import Answer, NameServer, Place, Role, Zone
from .resources import DomainRecord
from .servers import PUBLIC_RESOLVERS, Endpoint, Limits, ServerMap, redirected
from .suffixes import registrable_domain

T = TypeVar("T")

GUESSES: Final = ("kiro-app-1", "kiro-app-2")
"""Labels at which people make the record besides the one that is wanted (Kiro, Entra guide, step 3)."""


async def look(
    wanted: Iterable[DomainRecord],
    *,
    resolvers: Sequence[Endpoint] = PUBLIC_RESOLVERS,
    guesses: Iterable[str] = GUESSES,
    servers: ServerMap | None = None,
    suffixes: tuple[str, ...] = (),
    limits: Limits | None = None,
    early: bool = True,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> tuple[Resource, ...]:
    """Look at domains.

    Args:
        wanted: their records.
        resolvers: public resolvers. They also tell which servers a zone has.
        guesses: labels at which the record may be instead.
        servers: other addresses and ports for servers.
        suffixes: public suffixes that this DNS has besides the public suffix list.
        limits: how long and how much.
        early: ask resolvers for the records even before all servers of a zone have them. Whoever asks a resolver for
            a record that does not exist makes it remember that for a while.
        clock: when an answer is seen.

    Returns:
        A :class:`Zone` for each domain, and an :class:`Answer` for each server and name.
    """
    exchange = Exchange(limits or Limits())
    try:
        work = _Look(exchange, resolvers, tuple(guesses), servers or {}, suffixes, clock, early=early)
        found = await _all([work.domain(record) for record in wanted])
    finally:
        await exchange.close()
    return tuple(resource for resources in found for resource in resources)


async def _all(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, in order; if one fails, the others are ended."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
    return [task.result() for task in tasks]


class _Look:
    """One look, which asks every question about zones and servers once."""

    def __init__(
        self,
        exchange: Exchange,
        resolvers: Sequence[Endpoint],
        guesses: tuple[str, ...],
        servers: ServerMap,
        suffixes: tuple[str, ...],
        clock: Callable[[], datetime],
        *,
        early: bool,
    ) -> None:
        self._exchange = exchange
        self._resolvers = [redirected(one, servers) for one in resolvers]
        self._guesses = guesses
        self._servers = servers
        self._suffixes = suffixes
        self._clock = clock
        self._early = early
        self._known: dict[tuple[str, str], asyncio.Task[dns.message.Message | None]] = {}

    async def domain(self, record: DomainRecord) -> list[Resource]:
        """Everything about one domain."""
        places = self._places(record)
        if self._early:
            (zone, told), cached = await asyncio.gather(
                self._authoritative(record, places), self._ask_all(record, self._resolvers, places)
            )
            return [zone, *told, *cached]
        zone, told = await self._authoritative(record, places)
        (seen,) = sights([record], [zone, *told])
        unasked = seen.authoritative and not seen.published
        return [zone, *told, *([] if unasked else await self._ask_all(record, self._resolvers, places))]

    async def _authoritative(
        self, record: DomainRecord, places: dict[str, Place]
    ) -> tuple[Zone, list[Answer]]:
        zone = await self._zone(record)
        endpoints = [endpoint for server in zone.servers for endpoint in self._endpoints(server)]
        return zone, await self._ask_all(record, endpoints, places)

    def _places(self, record: DomainRecord) -> dict[str, Place]:
        """The names to ask for; the record's own first."""
        domain = record.key
        guessed = {f"{label}.{domain}": Place.GUESS for label in self._guesses}
        twice = doubled(record.name, domain)
        found = {record.name: Place.RECORD, domain: Place.APEX} | guessed | {record.name: Place.RECORD}
        return found | ({twice: Place.DOUBLED} if twice else {})

    async def _ask_all(
        self, record: DomainRecord, endpoints: Iterable[Endpoint], places: dict[str, Place]
    ) -> list[Answer]:
        return await _all(
            [
                self._ask(record.key, endpoint, name, place)
                for endpoint in endpoints
                for name, place in places.items()
            ]
        )

    async def _ask(self, domain: str, endpoint: Endpoint, name: str, place: Place) -> Answer:
        recurse = endpoint.role is Role.RESOLVER
        reply = await self._exchange.ask(endpoint, name, "TXT", recurse=recurse)
        bogus = False
        if recurse and reply.rcode == dns.rcode.SERVFAIL:
            again = await self._exchange.ask(endpoint, name, "TXT", recurse=True, validate=False)
            bogus = responses.exists(again.message) is not None
        return responses.observed(reply, endpoint, name, domain, place=place, bogus=bogus, at=self._clock())

    # -- zones and their servers

    async def _zone(self, record: DomainRecord) -> Zone:
        """The zone a record is in: the nearest name above it that has name servers."""
        registered = registrable_domain(record.key, self._suffixes) or record.key
        # Asking resolvers about the record's own name, even for another type, makes them remember NXDOMAIN.
        lowest = record.name if self._early or record.label == "@" else record.name.partition(".")[2]
        candidates = parents(lowest, registered)
        replies = await _all([self._resolved(name, "NS") for name in candidates])
        there = responses.exists(replies[-1])
        for name, message in zip(candidates, replies, strict=True):
            if servers := responses.own(message, name, "NS"):
                names = sorted({responses.text_of(server.target) for server in servers})
                found = await _all([self._server(server, message) for server in names])
                return Zone(
                    key=record.key,
                    zone=name,
                    servers=tuple(found),
                    registered=there,
                    suffixes=self._suffixes,
                )
        problem = (
            f"{registered} does not exist"
            if there is False
            else f"no name servers of {record.key} were found"
        )
        if all(message is None for message in replies):
            problem = "no resolver answered"
        return Zone(key=record.key, registered=there, suffixes=self._suffixes, problem=problem)

    async def _server(self, name: str, message: dns.message.Message | None) -> NameServer:
        """A server with its addresses, which often come with the list of servers."""
        if name in self._servers:
            return NameServer(name=name, addresses=(self._servers[name][0],))
        found = responses.addresses(message, name)
        if not found:
            four, six = await _all([self._resolved(name, "A"), self._resolved(name, "AAAA")])
            found = tuple(
                str(record.address)
                for reply, kind in ((four, "A"), (six, "AAAA"))
                for record in responses.records(reply, name, kind)
            )
            if not found and four is None and six is None:
                return NameServer(
                    name=name, problem="its address could not be looked up: no resolver answered"
                )
        return NameServer(name=name, addresses=found, problem="" if found else "it has no address")

    def _endpoints(self, server: NameServer) -> list[Endpoint]:
        plain = [Endpoint(server.name, Role.AUTHORITATIVE, address) for address in server.addresses]
        return list(dict.fromkeys(redirected(endpoint, self._servers) for endpoint in plain))

    async def _resolved(self, name: str, kind: str) -> dns.message.Message | None:
        """What the first resolver that knows says, whatever DNSSEC says of it; None: none does."""
        if (name, kind) not in self._known:
            self._known[name, kind] = asyncio.create_task(self._first(name, kind))
        return await self._known[name, kind]

    async def _first(self, name: str, kind: str) -> dns.message.Message | None:
        asked: list[asyncio.Task[Reply]] = [
            asyncio.create_task(self._exchange.ask(one, name, kind, recurse=True, validate=False))
            for one in self._resolvers
        ]
        try:
            for done in asyncio.as_completed(asked):
                reply = await done
                if responses.exists(reply.message) is not None:
                    return reply.message
        finally:
            for task in asked:
                task.cancel()
        return None
