"""Okta as the engine sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from provisioner.core.check import Check
from provisioner.core.errors import PermissionDeniedError, RefusedError, RemoteError
from provisioner.core.plan import Change, Desired, Guards, Plan
from provisioner.core.provider import HandoffValue, Outcome, PermissionsNeeded, Requests
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Snapshot
from provisioner.core.step import ManualStep
from provisioner.providers.needs import Need, reported

from . import observations as seen
from . import parse, permissions
from . import resources as kinds
from .applications import ApplicationWriter
from .authorization import AuthorizationWriter
from .checks import CHECKS
from .credentials import ApiToken
from .lookups import Memory
from .org import Org, path
from .playbook import OktaPlaybook
from .provisioning import ProvisioningWriter
from .reader import Reader

Handler = Callable[[Change, Snapshot], Awaitable[Outcome]]

_OPTIONAL: Final = {
    seen.ProvisioningFailure.kind: permissions.READ_LOGS,
    seen.SignInFailure.kind: permissions.READ_LOGS,
    seen.CustomDomain.kind: permissions.READ_DOMAINS,
}
"""What an audit reads besides, and the scope it is asked for with: being refused it must not fail the rest."""


@dataclass
class OktaProvider:
    """One playbook's view of one Okta organization."""

    playbook: OktaPlaybook
    org: Org
    memory: Memory = field(default_factory=Memory)
    name: str = "okta"
    title: str = "Okta"
    checks: Iterable[Check] = CHECKS
    teardown_reads: frozenset[str] = frozenset()

    @property
    def tenant(self) -> str:
        return self.playbook.connection.org_url

    @property
    def convergence_budget(self) -> float:
        return self.org.patience.budget

    def desired(self) -> Desired:
        """What the playbook asks for."""
        return self.playbook.desired()

    def teardown(self, snapshot: Snapshot, *, purge: bool) -> Desired:
        """Everything switched off; with ``purge`` it is deleted, for there is no recycle bin."""
        name, marker = self.playbook.name, self.playbook.marker
        application = snapshot.get(kinds.Application, name)
        server = snapshot.get(kinds.AuthorizationServer, name)
        scim = snapshot.get(kinds.ScimApplication, name)
        for what, found, mark in (
            ("OIDC application", application, application and application.notes),
            ("authorization server", server, server and server.description),
            ("SCIM application", scim, scim and scim.notes),
        ):
            if found is not None and mark not in (marker, self.playbook.description):
                raise RefusedError(
                    f"the {what} does not carry the marker {marker}: this playbook did not make it",
                    hint="take it down in the Admin Console, if that is what you want",
                )
        if scim and scim.active and not self.playbook.safety.deprovision:
            raise RefusedError(
                "deactivating the SCIM application takes everybody it provisions out of Kiro",
                hint="allow it with safety: deprovision: true",
            )
        there = [found for found in (application, scim, server) if found is not None]
        if purge:
            return Desired(absent=tuple(found.address for found in there))
        return Desired(resources=tuple(type(found)(key=found.key, active=False) for found in there))

    def handoff(self, snapshot: Snapshot) -> tuple[HandoffValue, ...]:
        """Kiro, Okta guide, step 3: two values go to Kiro, two come back from it."""
        name = self.playbook.name
        application = snapshot.get(kinds.Application, name)
        server = snapshot.get(kinds.AuthorizationServer, name)
        onboarding = "Kiro console: Sign up for Kiro, Connect an existing external Identity provider, Okta"
        settings = "Kiro console: Settings, Identity Management"
        values = (
            HandoffValue(
                name="Issuer URI",
                value=server.issuer if server else None,
                comes_from="Okta Admin Console: Security, API, Authorization Servers",
                goes_to=f"{onboarding}, Issuer URI",
            ),
            HandoffValue(
                name="Client ID",
                value=application.client_id if application else None,
                comes_from="Okta Admin Console: Applications, the OIDC application, General",
                goes_to=f"{onboarding}, Client ID",
            ),
        )
        scim = self.playbook.scim
        if scim is None:
            return values
        tab = f"Okta Admin Console: Applications, {scim.label}, Provisioning, Integration"
        shown = snapshot.get(seen.Provisioning, name)
        done = bool(shown and shown.integrated) or scim.console_steps == "confirmed"
        return (
            *values,
            HandoffValue(
                name="SCIM endpoint",
                value=scim.endpoint or ("(in Okta already)" if done else None),
                comes_from=f"{settings}, SCIM Endpoint",
                goes_to=f"{tab}, Base URL",
            ),
            HandoffValue(
                name="Access token",
                value="(in Okta already)" if done else None,
                comes_from=f"{settings}, Access Tokens, shown only once",
                goes_to=f"{tab}, API Token",
            ),
        )

    def guards(self) -> Guards:
        return self.playbook.guards

    def advice(self, snapshot: Snapshot, plan: Plan) -> Iterator[str]:  # noqa: ARG002 - the protocol's signature
        """What the author should know besides the plan."""
        both = {keys.key for keys in self.playbook.push or ()} & {
            keys.key for keys in self.playbook.groups or ()
        }
        for name in sorted(both):
            yield (
                f"the group {name!r} is both assigned and pushed: Okta and AWS do not support that, its memberships "
                "may go wrong; push another group with the same members"
            )
        if self.playbook.users:
            yield f"{len(self.playbook.users)} users are assigned directly: a group is easier to keep right"
        if self.playbook.scim and self.playbook.scim.console_steps == "confirmed":
            shown = snapshot.get(seen.Provisioning, self.playbook.name)
            if shown is None or not shown.complete:
                yield "provisioning is taken to be switched on because the playbook says so: Okta does not show it"

    def outlook(self, snapshot: Snapshot) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's signature
        return ()

    async def read(self, also: frozenset[str] = frozenset()) -> Snapshot:
        optional = {need for kind, need in _OPTIONAL.items() if kind in also}
        wanted = [need.any_of[0] for need in optional]
        if wanted and await self.org.may(*wanted) is False:
            for scope in wanted:
                await self.org.may(scope)
        return await Reader(self.org, self.playbook, self.memory, also).read()

    async def look_again(self, steps: Iterable[ManualStep], world: Snapshot) -> tuple[Resource, ...]:
        """What the SCIM application shows by now."""
        name = self.playbook.name
        application = world.get(kinds.ScimApplication, name)
        proofs = {proof.address for step in steps for proof in step.proof}
        if application is None or f"{seen.Provisioning.kind}/{name}" not in proofs:
            return ()
        data = await self.org.get(path("/api/v1/apps/{}", application.id or ""), expects=True)
        return (parse.provisioning(name, data),)

    async def needed_permissions(self) -> PermissionsNeeded:
        needs, problem = tuple(self._needs()), ""
        has: frozenset[str] | None = None
        try:
            if not isinstance(self.org.credentials, ApiToken):
                asked = {scope: await self.org.granted(scope) for need in needs for scope in need.any_of}
                has = frozenset(scope for scope, granted in asked.items() if granted)
        except RemoteError as error:
            problem = error.message
        return PermissionsNeeded(
            kind="Okta API scopes",
            needs=reported(needs, has),
            who="The service app, or whoever owns the API token, also needs the admin role",
            role=permissions.ADMIN_ROLE,
            problem=problem,
        )

    def _needs(self) -> Iterator[Need]:
        """The needs that this playbook has."""
        playbook = self.playbook
        no_scim = playbook.scim is None or playbook.scim.mapping == "unmanaged"
        superfluous = {
            permissions.READ_USERS: not playbook.users,
            permissions.READ_POLICIES: playbook.application.authentication_policy is None,
            permissions.READ_MAPPINGS: no_scim,
            permissions.WRITE_MAPPINGS: no_scim,
            permissions.WRITE_GROUP_PUSH: not playbook.push,
        }
        return (need for need in permissions.NEEDS if not superfluous.get(need))

    async def permit(self, plan: Plan) -> None:
        for need in needs_of(plan):
            if await self.org.may(*need.any_of) is False:
                raise PermissionDeniedError(
                    f"the credentials may not {need.purpose}; nothing was written",
                    needs=need.any_of,
                    role=permissions.ADMIN_ROLE,
                )

    async def apply(self, change: Change, world: Snapshot) -> Outcome:
        kind = change.address.partition("/")[0]
        return await self._handlers[kind](change, world)

    def requests(self) -> Requests:
        return Requests(read=self.org.count.read, write=self.org.count.write)

    async def close(self) -> None:
        await self.org.close()

    @cached_property
    def _handlers(self) -> dict[str, Handler]:
        applications = ApplicationWriter(self.org, self.playbook)
        authorization = AuthorizationWriter(self.org, self.playbook)
        provisioning = ProvisioningWriter(self.org, self.playbook, self.memory)
        by_kind: dict[type[Resource], Handler] = {
            kinds.Application: applications.application,
            kinds.AuthenticationPolicy: applications.authentication_policy,
            kinds.ScimApplication: applications.scim_application,
            kinds.GroupAssignment: applications.assignment,
            kinds.UserAssignment: applications.assignment,
            kinds.ScimGroupAssignment: applications.assignment,
            kinds.ScimUserAssignment: applications.assignment,
            kinds.AuthorizationServer: authorization.server,
            kinds.Scope: authorization.scope,
            kinds.AccessPolicy: authorization.policy,
            kinds.PolicyRule: authorization.rule,
            kinds.ScimAttributeMapping: provisioning.mapping,
            kinds.GroupPush: provisioning.group_push,
        }
        return {kind.kind: handler for kind, handler in by_kind.items()}


def needs_of(plan: Plan) -> tuple[Need, ...]:
    """The permissions that a plan's writes need."""
    servers = {
        kind.kind for kind in (kinds.AuthorizationServer, kinds.Scope, kinds.AccessPolicy, kinds.PolicyRule)
    }
    needs: dict[Need, None] = {}
    for change in plan.pending:
        kind = change.address.partition("/")[0]
        if kind in servers:
            needs[permissions.WRITE_SERVERS] = None
        elif kind == kinds.ScimAttributeMapping.kind:
            needs[permissions.WRITE_MAPPINGS] = None
        elif kind == kinds.GroupPush.kind:
            needs |= {permissions.WRITE_APPS: None, permissions.WRITE_GROUP_PUSH: None}
        else:
            needs[permissions.WRITE_APPS] = None
    return tuple(needs)
