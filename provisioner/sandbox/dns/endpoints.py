"""Sockets: one loopback port per server, by UDP and TCP, all served by one thread's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

from provisioner.sandbox.dns.exchange import Transport

_log = logging.getLogger(__name__)

Respond = Callable[[str, bytes, Transport], Awaitable[bytes | None]]
"""Takes a server's name, the query's octets and the transport; None is no answer."""

_TRIES = 20  # to find a port that is free for both transports
_IDLE_SECONDS = (
    10.0  # after which a silent TCP connection is closed (RFC 7766 section 6.2.3 leaves it to the server)
)
_LENGTH = struct.Struct("!H")

T = TypeVar("T")


class Endpoints:
    """The open ports of all servers."""

    def __init__(self, address: str, respond: Respond) -> None:
        """Start the thread; no port is open yet.

        Args:
            address: the loopback address.
            respond: answers a query; runs in the event loop.
        """
        self._address = address
        self._respond = respond
        self._loop = asyncio.new_event_loop()
        self._open: dict[str, tuple[asyncio.DatagramTransport, asyncio.Server]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox-dns", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the event loop, and wait for it; not from the loop's own thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def open(self, host: str, port: int | None) -> int:
        """Open a server's port by UDP and TCP.

        Args:
            host: the server's name.
            port: the port it had; another one is taken when it is in use, or None.

        Returns:
            The port.

        Raises:
            OSError: no port is free.
        """
        datagram, stream = _pair(self._address, port)
        self.run(self._listen(host, datagram, stream))
        return int(stream.getsockname()[1])

    def hosts(self) -> set[str]:
        """The servers whose ports are open."""
        return set(self._open)

    def shut(self, host: str) -> None:
        """Close a server's port."""
        self.run(self._shut(host))

    def close(self) -> None:
        """Close every port and connection, and end the thread."""
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self, host: str, datagram: socket.socket, stream: socket.socket) -> None:
        transport, _ = await self._loop.create_datagram_endpoint(
            lambda: _Datagrams(self, host), sock=datagram
        )
        server = await asyncio.start_server(
            lambda reader, writer: self._connection(host, reader, writer), sock=stream
        )
        self._open[host] = (transport, server)

    async def _shut(self, host: str) -> None:
        transport, server = self._open.pop(host)
        transport.close()
        server.close()

    async def _end(self) -> None:
        for host in list(self._open):
            await self._shut(host)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports are closed in the loop's next turn

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin something in the event loop, to be cancelled when the endpoints close."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def answer(self, host: str, wire: bytes, transport: Transport) -> bytes | None:
        """What a server answers; a defect of the sandbox is logged, and the query dropped."""
        try:
            return await self._respond(host, wire, transport)
        except Exception:  # noqa: BLE001 (one bad query must not end the server)
            _log.exception("a DNS query failed inside the sandbox")
            return None

    async def _connection(
        self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one TCP connection: queries one after the other, each with its length before it (RFC 1035 section 4.2.2)."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while wire := await asyncio.wait_for(_message(reader), _IDLE_SECONDS):
                answer = await self.answer(host, wire, "tcp")
                if answer is None:
                    break
                writer.write(_LENGTH.pack(len(answer)) + answer)
                await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.CancelledError):
            pass  # the client went away, or we are closing
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


class _Datagrams(asyncio.DatagramProtocol):
    """One server's UDP port; every query is answered on its own."""

    def __init__(self, endpoints: Endpoints, host: str) -> None:
        self._endpoints = endpoints
        self._host = host
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(
            "asyncio.DatagramTransport", transport
        )  # it is none by class before Python 3.12

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._endpoints.start(self._answer(data, addr))

    async def _answer(self, wire: bytes, address: tuple[str | Any, int]) -> None:
        answer = await self._endpoints.answer(self._host, wire, "udp")
        if answer is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(answer, address)


async def _message(reader: asyncio.StreamReader) -> bytes:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return await reader.readexactly(length)


def _pair(address: str, port: int | None) -> tuple[socket.socket, socket.socket]:
    """A UDP and a listening TCP socket on one port: the given one if it is free, or any."""
    problem: OSError | None = None
    for wanted in [port or 0, *[0] * _TRIES]:
        stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            stream.bind((address, wanted))
            datagram.bind((address, stream.getsockname()[1]))
            stream.listen(128)
        except OSError as refused:
            problem = refused
            stream.close()
            datagram.close()
        else:
            datagram.setblocking(False)
            stream.setblocking(False)
            return datagram, stream
    assert problem is not None
    raise problem
