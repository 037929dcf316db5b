"""Graph permissions by operation; any one of them is sufficient.

Source: the permissions table of each operation in the Microsoft Graph v1.0 reference (least privileged first, then
higher privileged). A name stands for both the delegated and the application permission.
"""

from __future__ import annotations

OWNED_BY = "Application.ReadWrite.OwnedBy"

_ALL_APPLICATIONS = ("Application.ReadWrite.All", "Directory.ReadWrite.All")

NO_PERMISSION: tuple[str, ...] = ()
READ_APPLICATIONS = ("Application.Read.All", OWNED_BY, *_ALL_APPLICATIONS, "Directory.Read.All")
WRITE_APPLICATIONS = (OWNED_BY, *_ALL_APPLICATIONS)
CREATE_APPLICATIONS = ("AppRegistration.Create", *WRITE_APPLICATIONS)

READ_SYNCHRONIZATION = ("Synchronization.Read.All", OWNED_BY, "Synchronization.ReadWrite.All")
WRITE_SYNCHRONIZATION = (OWNED_BY, "Synchronization.ReadWrite.All")

WRITE_ASSIGNMENTS = ("AppRoleAssignment.ReadWrite.All",)

READ_GROUPS = (
    "Group.ReadBasic.All",
    "GroupMember.Read.All",
    "Group.Read.All",
    "Directory.Read.All",
    "Group.ReadWrite.All",
    "Directory.ReadWrite.All",
)
READ_MEMBERS = ("GroupMember.ReadBasic.All", *READ_GROUPS, "GroupMember.ReadWrite.All")
CREATE_GROUPS = ("Group.Create", "Group.ReadWrite.All", "Directory.ReadWrite.All")
WRITE_GROUPS = ("Group.ReadWrite.All", "Directory.ReadWrite.All")
WRITE_MEMBERS = ("GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All")

READ_USERS = (
    "User.ReadBasic.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
WRITE_USERS = ("User.ReadWrite.All", "Directory.ReadWrite.All")

READ_OBJECTS = ("Directory.Read.All", *READ_APPLICATIONS, *READ_GROUPS, *READ_USERS)
# Restore and permanent deletion need the write permission of the object's own kind; the sandbox accepts any of them.
WRITE_DELETED_ITEMS = (*WRITE_APPLICATIONS, *WRITE_GROUPS, *WRITE_USERS)
READ_GRANTS = (
    "Directory.Read.All",
    "DelegatedPermissionGrant.Read.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "Directory.ReadWrite.All",
)
WRITE_GRANTS = ("DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All")

READ_ORGANIZATION = ("User.Read", "Organization.Read.All", "Directory.Read.All", "Organization.ReadWrite.All")
READ_DOMAINS = ("Domain.Read.All", "Directory.Read.All", "Domain.ReadWrite.All")
READ_SUBSCRIBED_SKUS = ("LicenseAssignment.Read.All", "Organization.Read.All", "Directory.Read.All")

READ_POLICIES = ("Policy.Read.All",)
READ_CONDITIONAL_ACCESS = (
    "Policy.Read.ConditionalAccess",
    "Policy.Read.All",
    "Policy.ReadWrite.ConditionalAccess",
)
# "Policy.Read.All and Policy.ReadWrite.ConditionalAccess" are both needed; the sandbox checks only the second.
WRITE_CONDITIONAL_ACCESS = ("Policy.ReadWrite.ConditionalAccess",)

READ_PROVISIONING_LOG = ("ProvisioningLog.Read.All", "AuditLog.Read.All")
READ_AUDIT_LOG = ("AuditLog.Read.All",)

AUTOMATION_PERMISSIONS = (
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "AuditLog.Read.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "Directory.Read.All",
    "Domain.Read.All",
    "Group.ReadWrite.All",
    "GroupMember.Read.All",
    "Organization.Read.All",
    "Policy.Read.All",
    "Policy.ReadWrite.ConditionalAccess",
    "ProvisioningLog.Read.All",
    "Synchronization.ReadWrite.All",
    "User.ReadWrite.All",
)
"""The permissions of a new sandbox's automation client: sufficient for every operation that the sandbox serves."""
