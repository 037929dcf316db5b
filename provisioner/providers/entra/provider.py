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
from provisioner.core.snapshot import Snapshot
from provisioner.providers import SandboxConnection, kiro
from provisioner.providers.base.kinds import ManagedKind
from provisioner.providers.base.permissions import RequiredPermission, missing_permissions
from provisioner.providers.base.provider import IdentityProvider, sandbox_retry_policy

from . import observations, permissions
from . import resources as kinds
from .checks import CHECKS
from .client import GraphClient
from .credentials import AccessTokenCredential, tenant_credential
from .playbook import EntraPlaybook
from .reading import Reader
from .writing import EntraWriter

_DIRECTORY: Final = (permissions.WRITE_APPLICATIONS,)
_PROVISIONING: Final = (permissions.WRITE_PROVISIONING,)

MANAGED_KINDS: Final = (
    ManagedKind(kinds.Application, "application", EntraWriter.write_application, _DIRECTORY),
    ManagedKind(kinds.ServicePrincipal, "application", EntraWriter.write_service_principal, _DIRECTORY),
    ManagedKind(kinds.AdminConsent, "application", EntraWriter.write_consent, (permissions.CONSENT,)),
    ManagedKind(kinds.ProvisioningJob, "scim", EntraWriter.write_job, _PROVISIONING),
    ManagedKind(kinds.ProvisioningSecrets, "scim", EntraWriter.write_secrets, _PROVISIONING),
    ManagedKind(kinds.AttributeMapping, "scim", EntraWriter.write_mapping, _PROVISIONING),
    ManagedKind(kinds.ProvisioningStatus, "scim", EntraWriter.write_status, _PROVISIONING),
    ManagedKind(kinds.Group, "groups"),
    ManagedKind(kinds.GroupAssignment, "groups", EntraWriter.write_assignment, (permissions.ASSIGN,)),
    ManagedKind(kinds.ProvisionOnDemand, "groups", EntraWriter.provision_on_demand, _PROVISIONING),
    ManagedKind(kinds.User, "users"),
    ManagedKind(kinds.UserAssignment, "users", EntraWriter.write_assignment, (permissions.ASSIGN,)),
    ManagedKind(observations.OrphanedApplication, "", EntraWriter.delete_orphaned_application, _DIRECTORY),
    ManagedKind(observations.DeletedApplication, "", EntraWriter.purge_application, _DIRECTORY),
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
            credential=AccessTokenCredential(sandbox.token),
            scope=f"{sandbox.url}/.default",
            retry_policy=sandbox_retry_policy(sandbox.replica_lag),
            on_wait=on_wait,
            direct=True,
        )
    else:
        root, authority = CLOUDS[playbook.connection.cloud]
        client = GraphClient(
            root=f"{root}/v1.0",
            credential=tenant_credential(authority, playbook.connection.tenant),
            scope=f"{root}/.default",
            on_wait=on_wait,
        )
    return EntraProvider(playbook, client, store)


