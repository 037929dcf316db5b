"""The register of identity providers. A provider, and its SDK, is imported when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from provisioner.core.redaction import remember

if TYPE_CHECKING:  # --help imports this module
    from provisioner.core.check import Check
    from provisioner.core.local_store import LocalStore
    from provisioner.core.provider import Provider

    from .base.kinds import ManagedKind
    from .base.playbook_models import IntegrationPlaybook

PROVIDERS: Final[dict[str, str]] = {
    "entra": "provisioner.providers.entra",
    "okta": "provisioner.providers.okta",
}
"""The register: the package of each identity provider, by name."""


class Playbook(Protocol):
    """What the playbook model of every provider has."""

    name: str
    provider: Any
    waivers: Any
    domains: Any
    lookup: Any

    @property
    def cloud(self) -> str:
        """The vendor's cloud, if it has several; otherwise empty."""

    def with_deferred_variables(self, variables: Mapping[str, str]) -> Playbook:
        """This playbook with the variables of its deferred keys: their values come from a manual step."""

    def for_sandbox(self, values: Mapping[str, str]) -> Playbook:
        """This playbook with the tenant and credentials of the sandbox.

        Args:
            values: values of the sandbox for the variables of the shipped playbook.
        """


@dataclass(frozen=True)
class SandboxConnection:
    """How to reach the sandbox.

    Attributes:
        url: its address.
        token: an access token that it accepts.
        replica_lag: seconds for which its replicas may disagree after a write.
        name_servers: address and port of its name servers, by host name.
        resolvers: address and port of its resolvers, by name.
        suffixes: public suffixes that only its DNS has.
    """

    url: str
    token: str
    replica_lag: float = 0.0
    name_servers: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    resolvers: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    suffixes: tuple[str, ...] = ()


class ProviderModule(Protocol):
    """The module ``provider`` in the package of a provider."""

    MANAGED_KINDS: tuple[ManagedKind, ...]

    def playbook_model(self) -> type[IntegrationPlaybook]:
        """The model of its playbooks."""

    def checks(self) -> tuple[Check, ...]:
        """Its checks."""

    def connect(
        self,
        playbook: Any,
        store: LocalStore,
        on_wait: Callable[[str], None],
        sandbox: SandboxConnection | None,
    ) -> Provider:
        """Connect to the tenant of a playbook. No request is sent yet."""


def connect(
    playbook: Any,
    store: LocalStore,
    on_wait: Callable[[str], None],
    sandbox: SandboxConnection | None = None,
    *,
    wait_for_dns: bool = False,
    other_playbooks: Mapping[str, tuple[str, ...]] | None = None,
) -> Provider:
    """Connect to everything that a playbook names. No request is sent yet.

    Args:
        playbook: a playbook of any provider.
        store: hints of earlier runs.
        on_wait: called with a sentence whenever a request has to wait.
        sandbox: how to reach the sandbox, if it replaces the tenant.
        wait_for_dns: after a DNS record is written, wait until every name server returns it.
        other_playbooks: other playbooks that name a domain, by domain.
    """
    remember(playbook)
    identity = provider_module(playbook.provider).connect(playbook, store, on_wait, sandbox)
    if playbook.domains is None:
        return identity
    from .integration import with_domains  # noqa: PLC0415 - start-up time

    return with_domains(
        identity,
        playbook,
        store,
        on_wait,
        sandbox,
        wait=wait_for_dns,
        other_playbooks=other_playbooks or {},
    )


def check_prefixes() -> tuple[str, ...]:
    """The first words of the ids of checks: the providers' names, and ``dns``."""
    return (*PROVIDERS, "dns")


def checks_of(prefix: str) -> tuple[Check, ...]:
    """The checks whose ids begin with a prefix: a provider's name, or ``dns``."""
    if prefix != "dns":
        return provider_module(prefix).checks()
    from .dns.checks import CHECKS  # noqa: PLC0415 - start-up time

    return CHECKS


def provider_module(name: str) -> ProviderModule:
    """The ``provider`` module of a provider, imported when it is first needed.

    Raises:
        KeyError: no provider has this name.
    """
    return cast("ProviderModule", import_module(f"{PROVIDERS[name]}.provider"))


def section_of(provider: str, address: str) -> str:
    """The playbook key that asks for a resource; empty when no key does."""
    from .base.kinds import section_of as of_provider  # noqa: PLC0415 - start-up time
    from .dns.playbook import SECTIONS  # noqa: PLC0415 - start-up time

    kind = address.partition("/")[0]
    return SECTIONS.get(kind) or of_provider(provider_module(provider).MANAGED_KINDS, address)
