"""The Entra provider: what the engine asks for, handed to those who do it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from provisioner.core.check import Check
from provisioner.core.errors import PermissionDeniedError, RefusedError, RemoteError
from provisioner.core.notebook import Notebook
from provisioner.core.plan import Change, Desired, Guards, Plan
from provisioner.core.provider import HandoffValue, Outcome, PermissionsNeeded, Requests
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Snapshot
from provisioner.core.step import ManualStep
from provisioner.providers.needs import Need, missing, reported

from . import observations as seen
from . import permissions
from . import resources as kinds
from .checks import CHECKS
from .directory import DirectoryWriter
from .graph import Graph
from .playbook import EntraPlaybook
from .provisioning import ProvisioningWriter
from .reader import Reader

Handler = Callable[[Change, Snapshot], Awaitable[Outcome]]


@dataclass
class EntraProvider:
    """One playbook's view of one Entra tenant."""

    playbook: EntraPlaybook
    graph: Graph
    notebook: Notebook
    name: str = "entra"
    title: str = "Microsoft Entra ID"
    checks: Iterable[Check] = CHECKS
    teardown_reads: frozenset[str] = frozenset({seen.DeletedApplication.kind})

    @property
    def tenant(self) -> str:
        return self.playbook.connection.tenant

    @property
    def convergence_budget(self) -> float:
        return self.graph.patience.budget

    def desired(self) -> Desired:
        """What the playbook asks for; strays of interrupted runs are not among it."""
        wanted = self.playbook.desired()
        return wanted.model_copy(
            update={"leftovers": frozenset({seen.StrayApplication.kind})},
        )

    def teardown(self, snapshot: Snapshot, *, purge: bool) -> Desired:
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
            copies = snapshot.of(seen.DeletedApplication)
            gone += [copy.address for copy in copies if copy.unique_name == self.playbook.marker]
        return Desired(
            resources=(kinds.ProvisioningStatus(key=name, on=False),) if on else (),
            leftovers=frozenset({seen.StrayApplication.kind}),
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
        endpoint, token = (self.playbook.awaited(key) for key in ("scim.endpoint", "scim.token"))
        return (
            HandoffValue(
                name="Application (client) ID",
                value=application.app_id if application else None,
                comes_from=overview,
                goes_to=f"{onboarding}, Application ID",
            ),
            HandoffValue(
                name="Directory (tenant) ID",
                value=principal.tenant_id if principal else None,
                comes_from=overview,
                goes_to=f"{onboarding}, Tenant ID",
            ),
            HandoffValue(
                name="SCIM endpoint",
                value=secrets.endpoint if secrets else None,
                comes_from=f"{settings}, SCIM Endpoint",
                goes_to=f"this playbook: {endpoint}",
            ),
            HandoffValue(
                name="Access token",
                value="(secret)" if secrets and secrets.token else None,
                comes_from=f"{settings}, Access Tokens, shown only once",
                goes_to=f"this playbook: {token}",
            ),
        )

    def guards(self) -> Guards:
        return self.playbook.guards

    def advice(self, snapshot: Snapshot, plan: Plan) -> Iterator[str]:
        """What the author should know besides the plan."""
        if self.playbook.users:
            yield (
                f"{len(self.playbook.users)} users are assigned directly: "
                "the vendor advises to assign groups only"
            )
        yield from _wrongly_synced(snapshot, plan)

    def outlook(self, snapshot: Snapshot) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's signature
        return ()

    async def read(self, also: frozenset[str] = frozenset()) -> Snapshot:
        return await Reader(self.graph, self.playbook, self.notebook, also).read()

    async def look_again(
        self,
        steps: Iterable[ManualStep],  # noqa: ARG002 - the protocol's signature
        world: Snapshot,  # noqa: ARG002 - the protocol's signature
    ) -> tuple[Resource, ...]:
        """Nothing: what its steps bring comes by variables, with the next run."""
        return ()

    async def needed_permissions(self) -> PermissionsNeeded:
        try:
            has, problem = permissions.granted(await self.graph.token_claims()), ""
        except RemoteError as error:
            has, problem = None, error.message
        return PermissionsNeeded(
            needs=reported(self._needs(), has),
            kind="Microsoft Graph permissions",
            who="A signed-in person also needs the directory role",
            role=permissions.DIRECTORY_ROLE,
            problem=problem,
        )

    def _needs(self) -> Iterator[Need]:
        """The needs that this playbook has."""
        superfluous = {
            permissions.CONSENT: not self.playbook.application.admin_consent,
            permissions.READ_USERS: not self.playbook.users,
            permissions.READ_PEOPLE: self.playbook.domains is None,
            permissions.READ_DOMAINS: self.playbook.domains is None,
            permissions.ASSIGN: self.playbook.groups is None and self.playbook.users is None,
            permissions.WRITE_PROVISIONING: self.playbook.scim is None,
        }
        return (need for need in permissions.NEEDS if not superfluous.get(need))

    async def permit(self, plan: Plan) -> None:
        claims = await self.graph.token_claims()
        tenant = claims.get("tid")
        if (
            tenant
            and "." not in self.playbook.connection.tenant
            and tenant != self.playbook.connection.tenant
        ):
            raise RefusedError(
                f"the credentials are for tenant {tenant}, the playbook is for {self.playbook.connection.tenant}",
                hint="sign in to the playbook's tenant, or correct connection: tenant:",
            )
        has = permissions.granted(claims)
        if has is None:
            return
        for need in missing(needs_of(plan), has):
            raise PermissionDeniedError(
                f"the credentials may not {need.purpose}; nothing was written",
                needs=need.any_of,
                role=permissions.DIRECTORY_ROLE if "scp" in claims else "",
            )

    async def apply(self, change: Change, world: Snapshot) -> Outcome:
        kind = change.address.partition("/")[0]
        return await self._handlers[kind](change, world)

    def requests(self) -> Requests:
        return Requests(read=self.graph.count.read, write=self.graph.count.write)

    async def close(self) -> None:
        await self.graph.close()

    @cached_property
    def _handlers(self) -> dict[str, Handler]:
        directory = DirectoryWriter(self.graph, self.playbook, self.notebook)
        provisioning = ProvisioningWriter(self.graph, self.playbook, self.notebook)
        by_kind: dict[type[Resource], Handler] = {
            kinds.Application: directory.application,
            seen.StrayApplication: directory.stray,
            seen.DeletedApplication: directory.purge,
            kinds.ServicePrincipal: directory.service_principal,
            kinds.GroupAssignment: directory.assignment,
            kinds.UserAssignment: directory.assignment,
            kinds.Consent: directory.consent,
            kinds.ProvisioningJob: provisioning.job,
            kinds.ProvisioningSecrets: provisioning.secrets,
            kinds.AttributeMapping: provisioning.mapping,
            kinds.ProvisioningStatus: provisioning.status,
            kinds.FirstSync: provisioning.first_sync,
        }
        return {kind.kind: handler for kind, handler in by_kind.items()}


def needs_of(plan: Plan) -> tuple[Need, ...]:
    """The permissions that a plan's writes need."""
    assigns = {kinds.GroupAssignment.kind, kinds.UserAssignment.kind}
    provisions = {
        kind.kind
        for kind in (
            kinds.ProvisioningJob,
            kinds.ProvisioningSecrets,
            kinds.AttributeMapping,
            kinds.ProvisioningStatus,
            kinds.FirstSync,
        )
    }
    needs: dict[Need, None] = {}
    for change in plan.pending:
        kind = change.address.partition("/")[0]
        if kind in assigns:
            needs[permissions.ASSIGN] = None
        elif kind in provisions:
            needs[permissions.WRITE_PROVISIONING] = None
        elif kind == kinds.Consent.kind:
            needs[permissions.CONSENT] = None
        else:
            needs[permissions.WRITE_APPLICATIONS] = None
    return tuple(needs)


def _wrongly_synced(snapshot: Snapshot, plan: Plan) -> Iterator[str]:
    """Changing externalId's source after users were provisioned does not change their externalId."""
    job = snapshot.one(kinds.ProvisioningJob)
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
