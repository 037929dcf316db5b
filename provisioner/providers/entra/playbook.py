"""The model of an Entra playbook, and its desired state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr

from provisioner.core.guards import Guards
from provisioner.core.manual_step import ManualStep, StepProof
from provisioner.core.plan import DesiredState
from provisioner.core.resource import Model, Reference, Resource
from provisioner.providers import kiro
from provisioner.providers.base.playbook_models import (
    LOOPBACK_HOSTS,
    Email,
    Endpoint,
    FederatedSignIn,
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

Cloud = Literal["global", "usgov", "usgov-dod", "china"]

_US_GOVERNMENT = FederatedSignIn(
    "api://AzureADTokenExchangeUSGov", "https://login.microsoftonline.us", "azureusgovernment"
)
FEDERATED_SIGN_IN: Mapping[str, FederatedSignIn] = MappingProxyType(
    {
        "global": FederatedSignIn("api://AzureADTokenExchange", "https://login.microsoftonline.com"),
        "usgov": _US_GOVERNMENT,
        "usgov-dod": _US_GOVERNMENT,
        "china": FederatedSignIn(
            "api://AzureADTokenExchangeChina", "https://login.chinacloudapi.cn", "azurechinacloud"
        ),
    }
)
"""Source: Microsoft Entra, "Workload identity federation", audiences by cloud; azure/login, ``environment``."""

_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)


def _guid(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise ValueError("expected a GUID such as 18d14569-c3bd-439b-9a66-3a2aee01d14f") from None


def _tenant(value: str) -> str:
    return value.lower() if _DOMAIN.fullmatch(value) else _guid(value)


Guid = Annotated[str, AfterValidator(_guid)]


class ConnectionSection(Model):
    """The tenant."""

    tenant: Annotated[str, AfterValidator(_tenant)] = Field(
        description="Directory (tenant) ID, or a verified domain of the tenant."
    )
    cloud: Cloud = Field(default="global", description="The Microsoft cloud of the tenant.")

    @property
    def names(self) -> str:
        """The name that identifies the tenant."""
        return self.tenant


class ApplicationSection(Model):
    """The application ("App registration" and "Enterprise application" in the portal)."""

    display_name: Name | None = Field(
        default=None, description="Name in the portal. Default: the name of the playbook."
    )
    client_id: Guid | None = Field(
        default=None, description="Application (client) ID of an existing application to adopt."
    )
    scopes: Annotated[tuple[Name, ...], AfterValidator(unique)] = Field(
        default=kiro.SCOPES, description="Scopes to expose. Kiro requires both defaults."
    )
    loopback_ports: Annotated[tuple[Port, ...], AfterValidator(unique)] = Field(
        default=kiro.LOOPBACK_PORTS,
        description="Ports for which a loopback redirect URI is registered, besides the URI without a port. "
        "Entra ignores the port of a localhost URI, so [] works too.",
    )
    assignment_required: bool = Field(default=True, description="Only assigned users and groups can sign in.")
    admin_consent: bool = Field(
        default=False, description="Grant admin consent to the application's own scopes for the whole tenant."
    )


class ScimSection(Model):
    """Provisioning of users and groups to Kiro."""

    endpoint: Endpoint | None = Field(
        default=None, description="SCIM endpoint from the Kiro console. Absent: a manual step is pending."
    )
    token: SecretStr | None = Field(
        default=None, description="Access token from the Kiro console. Absent: a manual step is pending."
    )
    mapping: Literal["guide", "minimal"] = Field(
        default="guide",
        description="guide: Entra's default mapping with the changes of Kiro's guide. "
        "minimal: only userName, externalId and active.",
    )
    on_demand: bool = Field(
        default=True,
        description="Provision the members of small groups on demand, instead of waiting for the first cycle.",
    )
    delete_threshold: Annotated[int, Field(ge=1)] = Field(
        default=500, description="Stop provisioning when a cycle would delete more users than this."
    )
    notify: tuple[Email, ...] | None = Field(
        default=None, description="E-mail addresses to notify when provisioning is in quarantine."
    )


class DirectoryEntry(PrincipalEntry):
    """A group or a user, by name or by id."""

    name: Name | None = Field(
        default=None, description="Display name of a group, or user principal name of a user."
    )
    id: Guid | None = Field(default=None, description="Object ID. It is always unambiguous.")


class EntraPlaybook(IntegrationPlaybook):
    """A playbook whose provider is ``entra``."""

    deferred_keys: ClassVar[frozenset[tuple[str, ...]]] = frozenset(
        {("scim", "endpoint"), ("scim", "token"), DEFERRED_KEY}
    )
    default_variables: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"scim.endpoint": "KIRO_SCIM_ENDPOINT", "scim.token": "KIRO_SCIM_TOKEN"}
    )
    federated_sign_in: ClassVar[Mapping[str, FederatedSignIn]] = FEDERATED_SIGN_IN

    provider: Literal["entra"] = Field(description="The identity provider.")
    connection: ConnectionSection
    application: ApplicationSection = ApplicationSection()
    scim: ScimSection | None = Field(default=None, description="Absent: provisioning is not managed.")
    groups: Annotated[tuple[DirectoryEntry, ...], AfterValidator(unique)] | None = Field(
        default=None,
        description="Exactly these groups are assigned; other group assignments are removed. []: none. "
        "Absent: group assignments are not managed.",
    )
    users: Annotated[tuple[DirectoryEntry, ...], AfterValidator(unique)] | None = Field(
        default=None,
        description="Exactly these users are assigned directly; other direct assignments are removed. Kiro's guide "
        "recommends to assign only groups. []: none. Absent: direct assignments are not managed.",
    )
    domains: Domains | None = Field(
        default=None,
        description="Domains of users' e-mail addresses, verified by TXT record. Absent: not managed.",
    )
    lookup: LookupSection = LookupSection()
    safety: SafetySection = SafetySection()
    unmanaged: UnmanagedRules = ()
    waivers: Waivers = ()

    @property
    def tag(self) -> str:
        """The tag of the application."""
        return f"provisioner:{self.name}"

    @property
    def display_name(self) -> str:
        return self.application.display_name or self.name

    @property
    def guards(self) -> Guards:
        endpoint = f"{kinds.ProvisioningSecrets.kind}.endpoint"
        return Guards(
            max_removals=self.safety.max_removals, protected_fields={endpoint: kiro.OTHER_PROFILE_HINT}
        )

    @property
    def cloud(self) -> str:
        """The Microsoft cloud of the tenant."""
        return self.connection.cloud

    def for_sandbox(self, values: Mapping[str, str]) -> EntraPlaybook:
        """This playbook for the sandbox: with its tenant, and with its SCIM endpoint unless ours is on this machine.

        Args:
            values: the sandbox's ENTRA_TENANT_ID, and KIRO_SCIM_ENDPOINT and KIRO_SCIM_TOKEN if it has them.
        """
        tenant = values["ENTRA_TENANT_ID"]
        update: dict[str, object] = {"connection": self.connection.model_copy(update={"tenant": tenant})}
        if self.scim and self.scim.endpoint and urlsplit(self.scim.endpoint).hostname not in LOOPBACK_HOSTS:
            token = values.get("KIRO_SCIM_TOKEN")
            update["scim"] = self.scim.model_copy(
                update={
                    "endpoint": values.get("KIRO_SCIM_ENDPOINT"),
                    "token": SecretStr(token) if token else None,
                }
            )
        return self.model_copy(update=update)

    def desired_state(self) -> DesiredState:
        """The desired state, as resources."""
        exhaustive = {
            kind.kind
            for kind, entries in ((kinds.GroupAssignment, self.groups), (kinds.UserAssignment, self.users))
            if entries is not None
        }
        return DesiredState(
            resources=(*self._application(), *self._assignments(), *self._provisioning()),
            exhaustive=frozenset(exhaustive),
            unmanaged=self.unmanaged,
        )

    def _address(self, kind: type[Resource]) -> str:
        return f"{kind.kind}/{self.name}"

    def _application(self) -> tuple[Resource, ...]:
        section, address = self.application, self._address(kinds.Application)
        application = kinds.Application(
            key=self.name,
            display_name=self.display_name,
            unique_name=self.marker,
            tags=(self.tag,),
            sign_in_audience="AzureADMyOrg",
            identifier_uris=(Reference(address=address, field="app_id", template="api://{}"),),
            access_token_version=2,
            scopes=tuple(
                kinds.Scope(value=value, enabled=True, type="User", display_name=value)
                for value in section.scopes
            ),
            redirect_uris=(
                kiro.KIRO_URI,
                kinds.LOOPBACK_URI,
                *(kiro.loopback_uri(port) for port in section.loopback_ports),
            ),
        )
        principal = kinds.ServicePrincipal(
            key=self.name,
            depends_on=(address,),
            account_enabled=True,
            assignment_required=section.assignment_required,
            tags=kinds.PORTAL_TAGS,
        )
        consent = kinds.AdminConsent(key=self.name, depends_on=(principal.address,), scopes=section.scopes)
        return (application, principal, *((consent,) if section.admin_consent else ()))

    def _assignments(self) -> tuple[Resource, ...]:
        resources: list[Resource] = []
        for entries, principal_kind, assignment_kind in (
            (self.groups or (), kinds.Group, kinds.GroupAssignment),
            (self.users or (), kinds.User, kinds.UserAssignment),
        ):
            for entry in entries:
                principal = principal_kind(key=entry.key)
                assignment = assignment_kind(
                    key=entry.key,
                    depends_on=(self._address(kinds.ServicePrincipal),),
                    principal=Reference(address=principal.address, field="id"),
                    role=kinds.USER_ROLE,
                )
                resources += (principal, assignment)
        return tuple(resources)

    def _provisioning(self) -> tuple[Resource, ...]:
        """The mapping comes before everything that could start provisioning."""
        if self.scim is None:
            return ()
        job = kinds.ProvisioningJob(
            key=self.name, depends_on=(self._address(kinds.ServicePrincipal),), template_id="scim"
        )
        mapping = kinds.AttributeMapping(
            key=self.name,
            depends_on=(job.address,),
            external_id="objectId",
            unsupported=(),
            missing=(),
            other=() if self.scim.mapping == "minimal" else None,
            disabled=(),
        )
        steps = self._manual_steps(self.scim)
        secrets = kinds.ProvisioningSecrets(
            key=self.name,
            depends_on=(job.address, mapping.address, steps[-1].address),
            endpoint=self.scim.endpoint,
            token=self.scim.token,
            accepted_by_kiro=True if self.scim.token else None,
            assigned_only=True,
            delete_threshold=self.scim.delete_threshold,
            notify=self.scim.notify,
        )
        assigned = tuple(f"{kinds.GroupAssignment.kind}/{group.key}" for group in self.groups or ())
        status = kinds.ProvisioningStatus(
            key=self.name, depends_on=(mapping.address, secrets.address, *assigned), on=True
        )
        on_demand = tuple(
            kinds.ProvisionOnDemand(
                key=group.key,
                depends_on=(status.address,),
                group=Reference(address=f"{kinds.Group.kind}/{group.key}", field="id"),
                provisioned=True,
            )
            for group in self.groups or ()
            if self.scim.on_demand
        )
        return (job, mapping, *steps, secrets, status, *on_demand)

    def _manual_steps(self, scim: ScimSection) -> tuple[ManualStep, ...]:
        """The steps that have no API (Kiro, Microsoft Entra guide, steps 3 and 4)."""
        application, principal = self._address(kinds.Application), self._address(kinds.ServicePrincipal)
        completed = scim.endpoint is not None and scim.token is not None
        proofs = (StepProof(address=self._address(kinds.ProvisioningSecrets), field="endpoint"),)
        profile = ManualStep(
            key="kiro-profile",
            depends_on=(application,),
            title="create the Kiro profile",
            location="AWS Management Console, Kiro",
            instructions=(
                "Select 'Onboard your team to Kiro', then 'External Identity Provider', then 'Microsoft Entra ID'.",
                Reference(address=application, field="app_id", template="Application ID: {}"),
                Reference(address=principal, field="tenant_id", template="Tenant ID: {}"),
                "Select 'Enable'.",
            ),
            completed=completed,
            proofs=proofs,
        )
        token = ManualStep(
            key="kiro-scim-token",
            depends_on=(profile.address,),
            title="generate the SCIM token",
            location=kiro.IDENTITY_SETTINGS,
            instructions=(
                kiro.GENERATE_INSTRUCTION,
                "Copy the 'SCIM Endpoint' from the same page.",
                "Set both variables and run apply again.",
            ),
            outputs=(
                (self.deferred_variable("scim.endpoint"), "the SCIM endpoint"),
                (self.deferred_variable("scim.token"), "the access token"),
            ),
            completed=completed,
            proofs=proofs,
        )
        return (profile, token)
