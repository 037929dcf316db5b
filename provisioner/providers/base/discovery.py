"""Access to a provider's ``discovery`` module, which finds and reads an integration that no playbook describes yet."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from provisioner.providers import PROVIDERS

from .export import Candidate, Draft


class DiscoveryModule(Protocol):
    """What a provider's ``discovery`` module offers."""

    def connection(self, options: Mapping[str, str]) -> dict[str, Any]:
        """The ``connection:`` keys to start with: variables, and options of the command line."""

    async def candidates(self, provider: Any, application: str | None) -> tuple[Candidate, ...]:
        """The applications that can be exported, oldest first.

        Args:
            provider: the connected provider.
            application: a client id or a name; None for every application that looks like Kiro's.
        """

    async def draft(self, provider: Any, candidate: Candidate, name: str) -> Draft:
        """Read everything that belongs to an application, as a playbook with this name."""


def discovery_module(provider: str) -> DiscoveryModule:
    """The ``discovery`` module of a provider.

    Raises:
        KeyError: no provider has this name.
    """
    return cast("DiscoveryModule", import_module(f"{PROVIDERS[provider]}.discovery"))
