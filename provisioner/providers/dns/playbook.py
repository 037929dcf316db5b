"""The keys of a playbook's domains. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, SecretStr, model_validator

from provisioner.core.resource import Model

from .names import Domain, parse_domain, record_name
from .resources import DEFAULT_TTL, DomainRecord
from .servers import PUBLIC_RESOLVERS, Endpoint, resolver

UPDATE: Final = "rfc2136"
"""The provider that is not a vendor: dynamic update of a name server."""

Algorithm = Literal["hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1"]

REFERENCE_ONLY_KEYS: Final = (("domains", "*", "dns", "secret"), ("domains", "*", "dns", "credentials", "*"))
"""Keys whose values come from the environment, a file or the keyring, and never stand in a playbook."""
DEFERRED_KEY: Final = ("domains", "*", "value")
"""What a person brings back from the Kiro console."""
SECTIONS: Final = MappingProxyType({"dns-record": "domains", "dns-outdated-value": "domains"})
"""The key that asks for resources of a kind."""
TOKEN_VARIABLE: Final = "KIRO_DOMAIN_TOKEN"  # noqa: S105 - the variable's name


def _domain(value: str) -> str:
    return parse_domain(value).ascii


def _resolver(value: str) -> str:
    return resolver(value).name


def _written(value: object) -> object:
    """A scalar as text: ids are often numbers, which YAML reads as such."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _value(value: str) -> str:
    """The verification value.

    Raises:
        ValueError: it has something around it, or in it, that a console does not show.
    """
    if value != value.strip() or value[:1] in "\"'" or value[-1:] in "\"'":
        raise ValueError(
            "expected the value as the console shows it, without quotation marks and spaces around it"
        )
    if not value.isascii() or not value.isprintable() or not value:
        raise ValueError("expected the value as the console shows it: one line of plain characters")
    return value


Scalar = Annotated[str, BeforeValidator(_written)]


class DnsSection(Model):
    """Where the zone lives, so that apply makes the record."""

    provider: Annotated[str, Field(pattern=r"^[a-z0-9_]{2,40}$")] = Field(
        description="rfc2136 (BIND, Knot and other name servers), or a provider that dns-lexicon knows: route53, "
        "cloudflare, azure, googleclouddns and many others."
    )
    zone: Annotated[str, AfterValidator(_domain)] | None = Field(
        default=None, description="The zone's name. Default: the one that the public DNS has the domain in."
    )
    credentials: Mapping[str, SecretStr] = Field(
        default_factory=dict,
        description="The provider's credentials by dns-lexicon's names, such as auth_token. References only: "
        "${VAR}, ${file:path}, ${keyring:service/name}. Default: the LEXICON_ variables, and what the provider's own "
        "SDK finds.",
    )
    options: Mapping[str, Scalar] = Field(
        default_factory=dict,
        description="The provider's other settings by dns-lexicon's names, such as zone_id or resource_group.",
    )
    server: str | None = Field(
        default=None,
        description="rfc2136: address of the primary name server. Default: the zone's own primary.",
    )
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=53, description="rfc2136: its port.")
    key: str | None = Field(default=None, description="rfc2136: name of the TSIG key.")
    algorithm: Algorithm = Field(default="hmac-sha256", description="rfc2136: the key's algorithm.")
    secret: SecretStr | None = Field(
        default=None, description="rfc2136: the key's secret, base64. A reference only."
    )

    @model_validator(mode="after")
    def _as_the_provider_needs(self) -> Self:
        updates = {"server", "port", "key", "algorithm", "secret"} & self.model_fields_set
        if self.provider != UPDATE and updates:
            raise ValueError(f"{', '.join(sorted(updates))}: only for provider: {UPDATE}")
        if self.provider == UPDATE and (self.credentials or self.options):
            raise ValueError(
                f"credentials and options are for other providers than {UPDATE}; it has key and secret"
            )
        if (self.key is None) != (self.secret is None):
            raise ValueError("key and secret go together")
        return self


class DomainEntry(Model):
    """A domain whose people sign in to Kiro, and the TXT record that verifies it."""

    name: Annotated[str, AfterValidator(_domain)] = Field(
        description="The domain of the e-mail addresses; internationalised or in punycode."
    )
    record: str = Field(
        default="kiro-app-1", description="Label of the TXT record in the domain; @ for the domain itself."
    )
    value: Annotated[str, AfterValidator(_value)] | None = Field(
        default=None, description="The verification value, exactly as the Kiro console shows it."
    )
    ttl: Annotated[int, Field(ge=1, le=604800)] = Field(
        default=DEFAULT_TTL, description="The record's TTL in seconds."
    )
    issued: AwareDatetime | None = Field(
        default=None,
        description="When the console issued the value, for the 24 hours within which to make the record.",
    )
    outdated: Literal["keep", "remove"] = Field(
        default="keep",
        description="Other kiro-site-verification= values at the record's name. keep: they stay. remove: they go, "
        "once the wanted one is there. Needs dns:.",
    )
    dns: DnsSection | None = Field(
        default=None, description="Absent: the record is printed, a person makes it, apply verifies it."
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        record_name(self.record, self.domain)
        if self.outdated == "remove" and self.dns is None:
            raise ValueError("outdated: remove needs dns:, the one who removes them")
        return self

    @property
    def key(self) -> str:
        return self.name

    @property
    def domain(self) -> Domain:
        return parse_domain(self.name)

    def wanted(self, after: tuple[str, ...] = ()) -> DomainRecord:
        """The record.

        Args:
            after: addresses that must be right before it is made.
        """
        place = record_name(self.record, self.domain)
        return DomainRecord(
            key=self.name,
            depends_on=after,
            label=place.label,
            name=place.name,
            value=self.value,
            ttl=self.ttl,
            issued=self.issued,
            writer=self.dns.provider if self.dns else "",
            published=True,
        )

    @property
    def doubts(self) -> tuple[str, ...]:
        """What may be a mistake in the names."""
        return (*self.domain.warnings, *record_name(self.record, self.domain).warnings)


class LookupSection(Model):
    """How domains are looked up."""

    resolvers: tuple[Annotated[str, AfterValidator(_resolver)], ...] = Field(
        default=tuple(one.name for one in PUBLIC_RESOLVERS),
        min_length=1,
        description="Public resolvers: IP addresses, with a port if need be, or https URLs of DNS over HTTPS.",
    )
    wait: Annotated[int, Field(ge=0, le=86400)] = Field(
        default=300,
        description="For how many seconds apply waits until every server has a record that it made.",
    )

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(map(resolver, self.resolvers))


def named_once(domains: tuple[DomainEntry, ...]) -> tuple[DomainEntry, ...]:
    """The domains, if none is there twice.

    Raises:
        ValueError: one is.
    """
    names = [one.name for one in domains]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"the same domain is listed twice: {', '.join(twice)}")
    return domains


Domains = Annotated[tuple[DomainEntry, ...], AfterValidator(named_once)]
