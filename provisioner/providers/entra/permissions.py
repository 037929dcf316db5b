"""The Microsoft Graph permission that each task needs.

Source: the permissions tables of the Microsoft Graph v1.0 reference, in their machine-readable form. Application and
delegated permissions have the same names here. A signed-in admin also needs a directory role
(Microsoft Graph, synchronization: role-based access control).
"""

from __future__ import annotations

from typing import Final

from provisioner.providers.base.permissions import WRITE_METHODS, RequiredPermission

DIRECTORY_ROLE: Final = "Cloud Application Administrator"

_AS_SIGNED_IN_USER: Final = "Directory.AccessAsUser.All"
"""A token with this permission, such as those of the Azure CLI, can do what its user can do. It does not list what."""

_WRITING: Final = ("apply", "destroy")
_AUDITING: Final = ("doctor",)

READ_APPLICATIONS: Final = RequiredPermission(
    "find and read the application",
    ("Application.Read.All", "Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"),
    (
        ("GET", r"/applications"),
        ("GET", r"/servicePrincipals(?!.*(synchronization|oauth2PermissionGrants))"),
        ("GET", r"/directory/deletedItems"),
        ("GET", r"/applicationTemplates"),
    ),
)
WRITE_APPLICATIONS: Final = RequiredPermission(
    "create and configure the application",
    ("Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"),
    (
        (WRITE_METHODS, r"/applicationTemplates/.*/instantiate"),
        (WRITE_METHODS, r"/directory/deletedItems"),
        (WRITE_METHODS, r"/applications"),
        (WRITE_METHODS, r"/servicePrincipals(?!.*(synchronization|appRoleAssign))"),
    ),
    commands=_WRITING,
)
READ_PROVISIONING: Final = RequiredPermission(
    "read provisioning",
    ("Synchronization.Read.All", "Application.ReadWrite.OwnedBy", "Synchronization.ReadWrite.All"),
    (("GET", r"/servicePrincipals/.*/synchronization"),),
)
WRITE_PROVISIONING: Final = RequiredPermission(
    "set up and start provisioning",
    ("Application.ReadWrite.OwnedBy", "Synchronization.ReadWrite.All"),
    ((WRITE_METHODS, r"/servicePrincipals/.*/synchronization"),),
    commands=_WRITING,
)
ASSIGN: Final = RequiredPermission(
    "assign groups and users",
    ("AppRoleAssignment.ReadWrite.All",),
    ((WRITE_METHODS, r".*/appRoleAssign"),),
    commands=_WRITING,
)
READ_GROUPS: Final = RequiredPermission(
    "find groups and read their members",
    ("GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All"),
    (("GET", r"/groups"),),
)
READ_EMAIL_ADDRESSES: Final = RequiredPermission(
    "read the domains of users' e-mail addresses",
    ("User.ReadBasic.All", "User.Read.All", "Directory.Read.All"),
    commands=_AUDITING,
)
READ_USERS: Final = RequiredPermission(
    "find directly assigned users",
    ("User.ReadBasic.All", "User.Read.All", "Directory.Read.All"),
    (("GET", r"/users"),),
)
CONSENT: Final = RequiredPermission(
    "grant admin consent",
    ("DelegatedPermissionGrant.ReadWrite.All",),
    ((WRITE_METHODS, r"/oauth2PermissionGrants"),),
    commands=_WRITING,
)
READ_CONSENT: Final = RequiredPermission(
    "read consent grants",
    ("Directory.Read.All", "DelegatedPermissionGrant.ReadWrite.All"),
    (("GET", r".*/?oauth2PermissionGrants"),),
    commands=_AUDITING,
)
READ_PROVISIONING_LOG: Final = RequiredPermission(
    "read the provisioning log", ("ProvisioningLog.Read.All", "AuditLog.Read.All"), commands=_AUDITING
)
READ_SIGN_INS: Final = RequiredPermission("read sign-in errors", ("AuditLog.Read.All",), commands=_AUDITING)
READ_POLICIES: Final = RequiredPermission(
    "read Conditional Access and consent policies", ("Policy.Read.All",), commands=_AUDITING
)
READ_LICENCES: Final = RequiredPermission(
    "read the tenant's licences",
    ("LicenseAssignment.Read.All", "Organization.Read.All", "Directory.Read.All"),
    commands=_AUDITING,
)
READ_DOMAINS: Final = RequiredPermission(
    "read the tenant's verified domains",
    ("User.Read", "Organization.Read.All", "Directory.Read.All"),
    commands=_AUDITING,
)

PERMISSIONS: Final = (
    READ_APPLICATIONS,
    READ_PROVISIONING,
    READ_EMAIL_ADDRESSES,
    READ_GROUPS,
    READ_USERS,
    READ_CONSENT,
    READ_PROVISIONING_LOG,
    READ_SIGN_INS,
    READ_POLICIES,
    READ_LICENCES,
    READ_DOMAINS,
    ASSIGN,
    CONSENT,
    WRITE_PROVISIONING,
    WRITE_APPLICATIONS,
)


def granted_permissions(claims: dict[str, object]) -> frozenset[str] | None:
    """The permissions in a token's claims; None when the token does not list them.

    ``roles`` contains application permissions, ``scp`` delegated ones (Microsoft identity platform, access token
    claims reference).
    """
    roles, scopes = claims.get("roles"), claims.get("scp")
    if not isinstance(roles, list) and not isinstance(scopes, str):
        return None
    application = map(str, roles) if isinstance(roles, list) else ()
    permissions = frozenset(application) | frozenset(str(scopes or "").split())
    return None if _AS_SIGNED_IN_USER in permissions else permissions
