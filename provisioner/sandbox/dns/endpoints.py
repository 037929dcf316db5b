"""Sockets: one loopback port per server for UDP and TCP, all in one thread with an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

from provisioner.sandbox.dns.messages import Transport

_log = logging.getLogger(__name__)

Respond = Callable[[str, bytes, Transport], Awaitable[bytes | None]]
"""Takes the name of a server, a message and its transport; returns the response, or None for none."""

_MAX_ATTEMPTS = 20  # to find a port that is free for UDP and TCP
_IDLE_SECONDS = (
    10.0  # before an idle TCP connection is closed (RFC 7766 section 6.2.3 leaves it to the server)
)
_LENGTH = struct.Struct("!H")

T = TypeVar("T")


class Endpoints:
    """The open ports of all servers."""

    def __init__(self, address: str, respond: Respond) -> None:
        """Start the thread, without ports.

        Args:
            address: the loopback address.
            respond: responds to a message; runs in the event loop.
        """
        self._address = address
        self._respond = respond
        self._loop = asyncio.new_event_loop()
        self._open: dict[str, tuple[asyncio.DatagramTransport, asyncio.Server]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox-dns", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the event loop and wait for it; must not be called from the loop's own thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def open(self, host: str, port: int | None) -> int:
        """Open a port for a server.

        Args:
            host: name of the server.
            port: its previous port, or None; another port is opened if it is in use.

        Returns:
            the port.

        Raises:
            OSError: no port is free.
        """
        datagram, stream = _bind_pair(self._address, port)
        self.run(self._listen(host, datagram, stream))
        return int(stream.getsockname()[1])

    def hosts(self) -> set[str]:
        """The names of servers with an open port."""
        return set(self._open)

    def close_host(self, host: str) -> None:
        """Close the port of a server."""
        self.run(self._close_host(host))

    def close(self) -> None:
        """Close all ports and connections, and end the thread."""
        self.run(self._close_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self, host: str, datagram: socket.socket, stream: socket.socket) -> None:
        transport, _ = await self._loop.create_datagram_endpoint(
            lambda: _UdpProtocol(self, host), sock=datagram
        )
        server = await asyncio.start_server(
            lambda reader, writer: self._serve_connection(host, reader, writer), sock=stream
        )
        self._open[host] = (transport, server)

    async def _close_host(self, host: str) -> None:
        transport, server = self._open.pop(host)
        transport.close()
        server.close()

    async def _close_all(self) -> None:
        for host in list(self._open):
            await self._close_host(host)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the next iteration of the loop

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Start a coroutine in the event loop; `close` cancels it."""
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def respond(self, host: str, wire: bytes, transport: Transport) -> bytes | None:
        """The response of a server; an exception in the sandbox is logged, and the message gets no response."""
        try:
            return await self._respond(host, wire, transport)
        except Exception:  # noqa: BLE001 (one message must not stop the server)
            _log.exception("a DNS query failed inside the sandbox")
            return None

    async def _serve_connection(
        self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve a TCP connection: messages one after the other, each after its length (RFC 1035 section 4.2.2)."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while wire := await asyncio.wait_for(_read_message(reader), _IDLE_SECONDS):
                response = await self.respond(host, wire, "tcp")
                if response is None:
                    break
                writer.write(_LENGTH.pack(len(response)) + response)
                await writer.drain()
        except (OSError, EOFError, TimeoutError, asyncio.CancelledError):
            pass  # the client disconnected, or the endpoints are closing
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


class _UdpProtocol(asyncio.DatagramProtocol):
    """The UDP port of one server; each message is processed in a task of its own."""

    def __init__(self, endpoints: Endpoints, host: str) -> None:
        self._endpoints = endpoints
        self._host = host
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Before Python 3.12 its class is not a subclass of DatagramTransport.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._endpoints.start(self._respond(data, addr))

    async def _respond(self, wire: bytes, address: tuple[str | Any, int]) -> None:
        response = await self._endpoints.respond(self._host, wire, "udp")
        if response is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(response, address)


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return await reader.readexactly(length)


def _bind_pair(address: str, port: int | None) -> tuple[socket.socket, socket.socket]:
    """A UDP socket and a listening TCP socket on the same port: the given port if it is free, otherwise any."""
    last_error: OSError | None = None
    for candidate in [port or 0, *[0] * _MAX_ATTEMPTS]:
        stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            stream.bind((address, candidate))
            datagram.bind((address, stream.getsockname()[1]))
            stream.listen(128)
        except OSError as error:
            last_error = error
            stream.close()
            datagram.close()
        else:
            datagram.setblocking(False)
            stream.setblocking(False)
            return datagram, stream
    assert last_error is not None
    raise last_error
