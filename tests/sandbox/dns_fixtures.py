"""A client of the sandbox's DNS, which knows the ports of its servers."""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import pytest

from provisioner.sandbox.dns import Dns, tsig_keys
from provisioner.sandbox.dns.resolver import TIMEOUT_SETTING

NS1, NS2, NS3 = (f"ns{number}.contoso.example." for number in (1, 2, 3))
ZONE = "contoso.example."
SECONDS = 60
"""Time-out of a query that gets a response."""
DROP_SECONDS = 1
"""Time-out of a query that gets no response."""


class Client:
    """Queries the servers of a DNS service by their names."""

    def __init__(self, service: Dns) -> None:
        self.service = service

    def set_resolver_timeout(self, seconds: float = SECONDS) -> None:
        """Let the resolvers wait longer for a name server than they do by default."""
        self.service.store.set(TIMEOUT_SETTING, seconds)

    def address(self, host: str) -> tuple[str, int]:
        address, _, port = {**self.service.name_servers(), **self.service.resolvers()}[host].partition(":")
        return address, int(port)

    def query(
        self, name: str, rdtype: str = "TXT", host: str = NS1, *, tcp: bool = False, **options
    ) -> dns.message.Message:
        return self.send(dns.message.make_query(name, rdtype, **options), host, tcp=tcp)

    def send(
        self, query: dns.message.Message, host: str = NS1, *, tcp: bool = False, seconds: float = SECONDS
    ) -> dns.message.Message:
        address, port = self.address(host)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, address, port=port, timeout=seconds)

    def assert_dropped(self, query: dns.message.Message, host: str = NS1, *, tcp: bool = False) -> None:
        """Assert that a server does not respond."""
        with pytest.raises((dns.exception.Timeout, EOFError, ConnectionError)):
            self.send(query, host, tcp=tcp, seconds=DROP_SECONDS)

    def update(
        self, zone: str = ZONE, key: str | None = "provisioner.", secret: str | None = None
    ) -> dns.update.UpdateMessage:
        """An empty update message, signed with a key of the sandbox or with another secret."""
        update = dns.update.UpdateMessage(zone)
        if key is not None:
            secrets = {known.name: known.secret for known in tsig_keys(self.service.store)}
            update.use_tsig(dns.tsig.Key(key, secret or secrets[key]))
        return update


def values(message: dns.message.Message) -> list[str]:
    """The data of the records in the answer section, as text."""
    return sorted(rdata.to_text() for rrset in message.answer for rdata in rrset)


def rcode(message: dns.message.Message) -> str:
    return dns.rcode.to_text(message.rcode())
