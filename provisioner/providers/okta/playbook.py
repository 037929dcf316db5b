"""What an Okta playbook asks for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from provisioner.core.plan import DesiredState, Guards
from provisioner.core.resource import Reference, Resource
from provisioner.providers import kiro
from provisioner.providers.base.playbook_models import (
    LOOPBACK_HOSTS,
    IntegrationPlaybook,
    UnmanagedRules,
    Waivers,
    unique,
)
from provisioner.providers.dns.playbook import DEFERRED_KEY, Domains, LookupSection

from . import resources as kinds
from .manual_steps import human_steps
from .playbook_models import (
    ApplicationSection,
    AuthorizationServerSection,
    ConnectionSection,
    OktaPrincipalEntry,
    OktaSafetySection,
    ScimSection,
)


class OktaPlaybook(IntegrationPlaybook):
    """A playbook whose provider is ``okta``."""

    deferred_keys: ClassVar[frozenset[tuple[str, ...]]] = frozenset({("scim", "endpoint"), DEFERRED_KEY})
    default_variables: ClassVar[Mapping[str, str]] = MappingProxyType({"scim.endpoint": "KIRO_SCIM_ENDPOINT"})

    provider: Literal["okta"] = Field(description="The identity provider.")
    connection: ConnectionSection
    application: ApplicationSection = ApplicationSection()
    authorization_server: AuthorizationServerSection = AuthorizationServerSection()
    scim: ScimSection | None = Field(default=None, description="Absent: provisioning is not managed.")
    groups: Annotated[tuple[OktaPrincipalEntry, ...], AfterValidator(unique)] | None = Field(
        default=None,
        description="Groups that are assigned to both applications, and no others. []: none. "
        "Absent: group assignments are not managed.",
    )
    users: Annotated[tuple[OktaPrincipalEntry, ...], AfterValidator(unique)] | None = Field(
        default=None,
        description="Users that are assigned directly to both applications, and no others. []: none. "
        "Absent: direct assignments are not managed.",
    )
    push: Annotated[tuple[OktaPrincipalEntry, ...], AfterValidator(unique)] | None = Field(
        default=None,
        description="Groups that are pushed to Kiro, and no others. Okta and AWS advise against pushing a group that "
        "is assigned. []: none. Absent: group push is not managed.",
    )
    domains: Domains | None = Field(
        default=None,
        description="Domains of people's e-mail addresses, verified by TXT record. Absent: not managed.",
    )
    lookup: LookupSection = LookupSection()
    safety: OktaSafetySection = OktaSafetySection()
    unmanaged: UnmanagedRules = ()
    waivers: Waivers = ()

    @field_validator("push")
    @classmethod
    def _push_needs_scim(
        cls, value: tuple[OktaPrincipalEntry, ...] | None, info: ValidationInfo
    ) -> tuple[OktaPrincipalEntry, ...] | None:
        if value and info.data.get("scim") is None:
            raise ValueError("needs scim:, the application that pushes")
        return value

    @property
    def cloud(self) -> str:
        """Okta has no clouds to choose from: the URL says it all."""
        return ""

    @property
    def description(self) -> str:
        """The authorization server's, with the marker in it."""
        return f"Sign-in to Kiro ({self.marker})"

    @property
    def label(self) -> str:
        """The OIDC application's."""
        return self.application.label or self.name

    @property
    def guards(self) -> Guards:
        reason = "people lose Kiro: allow it with safety: deprovision: true"
        protected = (kinds.ScimGroupAssignment, kinds.ScimUserAssignment)
        return Guards(
            max_removals=self.safety.max_removals,
            protected={} if self.safety.deprovision else {kind.kind: reason for kind in protected},
        )

    def for_sandbox(self, values: Mapping[str, str]) -> OktaPlaybook:
        """This playbook for the sandbox: its organization, and its SCIM endpoint where ours is on another machine.

        Args:
            values: the sandbox's OKTA_ORG_URL, and its KIRO_SCIM_ENDPOINT if it has one.
        """
        update: dict[str, object] = {"connection": ConnectionSection(org_url=values["OKTA_ORG_URL"])}
        if self.scim and self.scim.endpoint and urlsplit(self.scim.endpoint).hostname not in LOOPBACK_HOSTS:
            update["scim"] = self.scim.model_copy(update={"endpoint": values.get("KIRO_SCIM_ENDPOINT")})
        return self.model_copy(update=update)

    def desired_state(self) -> DesiredState:
        """What this playbook asks for, as resources."""
        listed: dict[type[Resource], object] = {
            kinds.GroupAssignment: self.groups,
            kinds.UserAssignment: self.users,
        }
        if self.scim:
            listed |= {
                kinds.ScimGroupAssignment: self.groups,
                kinds.ScimUserAssignment: self.users,
                kinds.GroupPush: self.push,
            }
        return DesiredState(
            resources=(
                *self._sign_in(),
                *self._authorization(),
                *self._assignments(),
                *self._provisioning(),
            ),
            exhaustive=frozenset(kind.kind for kind, keys in listed.items() if keys is not None),
            unmanaged=self.unmanaged,
        )

    def address(self, kind: type[Resource]) -> str:
        """Where the one resource of a kind is found."""
        return f"{kind.kind}/{self.name}"

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        return (kiro.KIRO_URI, *(kiro.loopback_uri(port) for port in self.application.loopback_ports))

    @property
    def granted_scopes(self) -> tuple[str, ...]:
        """What the rule lets the application ask for."""
        openid = (kinds.OPENID,) if self.authorization_server.openid else ()
        return (*self.authorization_server.scopes, kinds.OFFLINE_ACCESS, *openid)

    def _sign_in(self) -> tuple[Resource, ...]:
        """Kiro, Okta guide, step 1."""
        application = kinds.Application(
            key=self.name,
            label=self.label,
            active=True,
            application_type="native",
            authentication="none",
            pkce_required=True,
            grant_types=kinds.GRANT_TYPES,
            response_types=("code",),
            redirect_uris=self.redirect_uris,
            wildcard_redirect="DISABLED",
            notes=self.marker,
        )
        if self.application.authentication_policy is None:
            return (application,)
        policy = kinds.SignInPolicy(key=self.application.authentication_policy)
        chosen = kinds.AuthenticationPolicy(
            key=self.name,
            depends_on=(application.address,),
            policy=Reference(address=policy.address, field="id"),
        )
        return (application, policy, chosen)

    def _authorization(self) -> tuple[Resource, ...]:
        """Kiro, Okta guide, step 2."""
        keys = self.authorization_server
        server = kinds.AuthorizationServer(
            key=self.name,
            name=keys.name,
            description=self.description,
            audience=keys.audience,
            active=True,
            issuer_mode=keys.issuer_mode,
        )
        scopes = tuple(
            kinds.Scope(key=name, depends_on=(server.address,), consent="IMPLICIT") for name in keys.scopes
        )
        client = Reference(address=self.address(kinds.Application), field="client_id")
        policy = kinds.AccessPolicy(
            key=self.name, depends_on=(server.address,), name=keys.policy, active=True, clients=(client,)
        )
        rule = kinds.PolicyRule(
            key=self.name,
            depends_on=(policy.address, *(scope.address for scope in scopes)),
            name=keys.rule,
            active=True,
            grant_types=("authorization_code",),
            scopes=self.granted_scopes,
            groups=(kinds.EVERYONE,),
            access_minutes=keys.access_token_minutes,
            refresh_minutes=keys.refresh_token_minutes,
            refresh_window_minutes=keys.refresh_window_minutes,
        )
        return (server, *scopes, policy, rule)

    def _principals(self) -> tuple[tuple[Resource, bool], ...]:
        """Who is assigned, and whether it is a group."""
        groups = ((kinds.Group(key=keys.key), True) for keys in self.groups or ())
        users = ((kinds.User(key=keys.key), False) for keys in self.users or ())
        return (*groups, *users)

    def _assignments(self) -> tuple[Resource, ...]:
        after = (self.address(kinds.Application),)
        found: list[Resource] = []
        for who, is_group in self._principals():
            kind = kinds.GroupAssignment if is_group else kinds.UserAssignment
            found += (
                who,
                kind(key=who.key, depends_on=after, principal=Reference(address=who.address, field="id")),
            )
        return tuple(found)

    def _provisioning(self) -> tuple[Resource, ...]:
        """Kiro, Okta guide, steps 3 and 4; the mapping comes first, because provisioning begins with the switches."""
        if self.scim is None:
            return ()
        application = kinds.ScimApplication(
            key=self.name, label=self.scim.label, active=True, notes=self.marker
        )
        mapping = kinds.ScimAttributeMapping(key=self.name, depends_on=(application.address,), unsupported=())
        before = application if self.scim.mapping == "unmanaged" else mapping
        steps = human_steps(self.name, self.scim, before.address)
        assigned = self._scim_assignments(steps[-1].address)
        after = (steps[-1].address, *(found.address for found in assigned))
        pushed: list[Resource] = []
        for keys in self.push or ():
            group = kinds.Group(key=keys.key)
            reference = Reference(address=group.address, field="id")
            pushed += (group, kinds.GroupPush(key=keys.key, depends_on=after, group=reference, active=True))
        own = (application,) if before is application else (application, mapping)
        listed = {found.address: found for found in (*own, *steps, *assigned, *pushed)}
        return tuple(listed.values())

    def _scim_assignments(self, after: str) -> tuple[Resource, ...]:
        return tuple(
            (kinds.ScimGroupAssignment if is_group else kinds.ScimUserAssignment)(
                key=who.key, depends_on=(after,), principal=Reference(address=who.address, field="id")
            )
            for who, is_group in self._principals()
        )
