"""The kinds of resource in an Entra tenant, in the field's own terms.

Names of members follow Microsoft Graph v1.0 in snake case, so that a finding's evidence can be looked up.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from provisioner.core.resource import (
    CONTAINS,
    IMMUTABLE,
    KEYED,
    PERSONAL_DATA,
    READ_ONLY,
    SECRET,
    SECURITY,
    UNORDERED,
    Model,
    Resource,
    Secret,
    Text,
)

Json = dict[str, Any]
"""A JSON object as Graph sends or takes it."""

LOOPBACK_URI: Final = "http://localhost/oauth/callback"
"""Entra ignores the port of a localhost URI (Microsoft identity platform, redirect URI restrictions)."""

PORTAL_TAGS: Final = (
    "WindowsAzureActiveDirectoryCustomSingleSignOnApplication",
    "WindowsAzureActiveDirectoryIntegratedApp",
)
"""What makes the portal list a service principal among the enterprise applications."""

UNSUPPORTED_ATTRIBUTES: Final = (
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    'phoneNumbers[type eq "work"].value',
    'phoneNumbers[type eq "mobile"].value',
    'phoneNumbers[type eq "fax"].value',
)
"""Kiro, Microsoft Entra guide, step 4: left in place, provisioning fails."""

REQUIRED_ATTRIBUTES: Final = ("userName", "externalId", "active")
"""Kiro, Microsoft Entra guide, step 4: the only three mappings Kiro requires."""

USER_ROLE: Final = "User"
ZERO_ROLE: Final = "00000000-0000-0000-0000-000000000000"
"""Only for resources that declare no app roles (Microsoft Graph, appRoleAssignment)."""


class Scope(Model):
    """A delegated permission the application exposes (Microsoft Graph, permissionScope).

    Attributes:
        id: None in a desired scope; the one that exists, or a stable one, is used.
        type: ``User`` is the portal's "Admins and users", ``Admin`` its "Admins only".
        owned: this product created it, so this product may remove it.
    """

    value: str
    id: str | None = None
    enabled: bool | None = None
    type: str | None = None
    display_name: str | None = None
    owned: Annotated[bool, READ_ONLY] = False


class Credential(Model):
    """A secret or certificate of an application; never its value."""

    kind: str
    name: str | None = None
    ends: str | None = None


class Application(Resource):
    """The application object ("App registration")."""

    kind: ClassVar[str] = "entra-application"

    display_name: str | None = None
    unique_name: Annotated[str | None, IMMUTABLE] = None
    tags: Annotated[tuple[str, ...] | None, CONTAINS] = None
    sign_in_audience: Annotated[str | None, SECURITY] = None
    identifier_uris: Annotated[tuple[Text, ...] | None, CONTAINS] = None
    other_identifier_uris: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY] = None
    access_token_version: int | None = None
    scopes: Annotated[tuple[Scope, ...] | None, KEYED("value"), SECURITY] = None
    redirect_uris: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY] = None
    web_redirect_uris: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY] = None
    spa_redirect_uris: Annotated[tuple[str, ...] | None, UNORDERED, SECURITY] = None
    disabled: bool | None = None

    id: Annotated[str | None, READ_ONLY] = None
    app_id: Annotated[str | None, READ_ONLY] = None
    template_id: Annotated[str | None, READ_ONLY] = None
    created: Annotated[str | None, READ_ONLY] = None
    credentials: Annotated[tuple[Credential, ...], READ_ONLY] = ()


class AppRole(Model):
    """An app role as the service principal declares it."""

    id: str
    display_name: str
    enabled: bool = True


class ServicePrincipal(Resource):
    """The service principal ("Enterprise application")."""

    kind: ClassVar[str] = "entra-service-principal"

    account_enabled: bool | None = None
    assignment_required: Annotated[bool | None, SECURITY] = None
    tags: Annotated[tuple[str, ...] | None, CONTAINS] = None

    id: Annotated[str | None, READ_ONLY] = None
    app_id: Annotated[str | None, READ_ONLY] = None
    tenant_id: Annotated[str | None, READ_ONLY] = None
    app_roles: Annotated[tuple[AppRole, ...], READ_ONLY] = ()


class Group(Resource):
    """A group the playbook names; only ever looked up."""

    kind: ClassVar[str] = "entra-group"

    id: Annotated[str | None, READ_ONLY] = None
    display_name: Annotated[str | None, READ_ONLY] = None
    security_enabled: Annotated[bool | None, READ_ONLY] = None


class User(Resource):
    """A user the playbook names; only ever looked up."""

    kind: ClassVar[str] = "entra-user"

    id: Annotated[str | None, READ_ONLY] = None
    display_name: Annotated[str | None, READ_ONLY, PERSONAL_DATA] = None


class Assignment(Resource):
    """An app role assignment.

    Attributes:
        role: the role's display name; ``(default access)`` is the zero role.
    """

    principal: Text | None = None
    role: str | None = None

    id: Annotated[str | None, READ_ONLY] = None
    role_id: Annotated[str | None, READ_ONLY] = None
    principal_name: Annotated[str | None, READ_ONLY] = None


class GroupAssignment(Assignment):
    """A group is assigned: its direct members may sign in and are provisioned."""

    kind: ClassVar[str] = "entra-group-assignment"
    admits: ClassVar[bool] = True


class UserAssignment(Assignment):
    """A user is assigned directly, which the vendor advises against."""

    kind: ClassVar[str] = "entra-user-assignment"
    admits: ClassVar[bool] = True

    principal_name: Annotated[str | None, READ_ONLY, PERSONAL_DATA] = None


class Consent(Resource):
    """Tenant-wide admin consent to the application's own scopes (Microsoft Graph, oAuth2PermissionGrant)."""

    kind: ClassVar[str] = "entra-admin-consent"

    scopes: Annotated[tuple[str, ...] | None, CONTAINS] = None

    id: Annotated[str | None, READ_ONLY] = None


