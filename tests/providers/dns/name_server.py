"""A name server on loopback, over UDP and TCP, with scripted responses; it records the queries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

Records = Mapping[str, list[str]]
"""Record data by ``name TYPE``; the TTL is 300."""


@dataclass
class NameServer:
    """The zone and the behaviour of a server.

    Attributes:
        zone: the zone it serves; names in it without records do not exist. None: it serves no zone.
        hold_until: number of queries to receive before the first response is sent.
        drop: send no response.
        change: called with query and response; returns the response to send.
        no_edns: respond with FORMERR to EDNS, as old servers do.
        max_datagram: octets of a datagram; a longer response is truncated.
        tcp: whether it responds over TCP.
        queries: the received queries as ``name TYPE``, in order.
    """

    zone: str | None = "example.net"
    records: Records = field(default_factory=dict)
    minimum: int = 60
    hold_until: int = 0
    drop: bool = False
    change: Callable[[dns.message.Message, dns.message.Message], dns.message.Message] | None = None
    no_edns: bool = False
    max_datagram: int = 1232
    tcp: bool = True
    authoritative: bool = True
    port: int = 0
    queries: list[str] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def respond(self, query: dns.message.Message) -> dns.message.Message:
        """The response to a query."""
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
        response = dns.message.make_response(query)
        if self.no_edns and query.edns >= 0:
            response.set_rcode(dns.rcode.FORMERR)
            response.use_edns(False)
            return response
        if self.zone is None or not (name == self.zone or name.endswith(f".{self.zone}") or self.zone == ""):
            response.set_rcode(dns.rcode.REFUSED)
        else:
            self._fill(response, name, kind)
        return self.change(query, response) if self.change else response

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        if self.authoritative:
            response.flags |= dns.flags.AA
        while alias := self.records.get(f"{name} CNAME"):
            response.answer.append(dns.rrset.from_text_list(f"{name}.", 300, "IN", "CNAME", alias))
            name = alias[0].rstrip(".")
        if data := self.records.get(f"{name} {kind}"):
            response.answer.append(dns.rrset.from_text_list(f"{name}.", 300, "IN", kind, data))
            return
        if response.answer:
            return
        if not any(key.split()[0] == name or key.split()[0].endswith(f".{name}") for key in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        soa = f"ns. admin. 7 3600 600 86400 {self.minimum}"
        zone = self.zone or "net"
        response.authority.append(dns.rrset.from_text(f"{zone}.", 3600, "IN", "SOA", soa))

    async def reply(self, wire: bytes, *, tcp: bool) -> bytes | None:
        """The octets of a response; None if there is none."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        question = query.question[0]
        self.queries.append(f"{question.name.to_text(omit_final_dot=True)} {question.rdtype.name}")
        if self.drop or (tcp and not self.tcp):
            return None
        if len(self.queries) >= self.hold_until:
            self.released.set()
        await self.released.wait()
        octets = self.respond(query).to_wire(max_size=65535)
        if not tcp and len(octets) > self.max_datagram:
            truncated = dns.message.make_response(query)
            truncated.flags |= dns.flags.TC
            octets = truncated.to_wire()
        return octets


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, data: bytes, addr: tuple[str, int]) -> None:
        if octets := await self._server.reply(data, tcp=False):
            self._transport.sendto(octets, addr)


@asynccontextmanager
async def serving(*servers: NameServer) -> AsyncIterator[tuple[NameServer, ...]]:
    """Run the servers, each on its own port."""
    loop = asyncio.get_running_loop()
    listening = [await _listen(loop, server) for server in servers]
    try:
        yield servers
    finally:
        for stream, datagrams in listening:
            stream.close()
            datagrams.close()
        await asyncio.sleep(0)


async def _listen(loop, server):
    """Listen on the same port over TCP and UDP; another process may use it for one of them."""
    while True:
        datagrams, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(server), ("127.0.0.1", 0))
        port = datagrams.get_extra_info("sockname")[1]

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError, asyncio.IncompleteReadError):
                size = int.from_bytes(await reader.readexactly(2), "big")
                octets = await server.reply(await reader.readexactly(size), tcp=True)
                if octets is not None:
                    writer.write(len(octets).to_bytes(2, "big") + octets)
                    await writer.drain()
            writer.close()

        try:
            stream = await asyncio.start_server(connected, "127.0.0.1", port)
        except OSError:
            datagrams.close()
            continue
        server.port = port
        return stream, datagrams
