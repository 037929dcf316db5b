"""The Entra part of a playbook, and what it asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, StringConstraints, model_validator

from provisioner.core.plan import Desired, Guards
from provisioner.core.resource import Model, Ref, Resource
from provisioner.core.step import Evidence, ManualStep

from . import resources as kinds

Cloud = Literal["global", "usgov", "usgov-dod", "china"]

_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EMAIL = r"^[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+$"


def _guid(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise ValueError("expected a GUID such as 18d14569-c3bd-439b-9a66-3a2aee01d14f") from None


def _tenant(value: str) -> str:
    return value.lower() if _DOMAIN.fullmatch(value) else _guid(value)


def _https(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("expected a URL") from None  # the reason would tell the value
    loopback = parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise ValueError("expected a URL that begins with https://")
    if not parts.hostname or parts.username or parts.password:
        raise ValueError("expected a URL with a host name and without credentials in it")
    return value


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len({repr(value) for value in values}) < len(values):
        raise ValueError("the same thing is listed twice")
    return values


Guid = Annotated[str, AfterValidator(_guid)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
Email = Annotated[str, StringConstraints(pattern=_EMAIL, max_length=254)]
Port = Annotated[int, Field(ge=1, le=65535)]


class ConnectionKeys(Model):
    """Which tenant."""

    tenant: Annotated[str, AfterValidator(_tenant)] = Field(
        description="Directory (tenant) ID, or a verified domain of the tenant."
    )
    cloud: Cloud = Field(default="global", description="The Microsoft cloud the tenant lives in.")


class ApplicationKeys(Model):
    """The application ("App registration" and "Enterprise application" in the portal)."""

    display_name: Name | None = Field(
        default=None, description="Its name in the portal. Default: the playbook's name."
    )
    client_id: Guid | None = Field(
        default=None, description="Application (client) ID of an existing application to adopt."
    )
    scopes: Annotated[tuple[Name, ...], AfterValidator(_distinct)] = Field(
        default=kinds.SCOPES, description="Scopes to expose. The vendor requires both defaults."
    )
    loopback_ports: Annotated[tuple[Port, ...], AfterValidator(_distinct)] = Field(
        default=kinds.LOOPBACK_PORTS,
        description="Ports with a loopback redirect URI of their own, besides kiro:// and the portless one. "
        "Entra ignores the port of a localhost URI, so [] works too.",
    )
    assignment_required: bool = Field(default=True, description="Only assigned users and groups may sign in.")
    admin_consent: bool = Field(
        default=False, description="Consent to the application's own scopes for the whole tenant."
    )


class ScimKeys(Model):
    """Provisioning of users and groups to Kiro."""

    endpoint: Annotated[str, AfterValidator(_https)] | None = Field(
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


class PrincipalKeys(Model):
    """A group or a user, by name or by id."""

    name: Name | None = Field(
        default=None, description="Display name of a group; user principal name of a user."
    )
    id: Guid | None = Field(default=None, description="Object ID; always unambiguous.")

    @model_validator(mode="after")
    def _one_of(self) -> PrincipalKeys:
        if (self.name is None) == (self.id is None):
            raise ValueError("expected exactly one of: name, id")
        return self

    @property
    def key(self) -> str:
        return self.name or str(self.id)


class SafetyKeys(Model):
    """Limits within which apply may act without being told otherwise."""

    max_removals: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.3, description="Largest share of the existing assignments that one run may remove."
    )


class EntraPlaybook(Model):
    """A playbook whose provider is ``entra``."""

    late: ClassVar[frozenset[tuple[str, ...]]] = frozenset({("scim", "endpoint"), ("scim", "token")})
    """Keys whose variables may be missing: a person brings them back from the Kiro console."""

    version: Literal[1] = Field(description="Version of the playbook format.")
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$")] = Field(
        description="Stable name of the integration; it marks the remote objects. "
        "Lower-case letters, digits and hyphens, at most 48."
    )
    provider: Literal["entra"] = Field(description="The identity provider.")
    connection: ConnectionKeys
    application: ApplicationKeys = ApplicationKeys()
    scim: ScimKeys | None = Field(default=None, description="Absent: provisioning is not managed.")
    groups: Annotated[tuple[PrincipalKeys, ...], AfterValidator(_distinct)] | None = Field(
        default=None,
        description="Groups that are assigned, and no others. []: none. Absent: group assignments are not managed.",
    )
    users: Annotated[tuple[PrincipalKeys, ...], AfterValidator(_distinct)] | None = Field(
        default=None,
        description="Users that are assigned directly, and no others; the vendor advises against it. "
        "[]: none. Absent: direct assignments are not managed.",
    )
    safety: SafetyKeys = SafetyKeys()

    _awaited: dict[str, str] = PrivateAttr(default_factory=dict)

    def awaiting(self, variables: Mapping[str, str]) -> EntraPlaybook:
        """This playbook, knowing which variables its late keys refer to.

        Args:
            variables: names of environment variables by key, such as ``scim.token``.
        """
        copy = self.model_copy()
        copy._awaited = dict(variables)  # noqa: SLF001 - of the same class
        return copy

    def awaited(self, key: str) -> str:
        """The variable that a late key refers to; the shipped playbooks' name for one that refers to none."""
        return self._awaited.get(key) or {"scim.endpoint": "KIRO_SCIM_ENDPOINT"}.get(key, "KIRO_SCIM_TOKEN")

    @property
    def marker(self) -> str:
        """The application's uniqueName."""
        return f"provisioner-{self.name}"

    @property
    def tag(self) -> str:
        return f"provisioner:{self.name}"

    @property
    def display_name(self) -> str:
        return self.application.display_name or self.name

    @property
    def guards(self) -> Guards:
        return Guards(max_removals=self.safety.max_removals)

    def rehearsed(self, tenant: str, values: Mapping[str, str]) -> EntraPlaybook:
        """This playbook for the sandbox: its tenant, and its SCIM endpoint where ours is on another machine.

        Args:
            tenant: the sandbox's tenant.
            values: the sandbox's KIRO_SCIM_ENDPOINT and KIRO_SCIM_TOKEN, if it has them.
        """
        update: dict[str, object] = {"connection": self.connection.model_copy(update={"tenant": tenant})}
        if self.scim and self.scim.endpoint and urlsplit(self.scim.endpoint).hostname not in _LOOPBACK:
            token = values.get("KIRO_SCIM_TOKEN")
            update["scim"] = self.scim.model_copy(
                update={
                    "endpoint": values.get("KIRO_SCIM_ENDPOINT"),
                    "token": SecretStr(token) if token else None,
                }
            )
        return self.model_copy(update=update)

    def desired(self) -> Desired:
        """What this playbook asks for, as resources."""
        exhaustive = {
            kind.kind
            for kind, listed in ((kinds.GroupAssignment, self.groups), (kinds.UserAssignment, self.users))
            if listed is not None
        }
        return Desired(
            resources=(*self._application(), *self._assignments(), *self._provisioning()),
            exhaustive=frozenset(exhaustive),
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
            identifier_uris=(Ref(address=address, field="app_id", form="api://{}"),),
            access_token_version=2,
            scopes=tuple(
                kinds.Scope(value=value, enabled=True, type="User", display_name=value)
                for value in keys.scopes
            ),
            redirect_uris=(
                kinds.KIRO_URI,
                kinds.LOOPBACK_URI,
                *(kinds.loopback_uri(port) for port in keys.loopback_ports),
            ),
        )
        principal = kinds.ServicePrincipal(
            key=self.name,
            after=(address,),
            account_enabled=True,
            assignment_required=keys.assignment_required,
            tags=kinds.PORTAL_TAGS,
        )
        consent = kinds.Consent(key=self.name, after=(principal.address,), scopes=keys.scopes)
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
                    after=after,
                    principal=Ref(address=who.address, field="id"),
                    role=kinds.USER_ROLE,
                )
                found += (who, role)
        return tuple(found)

    def _provisioning(self) -> tuple[Resource, ...]:
        if self.scim is None:
            return ()
        job = kinds.ProvisioningJob(
            key=self.name, after=(self._address(kinds.ServicePrincipal),), template_id="scim"
        )
        mapping = kinds.AttributeMapping(
            key=self.name,
            after=(job.address,),
            external_id="objectId",
            unsupported=(),
            missing=(),
            other=() if self.scim.mapping == "minimal" else None,
            disabled=(),
        )
        steps = self._steps()
        secrets = kinds.ProvisioningSecrets(
            key=self.name,
            after=(job.address, mapping.address, steps[-1].address),
            endpoint=self.scim.endpoint,
            token=self.scim.token,
            accepted_by_kiro=True if self.scim.token else None,
            assigned_only=True,
            delete_threshold=self.scim.delete_threshold,
            recipients=self.scim.notify,
        )
        assigned = tuple(f"{kinds.GroupAssignment.kind}/{group.key}" for group in self.groups or ())
        status = kinds.ProvisioningStatus(
            key=self.name, after=(mapping.address, secrets.address, *assigned), on=True
        )
        return (job, mapping, *steps, secrets, status, *self._first_syncs(status.address))

    def _first_syncs(self, status: str) -> tuple[Resource, ...]:
        if self.scim is None or not self.scim.on_demand:
            return ()
        return tuple(
            kinds.FirstSync(
                key=group.key,
                after=(status,),
                group=Ref(address=f"{kinds.Group.kind}/{group.key}", field="id"),
                provisioned=True,
            )
            for group in self.groups or ()
        )

    def _steps(self) -> tuple[ManualStep, ...]:
        """Kiro, Microsoft Entra guide, steps 3 and 4: what has no API."""
        application, principal = self._address(kinds.Application), self._address(kinds.ServicePrincipal)
        scim = self.scim or ScimKeys()
        given = scim.endpoint is not None and scim.token is not None
        proof = (Evidence(address=self._address(kinds.ProvisioningSecrets), field="endpoint"),)
        profile = ManualStep(
            key="kiro-profile",
            after=(application,),
            title="create the Kiro profile",
            where="AWS Management Console, Kiro",
            instructions=(
                "Select 'Onboard your team to Kiro', then 'External Identity Provider', then 'Microsoft Entra ID'.",
                Ref(address=application, field="app_id", form="Application ID: {}"),
                Ref(address=principal, field="tenant_id", form="Tenant ID: {}"),
                "Select 'Enable'.",
            ),
            given=given,
            proof=proof,
        )
        token = ManualStep(
            key="kiro-scim-token",
            after=(profile.address,),
            title="generate the SCIM token",
            where="Kiro console, Settings, Identity Management",
            instructions=(
                "In 'Access Tokens', select 'Generate Token' and copy it: it is shown only once.",
                "Copy the 'SCIM Endpoint' from the same page.",
                "Set both variables and run apply again.",
            ),
            brings=(
                (self.awaited("scim.endpoint"), "the SCIM endpoint"),
                (self.awaited("scim.token"), "the access token"),
            ),
            given=given,
            proof=proof,
        )
        return (profile, token)
