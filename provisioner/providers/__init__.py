"""The identity providers, and how to get at one: an SDK is loaded only when its provider is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

if TYPE_CHECKING:  # --help names the providers, and must be quick
    from pydantic import BaseModel

    from provisioner.core.check import Check
    from provisioner.core.notebook import Notebook
    from provisioner.core.provider import Provider

NAMES: Final = ("entra", "okta")
"""Every provider is a package below this one with a module ``entry``."""


class Playbook(Protocol):
    """What every provider's playbook model has."""

    name: str
    provider: Any

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
    """

    url: str
    token: str
    lag: float = 0.0


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


def entry(name: str) -> Entry:
    """The entry of a provider by name.

    Raises:
        KeyError: there is no such provider.
    """
    if name not in NAMES:
        raise KeyError(name)
    return cast("Entry", import_module(f"provisioner.providers.{name}.entry"))
