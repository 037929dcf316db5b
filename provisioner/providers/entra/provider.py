"""The Entra provider: the engine's view of one Entra tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from provisioner.core.check import Check
from provisioner.core.errors import RefusedError
from provisioner.core.local_store import LocalStore
from provisioner.core.plan import DesiredState, Plan
from provisioner.core.provider import HandoffValue
from provisioner.core.retry import RetryPolicy
from provisioner.core.snapshot import Snapshot
from provisioner.providers import SandboxConnection
from provisioner.providers.base.kinds import ManagedKind
from provisioner.providers.base.permissions import RequiredPermission, missing_permissions
from provisioner.providers.base.provider import IdentityProvider

from . import observations as seen
from . import permissions
from . import resources as kinds
from .checks import CHECKS
from .client import GraphClient
from .credentials import Given, signed_in
from .playbook import EntraPlaybook
from .reading import Reader
from .writing import EntraWriter

_DIRECTORY: Final = (permissions.WRITE_APPLICATIONS,)
_PROVISIONING: Final = (permissions.WRITE_PROVISIONING,)

MANAGED_KINDS: Final = (
    ManagedKind(kinds.Application, "application", EntraWriter.application, _DIRECTORY),
    ManagedKind(kinds.ServicePrincipal, "application", EntraWriter.service_principal, _DIRECTORY),
    ManagedKind(kinds.Consent, "application", EntraWriter.consent, (permissions.CONSENT,)),
    ManagedKind(kinds.ProvisioningJob, "scim", EntraWriter.job, _PROVISIONING),
    ManagedKind(kinds.ProvisioningSecrets, "scim", EntraWriter.secrets, _PROVISIONING),
    ManagedKind(kinds.AttributeMapping, "scim", EntraWriter.mapping, _PROVISIONING),
    ManagedKind(kinds.ProvisioningStatus, "scim", EntraWriter.status, _PROVISIONING),
    ManagedKind(kinds.Group, "groups"),
    ManagedKind(kinds.GroupAssignment, "groups", EntraWriter.assignment, (permissions.ASSIGN,)),
    ManagedKind(kinds.FirstSync, "groups", EntraWriter.first_sync, _PROVISIONING),
    ManagedKind(kinds.User, "users"),
    ManagedKind(kinds.UserAssignment, "users", EntraWriter.assignment, (permissions.ASSIGN,)),
    ManagedKind(seen.OrphanedApplication, "", EntraWriter.orphaned_application, _DIRECTORY),
    ManagedKind(seen.DeletedApplication, "", EntraWriter.purge, _DIRECTORY),
)

CLOUDS: Final = {
    "global": ("https://graph.microsoft.com", "login.microsoftonline.com"),
    "usgov": ("https://graph.microsoft.us", "login.microsoftonline.us"),
    "usgov-dod": ("https://dod-graph.microsoft.us", "login.microsoftonline.us"),
    "china": ("https://microsoftgraph.chinacloudapi.cn", "login.chinacloudapi.cn"),
}
"""The root of Microsoft Graph and the sign-in authority, by cloud (Microsoft Graph, national cloud deployments)."""


def playbook_model() -> type[EntraPlaybook]:
    """The model of an Entra playbook."""
    return EntraPlaybook


def checks() -> tuple[Check, ...]:
    """Every Entra check."""
    return tuple(CHECKS)


def connect(
    playbook: EntraPlaybook,
    store: LocalStore,
    on_wait: Callable[[str], None],
    sandbox: SandboxConnection | None = None,
) -> EntraProvider:
    """Connect to the tenant of a playbook. No request is sent yet."""
    if sandbox:
        client = GraphClient(
            root=f"{sandbox.url}/v1.0",
            credential=Given(sandbox.token),
            scope=f"{sandbox.url}/.default",
            retry_policy=_sandbox_policy(sandbox.replica_lag),
            on_wait=on_wait,
            direct=True,
        )
    else:
        root, authority = CLOUDS[playbook.connection.cloud]
        client = GraphClient(
            root=f"{root}/v1.0",
            credential=signed_in(authority, playbook.connection.tenant),
            scope=f"{root}/.default",
            on_wait=on_wait,
        )
    return EntraProvider(playbook, client, store)


def _sandbox_policy(replica_lag: float) -> RetryPolicy:
    """The replicas of the sandbox converge after a known time, so the waits can be short."""
    return RetryPolicy(
        budget=10 + 5 * replica_lag,
        initial_delay=0.05,
        max_delay=1.0,
        consistency_window=0.3 + 3 * replica_lag,
        agreeing_reads=3,
    )


@dataclass
class EntraProvider(IdentityProvider[EntraPlaybook, GraphClient]):
    """One playbook's connection to one Entra tenant."""

    name: ClassVar[str] = "entra"
    title: ClassVar[str] = "Microsoft Entra ID"
    checks: ClassVar[Iterable[Check]] = CHECKS
    managed_kinds: ClassVar[tuple[ManagedKind, ...]] = MANAGED_KINDS
    destroy_kinds: ClassVar[frozenset[str]] = frozenset({seen.DeletedApplication.kind})
    permission_kind: ClassVar[str] = "Microsoft Graph permissions"
    role: ClassVar[str] = permissions.DIRECTORY_ROLE
    role_holder: ClassVar[str] = "A signed-in person also needs the directory role"

    store: LocalStore

    @property
    def tenant(self) -> str:
        return self.playbook.connection.tenant

    @cached_property
    def writer(self) -> EntraWriter:
        return EntraWriter(self.client, self.playbook, self.store)

    def desired_state(self) -> DesiredState:
        """The desired state of the playbook; no orphaned application of an interrupted run remains."""
        orphaned = frozenset({seen.OrphanedApplication.kind})
        return self.playbook.desired_state().model_copy(update={"orphaned": orphaned})

    def destroyed_state(self, snapshot: Snapshot, *, purge: bool) -> DesiredState:
        """Provisioning off, then the service principal and the application to the recycle bin."""
        application = snapshot.get(kinds.Application, self.playbook.name)
        if application and application.unique_name != self.playbook.marker:
            raise RefusedError(
                f"the application {application.display_name!r} does not carry the marker {self.playbook.marker}: "
                "this playbook did not make it",
                hint="delete it in the portal, if that is what you want",
            )
        name = self.playbook.name
        on = snapshot.get(kinds.ProvisioningStatus, name) is not None
        gone = [f"{kind.kind}/{name}" for kind in (kinds.ServicePrincipal, kinds.Application)]
        if purge:
            copies = snapshot.all(seen.DeletedApplication)
            gone += [copy.address for copy in copies if copy.unique_name == self.playbook.marker]
        return DesiredState(
            resources=(kinds.ProvisioningStatus(key=name, on=False),) if on else (),
            orphaned=frozenset({seen.OrphanedApplication.kind}),
            absent=tuple(gone),
        )

    def handoff(self, snapshot: Snapshot) -> tuple[HandoffValue, ...]:
        """Kiro, Microsoft Entra guide, values needed for step 3: two go to Kiro, two come back from it."""
        name = self.playbook.name
        application = snapshot.get(kinds.Application, name)
        principal = snapshot.get(kinds.ServicePrincipal, name)
        secrets = snapshot.get(kinds.ProvisioningSecrets, name)
        onboarding = "Kiro console: Onboard your team, External Identity Provider, Microsoft Entra ID"
        settings = "Kiro console: Settings, Identity Management"
        overview = "Entra admin center: App registrations, Overview"
        endpoint, token = (self.playbook.deferred_variable(key) for key in ("scim.endpoint", "scim.token"))
        return (
            HandoffValue(
                name="Application (client) ID",
                value=application.app_id if application else None,
                source=overview,
                destination=f"{onboarding}, Application ID",
            ),
            HandoffValue(
                name="Directory (tenant) ID",
                value=principal.tenant_id if principal else None,
                source=overview,
                destination=f"{onboarding}, Tenant ID",
            ),
            HandoffValue(
                name="SCIM endpoint",
                value=secrets.endpoint if secrets else None,
                source=f"{settings}, SCIM Endpoint",
                destination=f"this playbook: {endpoint}",
            ),
            HandoffValue(
                name="Access token",
                value="(secret)" if secrets and secrets.token else None,
                source=f"{settings}, Access Tokens, shown only once",
                destination=f"this playbook: {token}",
            ),
        )

    def warnings(self, snapshot: Snapshot, plan: Plan) -> Iterator[str]:
        """What the author should know besides the plan."""
        if self.playbook.users:
            yield (
                f"{len(self.playbook.users)} users are assigned directly: "
                "the vendor advises to assign groups only"
            )
        yield from _wrongly_synced(snapshot, plan)

    async def read(self, extra_kinds: frozenset[str] = frozenset()) -> Snapshot:
        """Read everything a plan needs, and the extra kinds."""
        return await Reader(self.client, self.playbook, self.store, extra_kinds).read()

    async def granted_permissions(self) -> frozenset[str] | None:
        return permissions.granted(await self.client.token_claims())

    def required_permissions(self) -> Iterator[RequiredPermission]:
        """The permissions that this playbook needs, for all commands."""
        unneeded = {
            permissions.CONSENT: not self.playbook.application.admin_consent,
            permissions.READ_USERS: not self.playbook.users,
            permissions.READ_PEOPLE: self.playbook.domains is None,
            permissions.READ_DOMAINS: self.playbook.domains is None,
            permissions.ASSIGN: self.playbook.groups is None and self.playbook.users is None,
            permissions.WRITE_PROVISIONING: self.playbook.scim is None,
        }
        return (permission for permission in permissions.PERMISSIONS if not unneeded.get(permission))

    async def check_permissions(self, plan: Plan) -> None:
        """Raise before the first write if the credentials lack a permission, or are for another tenant."""
        claims = await self.client.token_claims()
        tenant, expected = claims.get("tid"), self.playbook.connection.tenant
        if tenant and "." not in expected and tenant != expected:
            raise RefusedError(
                f"the credentials are for tenant {tenant}, the playbook is for {expected}",
                hint="sign in to the playbook's tenant, or correct connection: tenant:",
            )
        granted = permissions.granted(claims)
        if granted is None:
            return
        for permission in missing_permissions(self.plan_permissions(plan), granted):
            raise self.missing_permission(permission, role=self.role if "scp" in claims else "")


def _wrongly_synced(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """Changing externalId's source after users were provisioned does not change their externalId."""
    job = snapshot.first(kinds.ProvisioningJob)
    if job is None or not (job.synced_users or job.last_success):
        return
    for change in plan.pending:
        before = change.before
        if isinstance(before, kinds.AttributeMapping) and before.external_id != "objectId":
            yield (
                f"{job.synced_users or 'some'} users were already provisioned with an externalId from "
                f"{before.external_id!r}. Kiro does not let it change: correcting the mapping helps new users "
                "only. For the others, delete all subscriptions in the Kiro console, remove the users from "
                "Kiro (unassign the groups and let a cycle run), and provision them again"
            )
