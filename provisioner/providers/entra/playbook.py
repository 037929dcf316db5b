"""The Entra part of a playbook, and what it asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr

from provisioner.core.manual_step import ManualStep, StepProof
from provisioner.core.plan import DesiredState, Guards
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
    """Which tenant."""

    tenant: Annotated[str, AfterValidator(_tenant)] = Field(
        description="Directory (tenant) ID, or a verified domain of the tenant."
    )
    cloud: Cloud = Field(default="global", description="The Microsoft cloud the tenant lives in.")

    @property
    def names(self) -> str:
        """What tells this tenant from others."""
        return self.tenant


class ApplicationSection(Model):
    """The application ("App registration" and "Enterprise application" in the portal)."""

    display_name: Name | None = Field(
        default=None, description="Its name in the portal. Default: the playbook's name."
    )
    client_id: Guid | None = Field(
        default=None, description="Application (client) ID of an existing application to adopt."
    )
    scopes: Annotated[tuple[Name, ...], AfterValidator(unique)] = Field(
        default=kiro.SCOPES, description="Scopes to expose. The vendor requires both defaults."
    )
    loopback_ports: Annotated[tuple[Port, ...], AfterValidator(unique)] = Field(
        default=kiro.LOOPBACK_PORTS,
        description="Ports with a loopback redirect URI of their own, besides kiro:// and the portless one. "
        "Entra ignores the port of a localhost URI, so [] works too.",
    )
    assignment_required: bool = Field(default=True, description="Only assigned users and groups may sign in.")
    admin_consent: bool = Field(
        default=False, description="Consent to the application's own scopes for the whole tenant."
    )


class ScimSection(Model):
    """Provisioning of users and groups to Kiro."""

    endpoint: Endpoint | None = Field(
        default=None, description="SCIM endpoint from the Kiro console. Absent: a human step waits for it."
    )
    token: SecretStr | None = Field(
        default=None, description="Access token from the Kiro console. Absent: a human step waits for it."
    )
    mapping: Literal["guide", "minimal"] = Field(
        default="guide",
        description="guide: the default mapping as the vendor's guide changes it. "
        "minimal: only userName, externalId and active.",
    )
    on_demand: bool = Field(
        default=True,
        description="Provision the members of small groups at once, instead of waiting for the first cycle.",
    )
    delete_threshold: Annotated[int, Field(ge=1)] = Field(
        default=500, description="Stop provisioning when a cycle would delete more users than this."
    )
    notify: tuple[Email, ...] | None = Field(
        default=None, description="Who is told by e-mail when provisioning is quarantined."
    )


class DirectoryEntry(PrincipalEntry):
    """A group or a user, by name or by id."""

    name: Name | None = Field(
        default=None, description="Display name of a group; user principal name of a user."
    )
    id: Guid | None = Field(default=None, description="Object ID; always unambiguous.")


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
        description="Groups that are assigned, and no others. []: none. Absent: group assignments are not managed.",
    )
    users: Annotated[tuple[DirectoryEntry, ...], AfterValidator(unique)] | None = Field(
        default=None,
        description="Users that are assigned directly, and no others; the vendor advises against it. "
        "[]: none. Absent: direct assignments are not managed.",
    )
    domains: Domains | None = Field(
        default=None,
        description="Domains of people's e-mail addresses, verified by TXT record. Absent: not managed.",
    )
    lookup: LookupSection = LookupSection()
    safety: SafetySection = SafetySection()
    unmanaged: UnmanagedRules = ()
    waivers: Waivers = ()

    @property
    def tag(self) -> str:
        return f"provisioner:{self.name}"

    @property
    def display_name(self) -> str:
        return self.application.display_name or self.name

    @property
    def guards(self) -> Guards:
        return Guards(max_removals=self.safety.max_removals)

    @property
    def cloud(self) -> str:
        """The Microsoft cloud the tenant lives in."""
        return self.connection.cloud

    def for_sandbox(self, values: Mapping[str, str]) -> EntraPlaybook:
        """This playbook for the sandbox: its tenant, and its SCIM endpoint where ours is on another machine.

        Args:
            values: the sandbox's ENTRA_TENANT_ID, KIRO_SCIM_ENDPOINT and KIRO_SCIM_TOKEN, if it has them.
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
        """What this playbook asks for, as resources."""
        exhaustive = {
            kind.kind
            for kind, listed in ((kinds.GroupAssignment, self.groups), (kinds.UserAssignment, self.users))
            if listed is not None
        }
        return DesiredState(
            resources=(*self._application(), *self._assignments(), *self._provisioning()),
            exhaustive=frozenset(exhaustive),
            unmanaged=self.unmanaged,
        )

    def _address(self, kind: type[Resource]) -> str:
        return f"{kind.kind}/{self.name}"

    def _application(self) -> tuple[Resource, ...]:
        keys, address = self.application, self._address(kinds.Application)
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
                for value in keys.scopes
            ),
            redirect_uris=(
                kiro.KIRO_URI,
                kinds.LOOPBACK_URI,
                *(kiro.loopback_uri(port) for port in keys.loopback_ports),
            ),
        )
        principal = kinds.ServicePrincipal(
            key=self.name,
            depends_on=(address,),
            account_enabled=True,
            assignment_required=keys.assignment_required,
            tags=kinds.PORTAL_TAGS,
        )
        consent = kinds.Consent(key=self.name, depends_on=(principal.address,), scopes=keys.scopes)
        return (application, principal, *((consent,) if keys.admin_consent else ()))

    def _assignments(self) -> tuple[Resource, ...]:
        after = (self._address(kinds.ServicePrincipal),)
        found: list[Resource] = []
        for listed, principal, assignment in (
            (self.groups or (), kinds.Group, kinds.GroupAssignment),
            (self.users or (), kinds.User, kinds.UserAssignment),
        ):
            for keys in listed:
                who = principal(key=keys.key)
                role = assignment(
                    key=keys.key,
                    depends_on=after,
                    principal=Reference(address=who.address, field="id"),
                    role=kinds.USER_ROLE,
                )
                found += (who, role)
        return tuple(found)

    def _provisioning(self) -> tuple[Resource, ...]:
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
        steps = self._steps()
        secrets = kinds.ProvisioningSecrets(
            key=self.name,
            depends_on=(job.address, mapping.address, steps[-1].address),
            endpoint=self.scim.endpoint,
            token=self.scim.token,
            accepted_by_kiro=True if self.scim.token else None,
            assigned_only=True,
            delete_threshold=self.scim.delete_threshold,
            recipients=self.scim.notify,
        )
        assigned = tuple(f"{kinds.GroupAssignment.kind}/{group.key}" for group in self.groups or ())
        status = kinds.ProvisioningStatus(
            key=self.name, depends_on=(mapping.address, secrets.address, *assigned), on=True
        )
        return (job, mapping, *steps, secrets, status, *self._first_syncs(status.address))

    def _first_syncs(self, status: str) -> tuple[Resource, ...]:
        if self.scim is None or not self.scim.on_demand:
            return ()
        return tuple(
            kinds.FirstSync(
                key=group.key,
                depends_on=(status,),
                group=Reference(address=f"{kinds.Group.kind}/{group.key}", field="id"),
                provisioned=True,
            )
            for group in self.groups or ()
        )

    def _steps(self) -> tuple[ManualStep, ...]:
        """Kiro, Microsoft Entra guide, steps 3 and 4: what has no API."""
        application, principal = self._address(kinds.Application), self._address(kinds.ServicePrincipal)
        scim = self.scim or ScimSection()
        given = scim.endpoint is not None and scim.token is not None
        proof = (StepProof(address=self._address(kinds.ProvisioningSecrets), field="endpoint"),)
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
            completed=given,
            proofs=proof,
        )
        token = ManualStep(
            key="kiro-scim-token",
            depends_on=(profile.address,),
            title="generate the SCIM token",
            location="Kiro console, Settings, Identity Management",
            instructions=(
                "In 'Access Tokens', select 'Generate Token' and copy it: it is shown only once.",
                "Copy the 'SCIM Endpoint' from the same page.",
                "Set both variables and run apply again.",
            ),
            outputs=(
                (self.deferred_variable("scim.endpoint"), "the SCIM endpoint"),
                (self.deferred_variable("scim.token"), "the access token"),
            ),
            completed=given,
            proofs=proof,
        )
        return (profile, token)
