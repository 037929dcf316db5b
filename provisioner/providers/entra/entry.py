"""How the rest of the product gets at this provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from provisioner.core.check import Check
from provisioner.core.notebook import Notebook
from provisioner.core.patience import Patience
from provisioner.providers import Sandboxed

from .checks import CHECKS
from .graph import Graph
from .playbook import EntraPlaybook
from .provider import EntraProvider

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

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
            credential=_Fixed(sandboxed.token),
            scope=f"{sandboxed.url}/.default",
            patience=_sandbox_patience(sandboxed.lag),
            tell=tell,
        )
    else:
        root, authority = CLOUDS[playbook.connection.cloud]
        graph = Graph(
            root=f"{root}/v1.0",
            credential=_OfTenant(_signed_in(authority), playbook.connection.tenant),
            scope=f"{root}/.default",
            tell=tell,
        )
    return EntraProvider(playbook=playbook, graph=graph, notebook=notebook)


def _signed_in(authority: str) -> TokenCredential:
    """Environment, workload identity (CI federation), managed identity, Azure CLI: whatever there is, in order."""
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - start-up time

    return DefaultAzureCredential(
        authority=authority, exclude_interactive_browser_credential=True, additionally_allowed_tenants=["*"]
    )


def _sandbox_patience(lag: float) -> Patience:
    """The sandbox's replicas agree after a known time, so nobody needs to wait as long as for the real ones."""
    return Patience(budget=10 + 5 * lag, first=0.05, most=1.0, settle=0.3 + 3 * lag, agreeing=3)


class _OfTenant:
    """Credentials that are for the playbook's tenant, whichever one the environment names: one run may be about many."""

    def __init__(self, credential: TokenCredential, tenant: str) -> None:
        self._credential = credential
        self._tenant = tenant

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return self._credential.get_token(*scopes, **{"tenant_id": self._tenant, **options})


class _Fixed:
    """A credential that has its token already."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        import time  # noqa: PLC0415

        from azure.core.credentials import AccessToken  # noqa: PLC0415 - start-up time

        return AccessToken(self._token, int(time.time()) + 3600)
