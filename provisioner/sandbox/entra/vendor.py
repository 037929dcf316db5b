"""Microsoft Entra ID in the sandbox."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from provisioner.sandbox.entra import DOMAIN
from provisioner.sandbox.entra.login.tokens import Tokens
from provisioner.sandbox.misconfigurations import Misconfigurations
from provisioner.sandbox.server import Api, Mount
from provisioner.sandbox.settings import CONSOLE, Setting, choice, parse_subset
from provisioner.sandbox.store import Document, Store
from provisioner.sandbox.vendor import Summary, Vendor

if TYPE_CHECKING:
    from provisioner.sandbox.entra.graph import CycleScheduler

# Modules that take time to load are imported when they are needed.
# ruff: noqa: PLC0415

_GRAPH_PATHS = re.compile(r"/(v1\.0|beta)(?:/|$)")
_LOGIN_PATHS = re.compile(r"/common/discovery/|/[^/]+/(?:oauth2/v2\.0|discovery/v2\.0|v2\.0/\.well-known)/")
_KINDS = ("application", "servicePrincipal", "user", "group", "appRoleAssignment", "deletedItem")


class _DeniedPermissions(Setting):
    """Stored as the permissions that are left."""

    def read(self, store: Store) -> str:
        from provisioner.sandbox.entra.graph.permissions import AUTOMATION_PERMISSIONS

        granted = store.setting("permissions", [])
        return ",".join(name for name in AUTOMATION_PERMISSIONS if name not in granted)

    def write(self, store: Store, text: str) -> None:
        from provisioner.sandbox.entra.graph.permissions import AUTOMATION_PERMISSIONS

        denied = parse_subset(text, AUTOMATION_PERMISSIONS)
        store.set("permissions", [name for name in AUTOMATION_PERMISSIONS if name not in denied])


def _parse_cloud(text: str) -> str:
    """The two clouds of the US government share their template ids."""
    return choice("global", "usgov", "china")(text.removesuffix("-dod"))


class Entra(Vendor):
    """An Entra tenant."""

    title = "Entra tenant"
    domain = DOMAIN
    settings = (
        _DeniedPermissions("deny", "Graph permissions to deny, comma-separated; empty: none", str, ""),
        Setting("cloud", "Microsoft cloud of the tenant: global, usgov or china", _parse_cloud, "global"),
    )

    @property
    def tenant_id(self) -> str:
        """The tenant's id."""
        return str(self.store.setting("tenant_id"))

    def create_tenant(self, store: Store) -> None:
        from provisioner.sandbox.entra import seed

        seed.create_tenant(store)

    def mounts(self) -> Sequence[Mount]:
        return (
            Mount(_GRAPH_PATHS, self._load_graph, recorded=True),
            Mount(_LOGIN_PATHS, self._load_login),
        )

    def _load_graph(self) -> Api:
        from provisioner.sandbox.entra.graph import GraphApi

        return GraphApi(
            self.store,
            Tokens(self.store),
            self.provisioning_service,
            self.context.record,
            sandbox_store=self.context.store,
        )

    def _load_login(self) -> Api:
        from provisioner.sandbox.entra.login.endpoints import LoginApi

        return LoginApi(self.store, Tokens(self.store))

    def create_provisioning_service(self) -> CycleScheduler:
        from provisioner.sandbox.entra.graph import CycleScheduler

        return CycleScheduler(self.store)

    def admin_token(self, permissions: Sequence[str] | None = None) -> str:
        """A bearer token of the automation client.

        Args:
            permissions: Graph application permissions for it; by default all that are not denied.
        """
        if permissions is None:
            permissions = self.store.setting("permissions", [])
        return Tokens(self.store).automation(permissions)

    def variables(self) -> dict[str, str]:
        """``ENTRA_TENANT_ID``, ``KIRO_DOMAIN``, and ``KIRO_SCIM_ENDPOINT`` and ``KIRO_SCIM_TOKEN``.

        With the setting ``console=manual``, the last two are known only after a token was generated.
        """
        from provisioner.sandbox.kiro import console

        known = {"ENTRA_TENANT_ID": self.tenant_id, "KIRO_DOMAIN": self.domain}
        manual = CONSOLE.read(self.context.store) == "manual"
        if manual and not self.context.kiro.keys("scimToken"):
            return known
        return known | console.automatic_credentials(self.context.kiro, self.context.http_url)

    def connection(self) -> dict[str, str]:
        return {
            "Microsoft Graph": f"{self.context.url}/v1.0",
            "Entra token endpoint": f"{self.context.url}/{self.tenant_id}/oauth2/v2.0/token",
            "Entra tenant id": self.tenant_id,
            "Entra client id": str(self.store.setting("client_id")),
            "Entra client secret": str(self.store.setting("client_secret")),
        }

    def summary(self) -> Summary:
        return Summary({kind: len(self.store.keys(kind)) for kind in _KINDS})

    def add_group(self, name: str, like: str = "Kiro-Users") -> None:
        from provisioner.sandbox.entra import seed

        seed.add_group(self.store, name, like)

    def add_member(self, user: str, group: str = "Kiro-Users") -> None:
        from provisioner.sandbox.entra import seed

        seed.add_member(self.store, self.user_name(user), group)

    def populate(self, *, users: int = 0, groups: int = 0, members: int = 0) -> None:
        from provisioner.sandbox.entra import seed

        seed.populate(self.store, users=users, groups=groups, members=members)

    def run_provisioning(self) -> dict[str, str]:
        """Run a cycle of every job, as if its interval had passed."""
        from provisioner.sandbox.entra import provisioning

        for job in self.store.all("synchronizationJob"):
            provisioning.run_cycle(self.store, job["id"])
        return {job["id"]: _outcome(job["status"]) for job in self.store.all("synchronizationJob")}

    def owns_profile(self, profile: Document) -> bool:
        return "issuer" not in profile

    @staticmethod
    def misconfigurations() -> Misconfigurations[Any]:
        from provisioner.sandbox.entra.misconfigurations import MISCONFIGURATIONS

        return MISCONFIGURATIONS

    def replace_address(self, before: str, url: str) -> None:
        """Replace the address of Kiro's SCIM endpoint in the credentials of provisioning jobs."""
        for principal_id in self.store.keys("synchronizationSecrets"):
            values = (self.store.get("synchronizationSecrets", principal_id) or {})["values"]
            address = str(values.get("BaseAddress", ""))
            if before and address.startswith(f"{before}/"):
                moved = {**values, "BaseAddress": url + address.removeprefix(before)}
                self.store.put("synchronizationSecrets", principal_id, {"values": moved})

    def catch_up(self) -> None:
        """Run the cycles that are overdue, and wait for them."""
        if self.exists:
            self.provisioning_service.start_overdue()
            self.provisioning_service.wait()


def _outcome(status: Document) -> str:
    """How a job's last cycle ended, in one line."""
    last = status.get("lastExecution") or {}
    reason = (status.get("quarantine") or {}).get("reason")
    if reason:
        return f"quarantine: {reason}"
    counts = f"{last.get('countExported', 0)} exported, {last.get('countEscrowed', 0)} held back"
    return f"{status['code']}: {last.get('state') or 'has not run'}, {counts}"
