"""The DNS as a whole: its store, its servers, and what a client has to know."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import dns.message
import dns.opcode
import dns.rcode
from werkzeug.wrappers import Request, Response

from provisioner.sandbox.dns import doh, exchange, keyring, seeding, zone_data
from provisioner.sandbox.dns.authority import Authority
from provisioner.sandbox.dns.behaviour import Behaviour, behaviour_of
from provisioner.sandbox.dns.endpoints import Endpoints
from provisioner.sandbox.dns.exchange import Refused, Transport
from provisioner.sandbox.dns.resolving import Resolving
from provisioner.sandbox.store import Store

_WATCH_SECONDS = 0.1  # how soon a server that another process added is opened


class Dns:
    """Name servers and resolvers on loopback, kept in a folder.

    Attributes:
        store: zones, keys, behaviours; see the functions of this package.
    """

    def __init__(self, home: Path) -> None:
        """Open (or create and seed) the store.

        Args:
            home: the sandbox's folder; the DNS is in its ``dns.db``.
        """
        self.store = Store(home / "dns.db")
        with self.store.transaction():
            if not zone_data.zones(self.store):
                seeding.fresh(self.store)
        self._authority = Authority(self.store)
        self._resolving = Resolving(self.store)
        self._doh = doh.Doh(self._ask)
        self._endpoints: Endpoints | None = None
        self._closing = threading.Event()
        self._watcher: threading.Thread | None = None
        self._opening = threading.Lock()

    def start(self) -> Self:
        """Serve. Only one process serves a home at a time; others steer it through the store.

        Every server keeps the port it had; one that a stranger took meanwhile is replaced.

        Raises:
            OSError: no port is free.
        """
        self._endpoints = Endpoints(zone_data.ADDRESS, self._respond)
        self._closing.clear()
        self.refresh()
        self._watcher = threading.Thread(target=self._watch, name="sandbox-dns-watch", daemon=True)
        self._watcher.start()
        return self

    def close(self) -> None:
        """Close every port, if any is open, and the store."""
        self._closing.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        if self._endpoints is not None:
            self._endpoints.close()
            self._endpoints = None
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def refresh(self) -> None:
        """Open the ports of servers that were added, and close those of servers that are gone.

        A running DNS does so by itself within a tenth of a second.
        """
        if self._endpoints is None:
            return
        with self._opening:
            servers = {server["host"]: server for server in self.store.all("server")}
            for host in self._endpoints.hosts() - set(servers):
                self._endpoints.shut(host)
            for host in set(servers) - self._endpoints.hosts():
                port = self._endpoints.open(host, servers[host]["port"])
                if port != servers[host]["port"]:
                    self.store.put("server", host, {**servers[host], "port": port})

    def settle(self, seconds: float = 5.0) -> None:
        """Wait until every server that was added has its port, whichever process serves.

        Args:
            seconds: how long at most; a server without a port then cannot be asked.
        """
        self.refresh()
        deadline = time.monotonic() + seconds
        while not all(server["port"] for server in self.store.all("server")) and time.monotonic() < deadline:
            time.sleep(_WATCH_SECONDS / 2)

    def facts(self) -> dict[str, str]:
        """What another client needs: every server's address and port, and the keys for updates (worth nothing elsewhere)."""
        found = {f"Name server {host.rstrip('.')}": endpoint for host, endpoint in self.glue().items()}
        found |= {f"Resolver {host.rstrip('.')}": endpoint for host, endpoint in self.resolvers().items()}
        found |= {
            f"Key {grant.name.rstrip('.')}": f"{grant.algorithm} {grant.secret}"
            for grant in keyring.keys(self.store)
        }
        return found

    def glue(self) -> dict[str, str]:
        """Where each name server can be reached: ``{"ns1.contoso.example.": "127.0.0.1:41053"}``.

        An A record cannot tell a port; whoever follows NS records in the sandbox looks the port up here.
        """
        return self._reachable("authority")

    def resolvers(self) -> dict[str, str]:
        """Where each resolver can be reached, by its name."""
        return self._reachable("resolver")

    def over_https(self, request: Request) -> Response:
        """Answer a request of DNS over HTTPS; to be mounted on `doh.PATHS` with `doh.refusal`. The DNS has to be started."""
        return self._doh(request)

    def _ask(self, resolver: str, wire: bytes) -> bytes | None:
        """Ask a resolver from another thread; by HTTPS nothing is truncated."""
        assert self._endpoints is not None
        known = [server["host"] for server in self.store.all("server") if server["role"] == "resolver"]
        host = resolver.lower().rstrip(".") + "." if resolver else known[0]
        if host not in known:
            raise KeyError(host)
        return self._endpoints.run(self._respond(host, wire, "tcp"))

    def _reachable(self, role: str) -> dict[str, str]:
        return {
            server["host"]: f"{zone_data.ADDRESS}:{server['port']}"
            for server in self.store.all("server")
            if server["role"] == role and server["port"]
        }

    def _watch(self) -> None:
        while not self._closing.wait(_WATCH_SECONDS):
            with contextlib.suppress(OSError):  # tried again at the next turn
                self.refresh()

    async def _respond(self, host: str, wire: bytes, transport: Transport) -> bytes | None:
        """What a server sends back, as it behaves now; None for nothing."""
        behaviour = behaviour_of(self.store, host)
        await asyncio.sleep(behaviour.latency_ms / 1000)
        if behaviour.mode == "drop" or (transport == "tcp" and not behaviour.tcp):
            return None
        try:
            query = exchange.read(self.store, wire)
        except Refused as refused:
            return refused.wire
        if query is None or (query.edns >= 0 and behaviour.edns == "drop"):
            return None
        response = await self._answer(host, query, behaviour)
        if behaviour.mode == "drop-after":
            return None
        return exchange.write(query, response, transport, behaviour)

    async def _answer(
        self, host: str, query: dns.message.Message, behaviour: Behaviour
    ) -> dns.message.Message:
        if query.edns >= 0 and behaviour.edns == "formerr":
            response = exchange.blank(query, dns.rcode.FORMERR)
            response.use_edns(edns=False)
            return response
        if behaviour.mode in ("refuse", "servfail"):
            return exchange.blank(
                query, dns.rcode.REFUSED if behaviour.mode == "refuse" else dns.rcode.SERVFAIL
            )
        server = self.store.get("server", host)
        if server is not None and server["role"] == "resolver":
            return await self._resolving.answer(host, query)
        return self._authority.answer(host, query, behaviour)
