"""The keys of an Okta playbook, and the desired state that they describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator

from provisioner.core.guards import Guards
from provisioner.core.plan import DesiredState
from provisioner.core.resource import Address, Model, Reference, Resource
from provisioner.providers import kiro
from provisioner.providers.base.playbook_models import (
    LOOPBACK_HOSTS,
    Endpoint,
    IntegrationPlaybook,
    Name,
    Port,
    PrincipalEntry,
    SafetySection,
    UnmanagedRules,
    Waivers,
    unique,
)
from provisioner.providers.dns.playbook import DEFERRED_KEY, Domains, LookupSection

from . import resources as kinds
from .connection import ConnectionSection
from .manual_steps import manual_steps

AccessTokenMinutes = Annotated[int, Field(ge=5, le=1440)]
RefreshWindowMinutes = Annotated[int, Field(ge=10, le=2_628_000)]
OktaId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{20}$")]


class ApplicationSection(Model):
    """The OIDC application that users sign in to."""

    label: Name | None = Field(
        default=None, description="Its name in the Admin Console. Default: the playbook's name."
    )
    id: OktaId | None = Field(default=None, description="ID of an existing application to adopt (0oa...).")
    loopback_ports: Annotated[tuple[Port, ...], AfterValidator(unique)] = Field(
        default=kiro.LOOPBACK_PORTS,
        description="Ports for which a loopback redirect URI is registered, besides the kiro:// URI. Okta matches "
        "redirect URIs exactly, port included.",
    )
    authentication_policy: Name | None = Field(
        default=None,
        description="Name of the authentication policy (Identity Engine). Absent: it is not managed.",
    )


class AuthorizationServerSection(Model):
    """The custom authorization server, its access policy and its rule."""

    name: Name = Field(default="Kiro", description="Its name.")
    id: OktaId | None = Field(default=None, description="ID of an existing server to adopt (aus...).")
    audience: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(
        default="kiro",
        description="Its audience. Okta requires one. Kiro's guide names none, so kiro is provisioner's default.",
    )
    scopes: Annotated[tuple[Name, ...], AfterValidator(unique)] = Field(
        default=kiro.SCOPES, description="Custom scopes. Kiro requires both defaults."
    )
    openid: bool = Field(
        default=False, description="Also allow the scope openid. Kiro's guide does not list it."
    )
    policy: Name = Field(default="Kiro", description="Name of the access policy.")
    rule: Name = Field(default="Kiro", description="Name of its rule.")
    access_token_minutes: AccessTokenMinutes | None = Field(
        default=None, description="Lifetime of access tokens. Absent: not managed; a new rule has 60."
    )
    refresh_token_minutes: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="Lifetime of refresh tokens; 0 is unlimited. Absent: not managed; a new rule has 0.",
    )
    refresh_window_minutes: RefreshWindowMinutes | None = Field(
        default=None,
        description="A refresh token expires when it is unused for this long. "
        "Absent: not managed; a new rule has 10080.",
    )
    issuer_mode: Literal["ORG_URL", "CUSTOM_URL", "DYNAMIC"] | None = Field(
        default=None,
        description="The domain of the issuer. ORG_URL: the organization's own. CUSTOM_URL: its custom domain. DYNAMIC: "
        "that of each request. Absent: not managed.",
    )


class ScimSection(Model):
    """The SCIM application: "AWS IAM Identity Center" from the catalog."""

    label: Name = Field(
        default="Kiro-SCIM",
        description="Its label. Choose one that differs from the catalog's, so that an existing AWS IAM Identity Center "
        "application is not taken for it.",
    )
    id: OktaId | None = Field(default=None, description="ID of an existing application to adopt (0oa...).")
    acs_url: Endpoint = Field(
        default="https://kiro.invalid/saml/acs",
        description="ACS URL. Kiro does not use SAML, but the catalog's form requires one.",
    )
    entity_id: Name = Field(
        default="https://kiro.invalid/saml", description="SAML issuer, which is not used either."
    )
    endpoint: Endpoint | None = Field(
        default=None,
        description="SCIM endpoint from the Kiro console. apply shows it in the manual step that connects Okta to Kiro. "
        "Absent: the step says where to find it.",
    )
    mapping: Literal["guide", "unmanaged"] = Field(
        default="guide",
        description="guide: as Kiro's guide says, department and employeeNumber are not mapped. "
        "unmanaged: the mapping is not changed.",
    )
    manual_steps: Literal["verify", "confirmed"] = Field(
        default="verify",
        description="verify: wait until the application shows that provisioning is enabled. "
        "confirmed: you state that it is, because the application does not show it.",
    )


class OktaPrincipalEntry(PrincipalEntry):
    """A group or a user, by name or by ID."""

    name: Name | None = Field(default=None, description="Name of a group; login of a user.")
    id: OktaId | None = Field(default=None, description="Its ID (00g..., 00u...); always unambiguous.")


class OktaSafetySection(SafetySection):
    """Limits for the changes of one run."""

    deprovision: bool = Field(
        default=False,
        description="Allow changes that remove users from Kiro: removing assignments of the SCIM application, and "
        "deactivating it.",
    )


PrincipalEntries = Annotated[tuple[OktaPrincipalEntry, ...], AfterValidator(unique)]


class OktaPlaybook(IntegrationPlaybook):
    """A playbook whose provider is ``okta``."""

    deferred_keys: ClassVar[frozenset[tuple[str, ...]]] = frozenset({("scim", "endpoint"), DEFERRED_KEY})
    default_variables: ClassVar[Mapping[str, str]] = MappingProxyType({"scim.endpoint": "KIRO_SCIM_ENDPOINT"})

    provider: Literal["okta"] = Field(description="The identity provider.")
    connection: ConnectionSection
    application: ApplicationSection = ApplicationSection()
    authorization_server: AuthorizationServerSection = AuthorizationServerSection()
    scim: ScimSection | None = Field(default=None, description="Absent: provisioning is not managed.")
    groups: PrincipalEntries | None = Field(
        default=None,
        description="Exactly these groups are assigned to the OIDC application and, with scim:, to the SCIM application; "
        "other group assignments are removed. []: none. Absent: group assignments are not managed.",
    )
    users: PrincipalEntries | None = Field(
        default=None,
        description="Exactly these users are assigned directly to the OIDC application and, with scim:, to the SCIM "
        "application; other direct assignments are removed. []: none. Absent: direct assignments are not managed.",
    )
    push: PrincipalEntries | None = Field(
        default=None,
        description="Exactly these groups are pushed to Kiro; other pushes are removed. Okta and AWS do not support "
        "pushing a group that is also assigned. []: none. Absent: group push is not managed.",
    )
    domains: Domains | None = Field(
        default=None,
        description="Domains of users' e-mail addresses, verified by TXT record. Absent: not managed.",
    )
    lookup: LookupSection = LookupSection()
    safety: OktaSafetySection = OktaSafetySection()
    unmanaged: UnmanagedRules = ()
    waivers: Waivers = ()

    @field_validator("push")
    @classmethod
    def _require_scim_for_push(
        cls, value: tuple[OktaPrincipalEntry, ...] | None, info: ValidationInfo
    ) -> tuple[OktaPrincipalEntry, ...] | None:
        if value and info.data.get("scim") is None:
            raise ValueError("needs scim:, the application that pushes")
        return value

    @property
    def cloud(self) -> str:
        """Empty: the organization's URL determines the cloud."""
        return ""

    @property
    def server_description(self) -> str:
        """The description of the authorization server; it contains the marker."""
        return f"Sign-in to Kiro ({self.marker})"

    @property
    def application_label(self) -> str:
        """The label of the OIDC application."""
        return self.application.label or self.name

    @property
    def manual_steps_confirmed(self) -> bool:
        """Whether the playbook states that the manual steps of provisioning are done."""
        return self.scim is not None and self.scim.manual_steps == "confirmed"

    @property
    def guards(self) -> Guards:
        reason = "users lose access to Kiro: allow it with safety: deprovision: true"
        protected = (kinds.ScimGroupAssignment, kinds.ScimUserAssignment)
        return Guards(
            max_removals=self.safety.max_removals,
            protected={} if self.safety.deprovision else {kind.kind: reason for kind in protected},
        )

    def for_sandbox(self, values: Mapping[str, str]) -> OktaPlaybook:
        """This playbook with the sandbox's organization, and its SCIM endpoint in place of one on another machine.

        Args:
            values: the sandbox's OKTA_ORG_URL, and its KIRO_SCIM_ENDPOINT if it has one.
        """
        update: dict[str, object] = {"connection": ConnectionSection(org_url=values["OKTA_ORG_URL"])}
        if self.scim and self.scim.endpoint and urlsplit(self.scim.endpoint).hostname not in LOOPBACK_HOSTS:
            update["scim"] = self.scim.model_copy(update={"endpoint": values.get("KIRO_SCIM_ENDPOINT")})
        return self.model_copy(update=update)

    def desired_state(self) -> DesiredState:
        """The desired state, as resources."""
        sections: dict[type[Resource], object] = {
            kinds.GroupAssignment: self.groups,
            kinds.UserAssignment: self.users,
        }
        if self.scim:
            sections |= {
                kinds.ScimGroupAssignment: self.groups,
                kinds.ScimUserAssignment: self.users,
                kinds.GroupPush: self.push,
            }
        application = self.address(kinds.Application)
        return DesiredState(
            resources=(
                *self._application(),
                *self._authorization(),
                *self._principals(),
                *self._assignments(kinds.GroupAssignment, kinds.UserAssignment, application),
                *self._provisioning(),
            ),
            exhaustive=frozenset(kind.kind for kind, entries in sections.items() if entries is not None),
            unmanaged=self.unmanaged,
        )

    def address(self, kind: type[Resource]) -> Address:
        """The address of the only resource of a kind."""
        return f"{kind.kind}/{self.name}"

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        return (kiro.KIRO_URI, *(kiro.loopback_uri(port) for port in self.application.loopback_ports))

    @property
    def allowed_scopes(self) -> tuple[str, ...]:
        """The scopes that the rule allows."""
        openid = (kinds.OPENID,) if self.authorization_server.openid else ()
        return (*self.authorization_server.scopes, kinds.OFFLINE_ACCESS, *openid)

    def _application(self) -> Iterator[Resource]:
        """Kiro, Okta guide, step 1."""
        application = kinds.Application(
            key=self.name,
            label=self.application_label,
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
        yield application
        if self.application.authentication_policy is not None:
            policy = kinds.AuthenticationPolicy(key=self.application.authentication_policy)
            yield policy
            yield kinds.AuthenticationPolicyAssignment(
                key=self.name,
                depends_on=(application.address,),
                policy=Reference(address=policy.address, field="id"),
            )

    def _authorization(self) -> tuple[Resource, ...]:
        """Kiro, Okta guide, step 2."""
        section = self.authorization_server
        server = kinds.AuthorizationServer(
            key=self.name,
            name=section.name,
            description=self.server_description,
            audience=section.audience,
            active=True,
            issuer_mode=section.issuer_mode,
        )
        scopes = tuple(
            kinds.Scope(key=name, depends_on=(server.address,), consent="IMPLICIT") for name in section.scopes
        )
        client = Reference(address=self.address(kinds.Application), field="client_id")
        policy = kinds.AccessPolicy(
            key=self.name, depends_on=(server.address,), name=section.policy, active=True, clients=(client,)
        )
        rule = kinds.PolicyRule(
            key=self.name,
            depends_on=(policy.address, *(scope.address for scope in scopes)),
            name=section.rule,
            active=True,
            grant_types=("authorization_code",),
            scopes=self.allowed_scopes,
            groups=(kinds.EVERYONE,),
            access_token_minutes=section.access_token_minutes,
            refresh_token_minutes=section.refresh_token_minutes,
            refresh_window_minutes=section.refresh_window_minutes,
        )
        return (server, *scopes, policy, rule)

    def _principals(self) -> Iterator[Resource]:
        """The groups and users that the playbook names, each once: a group may be assigned and pushed."""
        for entry in self.groups or ():
            yield kinds.Group(key=entry.key)
        for entry in self.users or ():
            yield kinds.User(key=entry.key)
        assigned = {entry.key for entry in self.groups or ()}
        for entry in self.push or ():
            if entry.key not in assigned:
                yield kinds.Group(key=entry.key)

    def _assignments(
        self, for_group: type[kinds.Assignment], for_user: type[kinds.Assignment], depends_on: Address
    ) -> Iterator[kinds.Assignment]:
        """The assignments to one application."""
        for entry in self.groups or ():
            group = Reference(address=f"{kinds.Group.kind}/{entry.key}", field="id")
            yield for_group(key=entry.key, depends_on=(depends_on,), principal=group)
        for entry in self.users or ():
            user = Reference(address=f"{kinds.User.kind}/{entry.key}", field="id")
            yield for_user(key=entry.key, depends_on=(depends_on,), principal=user)

    def _provisioning(self) -> Iterator[Resource]:
        """Kiro, Okta guide, steps 3 and 4. The mapping comes first, because the last manual step starts provisioning."""
        if self.scim is None:
            return
        application = kinds.ScimApplication(
            key=self.name, label=self.scim.label, active=True, notes=self.marker
        )
        yield application
        ready: Resource = application
        if self.scim.mapping == "guide":
            ready = kinds.AttributeMapping(key=self.name, depends_on=(application.address,), unsupported=())
            yield ready
        steps = manual_steps(
            self.name,
            label=self.scim.label,
            endpoint=self.scim.endpoint,
            confirmed=self.manual_steps_confirmed,
            depends_on=ready.address,
        )
        yield from steps
        enabled = steps[-1].address
        assignments = tuple(self._assignments(kinds.ScimGroupAssignment, kinds.ScimUserAssignment, enabled))
        yield from assignments
        depends_on = (enabled, *(assignment.address for assignment in assignments))
        for entry in self.push or ():
            group = Reference(address=f"{kinds.Group.kind}/{entry.key}", field="id")
            yield kinds.GroupPush(key=entry.key, depends_on=depends_on, group=group, active=True)
