"""Which Microsoft Graph permission each operation needs.

Source: the permissions tables of the Microsoft Graph v1.0 reference, as published for machines. Application and
delegated permissions have the same names here; a signed-in person needs a directory role besides
(Microsoft Graph, synchronization: role-based access control).
"""

from __future__ import annotations

from typing import Final

from provisioner.providers.base.permissions import WRITE_METHODS, RequiredPermission

DIRECTORY_ROLE: Final = "Cloud Application Administrator"


_AS_THE_PERSON: Final = "Directory.AccessAsUser.All"
"""With this one, which the Azure CLI's tokens carry, a token may do what the person may: it does not tell what."""

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
    commands=("apply", "destroy"),
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
    commands=("apply", "destroy"),
)
ASSIGN: Final = RequiredPermission(
    "assign groups and users",
    ("AppRoleAssignment.ReadWrite.All",),
    ((WRITE_METHODS, r".*/appRoleAssign"),),
    commands=("apply", "destroy"),
)
READ_GROUPS: Final = RequiredPermission(
    "find groups and read their members",
    ("GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All"),
    (("GET", r"/groups"),),
)
READ_PEOPLE: Final = RequiredPermission(
    "read the domains of people's e-mail addresses",
    ("User.ReadBasic.All", "User.Read.All", "Directory.Read.All"),
    (("GET", r"/(groups/[^/]+/members/microsoft\.graph\.user|users)\?\$select=id,mail"),),
    commands=("doctor",),
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
    commands=("apply", "destroy"),
)
READ_CONSENT: Final = RequiredPermission(
    "read consent grants",
    ("Directory.Read.All", "DelegatedPermissionGrant.ReadWrite.All"),
    (("GET", r".*/?oauth2PermissionGrants"),),
    commands=("doctor",),
)
READ_PROVISIONING_LOG: Final = RequiredPermission(
    "read the provisioning log",
    ("ProvisioningLog.Read.All", "AuditLog.Read.All"),
    (("GET", r"/auditLogs/provisioning"),),
    commands=("doctor",),
)
READ_SIGN_INS: Final = RequiredPermission(
    "read sign-in errors",
    ("AuditLog.Read.All",),
    (("GET", r"/auditLogs/signIns"),),
    commands=("doctor",),
)
READ_POLICIES: Final = RequiredPermission(
    "read Conditional Access and consent policies",
    ("Policy.Read.All",),
    (("GET", r"/policies"), ("GET", r"/identity/conditionalAccess")),
    commands=("doctor",),
)
READ_LICENCES: Final = RequiredPermission(
    "read the tenant's licences",
    ("LicenseAssignment.Read.All", "Organization.Read.All", "Directory.Read.All"),
    (("GET", r"/subscribedSkus"),),
    commands=("doctor",),
)
READ_DOMAINS: Final = RequiredPermission(
    "read the tenant's verified domains",
    ("User.Read", "Organization.Read.All", "Directory.Read.All"),
    (("GET", r"/organization"),),
    commands=("doctor",),
)

PERMISSIONS: Final = (
    READ_APPLICATIONS,
    READ_PROVISIONING,
    READ_PEOPLE,  # its calls are among those of the next two
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


def granted(claims: dict[str, object]) -> frozenset[str] | None:
    """The permissions in a token's claims, or None when the token does not tell.

    ``roles`` holds application permissions, ``scp`` delegated ones (Microsoft identity platform, access token
    claims reference).
    """
    roles, scopes = claims.get("roles"), claims.get("scp")
    if not isinstance(roles, list) and not isinstance(scopes, str):
        return None
    listed = roles if isinstance(roles, list) else []
    found = frozenset(str(role) for role in listed) | frozenset(str(scopes or "").split())
    return None if _AS_THE_PERSON in found else found
