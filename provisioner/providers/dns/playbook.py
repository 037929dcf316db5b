"""The ``domains:`` and ``lookup:`` sections of a playbook. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, SecretStr, model_validator

from provisioner.core.resource import Address, Model

from .names import Domain, parse_domain, record_name
from .resources import DEFAULT_TTL, VALUE_PREFIX, DomainRecord
from .servers import PUBLIC_RESOLVERS, Endpoint, parse_resolver

DYNAMIC_UPDATE: Final = "rfc2136"
"""The provider that is not a vendor: dynamic update of a name server."""

Algorithm = Literal["hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha224", "hmac-sha1"]

REFERENCE_ONLY_KEYS: Final = (("domains", "*", "dns", "secret"), ("domains", "*", "dns", "credentials", "*"))
"""Keys with secrets: the playbook contains a reference to the environment, a file or the keyring."""
DEFERRED_KEY: Final = ("domains", "*", "value")
"""The key whose value comes from the Kiro console."""
SECTIONS: Final = MappingProxyType({"dns-record": "domains", "dns-outdated-value": "domains"})
"""The section that defines a kind of resource."""
VALUE_VARIABLE: Final = "KIRO_DOMAIN_TOKEN"


def _domain(value: str) -> str:
    return parse_domain(value).ascii


def _resolver(value: str) -> str:
    return parse_resolver(value).name


def _number_as_text(value: object) -> object:
    """A number as text: ids are often numbers, and YAML reads them as such."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _verification_value(value: str) -> str:
    """The verification value.

    Raises:
        ValueError: it contains characters that the console does not show.
    """
    if value != value.strip() or value[:1] in "\"'" or value[-1:] in "\"'":
        raise ValueError(
            "expected the value as the console shows it, without surrounding quotation marks and spaces"
        )
    if not value.isascii() or not value.isprintable() or not value:
        raise ValueError("expected the value as the console shows it: one line of plain characters")
    return value


Scalar = Annotated[str, BeforeValidator(_number_as_text)]


class DnsSection(Model):
    """The DNS provider that hosts the zone; with it, apply creates the record."""

    provider: Annotated[str, Field(pattern=r"^[a-z0-9_]{2,40}$")] = Field(
        description="rfc2136 (BIND, Knot and other name servers), or a provider of dns-lexicon: route53, "
        "cloudflare, azure, googleclouddns and many others."
    )
    zone: Annotated[str, AfterValidator(_domain)] | None = Field(
        default=None, description="The zone's name. Default: the domain's zone in the public DNS."
    )
    credentials: Mapping[str, SecretStr] = Field(
        default_factory=dict,
        description="The provider's credentials by dns-lexicon's names, such as auth_token. References only: "
        "${VAR}, ${file:path}, ${keyring:service/name}. Default: the LEXICON_ variables, and the credentials that the "
        "provider's own SDK finds.",
    )
    options: Mapping[str, Scalar] = Field(
        default_factory=dict,
        description="The provider's other settings by dns-lexicon's names, such as zone_id or resource_group.",
    )
    server: str | None = Field(
        default=None,
        description="rfc2136: address of the primary name server. Default: the primary in the zone's SOA record.",
    )
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=53, description="rfc2136: its port.")
    key: str | None = Field(default=None, description="rfc2136: name of the TSIG key.")
    algorithm: Algorithm = Field(default="hmac-sha256", description="rfc2136: the key's algorithm.")
    secret: SecretStr | None = Field(
        default=None, description="rfc2136: the key's secret, base64. A reference only."
    )

    @model_validator(mode="after")
    def _validate_for_provider(self) -> Self:
        update_keys = {"server", "port", "key", "algorithm", "secret"} & self.model_fields_set
        if self.provider != DYNAMIC_UPDATE and update_keys:
            raise ValueError(f"{', '.join(sorted(update_keys))}: only for provider: {DYNAMIC_UPDATE}")
        if self.provider == DYNAMIC_UPDATE and (self.credentials or self.options):
            raise ValueError(
                f"credentials and options are not for provider: {DYNAMIC_UPDATE}, which has key and secret"
            )
        if (self.key is None) != (self.secret is None):
            raise ValueError("expected key and secret together")
        return self


