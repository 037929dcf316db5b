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
from provisioner.providers import SandboxConnection, kiro
from provisioner.providers.base.client import quote_path
from provisioner.providers.base.kinds import ManagedKind
from provisioner.providers.base.permissions import RequiredPermission
from provisioner.providers.base.provider import IdentityProvider, sandbox_retry_policy

from . import observations, permissions
from . import resources as kinds
from .audit_kinds import requested_audit_kinds
from .checks import CHECKS
from .client import APPS, OktaClient
from .credentials import ApiToken, ServiceApp
from .parse import parse_provisioning
from .playbook import OktaPlaybook
from .reading import Reader
from .run_cache import RunCache
from .writing import OktaWriter

_APPS: Final = (permissions.WRITE_APPS,)
_SERVERS: Final = (permissions.WRITE_SERVERS,)
_MAPPINGS: Final = (permissions.WRITE_MAPPINGS,)
_PUSH: Final = (permissions.WRITE_APPS, permissions.WRITE_GROUP_PUSH)

MANAGED_KINDS: Final = (
    ManagedKind(kinds.Application, "application", OktaWriter.write_application, _APPS),
    ManagedKind(
        kinds.AuthenticationPolicyAssignment,
        "application",
        OktaWriter.write_authentication_policy_assignment,
        _APPS,
    ),
    ManagedKind(kinds.AuthenticationPolicy, "application"),
    ManagedKind(
        kinds.AuthorizationServer, "authorization_server", OktaWriter.write_authorization_server, _SERVERS
    ),
    ManagedKind(kinds.Scope, "authorization_server", OktaWriter.write_scope, _SERVERS),
    ManagedKind(kinds.AccessPolicy, "authorization_server", OktaWriter.write_access_policy, _SERVERS),
    ManagedKind(kinds.PolicyRule, "authorization_server", OktaWriter.write_rule, _SERVERS),
    ManagedKind(kinds.ScimApplication, "scim", OktaWriter.write_scim_application, _APPS),
    ManagedKind(kinds.AttributeMapping, "scim", OktaWriter.write_attribute_mapping, _MAPPINGS),
    ManagedKind(kinds.Group, "groups"),
    ManagedKind(kinds.GroupAssignment, "groups", OktaWriter.write_assignment, _APPS),
    ManagedKind(kinds.ScimGroupAssignment, "groups", OktaWriter.write_assignment, _APPS),
    ManagedKind(kinds.User, "users"),
    ManagedKind(kinds.UserAssignment, "users", OktaWriter.write_assignment, _APPS),
    ManagedKind(kinds.ScimUserAssignment, "users", OktaWriter.write_assignment, _APPS),
    ManagedKind(kinds.GroupPush, "push", OktaWriter.write_group_push, _PUSH),
)
"""Every kind that plans manage or look up. The kinds that only audits read: :data:`.audit_kinds.AUDIT_KINDS`."""

_SANDBOX_RATE_LIMIT_SECONDS: Final = 90.0
"""The sandbox's rate limits, like Okta's, are reset every minute."""


def playbook_model() -> type[OktaPlaybook]:
    """The model of an Okta playbook."""
    return OktaPlaybook


def checks() -> tuple[Check, ...]:
    """Every Okta check."""
    return tuple(CHECKS)


def connect(
    playbook: OktaPlaybook,
    store: LocalStore,  # noqa: ARG001 - the SCIM token is entered in Okta's console, so there is nothing to remember
    on_wait: Callable[[str], None],
    sandbox: SandboxConnection | None = None,
) -> OktaProvider:
    """Connect to the organization of a playbook. No request is sent yet.

    Raises:
        UsageError: the playbook has no credentials.
    """
    if sandbox is None:
        client = OktaClient(
            root=playbook.connection.org_url, credentials=_credentials(playbook), on_wait=on_wait
        )
    else:
        client = OktaClient(
            root=sandbox.url,
            credentials=ApiToken(sandbox.token),
            direct=True,
            retry_policy=sandbox_retry_policy(
                sandbox.replica_lag, retry_after_budget=_SANDBOX_RATE_LIMIT_SECONDS
            ),
            on_wait=on_wait,
        )
    return OktaProvider(playbook=playbook, client=client)


