"""Observations about a domain in the DNS: answers, zones and history. Only read, never written."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from provisioner.core.resource import Model, Observation


class ServerRole(StrEnum):
    """The role of a DNS server."""

    AUTHORITATIVE = "authoritative"
    RESOLVER = "resolver"


class QueryPurpose(StrEnum):
    """Why a name is queried."""

    RECORD = "record"
    """The name of the desired record."""
    APEX = "apex"
    """The domain itself."""
    OTHER_LABEL = "other-label"
    """Another label under which such a record is often created."""
    DOUBLED = "doubled"
    """The record's full name with the domain appended again."""


class QueryFailure(StrEnum):
    """Why there is no response."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    """The response did not fit in a datagram, and TCP failed."""
    HTTP_ERROR = "http"
    """A DNS over HTTPS server returned an HTTP error."""
    BUDGET = "budget"
    """The budget of the whole lookup was used up."""


class TxtValue(Model):
    """One TXT record.

    Attributes:
        strings: its character-strings. Octets that are not UTF-8 appear as ``\\xNN``.
    """

    strings: tuple[str, ...]

    @property
    def joined(self) -> str:
        """The strings as one value, which is how nearly every client reads them."""
        return "".join(self.strings)


class Soa(Model):
    """The SOA record of a negative response (RFC 2308).

    Attributes:
        zone: the owner name of the record.
        minimum: its last field.
        ttl: the TTL of the record itself; it counts down in the cache of a resolver.
    """

    zone: str
    serial: int = 0
    minimum: int
    ttl: int

    @property
    def negative_ttl(self) -> int:
        """Seconds for which a resolver caches the negative response (RFC 2308, section 5)."""
        return min(self.ttl, self.minimum)


class Answer(Observation):
    """The result of one TXT query to one server: its response, or why there was none.

    The key is ``domain/server@location/name``.

    Attributes:
        domain: the domain that the query is about.
        server: host name of a name server; a resolver as the playbook writes it.
        location: the address and port that was queried, or the URL.
        name: the queried name.
        rcode: such as NOERROR or NXDOMAIN; None without a response.
        values: the TXT records, at the end of ``cnames`` if there are any.
        cnames: the targets of the CNAME chain, nearest first.
        ttl: TTL of the TXT records.
        soa: of a negative response.
        authoritative: the AA flag.
        authenticated: the AD flag: a resolver validated the response.
        bogus: a resolver responds only with the CD flag, or reports a failed validation (RFC 8914).
        extended_errors: as ``6: DNSSEC Bogus`` (RFC 8914).
        truncated: the response did not fit in a datagram, and was requested again over TCP.
        edns: the server understood EDNS.
        failure: why there is no response, with ``detail``.
        elapsed_ms: milliseconds until the response, or until the query was given up.
        at: time of the response.
    """

    kind: ClassVar[str] = "dns-answer"

    domain: str
    server: str
    location: str = ""
    role: ServerRole
    name: str
    purpose: QueryPurpose = QueryPurpose.RECORD
    rcode: str | None = None
    values: tuple[TxtValue, ...] = ()
    cnames: tuple[str, ...] = ()
    ttl: int | None = None
    soa: Soa | None = None
    authoritative: bool = False
    authenticated: bool = False
    bogus: bool = False
    extended_errors: tuple[str, ...] = ()
    truncated: bool = False
    edns: bool = True
    failure: QueryFailure | None = None
    detail: str = ""
    elapsed_ms: float = 0.0
    at: datetime

    @property
    def usable(self) -> bool:
        """Whether it shows what the zone contains: a response without error, from a server that serves the zone."""
        lame = self.role is ServerRole.AUTHORITATIVE and not self.authoritative
        return self.failure is None and self.rcode in {"NOERROR", "NXDOMAIN"} and not lame

    @property
    def negative(self) -> bool:
        """Whether it shows that the name has no TXT record (RFC 2308: NXDOMAIN or NODATA)."""
        return self.usable and not self.values and not self.cnames

    @property
    def server_label(self) -> str:
        """The server and its address, for messages."""
        return self.server if self.server in self.location else f"{self.server} ({self.location})"


class NameServer(Model):
    """A name server of a zone.

    Attributes:
        addresses: IP addresses; empty if none was found.
        problem: why there is no address.
    """

    name: str
    addresses: tuple[str, ...] = ()
    problem: str = ""


class Zone(Observation):
    """The zone that contains a domain's record; the key is the domain.

    Attributes:
        name: the zone's name; None if it was not found.
        servers: its name servers, from its NS records.
        registered: whether the registrable domain exists; None if that is unknown.
        suffixes: public suffixes of this DNS in addition to the public suffix list (the sandbox's).
        problem: why it was not found.
    """

    kind: ClassVar[str] = "dns-zone"

    name: str | None = None
    servers: tuple[NameServer, ...] = ()
    registered: bool | None = None
    suffixes: tuple[str, ...] = ()
    problem: str = ""


class History(Observation):
    """When lookups on this machine first found a record missing, and since when every server has had it.

    The key is the domain.

    Attributes:
        first_seen_missing: time of the first lookup that found it on no server.
        present_everywhere_since: time of the first lookup since which every authoritative server has had it; None while
            one lacks it.
    """

    kind: ClassVar[str] = "dns-history"

    first_seen_missing: datetime | None = None
    present_everywhere_since: datetime | None = None


class OtherPlaybooks(Observation):
    """Other playbooks that name the same domain; the key is the domain.

    Attributes:
        playbooks: their files.
    """

    kind: ClassVar[str] = "dns-other-playbooks"

    playbooks: tuple[str, ...] = ()


MICROSOFT_DOMAINS: Final = ("onmicrosoft.com", "onmicrosoft.us", "partner.onmschina.cn")
"""Microsoft gives every tenant a name below these, in which only Microsoft creates records (Entra, Managing custom
domain names; the domains of the national clouds are from experience)."""


class EmailDomain(Observation):
    """A domain in the e-mail addresses of the users who are assigned to the application; the key is the domain.

    Attributes:
        people: number of users.
        complete: every assigned user was counted.
    """

    kind: ClassVar[str] = "email-domain"

    people: int
    complete: bool = True


class VerifiedDomain(Observation):
    """A domain that the identity provider's tenant has verified; the key is the domain.

    Domains below :data:`MICROSOFT_DOMAINS` are omitted.

    Attributes:
        default: new users get their sign-in name in it.
    """

    kind: ClassVar[str] = "verified-domain"

    default: bool = False
