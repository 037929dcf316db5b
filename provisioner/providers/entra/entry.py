"""How the rest of the product gets at this provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from provisioner.core.check import Check
from provisioner.core.notebook import Notebook
from provisioner.core.patience import Patience
from provisioner.providers import Sandboxed

from .checks import CHECKS
from .credentials import Given, signed_in
from .graph import Graph
from .playbook import EntraPlaybook
from .provider import EntraProvider

CLOUDS: Final = {
    "global": ("https://graph.microsoft.com", "login.microsoftonline.com"),
    "usgov": ("https://graph.microsoft.us", "login.microsoftonline.us"),
    "usgov-dod": ("https://dod-graph.microsoft.us", "login.microsoftonline.us"),
    "china": ("https://microsoftgraph.chinacloudapi.cn", "login.chinacloudapi.cn"),
}
"""Microsoft Graph's root and the sign-in authority, by cloud (Microsoft Graph, national cloud deployments)."""


def playbook_model() -> type[EntraPlaybook]:
    """The model of an Entra playbook."""
    return EntraPlaybook


def checks() -> tuple[Check, ...]:
    """Every Entra check."""
    return tuple(CHECKS)


def connect(
    playbook: EntraPlaybook,
    notebook: Notebook,
    tell: Callable[[str], None],
    sandboxed: Sandboxed | None = None,
) -> EntraProvider:
    """Open a tenant for a playbook; nothing is contacted yet."""
    if sandboxed:
        graph = Graph(
            root=f"{sandboxed.url}/v1.0",
            credential=Given(sandboxed.token),
            scope=f"{sandboxed.url}/.default",
            patience=_sandbox_patience(sandboxed.lag),
            tell=tell,
            direct=True,
        )
    else:
        root, authority = CLOUDS[playbook.connection.cloud]
        graph = Graph(
            root=f"{root}/v1.0",
            credential=signed_in(authority, playbook.connection.tenant),
            scope=f"{root}/.default",
            tell=tell,
        )
    return EntraProvider(playbook=playbook, graph=graph, notebook=notebook)


def _sandbox_patience(lag: float) -> Patience:
    """The sandbox's replicas agree after a known time, so nobody needs to wait as long as for the real ones."""
    return Patience(budget=10 + 5 * lag, first=0.05, most=1.0, settle=0.3 + 3 * lag, agreeing=3)