def _credentials(playbook: OktaPlaybook) -> ApiToken | ServiceApp:
    """The credentials. A service app requests the scopes of a plan; further ones are requested when they are needed.

    Raises:
        UsageError: the playbook has no credentials.
    """
    section = playbook.connection
    if section.client_id and section.private_key:
        required = _required_permissions(playbook)
        scopes = tuple(permission.any_of[0] for permission in required if "plan" in permission.commands)
        key = section.private_key.get_secret_value()
        return ServiceApp(section.client_id, key, scopes, section.key_id, section.dpop)
    if section.token:
        return ApiToken(section.token.get_secret_value())
    raise UsageError(
        f"there are no credentials for {section.org_url}",
        hint="set client_id and private_key of a service app, or an API token, under connection: in the playbook",
    )


def _required_permissions(playbook: OktaPlaybook) -> Iterator[RequiredPermission]:
    no_mapping = playbook.scim is None or playbook.scim.mapping == "unmanaged"
    unneeded = {
        permissions.READ_GROUPS: not (playbook.groups or playbook.push),
        permissions.READ_USERS: not playbook.users,
        permissions.READ_POLICIES: playbook.application.authentication_policy is None,
        permissions.READ_MAPPINGS: no_mapping,
        permissions.WRITE_MAPPINGS: no_mapping,
        permissions.WRITE_GROUP_PUSH: not playbook.push,
    }
    return (permission for permission in permissions.PERMISSIONS if not unneeded.get(permission))


