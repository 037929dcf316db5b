"""A DNS for each test, and a client that knows its ports."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update

from provisioner.sandbox.dns import Dns, tsig_keys

NS1, NS2, NS3 = (f"ns{number}.contoso.example." for number in (1, 2, 3))
ZONE = "contoso.example."
TIMEOUT = 5


class Client:
    """Asks the servers of a DNS by their names."""

    def __init__(self, service: Dns) -> None:
        self.service = service

    def where(self, host: str) -> tuple[str, int]:
        address, _, port = {**self.service.name_servers(), **self.service.resolvers()}[host].partition(":")
        return address, int(port)

    def ask(
        self,
        name: str,
        kind: str = "TXT",
        host: str = NS1,
        *,
        tcp: bool = False,
        timeout: float = TIMEOUT,
        **options,
    ) -> dns.message.Message:
        query = dns.message.make_query(name, kind, **options)
        return self.send(query, host, tcp=tcp, timeout=timeout)

    def send(
        self, query: dns.message.Message, host: str = NS1, *, tcp: bool = False, timeout: float = TIMEOUT
    ) -> dns.message.Message:
        address, port = self.where(host)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, address, port=port, timeout=timeout)

    def update(
        self, zone: str = ZONE, key: str | None = "provisioner.", secret: str | None = None
    ) -> dns.update.UpdateMessage:
        """An update to be filled and sent, signed with a key of the sandbox or with another secret."""
        made = dns.update.UpdateMessage(zone)
        if key is not None:
            known = {grant.name: grant.secret for grant in tsig_keys(self.service.store)}
            made.use_tsig(dns.tsig.Key(key, secret or known[key]))
        return made


def values(message: dns.message.Message) -> list[str]:
    """The data of the answer's records, as text."""
    return sorted(rdata.to_text() for rrset in message.answer for rdata in rrset)


def rcode(message: dns.message.Message) -> str:
    return dns.rcode.to_text(message.rcode())
