"""The DNS service: its store, its servers, and the addresses and keys that a client needs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import dns.message
import dns.rcode
from werkzeug.wrappers import Request, Response

from provisioner.sandbox.dns import zones
from provisioner.sandbox.dns.authoritative import AuthoritativeServers
from provisioner.sandbox.dns.doh import DohHandler
from provisioner.sandbox.dns.endpoints import Endpoints
from provisioner.sandbox.dns.messages import (
    QueryError,
    Transport,
    encode_response,
    make_response,
    parse_query,
)
from provisioner.sandbox.dns.resolver import Resolvers
from provisioner.sandbox.dns.seed import seed
from provisioner.sandbox.dns.server_options import ServerOptions, options_of
from provisioner.sandbox.dns.tsig_keys import tsig_keys
from provisioner.sandbox.store import Store

_WATCH_SECONDS = 0.1  # interval in which a server that another process added gets its port


class Dns:
    """Name servers and resolvers on loopback.

    Attributes:
        store: zones, keys and server options; the functions of this package read and change them.
    """

    def __init__(self, home: Path) -> None:
        """Open the store, and fill a new one.

        Args:
            home: folder of the sandbox; the store is its ``dns.db``.
        """
        self.store = Store(home / "dns.db")
        with self.store.transaction():
            if not zones.zone_names(self.store):
                seed(self.store)
        self._authoritative = AuthoritativeServers(self.store)
        self._resolvers = Resolvers(self.store)
        self._doh = DohHandler(self._resolve)
        self._endpoints: Endpoints | None = None
        self._closing = threading.Event()
        self._watcher: threading.Thread | None = None
        self._refreshing = threading.Lock()

    def start(self) -> Self:
        """Start the servers. Only one process serves a home at a time; other processes change the store.

        Each server gets its previous port, or another one if that port is in use.

        Raises:
            OSError: no port is free.
        """
        self._endpoints = Endpoints(zones.LOOPBACK, self._respond)
        self._closing.clear()
        self.refresh()
        self._watcher = threading.Thread(target=self._watch, name="sandbox-dns-watch", daemon=True)
        self._watcher.start()
        return self

    def close(self) -> None:
        """Close all ports and the store."""
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
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def refresh(self) -> None:
        """Open the ports of new servers and close those of removed servers.

        A started service does so by itself every tenth of a second.
        """
        if self._endpoints is None:
            return
        with self._refreshing:
            servers = {server["host"]: server for server in self.store.all("server")}
            for host in self._endpoints.hosts() - set(servers):
                self._endpoints.close_host(host)
            for host in set(servers) - self._endpoints.hosts():
                port = self._endpoints.open(host, servers[host]["port"])
                if port != servers[host]["port"]:
                    self.store.put("server", host, {**servers[host], "port": port})

    def wait_for_ports(self, seconds: float = 5.0) -> None:
        """Wait until every server has a port, whichever process serves.

        Args:
            seconds: maximum wait; afterwards a server without a port cannot be queried.
        """
        self.refresh()
        deadline = time.monotonic() + seconds
        while not all(server["port"] for server in self.store.all("server")) and time.monotonic() < deadline:
            time.sleep(_WATCH_SECONDS / 2)

    def connection_facts(self) -> dict[str, str]:
        """Address and port of every server, and the update keys, which are valid in this sandbox only."""
        facts = {f"Name server {host.rstrip('.')}": address for host, address in self.name_servers().items()}
        facts |= {f"Resolver {host.rstrip('.')}": address for host, address in self.resolvers().items()}
        facts |= {
            f"Key {key.name.rstrip('.')}": f"{key.algorithm} {key.secret}" for key in tsig_keys(self.store)
        }
        return facts

    def name_servers(self) -> dict[str, str]:
        """Address and port of each name server by its name: ``{"ns1.contoso.example.": "127.0.0.1:41053"}``.

        An A record has no port, so a client that follows NS records must take the port from here.
        """
        return self._addresses("authority")

    def resolvers(self) -> dict[str, str]:
        """Address and port of each resolver by its name."""
        return self._addresses("resolver")

    def handle_doh(self, request: Request) -> Response:
        """Respond to DNS over HTTPS, to be mounted on `doh.PATHS` with `doh.error_response`. The service must be started."""
        return self._doh(request)

    def _resolve(self, resolver: str, wire: bytes) -> bytes | None:
        """Query a resolver from another thread; HTTPS responses are not truncated."""
        assert self._endpoints is not None
        hosts = [server["host"] for server in self.store.all("server") if server["role"] == "resolver"]
        host = resolver.lower().rstrip(".") + "." if resolver else hosts[0]
        if host not in hosts:
            raise KeyError(host)
        return self._endpoints.run(self._respond(host, wire, "tcp"))

    def _addresses(self, role: str) -> dict[str, str]:
        return {
            server["host"]: f"{zones.LOOPBACK}:{server['port']}"
            for server in self.store.all("server")
            if server["role"] == role and server["port"]
        }

    def _watch(self) -> None:
        while not self._closing.wait(_WATCH_SECONDS):
            with contextlib.suppress(OSError):  # retried in the next interval
                self.refresh()

    async def _respond(self, host: str, wire: bytes, transport: Transport) -> bytes | None:
        """The response of a server with its current options, or None for none."""
        options = options_of(self.store, host)
        await asyncio.sleep(options.latency_ms / 1000)
        if options.mode == "drop" or (transport == "tcp" and not options.tcp):
            return None
        try:
            query = parse_query(self.store, wire)
        except QueryError as error:
            return error.response
        if query is None or (query.edns >= 0 and options.edns == "drop"):
            return None
        response = await self._process(host, query, options)
        if options.mode == "drop-after":
            return None
        return encode_response(query, response, transport, options)

    async def _process(
        self, host: str, query: dns.message.Message, options: ServerOptions
    ) -> dns.message.Message:
        if query.edns >= 0 and options.edns == "formerr":
            response = make_response(query, dns.rcode.FORMERR)
            response.use_edns(edns=False)
            return response
        if options.mode in ("refuse", "servfail"):
            return make_response(query, dns.rcode.REFUSED if options.mode == "refuse" else dns.rcode.SERVFAIL)
        server = self.store.get("server", host)
        if server is not None and server["role"] == "resolver":
            return await self._resolvers.respond(host, query)
        return self._authoritative.respond(host, query, options)