class DomainEntry(Model):
    """A domain in whose e-mail addresses people sign in to Kiro, and the TXT record that verifies it."""

    name: Annotated[str, AfterValidator(_domain)] = Field(
        description="The domain of the e-mail addresses; internationalised or in punycode."
    )
    record: str = Field(
        default="kiro-app-1", description="Label of the TXT record in the domain; @ for the domain itself."
    )
    value: Annotated[str, AfterValidator(_verification_value)] | None = Field(
        default=None, description="The verification value, exactly as the Kiro console shows it."
    )
    ttl: Annotated[int, Field(ge=1, le=604800)] = Field(
        default=DEFAULT_TTL, description="The record's TTL in seconds."
    )
    issued: AwareDatetime | None = Field(
        default=None,
        description="When the console issued the value; the record is to be created within 24 hours.",
    )
    outdated: Literal["keep", "remove"] = Field(
        default="keep",
        description="Other kiro-site-verification= values at the record's name. keep: they stay. remove: apply removes "
        "them once the record exists. Needs dns:.",
    )
    dns: DnsSection | None = Field(
        default=None, description="Absent: apply prints the record for you to create, and verifies it."
    )

    @model_validator(mode="after")
    def _validate_record(self) -> Self:
        record_name(self.record, self.domain)
        if self.outdated == "remove" and self.dns is None:
            raise ValueError("outdated: remove needs dns:, the provider that removes the values")
        return self

    @property
    def key(self) -> str:
        return self.name

    @property
    def domain(self) -> Domain:
        return parse_domain(self.name)

    def desired_record(self, depends_on: tuple[Address, ...] = ()) -> DomainRecord:
        """The desired record.

        Args:
            depends_on: addresses of what comes before the record.
        """
        location = record_name(self.record, self.domain)
        return DomainRecord(
            key=self.name,
            depends_on=depends_on,
            label=location.label,
            name=location.name,
            value=self.value,
            ttl=self.ttl,
            issued=self.issued,
            dns_provider=self.dns.provider if self.dns else "",
            published=True,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Probable mistakes in the names and the value."""
        warnings = (*self.domain.warnings, *record_name(self.record, self.domain).warnings)
        if self.value is None or self.value.startswith(VALUE_PREFIX):
            return warnings
        problem = f"the value of {self.name} does not begin with {VALUE_PREFIX}, as known values do"
        return (*warnings, f"{problem}; compare it with the Kiro console")


class LookupSection(Model):
    """Lookups of domains."""

    resolvers: tuple[Annotated[str, AfterValidator(_resolver)], ...] = Field(
        default=tuple(resolver.name for resolver in PUBLIC_RESOLVERS),
        min_length=1,
        description="Public resolvers: IP addresses, optionally with a port, or https URLs of DNS over HTTPS.",
    )
    wait: Annotated[int, Field(ge=0, le=86400)] = Field(
        default=300,
        description="Seconds for which apply waits until every server has a record that it created.",
    )

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(map(parse_resolver, self.resolvers))


def unique_domains(domains: tuple[DomainEntry, ...]) -> tuple[DomainEntry, ...]:
    """The domains, if each is listed once.

    Raises:
        ValueError: a domain is listed twice.
    """
    counts = Counter(entry.name for entry in domains)
    duplicates = sorted(name for name, count in counts.items() if count > 1)
    if duplicates:
        raise ValueError(f"the same domain is listed twice: {', '.join(duplicates)}")
    return domains


Domains = Annotated[tuple[DomainEntry, ...], AfterValidator(unique_domains)]