class ProvisioningJob(Resource):
    """The synchronization job ("Provisioning")."""

    kind: ClassVar[str] = "entra-provisioning-job"

    template_id: str | None = None

    id: Annotated[str | None, READ_ONLY] = None
    status: Annotated[str | None, READ_ONLY] = None
    schedule: Annotated[str | None, READ_ONLY] = None
    interval_seconds: Annotated[float | None, READ_ONLY] = None
    quarantine: Annotated[str | None, READ_ONLY] = None
    quarantine_error: Annotated[str | None, READ_ONLY] = None
    last_run: Annotated[str | None, READ_ONLY] = None
    last_state: Annotated[str | None, READ_ONLY] = None
    last_success: Annotated[str | None, READ_ONLY] = None
    overdue: Annotated[bool, READ_ONLY] = False
    escrowed: Annotated[int, READ_ONLY] = 0
    synced_users: Annotated[int, READ_ONLY] = 0
    synced_groups: Annotated[int, READ_ONLY] = 0


class ProvisioningSecrets(Resource):
    """Where the job pushes to, and with what (Microsoft Graph, synchronization secrets).

    Attributes:
        assigned_only: the portal's "Sync only assigned users and groups".
        delete_threshold: accidental deletion prevention; None observed means off.
        accepted_by_kiro: the job is not in quarantine because of them.
    """

    kind: ClassVar[str] = "entra-provisioning-secrets"

    endpoint: Annotated[str | None, SECURITY] = None
    token: Annotated[Secret | None, SECRET, SECURITY] = None
    accepted_by_kiro: bool | None = None
    assigned_only: Annotated[bool | None, SECURITY] = None
    delete_threshold: int | None = None
    recipients: Annotated[tuple[str, ...] | None, UNORDERED] = None


class AttributeMapping(Resource):
    """The user and group mappings of the job's schema, as far as Kiro cares.

    Attributes:
        external_id: the source attribute of a user's externalId; an expression is given as its text.
        unsupported: mapped attributes that Kiro does not support.
        missing: required attributes that are not mapped.
        other: mapped attributes beyond the three that Kiro requires.
        disabled: object mappings that are switched off or lack add, update or delete.
    """

    kind: ClassVar[str] = "entra-attribute-mapping"

    external_id: str | None = None
    unsupported: Annotated[tuple[str, ...] | None, UNORDERED] = None
    missing: Annotated[tuple[str, ...] | None, UNORDERED] = None
    other: Annotated[tuple[str, ...] | None, UNORDERED] = None
    disabled: Annotated[tuple[str, ...] | None, UNORDERED] = None

    rule_id: Annotated[str | None, READ_ONLY] = None


class ProvisioningStatus(Resource):
    """Whether provisioning is switched on, and gets anywhere.

    Attributes:
        healthy: not in quarantine, no entries held back, and not overdue. Set by restarting the job.
    """

    kind: ClassVar[str] = "entra-provisioning-status"

    on: bool | None = None
    healthy: bool | None = None


class FirstSync(Resource):
    """The first provisioning of a group's members, on demand, instead of waiting for the first cycle."""

    kind: ClassVar[str] = "entra-provision-on-demand"

    group: Annotated[Text | None, READ_ONLY] = None
    provisioned: bool | None = None
