"""The kinds of resource in an Entra tenant.

``Wire`` names the member of Microsoft Graph v1.0 that holds a field; parsing, ``$select`` and request bodies follow it.
A field without a wire name is computed in :mod:`.parse` or :mod:`.mapping`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from provisioner.core.resource import (
    CONTAINS,
    IMMUTABLE,
    PERSONAL_DATA,
    READ_ONLY,
    SECRET,
    SECURITY,
    UNORDERED,
    KeyedBy,
    Model,
    Resource,
    Secret,
    Text,
)
from provisioner.providers.base.wire import Wire

LOOPBACK_URI: Final = "http://localhost/oauth/callback"
"""Entra ignores the port of a localhost URI (Microsoft identity platform, redirect URI restrictions)."""

PORTAL_TAGS: Final = (
    "WindowsAzureActiveDirectoryCustomSingleSignOnApplication",
    "WindowsAzureActiveDirectoryIntegratedApp",
)
"""Tags that make the portal list a service principal under "Enterprise applications"."""

UNSUPPORTED_ATTRIBUTES: Final = (
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    'phoneNumbers[type eq "work"].value',
    'phoneNumbers[type eq "mobile"].value',
    'phoneNumbers[type eq "fax"].value',
)
"""Attributes whose mapping makes provisioning fail (Kiro, Microsoft Entra guide, step 4)."""

REQUIRED_ATTRIBUTES: Final = ("userName", "externalId", "active")
"""The three mappings that Kiro requires (Kiro, Microsoft Entra guide, step 4)."""

USER_ROLE: Final = "User"
ZERO_ROLE: Final = "00000000-0000-0000-0000-000000000000"
"""The default access role, for applications that declare no app roles (Microsoft Graph, appRoleAssignment)."""


class Scope(Model):
    """A delegated permission that the application exposes (Microsoft Graph, permissionScope).

    Attributes:
        id: None in a desired scope: an existing scope keeps its id, a new one gets a stable id.
        type: ``User`` is the portal's "Admins and users", ``Admin`` its "Admins only".
        owned: this product created the scope, so it may remove it.
    """

    value: Annotated[str, Wire("value")]
    id: Annotated[str | None, Wire("id")] = None
    enabled: Annotated[bool | None, Wire("isEnabled")] = None
    type: Annotated[str | None, Wire("type")] = None
    display_name: Annotated[str | None, Wire("adminConsentDisplayName")] = None
    owned: Annotated[bool, READ_ONLY] = False


class Credential(Model):
    """A secret or certificate of an application, without its value."""

    name: Annotated[str | None, Wire("displayName")] = None
    ends: Annotated[str | None, Wire("endDateTime")] = None


class Application(Resource):
    """The application object ("App registration").

    Attributes:
        other_identifier_uris: identifier URIs other than ``api://<client id>``.
    """

    kind: ClassVar[str] = "entra-application"

    display_name: Annotated[str | None, Wire("displayName")] = None
    unique_name: Annotated[str | None, IMMUTABLE, Wire("uniqueName")] = None
    tags: Annotated[tuple[str, ...] | None, CONTAINS, Wire("tags")] = None
    sign_in_audience: Annotated[str | None, SECURITY, Wire("signInAudience")] = None
    identifier_uris: Annotated[tuple[Text, ...] | None, CONTAINS, Wire("identifierUris")] = None
    other_identifier_uris: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY] = None
    access_token_version: Annotated[int | None, Wire("api.requestedAccessTokenVersion")] = None
    scopes: Annotated[
        tuple[Scope, ...] | None, KeyedBy("value"), SECURITY, Wire("api.oauth2PermissionScopes")
    ] = None
    redirect_uris: Annotated[
        tuple[str, ...] | None, UNORDERED, SECURITY, Wire("publicClient.redirectUris")
    ] = None
    web_redirect_uris: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY, Wire("web.redirectUris")] = None
    spa_redirect_uris: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY, Wire("spa.redirectUris")] = None
    disabled: Annotated[bool | None, Wire("isDisabled", absent=False)] = None

    id: Annotated[str | None, READ_ONLY, Wire("id")] = None
    app_id: Annotated[str | None, READ_ONLY, Wire("appId")] = None
    template_id: Annotated[str | None, READ_ONLY, Wire("applicationTemplateId")] = None
    created: Annotated[str | None, READ_ONLY, Wire("createdDateTime")] = None
    password_credentials: Annotated[tuple[Credential, ...], READ_ONLY, Wire("passwordCredentials")] = ()
    key_credentials: Annotated[tuple[Credential, ...], READ_ONLY, Wire("keyCredentials")] = ()


class AppRole(Model):
    """An app role that the service principal declares."""

    id: Annotated[str, Wire("id")]
    display_name: Annotated[str, Wire("displayName", absent="")]
    enabled: Annotated[bool, Wire("isEnabled", absent=True)] = True


class ServicePrincipal(Resource):
    """The service principal ("Enterprise application")."""

    kind: ClassVar[str] = "entra-service-principal"

    account_enabled: Annotated[bool | None, Wire("accountEnabled")] = None
    assignment_required: Annotated[bool | None, SECURITY, Wire("appRoleAssignmentRequired")] = None
    tags: Annotated[tuple[str, ...] | None, CONTAINS, Wire("tags")] = None

    id: Annotated[str | None, READ_ONLY, Wire("id")] = None
    app_id: Annotated[str | None, READ_ONLY, Wire("appId")] = None
    tenant_id: Annotated[str | None, READ_ONLY, Wire("appOwnerOrganizationId")] = None
    app_roles: Annotated[tuple[AppRole, ...], READ_ONLY, Wire("appRoles")] = ()


class Group(Resource):
    """A group that the playbook names. It is only looked up."""

    kind: ClassVar[str] = "entra-group"

    id: Annotated[str | None, READ_ONLY, Wire("id")] = None
    display_name: Annotated[str | None, READ_ONLY, Wire("displayName")] = None
    security_enabled: Annotated[bool | None, READ_ONLY, Wire("securityEnabled")] = None


class User(Resource):
    """A user that the playbook names. It is only looked up."""

    kind: ClassVar[str] = "entra-user"

    id: Annotated[str | None, READ_ONLY, Wire("id")] = None
    display_name: Annotated[str | None, READ_ONLY, PERSONAL_DATA, Wire("displayName")] = None


class Assignment(Resource):
    """An app role assignment.

    Attributes:
        role: the display name of the role; ``(default access)`` is the all-zeros id.
    """

    principal: Annotated[Text | None, Wire("principalId")] = None
    role: str | None = None

    id: Annotated[str | None, READ_ONLY, Wire("id")] = None
    role_id: Annotated[str | None, READ_ONLY, Wire("appRoleId")] = None
    principal_name: Annotated[str | None, READ_ONLY, Wire("principalDisplayName")] = None


class GroupAssignment(Assignment):
    """An assigned group: its direct members can sign in and are provisioned."""

    kind: ClassVar[str] = "entra-group-assignment"
    grants_access: ClassVar[bool] = True


class UserAssignment(Assignment):
    """A user who is assigned directly, which Kiro's guide advises against."""

    kind: ClassVar[str] = "entra-user-assignment"
    grants_access: ClassVar[bool] = True

    principal_name: Annotated[str | None, READ_ONLY, PERSONAL_DATA, Wire("principalDisplayName")] = None


