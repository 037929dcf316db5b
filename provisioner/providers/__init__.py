"""The identity providers, and how to get at one: an SDK is loaded only when its provider is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

if TYPE_CHECKING:  # --help names the providers, and must be quick
    from pydantic import BaseModel

    from provisioner.core.check import Check
    from provisioner.core.notebook import Notebook
    from provisioner.core.provider import Provider

NAMES: Final = ("entra", "okta")
"""Every provider is a package below this one with a module ``entry``."""

CATALOGUES: Final = (*NAMES, "dns")
"""Whose checks there are."""


class Playbook(Protocol):
    """What every provider's playbook model has."""

    name: str
    provider: Any
    waivers: Any
    domains: Any
    lookup: Any

    @property
    def cloud(self) -> str:
        """The vendor's cloud, where it has several; empty otherwise."""

    def awaiting(self, variables: Mapping[str, str]) -> Playbook:
        """The same, knowing which variables the keys refer to that a person brings values for."""

    def rehearsed(self, values: Mapping[str, str]) -> Playbook:
        """The same for the sandbox, whose variables these are."""


@dataclass(frozen=True)
class Sandboxed:
    """How to reach the sandbox instead of the real thing.

    Attributes:
        url: where it listens.
        token: an access token it will accept.
        lag: seconds for which its replicas disagree.
        name_servers: address and port of its name servers, by host name.
        resolvers: address and port of its resolvers, by name.
        suffixes: public suffixes of its own.
    """

    url: str
    token: str
    lag: float = 0.0
    name_servers: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    resolvers: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    suffixes: tuple[str, ...] = ()


class Entry(Protocol):
    """What a provider's ``entry`` module offers."""

    def playbook_model(self) -> type[BaseModel]:
        """The model of its playbooks."""

    def checks(self) -> tuple[Check, ...]:
        """Its checks."""

    def connect(
        self, playbook: Any, notebook: Notebook, tell: Callable[[str], None], sandboxed: Sandboxed | None
    ) -> Provider:
        """Open it for one playbook; nothing is contacted yet."""


def connect(
    playbook: Any,
    notebook: Notebook,
    tell: Callable[[str], None],
    sandboxed: Sandboxed | None = None,
    *,
    wait: bool = False,
    elsewhere: Mapping[str, tuple[str, ...]] | None = None,
) -> Provider:
    """Open everything that a playbook is about; nothing is contacted yet.

    Args:
        playbook: of any provider.
        notebook: for notes between runs.
        tell: is told what is waited for.
        sandboxed: how to reach the sandbox, if it is meant.
        wait: for DNS records, until every server has them.
        elsewhere: other playbooks that name a domain, by domain.
    """
    identity = entry(playbook.provider).connect(playbook, notebook, tell, sandboxed)
    if playbook.domains is None:
        return identity
    from .integration import integrated  # noqa: PLC0415 - start-up time

    return integrated(identity, playbook, notebook, tell, sandboxed, wait=wait, elsewhere=elsewhere or {})


def catalogue(name: str) -> tuple[Check, ...]:
    """The checks of one catalogue: an identity provider's, or those of domains."""
    if name != "dns":
        return entry(name).checks()
    from .dns.checks import CHECKS  # noqa: PLC0415 - start-up time

    return CHECKS


def entry(name: str) -> Entry:
    """The entry of a provider by name.

    Raises:
        KeyError: there is no such provider.
    """
    if name not in NAMES:
        raise KeyError(name)
    return cast("Entry", import_module(f"provisioner.providers.{name}.entry"))
