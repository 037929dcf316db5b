"""Whom to ask, and for how long. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from .observations import Role

ServerMap = Mapping[str, tuple[str, int]]
"""Other addresses and ports for servers, by their name or address: tests and the sandbox redirect with it."""

PORT: Final = 53
_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Limits:
    """How long and how much.

    Attributes:
        datagram: seconds to wait for one UDP answer.
        stream: seconds for one exchange over TCP or HTTPS.
        attempts: UDP attempts; the last of several goes without EDNS, which old firewalls drop.
        budget: seconds for a whole look; what has no answer by then is said to have none.
        concurrency: questions under way at the same time.
    """

    datagram: float = 1.5
    stream: float = 4.0
    attempts: int = 2
    budget: float = 15.0
    concurrency: int = 128


@dataclass(frozen=True)
class Endpoint:
    """A server that can be asked.

    Attributes:
        name: what people call it.
        host: its IP address; empty for DNS over HTTPS.
        url: of DNS over HTTPS (RFC 8484), else empty.
    """

    name: str
    role: Role
    host: str = ""
    port: int = PORT
    url: str = ""

    @property
    def address(self) -> str:
        """For people: the port only where it is not the usual one."""
        if self.url:
            return self.url
        if self.port == PORT:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def resolver(text: str) -> Endpoint:
    """A public resolver as it is configured.

    Args:
        text: an IP address, one with a port (``127.0.0.1:5353``, ``[::1]:5353``), or the https URL of a DNS over HTTPS
            server. http is for loopback only.

    Raises:
        ValueError: it is none of these.
    """
    given = text.strip()
    if "://" in given:
        parts = urlsplit(given)
        if parts.hostname and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        ):
            return Endpoint(given, Role.RESOLVER, url=given)
        raise ValueError(f"{given}: expected the https URL of a DNS over HTTPS server")
    host, port = _host_and_port(given)
    try:
        return Endpoint(given, Role.RESOLVER, str(ipaddress.ip_address(host)), port)
    except ValueError:
        raise ValueError(
            f"{given}: expected an IP address, or the https URL of a DNS over HTTPS server"
        ) from None


def redirected(endpoint: Endpoint, servers: ServerMap) -> Endpoint:
    """The same server where the map says it is."""
    found = servers.get(endpoint.name) or servers.get(endpoint.host)
    if found is None or endpoint.url:
        return endpoint
    return Endpoint(endpoint.name, endpoint.role, *found)


def _host_and_port(given: str) -> tuple[str, int]:
    host, separator, port = given.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if separator and port.isdigit() and int(port) < 65536 and (bracketed or ":" not in host):
        return host.strip("[]"), int(port)
    return given.strip("[]"), PORT


PUBLIC_RESOLVERS: Final = tuple(map(resolver, ("1.1.1.1", "8.8.8.8", "9.9.9.9")))
"""Cloudflare, Google and Quad9: all three validate DNSSEC."""