@dataclass
class EntraProvider(IdentityProvider[EntraPlaybook, GraphClient]):
    """One playbook's connection to one Entra tenant."""

    name: ClassVar[str] = "entra"
    title: ClassVar[str] = "Microsoft Entra ID"
    checks: ClassVar[Iterable[Check]] = CHECKS
    managed_kinds: ClassVar[tuple[ManagedKind, ...]] = MANAGED_KINDS
    destroy_kinds: ClassVar[frozenset[str]] = frozenset({observations.DeletedApplication.kind})
    permission_kind: ClassVar[str] = "Microsoft Graph permissions"
    role: ClassVar[str] = permissions.DIRECTORY_ROLE
    role_holder: ClassVar[str] = "A signed-in admin also needs the directory role"

    store: LocalStore

    @property
    def tenant(self) -> str:
        return self.playbook.connection.tenant

    @cached_property
    def writer(self) -> EntraWriter:
        return EntraWriter(self.client, self.playbook, self.store)

    def desired_state(self) -> DesiredState:
        """The desired state of the playbook, without the orphaned applications of interrupted runs."""
        orphaned = frozenset({observations.OrphanedApplication.kind})
        return self.playbook.desired_state().model_copy(update={"orphaned": orphaned})

    def destroyed_state(self, snapshot: Snapshot, *, purge: bool) -> DesiredState:
        """Provisioning off; service principal and application in the recycle bin, or deleted permanently.

        Raises:
            RefusedError: the application does not carry the playbook's marker.
        """
        name, marker = self.playbook.name, self.playbook.marker
        application = snapshot.get(kinds.Application, name)
        if application and application.unique_name != marker:
            raise RefusedError(
                f"the application {application.display_name!r} does not carry the marker {marker}: "
                "it was not created by this playbook",
                hint="to delete it anyway, use the Entra admin center",
            )
        addresses = [f"{kind.kind}/{name}" for kind in (kinds.ServicePrincipal, kinds.Application)]
        if purge:
            in_recycle_bin = snapshot.all(observations.DeletedApplication)
            addresses += [deleted.address for deleted in in_recycle_bin if deleted.unique_name == marker]
        provisioned = snapshot.get(kinds.ProvisioningStatus, name) is not None
        return DesiredState(
            resources=(kinds.ProvisioningStatus(key=name, on=False),) if provisioned else (),
            orphaned=frozenset({observations.OrphanedApplication.kind}),
            absent=tuple(addresses),
        )

    def handoff(self, snapshot: Snapshot) -> tuple[HandoffValue, ...]:
        """The values to copy: two go to Kiro, two come back (Kiro, Microsoft Entra guide, values needed for step 3)."""
        name = self.playbook.name
        application = snapshot.get(kinds.Application, name)
        principal = snapshot.get(kinds.ServicePrincipal, name)
        secrets = snapshot.get(kinds.ProvisioningSecrets, name)
        onboarding = "Kiro console, Onboard your team, External Identity Provider, Microsoft Entra ID"
        overview = "Entra admin center, App registrations, Overview"
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
                source=f"{kiro.IDENTITY_SETTINGS}, SCIM Endpoint",
                destination=f"this playbook: {endpoint}",
            ),
            HandoffValue(
                name="Access token",
                value="(secret)" if secrets and secrets.token else None,
                source=f"{kiro.IDENTITY_SETTINGS}, Access Tokens, shown only once",
                destination=f"this playbook: {token}",
            ),
        )

    def warnings(self, snapshot: Snapshot, plan: Plan) -> Iterator[str]:
        """What the admin should know in addition to the plan."""
        if count := len(self.playbook.users or ()):
            assigned = "1 user is" if count == 1 else f"{count} users are"
            yield f"{assigned} assigned directly: Kiro's guide recommends to assign only groups"
        yield from _external_id_warnings(snapshot, plan)

    async def read(self, extra_kinds: frozenset[str] = frozenset()) -> Snapshot:
        """Read everything a plan needs, and the extra kinds."""
        return await Reader(self.client, self.playbook, self.store, extra_kinds).read()

    async def granted_permissions(self) -> frozenset[str] | None:
        return permissions.granted_permissions(await self.client.token_claims())

    def required_permissions(self) -> Iterator[RequiredPermission]:
        """The permissions that this playbook needs, for all commands."""
        playbook = self.playbook
        unused = {
            permissions.CONSENT: not playbook.application.admin_consent,
            permissions.READ_USERS: not playbook.users,
            permissions.READ_EMAIL_ADDRESSES: playbook.domains is None,
            permissions.READ_DOMAINS: playbook.domains is None,
            permissions.ASSIGN: playbook.groups is None and playbook.users is None,
            permissions.WRITE_PROVISIONING: playbook.scim is None,
        }
        return (permission for permission in permissions.PERMISSIONS if not unused.get(permission))

    async def check_permissions(self, plan: Plan) -> None:
        """Raise before the first write if the credentials lack a permission, or are for another tenant."""
        claims = await self.client.token_claims()
        tenant, expected = claims.get("tid"), self.playbook.connection.tenant
        if tenant and "." not in expected and tenant != expected:
            raise RefusedError(
                f"the credentials are for tenant {tenant}, the playbook is for {expected}",
                hint="sign in to the playbook's tenant, or correct connection: tenant:",
            )
        granted = permissions.granted_permissions(claims)
        if granted is None:
            return
        for permission in missing_permissions(self.plan_permissions(plan), granted):
            raise self.missing_permission(permission, role=self.role if "scp" in claims else "")


def _external_id_warnings(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """A corrected mapping does not change the externalId of users who are already provisioned."""
    job = snapshot.first(kinds.ProvisioningJob)
    if job is None or not (job.synced_users or job.last_success):
        return
    users = (
        "1 user already has" if job.synced_users == 1 else f"{job.synced_users or 'Some'} users already have"
    )
    for change in plan.pending:
        before = change.before
        if isinstance(before, kinds.AttributeMapping) and before.external_id != "objectId":
            yield (
                f"{users} an externalId from {before.external_id!r}. Kiro does not let it change, so the corrected "
                "mapping helps only new users. What to do about the others: "
                "provisioner checks show entra-wrong-external-id"
            )
