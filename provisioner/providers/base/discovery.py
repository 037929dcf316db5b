"""How to get at what finds and reads an integration that no playbook describes yet, by the provider's name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from provisioner.providers import PROVIDERS

from .export import Candidate, Draft


class Explorer(Protocol):
    """What a provider's ``discovery`` module offers."""

    def connection(self, options: Mapping[str, str]) -> dict[str, Any]:
        """The ``connection:`` keys to begin with: variables, and what the command line says besides."""

    async def candidates(self, provider: Any, application: str | None) -> tuple[Candidate, ...]:
        """The applications that may be meant, oldest first.

        Args:
            provider: connected.
            application: a client id or a name; None: every one that looks like Kiro's.
        """

    async def drafted(self, provider: Any, candidate: Candidate, name: str) -> Draft:
        """Read all that belongs to an application, and say it as a playbook of this name."""


def explorer(provider: str) -> Explorer:
    """How to find and read what is there, by the provider's name.

    Raises:
        KeyError: there is no such provider.
    """
    return cast("Explorer", import_module(f"{PROVIDERS[provider]}.discovery"))