class AdminConsent(Resource):
    """Tenant-wide admin consent to the application's own scopes (Microsoft Graph, oAuth2PermissionGrant)."""

    kind: ClassVar[str] = "entra-admin-consent"

    scopes: Annotated[tuple[str, ...] | None, CONTAINS] = None

    id: Annotated[str | None, READ_ONLY] = None


class ProvisioningJob(Resource):
    """The synchronization job ("Provisioning").

    Attributes:
        quarantine: the reason for the quarantine; None when the job is not in quarantine.
        last_run: when the last cycle ended, ISO 8601; None before the first one.
        last_success: when the last successful cycle ended.
        overdue: the job is on, but the last cycle ended more than two intervals ago.
        escrowed: number of entries that failed and are retried later.
    """

    kind: ClassVar[str] = "entra-provisioning-job"

    template_id: Annotated[str | None, Wire("templateId")] = None

    id: Annotated[str | None, READ_ONLY, Wire("id")] = None
    status: Annotated[str | None, READ_ONLY, Wire("status.code")] = None
    schedule: Annotated[str | None, READ_ONLY, Wire("schedule.state")] = None
    interval_seconds: Annotated[float | None, READ_ONLY] = None
    quarantine: Annotated[str | None, READ_ONLY, Wire("status.quarantine.reason")] = None
    quarantine_error: Annotated[str | None, READ_ONLY] = None
    last_run: Annotated[str | None, READ_ONLY] = None
    last_state: Annotated[str | None, READ_ONLY, Wire("status.lastExecution.state")] = None
    last_success: Annotated[str | None, READ_ONLY] = None
    overdue: Annotated[bool, READ_ONLY] = False
    escrowed: Annotated[int, READ_ONLY, Wire("status.lastExecution.countEscrowed", absent=0)] = 0
    synced_users: Annotated[int, READ_ONLY] = 0
    synced_groups: Annotated[int, READ_ONLY] = 0


