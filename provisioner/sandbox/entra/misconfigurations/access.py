"""Misconfigurations of access: assignments, groups, consent, policies, licences."""

from __future__ import annotations

from provisioner.sandbox.entra.graph import documents
from provisioner.sandbox.misconfigurations import ago, existing, first

from .tenant import Tenant, misconfiguration

_DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"


@misconfiguration("entra-assignment-not-required")
def _assignment_not_required(tenant: Tenant) -> None:
    """An admin set "Assignment required?" to No."""
    tenant.change("servicePrincipal", tenant.principal, appRoleAssignmentRequired=False)


@misconfiguration("entra-portal-tags")
def _portal_tags(tenant: Tenant) -> None:
    """A script removed the portal's tags from the service principal."""
    tags = [tag for tag in tenant.principal["tags"] if not tag.startswith("WindowsAzureActiveDirectory")]
    tenant.change("servicePrincipal", tenant.principal, tags=tags)


@misconfiguration("entra-group-not-assigned")
def _group_not_assigned(tenant: Tenant) -> None:
    """An admin removed the assignment of the group."""
    key = tenant.group["id"]
    for assignment in tenant.assignments:
        if assignment["principalId"] == key:
            tenant.directory.delete("appRoleAssignment", assignment["id"])


@misconfiguration("entra-group-missing")
def _group_missing(tenant: Tenant) -> None:
    """An admin renamed the group."""
    group = tenant.group
    tenant.change("group", group, displayName=f"{group['displayName']} (old)")


@misconfiguration("entra-assignment-role")
def _assignment_role(tenant: Tenant) -> None:
    """A script assigned the group with the default-access role."""
    key = tenant.group["id"]
    for assignment in tenant.assignments:
        if assignment["principalId"] == key:
            tenant.change("appRoleAssignment", assignment, appRoleId=_DEFAULT_ACCESS)


@misconfiguration("entra-direct-user-assignment")
def _direct_user_assignment(tenant: Tenant) -> None:
    """An admin assigned a user directly."""
    members = tenant.group["_members"]
    others = (user for user in tenant.directory.all("user") if user["id"] not in members)
    user = first(others, "every user is a member of the assigned group")
    principal = tenant.principal
    roles = (role["id"] for role in principal["appRoles"] if role["displayName"] == "User")
    role = first(roles, "the service principal has no app role User")
    assignment = documents.app_role_assignment(user, "User", principal, role)
    tenant.directory.put("appRoleAssignment", assignment["id"], assignment)


@misconfiguration("entra-nested-groups")
def _nested_groups(tenant: Tenant) -> None:
    """An admin put a group into the assigned group."""
    group = tenant.group
    others = (other for other in tenant.directory.all("group") if other["id"] != group["id"])
    inner = first(others, "there is no other group")
    tenant.change("group", group, _members=[*group["_members"], inner["id"]])


@misconfiguration("entra-empty-group")
def _empty_group(tenant: Tenant) -> None:
    """An admin removed all members of the assigned group."""
    tenant.change("group", tenant.group, _members=[])


@misconfiguration("entra-user-consent-disabled")
def _user_consent_disabled(tenant: Tenant) -> None:
    """An admin switched off user consent for the whole tenant."""
    policy = existing(
        tenant.directory.get("policy", "authorizationPolicy"), "there is no authorization policy"
    )
    permissions = {**policy["defaultUserRolePermissions"], "permissionGrantPoliciesAssigned": []}
    tenant.directory.put(
        "policy", "authorizationPolicy", {**policy, "defaultUserRolePermissions": permissions}
    )


@misconfiguration("entra-conditional-access")
def _conditional_access(tenant: Tenant) -> None:
    """An admin created a Conditional Access policy that requires a compliant device for every application."""
    key = documents.new_id()
    policy = {
        "id": key,
        "displayName": "Require compliant devices",
        "state": "enabled",
        "createdDateTime": ago(hours=1),
        "modifiedDateTime": None,
        "conditions": {
            "applications": {"includeApplications": ["All"], "excludeApplications": []},
            "users": {"includeUsers": ["All"], "excludeUsers": []},
            "clientAppTypes": ["all"],
        },
        "grantControls": {"operator": "OR", "builtInControls": ["compliantDevice"]},
    }
    tenant.directory.put("conditionalAccessPolicy", key, policy)


@misconfiguration("entra-licence")
def _licence(tenant: Tenant) -> None:
    """The Microsoft Entra ID P1 subscription expired."""
    for sku in tenant.directory.all("subscribedSku"):
        tenant.change("subscribedSku", sku, capabilityStatus="Suspended")


@misconfiguration("entra-sign-in-errors")
def _sign_in_errors(tenant: Tenant) -> None:
    """A user tried to sign in without being assigned."""
    user = first(tenant.directory.all("user"), "there are no users")
    key = documents.new_id()
    sign_in = {
        "id": key,
        "createdDateTime": ago(hours=2),
        "appId": tenant.application["appId"],
        "appDisplayName": tenant.application["displayName"],
        "userId": user["id"],
        "userDisplayName": user["displayName"],
        "userPrincipalName": user["userPrincipalName"],
        "clientAppUsed": "Mobile Apps and Desktop clients",
        "conditionalAccessStatus": "notApplied",
        "correlationId": documents.new_id(),
        "ipAddress": "203.0.113.7",
        "isInteractive": True,
        "resourceDisplayName": tenant.application["displayName"],
        "resourceId": tenant.principal["id"],
        "status": {
            "errorCode": 50105,
            "failureReason": "The signed in user is not assigned to a role for the application.",
            "additionalDetails": None,
        },
    }
    tenant.directory.put("signIn", key, sign_in)


@misconfiguration("dns-email-domain-uncovered")
def _email_domain_uncovered(tenant: Tenant) -> None:
    """An admin gave a member of the assigned group an email address in another domain."""
    users = (tenant.directory.get("user", key) for key in tenant.group["_members"])
    member = first((user for user in users if user), "the assigned group has no members")
    local, _, _ = str(member["mail"]).partition("@")
    tenant.change("user", member, mail=f"{local}@northwind.com")