@dataclass
class OktaProvider(IdentityProvider[OktaPlaybook, OktaClient]):
    """One playbook's connection to one Okta organization.

    Attributes:
        cache: what the run has read.
    """

    name: ClassVar[str] = "okta"
    title: ClassVar[str] = "Okta"
    checks: ClassVar[Iterable[Check]] = CHECKS
    managed_kinds: ClassVar[tuple[ManagedKind, ...]] = MANAGED_KINDS
    permission_kind: ClassVar[str] = "Okta API scopes"
    role: ClassVar[str] = permissions.ADMIN_ROLE
    role_holder: ClassVar[str] = "The service app, or the owner of the API token, also needs the admin role"

    cache: RunCache = field(default_factory=RunCache)

    @property
    def tenant(self) -> str:
        return self.playbook.connection.org_url

    @cached_property
    def writer(self) -> OktaWriter:
        return OktaWriter(self.client, self.playbook, self.cache)

    def destroyed_state(self, snapshot: Snapshot, *, purge: bool) -> DesiredState:
        """The applications and the authorization server inactive, or deleted with ``purge``: Okta has no recycle bin.

        Raises:
            RefusedError: this playbook may not have created one of them, or destroying would remove users from Kiro.
        """
        name, marker = self.playbook.name, self.playbook.marker
        application = snapshot.get(kinds.Application, name)
        server = snapshot.get(kinds.AuthorizationServer, name)
        scim = snapshot.get(kinds.ScimApplication, name)
        if application:
            problem = f"the notes of the OIDC application are not exactly the marker {marker}"
            self._require_marker(application.notes, problem)
        if server:
            expected = self.playbook.server_description
            problem = f"the description of the authorization server is not exactly {expected!r}"
            self._require_marker(server.description, problem)
        if scim:
            problem = f"the notes of the SCIM application are not exactly the marker {marker}"
            self._require_marker(scim.notes, problem)
        if scim and scim.active and not self.playbook.safety.deprovision:
            raise RefusedError(
                "deactivating the SCIM application removes all the users that it provisions from Kiro",
                hint="allow it with safety: deprovision: true",
            )
        existing = [resource for resource in (application, scim, server) if resource is not None]
        if purge:
            return DesiredState(absent=tuple(resource.address for resource in existing))
        return DesiredState(
            resources=tuple(type(resource)(key=resource.key, active=False) for resource in existing)
        )

    def _require_marker(self, text: str | None, problem: str) -> None:
        """Refuse to destroy an object without the playbook's marker.

        Args:
            text: the object's notes or description.
            problem: what is wrong if it is neither the marker nor the description with the marker.

        Raises:
            RefusedError: it is neither.
        """
        if text not in (self.playbook.marker, self.playbook.server_description):
            raise RefusedError(
                f"{problem}: this playbook may not have created it",
                hint="to remove it anyway, deactivate or delete it in the Okta Admin Console",
            )

    def handoff(self, snapshot: Snapshot) -> tuple[HandoffValue, ...]:
        """The values to copy: two go to Kiro; with ``scim:``, two go from Kiro to Okta (Kiro, Okta guide, step 3)."""
        name = self.playbook.name
        application = snapshot.get(kinds.Application, name)
        server = snapshot.get(kinds.AuthorizationServer, name)
        onboarding = "Kiro console, Sign up for Kiro, Connect an existing external Identity provider, Okta"
        values = (
            HandoffValue(
                name="Issuer URI",
                value=server.issuer if server else None,
                source="Okta Admin Console, Security, API, Authorization Servers",
                destination=f"{onboarding}, Issuer URI",
            ),
            HandoffValue(
                name="Client ID",
                value=application.client_id if application else None,
                source="Okta Admin Console, Applications, the OIDC application, General",
                destination=f"{onboarding}, Client ID",
            ),
        )
        scim = self.playbook.scim
        if scim is None:
            return values
        tab = f"Okta Admin Console, Applications, {scim.label}, Provisioning, Integration"
        provisioning = snapshot.get(observations.Provisioning, name)
        is_integrated = bool(provisioning and provisioning.integrated) or self.playbook.manual_steps_confirmed
        in_okta = "(in Okta already)" if is_integrated else None
        return (
            *values,
            HandoffValue(
                name="SCIM endpoint",
                value=scim.endpoint or in_okta,
                source=f"{kiro.IDENTITY_SETTINGS}, SCIM Endpoint",
                destination=f"{tab}, Base URL",
            ),
            HandoffValue(
                name="Access token",
                value=in_okta,
                source=f"{kiro.IDENTITY_SETTINGS}, Access Tokens, shown only once",
                destination=f"{tab}, API Token",
            ),
        )

    def warnings(self, snapshot: Snapshot, plan: Plan) -> Iterator[str]:  # noqa: ARG002 - the protocol's signature
        """What the admin should know in addition to the plan."""
        pushed = {entry.key for entry in self.playbook.push or ()}
        assigned = {entry.key for entry in self.playbook.groups or ()}
        for name in sorted(pushed & assigned):
            yield (
                f"the group {name!r} is both assigned and pushed, which Okta and AWS do not support: its memberships "
                "in Kiro may become incomplete; push another group with the same members"
            )
        if count := len(self.playbook.users or ()):
            users = "1 user is" if count == 1 else f"{count} users are"
            yield f"{users} assigned directly: a group is easier to maintain"
        if self.playbook.manual_steps_confirmed:
            provisioning = snapshot.get(observations.Provisioning, self.playbook.name)
            if provisioning is None or not provisioning.complete:
                yield "the playbook confirms that provisioning is enabled, but Okta does not show it"

    async def read(self, extra_kinds: frozenset[str] = frozenset()) -> Snapshot:
        """Read everything a plan needs, and the extra kinds."""
        rows = requested_audit_kinds(extra_kinds, self.client.credentials)
        scopes = {row.permission.any_of[0] for row in rows if row.permission}
        if scopes and await self.client.request_scopes(*sorted(scopes)) is False:
            # Okta refuses the whole token if one scope is not granted. Requested singly, the granted ones are usable.
            for scope in sorted(scopes):
                await self.client.request_scopes(scope)
        return await Reader(self.client, self.playbook, self.cache, extra_kinds).read()

    async def refresh(self, steps: Iterable[ManualStep], state: Snapshot) -> tuple[Resource, ...]:
        """Read the provisioning settings that the SCIM application shows now."""
        name = self.playbook.name
        application = state.get(kinds.ScimApplication, name)
        proofs = {proof.address for step in steps for proof in step.proofs}
        if application is None or self.playbook.address(observations.Provisioning) not in proofs:
            return ()
        path = quote_path(f"{APPS}/{{}}", application.id or "")
        return (parse_provisioning(name, await self.client.get(path, expects_existing=True)),)

    async def granted_permissions(self) -> frozenset[str] | None:
        if isinstance(self.client.credentials, ApiToken):
            return None
        scopes = {scope for permission in self.required_permissions() for scope in permission.any_of}
        return frozenset([scope for scope in scopes if await self.client.is_granted(scope)])

    def required_permissions(self) -> Iterator[RequiredPermission]:
        """The permissions that this playbook needs, for all commands."""
        return _required_permissions(self.playbook)

    async def check_permissions(self, plan: Plan) -> None:
        """Raise before the first write if the credentials lack a permission."""
        for permission in self.plan_permissions(plan):
            if await self.client.request_scopes(*permission.any_of) is False:
                raise self.missing_permission(permission, role=self.role)
