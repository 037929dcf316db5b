"""The DNS servers to query, and the limits of a lookup. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from .observations import ServerRole

ServerOverrides = Mapping[str, tuple[str, int]]
"""Other addresses and ports of servers, by host name or IP address: tests and the sandbox redirect queries with it."""

PORT: Final = 53
_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Limits:
    """The limits of a lookup; times in seconds.

    Attributes:
        udp_timeout: wait for one UDP response.
        tcp_timeout: wait for one response over TCP or HTTPS, connecting included.
        udp_attempts: UDP attempts; the last of several omits EDNS, which old firewalls drop.
        budget: the whole lookup; queries without a response by then fail.
        concurrency: number of queries in flight.
    """

    udp_timeout: float = 1.5
    tcp_timeout: float = 4.0
    udp_attempts: int = 2
    budget: float = 15.0
    concurrency: int = 128


@dataclass(frozen=True)
class Endpoint:
    """The address of a DNS server.

    Attributes:
        name: host name of a name server; a resolver as the playbook writes it.
        host: IP address; empty for DNS over HTTPS.
        url: URL of DNS over HTTPS (RFC 8484), else empty.
    """

    name: str
    role: ServerRole
    host: str = ""
    port: int = PORT
    url: str = ""

    @property
    def location(self) -> str:
        """The address for messages: the URL, or the IP address with any port other than 53."""
        if self.url:
            return self.url
        if self.port == PORT:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_resolver(text: str) -> Endpoint:
    """Parse a public resolver of the playbook.

    Args:
        text: an IP address, optionally with a port (``127.0.0.1:5353``, ``[::1]:5353``), or the https URL of a DNS over
            HTTPS server. http is allowed for loopback only.

    Raises:
        ValueError: it is none of these.
    """
    text = text.strip()
    if "://" in text:
        parts = urlsplit(text)
        if parts.hostname and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        ):
            return Endpoint(text, ServerRole.RESOLVER, url=text)
        raise ValueError(f"{text}: expected the https URL of a DNS over HTTPS server")
    host, port = _host_and_port(text)
    try:
        return Endpoint(text, ServerRole.RESOLVER, str(ipaddress.ip_address(host)), port)
    except ValueError:
        raise ValueError(
            f"{text}: expected an IP address, or the https URL of a DNS over HTTPS server"
        ) from None


def _host_and_port(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if separator and port.isdigit() and int(port) < 65536 and (bracketed or ":" not in host):
        return host.strip("[]"), int(port)
    return text.strip("[]"), PORT


PUBLIC_RESOLVERS: Final = tuple(map(parse_resolver, ("1.1.1.1", "8.8.8.8", "9.9.9.9")))
"""Cloudflare, Google and Quad9: all three validate DNSSEC."""


@dataclass(frozen=True)
class DnsConnection:
    """The DNS to query: the public one, or that of the sandbox.

    Attributes:
        resolvers: public resolvers.
        overrides: other addresses and ports of servers; empty for the public DNS.
        suffixes: public suffixes of this DNS in addition to the public suffix list.
        limits: the limits of each lookup.
    """

    resolvers: Sequence[Endpoint] = PUBLIC_RESOLVERS
    overrides: ServerOverrides = field(default_factory=dict)
    suffixes: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def redirect(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint at the address that the overrides give it, if they do."""
        address = self.overrides.get(endpoint.name) or self.overrides.get(endpoint.host)
        if address is None or endpoint.url:
            return endpoint
        return Endpoint(endpoint.name, endpoint.role, *address)
