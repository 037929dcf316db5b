"""What was seen of a domain in the DNS. Only ever read."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from provisioner.core.resource import Model, Observation


class Role(StrEnum):
    """Whom one asks."""

    AUTHORITATIVE = "authoritative"
    RESOLVER = "resolver"


class Place(StrEnum):
    """Why one asks for a name."""

    RECORD = "record"
    APEX = "apex"
    GUESS = "guess"
    DOUBLED = "doubled"


class Failure(StrEnum):
    """Why there is no answer."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    """The answer did not fit in a datagram, and TCP failed."""
    REFUSED_HTTP = "http"
    """A DNS over HTTPS server answered with an HTTP error."""
    BUDGET = "budget"
    """The time for the whole look was over."""


class TxtValue(Model):
    """One TXT record.

    Attributes:
        strings: as it is split. Octets that are no UTF-8 stand as ``\\xNN``.
    """

    strings: tuple[str, ...]

    @property
    def joined(self) -> str:
        """The value, as nearly all readers see it."""
        return "".join(self.strings)


class Soa(Model):
    """The start of authority that came with a negative answer (RFC 2308).

    Attributes:
        zone: whose it is.
        minimum: its last field.
        ttl: of the record itself, counting down where a cache answers.
    """

    zone: str
    serial: int = 0
    minimum: int
    ttl: int

    @property
    def negative_ttl(self) -> int:
        """For how many seconds the negative answer is kept (RFC 2308, section 5)."""
        return min(self.ttl, self.minimum)


class Answer(Observation):
    """What one server said of one name; the key is ``domain/server/name``.

    Attributes:
        server: name of the server, or the resolver's address or URL.
        location: the address and port that was asked, or the URL.
        rcode: such as NOERROR or NXDOMAIN; None without an answer.
        values: the TXT records, at the end of ``cnames`` if there are any.
        cnames: the chain of aliases, beginning with the first target.
        ttl: the smallest of the TXT records.
        authoritative: the AA flag.
        authenticated: the AD flag: a resolver validated it.
        bogus: a resolver answers only if told not to validate (CD flag), or says so (RFC 8914).
        extended: extended errors, as ``6: DNSSEC Bogus``.
        truncated: the first answer did not fit; ``tcp`` is how it was asked again.
        edns: the server understood EDNS.
        failure: why there is no answer, with ``detail``.
        elapsed_ms: until the answer, or until it was given up.
        at: when it was seen.
    """

    kind: ClassVar[str] = "dns-answer"

    domain: str
    server: str
    location: str = ""
    role: Role
    name: str
    place: Place = Place.RECORD
    rcode: str | None = None
    values: tuple[TxtValue, ...] = ()
    cnames: tuple[str, ...] = ()
    ttl: int | None = None
    soa: Soa | None = None
    authoritative: bool = False
    authenticated: bool = False
    bogus: bool = False
    extended: tuple[str, ...] = ()
    truncated: bool = False
    tcp: bool = False
    edns: bool = True
    failure: Failure | None = None
    detail: str = ""
    elapsed_ms: float = 0.0
    at: datetime

    @property
    def said(self) -> bool:
        """Whether it tells what is there: it answered, and knows the zone."""
        lame = self.role is Role.AUTHORITATIVE and not self.authoritative
        return self.failure is None and self.rcode in {"NOERROR", "NXDOMAIN"} and not lame

    @property
    def missing(self) -> bool:
        """Whether it says that there is no TXT record."""
        return self.said and not self.values and not self.cnames

    @property
    def who(self) -> str:
        """The server for a message."""
        return self.server if self.server in self.location else f"{self.server} ({self.location})"


class NameServer(Model):
    """A server of a zone.

    Attributes:
        addresses: none: it has no address.
    """

    name: str
    addresses: tuple[str, ...] = ()
    problem: str = ""


class Zone(Observation):
    """The zone that a domain's record is in; the key is the domain.

    Attributes:
        zone: its name; None where it could not be found.
        servers: as the zone itself says.
        registered: whether the registrable domain exists; None where that could not be told.
        suffixes: public suffixes that this DNS has besides the public suffix list: the sandbox's.
        problem: why it could not be found.
    """

    kind: ClassVar[str] = "dns-zone"

    zone: str | None = None
    servers: tuple[NameServer, ...] = ()
    registered: bool | None = None
    suffixes: tuple[str, ...] = ()
    problem: str = ""


class History(Observation):
    """What earlier looks at a domain's record saw; the key is the domain.

    Attributes:
        first_missing: when a look of this wait first did not find it.
        first_present: when all authoritative servers first had it.
    """

    kind: ClassVar[str] = "dns-history"

    first_missing: datetime | None = None
    first_present: datetime | None = None


class Neighbour(Observation):
    """Other playbooks that name the same domain; the key is the domain."""

    kind: ClassVar[str] = "dns-neighbour"

    playbooks: tuple[str, ...] = ()


VENDOR_DOMAINS: Final = ("onmicrosoft.com", "onmicrosoft.us", "partner.onmschina.cn")
"""Below these, Microsoft gives every tenant a name, in which nobody else makes records (Entra, Managing custom domain
names; those of the national clouds are from experience)."""


class EmailDomain(Observation):
    """A domain of the e-mail addresses of those who are assigned to the application; the key is the domain.

    Attributes:
        people: how many there are.
        complete: everybody who is assigned was counted.
    """

    kind: ClassVar[str] = "email-domain"

    people: int
    complete: bool = True


class VerifiedDomain(Observation):
    """A domain of which the tenant proved that it is its own; the key is the domain.

    Those below :data:`VENDOR_DOMAINS` are left out.

    Attributes:
        default: new people's sign-in names are in it.
    """

    kind: ClassVar[str] = "verified-domain"

    default: bool = False
