"""The Okta provider: the engine's view of one Okta organization."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Final

from provisioner.core.check import Check
from provisioner.core.errors import RefusedError, UsageError
from provisioner.core.local_store import LocalStore
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import DesiredState, Plan
from provisioner.core.provider import HandoffValue
from provisioner.core.resource import Resource
from provisioner.core.snapshot import Snapshot
from provisioner.providers import SandboxConnection
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.kinds import ManagedKind
from provisioner.providers.base.permissions import RequiredPermission
from provisioner.providers.base.provider import IdentityProvider, sandbox_retry_policy

from . import observations as seen
from . import parse, permissions
from . import resources as kinds
from .batch import Memory
from .checks import CHECKS
from .client import OktaClient
from .credentials import ApiToken, ServiceApp
from .playbook import OktaPlaybook
from .reading import Reader
from .writing import OktaWriter

_APPS: Final = (permissions.WRITE_APPS,)
_SERVERS: Final = (permissions.WRITE_SERVERS,)

MANAGED_KINDS: Final = (
    ManagedKind(kinds.Application, "application", OktaWriter.application, _APPS),
    ManagedKind(kinds.AuthenticationPolicy, "application", OktaWriter.authentication_policy, _APPS),
    ManagedKind(kinds.SignInPolicy, "application"),
    ManagedKind(kinds.AuthorizationServer, "authorization_server", OktaWriter.server, _SERVERS),
    ManagedKind(kinds.Scope, "authorization_server", OktaWriter.scope, _SERVERS),
    ManagedKind(kinds.AccessPolicy, "authorization_server", OktaWriter.policy, _SERVERS),
    ManagedKind(kinds.PolicyRule, "authorization_server", OktaWriter.rule, _SERVERS),
    ManagedKind(kinds.ScimApplication, "scim", OktaWriter.scim_application, _APPS),
    ManagedKind(kinds.ScimAttributeMapping, "scim", OktaWriter.mapping, (permissions.WRITE_MAPPINGS,)),
    ManagedKind(kinds.Group, "groups"),
    ManagedKind(kinds.GroupAssignment, "groups", OktaWriter.assignment, _APPS),
    ManagedKind(kinds.ScimGroupAssignment, "groups", OktaWriter.assignment, _APPS),
    ManagedKind(kinds.User, "users"),
    ManagedKind(kinds.UserAssignment, "users", OktaWriter.assignment, _APPS),
    ManagedKind(kinds.ScimUserAssignment, "users", OktaWriter.assignment, _APPS),
    ManagedKind(
        kinds.GroupPush,
        "push",
        OktaWriter.group_push,
        (permissions.WRITE_APPS, permissions.WRITE_GROUP_PUSH),
    ),
)

_OPTIONAL: Final = {
    seen.ProvisioningFailure.kind: permissions.READ_LOGS,
    seen.SignInFailure.kind: permissions.READ_LOGS,
    seen.CustomDomain.kind: permissions.READ_DOMAINS,
}
"""What an audit reads besides, and the scope it is asked for with: being refused it must not fail the rest."""

_A_WINDOW = 90.0
"""Seconds; a window of the sandbox's rate limits, as of Okta's, is a minute."""


def playbook_model() -> type[OktaPlaybook]:
    """The model of an Okta playbook."""
    return OktaPlaybook


def checks() -> tuple[Check, ...]:
    """Every Okta check."""
    return tuple(CHECKS)


def connect(
    playbook: OktaPlaybook,
    notebook: LocalStore,  # noqa: ARG001 - Okta's secrets never pass through here: there is nothing to note
    tell: Callable[[str], None],
    sandboxed: SandboxConnection | None = None,
) -> OktaProvider:
    """Open an organization for a playbook; nothing is contacted yet.

    Raises:
        UsageError: the playbook has no credentials.
    """
    if sandboxed:
        org = OktaClient(
            root=sandboxed.url,
            credentials=ApiToken(sandboxed.token),
            direct=True,
            retry_policy=sandbox_retry_policy(sandboxed.replica_lag, retry_after_budget=_A_WINDOW),
            on_wait=tell,
        )
    else:
        org = OktaClient(root=playbook.connection.org_url, credentials=_credentials(playbook), on_wait=tell)
    return OktaProvider(playbook=playbook, client=org)


def _credentials(playbook: OktaPlaybook) -> ApiToken | ServiceApp:
    keys = playbook.connection
    if keys.client_id and keys.private_key:
        return ServiceApp(
            keys.client_id,
            keys.private_key.get_secret_value(),
            tuple(_reading(playbook)),
            keys.key_id,
            keys.dpop,
        )
    if keys.token:
        return ApiToken(keys.token.get_secret_value())
    raise UsageError(
        f"there are no credentials for {keys.org_url}",
        hint="set client_id and private_key of a service app, or an API token, under connection: in the playbook",
    )


def _reading(playbook: OktaPlaybook) -> Iterator[str]:
    """The scopes a plan cannot do without; more are asked for when they are needed."""
    yield permissions.READ_APPS.any_of[0]
    yield permissions.READ_SERVERS.any_of[0]
    if playbook.groups or playbook.push:
        yield permissions.READ_GROUPS.any_of[0]
    if playbook.users:
        yield permissions.READ_USERS.any_of[0]
    if playbook.application.authentication_policy:
        yield permissions.READ_POLICIES.any_of[0]
    if playbook.scim and playbook.scim.mapping == "guide":
        yield permissions.READ_MAPPINGS.any_of[0]


@dataclass
class OktaProvider(IdentityProvider[OktaPlaybook, OktaClient]):
    """One playbook's connection to one Okta organization."""

    name: ClassVar[str] = "okta"
    title: ClassVar[str] = "Okta"
    checks: ClassVar[Iterable[Check]] = CHECKS
    managed_kinds: ClassVar[tuple[ManagedKind, ...]] = MANAGED_KINDS
    permission_kind: ClassVar[str] = "Okta API scopes"
    role: ClassVar[str] = permissions.ADMIN_ROLE
    role_holder: ClassVar[str] = "The service app, or the owner of the API token, also needs the admin role"

    memory: Memory = field(default_factory=Memory)

    @property
    def tenant(self) -> str:
        return self.playbook.connection.org_url

    @cached_property
    def writer(self) -> OktaWriter:
        return OktaWriter(self.client, self.playbook, self.memory)

    def destroyed_state(self, snapshot: Snapshot, *, purge: bool) -> DesiredState:
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
            return DesiredState(absent=tuple(found.address for found in there))
        return DesiredState(resources=tuple(type(found)(key=found.key, active=False) for found in there))

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
                source="Okta Admin Console: Security, API, Authorization Servers",
                destination=f"{onboarding}, Issuer URI",
            ),
            HandoffValue(
                name="Client ID",
                value=application.client_id if application else None,
                source="Okta Admin Console: Applications, the OIDC application, General",
                destination=f"{onboarding}, Client ID",
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
                source=f"{settings}, SCIM Endpoint",
                destination=f"{tab}, Base URL",
            ),
            HandoffValue(
                name="Access token",
                value="(in Okta already)" if done else None,
                source=f"{settings}, Access Tokens, shown only once",
                destination=f"{tab}, API Token",
            ),
        )

    def warnings(self, snapshot: Snapshot, plan: Plan) -> Iterator[str]:  # noqa: ARG002 - the protocol's signature
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

    async def read(self, extra_kinds: frozenset[str] = frozenset()) -> Snapshot:
        optional = {need for kind, need in _OPTIONAL.items() if kind in extra_kinds}
        wanted = [need.any_of[0] for need in optional]
        if wanted and await self.client.may(*wanted) is False:
            for scope in wanted:
                await self.client.may(scope)
        return await Reader(self.client, self.playbook, self.memory, extra_kinds).read()

    async def refresh(self, steps: Iterable[ManualStep], state: Snapshot) -> tuple[Resource, ...]:
        """What the SCIM application shows by now."""
        name = self.playbook.name
        application = state.get(kinds.ScimApplication, name)
        proofs = {proof.address for step in steps for proof in step.proofs}
        if application is None or f"{seen.Provisioning.kind}/{name}" not in proofs:
            return ()
        data = await self.client.get(
            quote_path("/api/v1/apps/{}", application.id or ""), expects_existing=True
        )
        return (parse.provisioning(name, data),)

    async def granted_permissions(self) -> frozenset[str] | None:
        if isinstance(self.client.credentials, ApiToken):
            return None
        scopes = {scope for permission in self.required_permissions() for scope in permission.any_of}
        return frozenset([scope for scope in scopes if await self.client.granted(scope)])

    def required_permissions(self) -> Iterator[RequiredPermission]:
        """The permissions that this playbook needs, for all commands."""
        playbook = self.playbook
        no_mapping = playbook.scim is None or playbook.scim.mapping == "unmanaged"
        unneeded = {
            permissions.READ_USERS: not playbook.users,
            permissions.READ_POLICIES: playbook.application.authentication_policy is None,
            permissions.READ_MAPPINGS: no_mapping,
            permissions.WRITE_MAPPINGS: no_mapping,
            permissions.WRITE_GROUP_PUSH: not playbook.push,
        }
        return (permission for permission in permissions.PERMISSIONS if not unneeded.get(permission))

    async def check_permissions(self, plan: Plan) -> None:
        """Raise before the first write if the credentials lack a permission."""
        for permission in self.plan_permissions(plan):
            if await self.client.may(*permission.any_of) is False:
                raise self.missing_permission(permission, role=self.role)
