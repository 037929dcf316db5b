"""A name server on loopback, over UDP and TCP, that answers as it was told to, and remembers what it was asked."""

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
"""``name TYPE`` and the records' data; the TTL is 300."""


@dataclass
class NameServer:
    """What it has, and how it behaves.

    Attributes:
        zone: the zone it has; names in it that it lacks do not exist. None: it knows no zone.
        wait: seconds before each answer.
        drop: say nothing.
        change: what to do to an answer before it is sent.
        no_edns: answer FORMERR to EDNS, as old servers do.
        limit: octets of a datagram, above which the answer is truncated.
        tcp: whether it answers over TCP.
    """

    zone: str | None = "example.net"
    records: Records = field(default_factory=dict)
    minimum: int = 60
    wait: float = 0
    drop: bool = False
    change: Callable[[dns.message.Message, dns.message.Message], dns.message.Message] | None = None
    no_edns: bool = False
    limit: int = 1232
    tcp: bool = True
    authoritative: bool = True
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def answer(self, query: dns.message.Message) -> dns.message.Message | None:
        """What it says."""
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
        self.asked.append(f"{name} {kind}")
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
        if found := self.records.get(f"{name} {kind}"):
            response.answer.append(dns.rrset.from_text_list(f"{name}.", 300, "IN", kind, found))
            return
        if response.answer:
            return
        if not any(key.split()[0] == name or key.split()[0].endswith(f".{name}") for key in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        soa = f"ns. admin. 7 3600 600 86400 {self.minimum}"
        zone = self.zone or "net"
        response.authority.append(dns.rrset.from_text(f"{zone}.", 3600, "IN", "SOA", soa))

    async def reply(self, wire: bytes, *, stream: bool) -> bytes | None:
        """The octets of an answer; None: there is none."""
        if self.drop or (stream and not self.tcp):
            return None
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        if self.wait:
            await asyncio.sleep(self.wait)
        response = self.answer(query)
        if response is None:
            return None
        octets = response.to_wire()
        if not stream and len(octets) > self.limit:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            octets = short.to_wire()
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
        if octets := await self._server.reply(data, stream=False):
            self._transport.sendto(octets, addr)


@asynccontextmanager
async def serving(*servers: NameServer) -> AsyncIterator[tuple[NameServer, ...]]:
    """The servers run, each on a port of its own."""
    loop = asyncio.get_running_loop()
    open_ones = []
    for server in servers:
        stream, transport = await _bound(loop, server)
        open_ones.append((stream, transport))
    try:
        yield servers
    finally:
        for stream, transport in open_ones:
            stream.close()
            transport.close()
        await asyncio.sleep(0)


async def _bound(loop, server):
    """The same port for both; another process may have it for one of them."""
    while True:
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(server), ("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError, asyncio.IncompleteReadError):
                size = int.from_bytes(await reader.readexactly(2), "big")
                octets = await server.reply(await reader.readexactly(size), stream=True)
                if octets is not None:
                    writer.write(len(octets).to_bytes(2, "big") + octets)
                    await writer.drain()
            writer.close()

        try:
            stream = await asyncio.start_server(connected, "127.0.0.1", port)
        except OSError:
            transport.close()
            continue
        server.port = port
        return stream, transport