class ProvisioningSecrets(Resource):
    """The SCIM endpoint, its token and the settings of the job (Microsoft Graph, synchronization secrets).

    Attributes:
        accepted_by_kiro: the job is not in quarantine because Kiro refused the token.
        assigned_only: the portal's "Sync only assigned users and groups".
        delete_threshold: accidental deletion prevention; in a snapshot, None means off.
        notify: e-mail addresses that are notified about a quarantine.
    """

    kind: ClassVar[str] = "entra-provisioning-secrets"

    endpoint: Annotated[str | None, SECURITY] = None
    token: Annotated[Secret | None, SECRET, SECURITY] = None
    accepted_by_kiro: bool | None = None
    assigned_only: Annotated[bool | None, SECURITY] = None
    delete_threshold: int | None = None
    notify: Annotated[tuple[str, ...] | None, UNORDERED] = None


class AttributeMapping(Resource):
    """The parts of the job's user and group mappings that matter to Kiro.

    Attributes:
        external_id: the source attribute of a user's externalId; for an expression, its text.
        unsupported: mapped attributes that Kiro does not support.
        missing: required attributes that are not mapped.
        other: mapped attributes in addition to the three that Kiro requires.
        disabled: object mappings that are off or lack add, update or delete.
        rule_id: id of the synchronization rule, for provisioning on demand.
    """

    kind: ClassVar[str] = "entra-attribute-mapping"

    external_id: str | None = None
    unsupported: Annotated[tuple[str, ...] | None, UNORDERED] = None
    missing: Annotated[tuple[str, ...] | None, UNORDERED] = None
    other: Annotated[tuple[str, ...] | None, UNORDERED] = None
    disabled: Annotated[tuple[str, ...] | None, UNORDERED] = None

    rule_id: Annotated[str | None, READ_ONLY] = None


class ProvisioningStatus(Resource):
    """Whether provisioning is on and healthy.

    Attributes:
        healthy: not in quarantine, no escrowed entries, and not overdue. Restarting the job sets it.
    """

    kind: ClassVar[str] = "entra-provisioning-status"

    on: bool | None = None
    healthy: bool | None = None


class ProvisionOnDemand(Resource):
    """Provisioning on demand of a group's members, so that they need not wait for the first cycle."""

    kind: ClassVar[str] = "entra-provision-on-demand"

    group: Annotated[Text | None, READ_ONLY] = None
    provisioned: bool | None = None
