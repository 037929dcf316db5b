"""The content of a fresh tenant, and users and groups that are added to it."""

from __future__ import annotations

import secrets
import uuid

from provisioner.sandbox.entra import DOMAIN
from provisioner.sandbox.entra.graph import documents
from provisioner.sandbox.entra.graph.permissions import AUTOMATION_PERMISSIONS
from provisioner.sandbox.entra.login.tokens import GRAPH_APP_ID
from provisioner.sandbox.store import Document, Store

INITIAL_DOMAIN = "contoso.onmicrosoft.com"
AUTOMATION_CLIENT = "Provisioner automation"
_MICROSOFT_TENANT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

_ROLE_IDS = {
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "Application.ReadWrite.All": "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9",
    "Application.ReadWrite.OwnedBy": "18a4783c-866b-4cc7-a460-3d5e5662c884",
    "AppRoleAssignment.ReadWrite.All": "06b708a9-e830-4db3-a914-8e69da51d44f",
    "AuditLog.Read.All": "b0afded3-3588-46d8-8b3d-9842eff778da",
    "DelegatedPermissionGrant.ReadWrite.All": "8e8e4742-1d95-4f68-9d56-6ee75648c72a",
    "Directory.Read.All": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    "Directory.ReadWrite.All": "19dbc75e-c2e2-444c-a770-ec69d8559fc7",
    "Domain.Read.All": "dbb9058a-0e50-45d7-ae91-66909b5d4664",
    "Group.Create": "bf7b1a76-6e77-406b-b258-bf5c7720e98f",
    "Group.Read.All": "5b567255-7703-4780-807c-7be8301ae99b",
    "Group.ReadWrite.All": "62a82d76-70ea-41e2-9197-370581804d09",
    "GroupMember.Read.All": "98830695-27a2-44f7-8c18-0c3ebc9698f6",
    "Organization.Read.All": "498476ce-e0fe-48b0-b801-37ba7e2685c6",
    "Policy.Read.All": "246dd0d5-5bd0-4def-940b-0421030a5b68",
    "Policy.ReadWrite.ConditionalAccess": "01c0a623-fc9b-48e9-b794-0756f8e8f067",
    "Synchronization.Read.All": "5ba43d2f-fa88-4db2-bd1c-a67c5f0fb1ce",
    "Synchronization.ReadWrite.All": "9b50c33d-700f-43b1-b2eb-87e89b703581",
    "User.Read.All": "df021288-bdef-4463-88db-98f22de89214",
    "User.ReadWrite.All": "741f803b-c850-494e-b5df-cde7c675a1ca",
}
"""Ids of Graph's application permissions (Microsoft Graph permissions reference). Others get an invented id."""
_PREMIUM_P1 = ("078d2b04-f1bd-4111-bbd4-b4b1b354cef4", "41781fb2-bc02-4b7c-bd55-b576c07bb09d")


def create_tenant(directory: Store) -> None:
    """Fill an empty store with a small tenant: Contoso, a few users and groups, a P1 licence, an automation client."""
    with directory.transaction():
        tenant_id = str(uuid.uuid4())
        directory.set("tenant_id", tenant_id)
        directory.set("permissions", list(AUTOMATION_PERMISSIONS))
        _organization(directory, tenant_id)
        _policies(directory)
        _users_and_groups(directory)
        _automation(directory, tenant_id)
        directory.settle()


def _organization(directory: Store, tenant_id: str) -> None:
    domains = [_domain(INITIAL_DOMAIN, initial=True), _domain(DOMAIN, initial=False)]
    for domain in domains:
        directory.put("domain", domain["id"], domain)
    verified = [
        {
            "capabilities": "Email, OfficeCommunicationsOnline",
            "isDefault": domain["isDefault"],
            "isInitial": domain["isInitial"],
            "name": domain["id"],
            "type": "Managed",
        }
        for domain in domains
    ]
    organization = {
        "id": tenant_id,
        "deletedDateTime": None,
        "businessPhones": [],
        "city": None,
        "country": None,
        "countryLetterCode": "NL",
        "createdDateTime": documents.now(),
        "defaultUsageLocation": None,
        "displayName": "Contoso",
        "marketingNotificationEmails": [],
        "onPremisesLastSyncDateTime": None,
        "onPremisesSyncEnabled": None,
        "postalCode": None,
        "preferredLanguage": "en",
        "securityComplianceNotificationMails": [],
        "securityComplianceNotificationPhones": [],
        "state": None,
        "street": None,
        "technicalNotificationMails": [f"admin@{DOMAIN}"],
        "tenantType": "AAD",
        "assignedPlans": [],
        "privacyProfile": {"contactEmail": "", "statementUrl": ""},
        "provisionedPlans": [],
        "verifiedDomains": verified,
    }
    directory.put("organization", tenant_id, organization)
    _licence(directory, tenant_id)


def _domain(name: str, *, initial: bool) -> Document:
    return {
        "id": name,
        "authenticationType": "Managed",
        "availabilityStatus": None,
        "isAdminManaged": True,
        "isDefault": not initial,
        "isInitial": initial,
        "isRoot": True,
        "isVerified": True,
        "manufacturer": None,
        "model": None,
        "passwordNotificationWindowInDays": None,
        "passwordValidityPeriodInDays": None,
        "state": None,
        "supportedServices": ["Email", "OfficeCommunicationsOnline"],
    }


def _licence(directory: Store, tenant_id: str) -> None:
    sku, plan = _PREMIUM_P1
    document: Document = {
        "accountId": tenant_id,
        "accountName": "contoso",
        "appliesTo": "User",
        "capabilityStatus": "Enabled",
        "consumedUnits": 0,
        "id": f"{tenant_id}_{sku}",
        "prepaidUnits": {"enabled": 25, "lockedOut": 0, "suspended": 0, "warning": 0},
        "servicePlans": [
            {
                "appliesTo": "User",
                "provisioningStatus": "Success",
                "servicePlanId": plan,
                "servicePlanName": "AAD_PREMIUM",
            }
        ],
        "skuId": sku,
        "skuPartNumber": "AAD_PREMIUM",
        "subscriptionIds": [str(uuid.uuid4())],
    }
    directory.put("subscribedSku", document["id"], document)


def _policies(directory: Store) -> None:
    authorization = {
        "id": "authorizationPolicy",
        "displayName": "Authorization Policy",
        "description": "Used to manage authorization related settings across the company.",
        "allowInvitesFrom": "everyone",
        "allowedToSignUpEmailBasedSubscriptions": True,
        "allowedToUseSSPR": True,
        "allowEmailVerifiedUsersToJoinOrganization": False,
        "allowUserConsentForRiskyApps": None,
        "blockMsolPowerShell": False,
        "guestUserRoleId": "10dae51f-b6af-4016-8d66-8c2a99b929b3",
        "defaultUserRolePermissions": {
            "allowedToCreateApps": True,
            "allowedToCreateSecurityGroups": True,
            "allowedToCreateTenants": True,
            "allowedToReadBitlockerKeysForOwnedDevice": True,
            "allowedToReadOtherUsers": True,
            "permissionGrantPoliciesAssigned": [
                "ManagePermissionGrantsForSelf.microsoft-user-default-legacy"
            ],
        },
    }
    consent = {
        "isEnabled": False,
        "notifyReviewers": False,
        "remindersEnabled": False,
        "requestDurationInDays": 0,
        "version": 0,
        "reviewers": [],
    }
    directory.put("policy", "authorizationPolicy", authorization)
    directory.put("policy", "adminConsentRequestPolicy", consent)
    directory.put("policy", "defaultAppManagementPolicy", _app_management())


def _app_management() -> Document:
    """Microsoft's defaults since mid-2025: foreign identifier URIs are refused, the stricter rule is off."""

    def restriction(state: str, *, by_microsoft: bool) -> Document:
        return {
            "state": state,
            "isStateSetByMicrosoft": by_microsoft,
            "restrictForAppsCreatedAfterDateTime": None,
            "excludeAppsReceivingV2Tokens": not by_microsoft,
            "excludeSaml": True,
            "excludeActors": None,
        }

    return {
        "id": "00000000-0000-0000-0000-000000000000",
        "displayName": "Default app management tenant policy",
        "description": "Default tenant policy that enforces app management restrictions on applications.",
        "isEnabled": True,
        "applicationRestrictions": {
            "passwordCredentials": [],
            "keyCredentials": [],
            "identifierUris": {
                "nonDefaultUriAddition": restriction("disabled", by_microsoft=False),
                "uriAdditionWithoutUniqueTenantIdentifier": restriction("enabled", by_microsoft=True),
            },
        },
        "servicePrincipalRestrictions": {"passwordCredentials": [], "keyCredentials": []},
    }


def _users_and_groups(directory: Store) -> None:
    alice = _user("Alice", "Anders", "Engineering", "Engineering manager", "1001")
    bob = _user("Bob", "Bakker", "Engineering", "Software engineer", "1002", manager=alice["id"])
    carol = _user("Carol", "Castro", "Design", "Designer", "1003", manager=alice["id"])
    dan = _user("Dan", "Dorn", "Sales", "Account manager", "1004")
    erin = _user("Erin", "Evers", "Engineering", "Software engineer", "1005") | {"accountEnabled": False}
    guest = _guest()
    for user in (alice, bob, carol, dan, erin, guest):
        directory.put("user", user["id"], user)
    for name, members in {
        "Kiro-Users": (alice, bob, carol),
        "Engineering": (alice, bob, erin),
        "Sales": (dan,),
        "External partners": (guest,),
    }.items():
        ids = [user["id"] for user in members]
        group = documents.group(name, name.lower().replace(" ", "-"), members=ids)
        directory.put("group", group["id"], group)


def _user(
    given: str, surname: str, department: str, title: str, number: str, *, manager: str | None = None
) -> Document:
    name = given.lower()
    user = documents.user(f"{name}@{DOMAIN}", f"{given} {surname}", given, surname)
    return user | {
        "mail": f"{name}@{DOMAIN}",
        "proxyAddresses": [f"SMTP:{name}@{DOMAIN}"],
        "department": department,
        "jobTitle": title,
        "employeeId": number,
        "businessPhones": [f"+31 20 555 {number}"],
        "mobilePhone": f"+31 6 555 {number}",
        "officeLocation": "Amsterdam/2",
        "city": "Amsterdam",
        "country": "Netherlands",
        "usageLocation": "NL",
        "preferredLanguage": "en-US",
        "_manager": manager,
    }


def _guest() -> Document:
    guest = documents.user(f"gina_partner.example#EXT#@{INITIAL_DOMAIN}", "Gina Gast", "Gina", "Gast")
    return guest | {
        "mail": "gina@partner.example",
        "userType": "Guest",
        "creationType": "Invitation",
        "externalUserState": "Accepted",
        "otherMails": ["gina@partner.example"],
    }


def _automation(directory: Store, tenant_id: str) -> None:
    """The application that a pipeline signs in as, its secret, and its permissions on Microsoft Graph."""
    application = documents.application(AUTOMATION_CLIENT, INITIAL_DOMAIN)
    secret, key_id = secrets.token_urlsafe(30), str(uuid.uuid4())
    credential = {
        "customKeyIdentifier": None,
        "displayName": "pipeline",
        "endDateTime": "2299-12-31T00:00:00Z",
        "hint": secret[:3],
        "keyId": key_id,
        "secretText": None,
        "startDateTime": documents.now(),
    }
    application |= {"passwordCredentials": [credential], "_secrets": {key_id: secret}}
    principal = documents.service_principal(application, tenant_id)
    graph = _graph_principal()
    directory.put("application", application["id"], application)
    for document in (graph, principal):
        directory.put("servicePrincipal", document["id"], document)
    for name in AUTOMATION_PERMISSIONS:
        assignment = documents.app_role_assignment(principal, "ServicePrincipal", graph, role_id(name))
        directory.put("appRoleAssignment", assignment["id"], assignment)
    directory.set("client_id", application["appId"])
    directory.set("client_secret", secret)


def role_id(permission: str) -> str:
    """Id of the app role of Microsoft Graph for an application permission."""
    return _ROLE_IDS.get(permission) or str(uuid.uuid5(uuid.UUID(GRAPH_APP_ID), permission))


def _graph_principal() -> Document:
    backing = documents.application("Microsoft Graph", "")
    names = sorted({*_ROLE_IDS, *AUTOMATION_PERMISSIONS})
    backing |= {
        "appId": GRAPH_APP_ID,
        "appRoles": [documents.app_role(name, role_id(name), ["Application"], name) for name in names],
        "signInAudience": "AzureADMultipleOrgs",
        "identifierUris": ["https://graph.microsoft.com"],
    }
    return documents.service_principal(backing, _MICROSOFT_TENANT)


def add_group(directory: Store, name: str, like: str) -> None:
    """Add a group with the members of another one, or without members when that one does not exist."""
    members = [member for group in _groups_named(directory, like) for member in group["_members"]]
    nickname = "".join(filter(str.isalnum, name)).lower() or "group"
    group = documents.group(name, nickname, members=members)
    directory.put("group", group["id"], group)


def add_member(directory: Store, user_name: str, group_name: str) -> None:
    """Add a user to a group; create the user if needed.

    Raises:
        ValueError: there is no such group.
    """
    with directory.transaction():
        users = (user for user in directory.all("user") if user["userPrincipalName"] == user_name)
        user = next(users, None)
        if user is None:
            given = user_name.partition("@")[0].title()
            user = documents.user(user_name, given, given, "Example")
            directory.put("user", user["id"], user)
        groups = _groups_named(directory, group_name)
        if not groups:
            raise ValueError(f"there is no group {group_name!r}")
        members = groups[0]["_members"]
        if user["id"] not in members:
            directory.put("group", groups[0]["id"], {**groups[0], "_members": [*members, user["id"]]})


def _groups_named(directory: Store, name: str) -> list[Document]:
    return [group for group in directory.all("group") if group["displayName"] == name]


def populate(directory: Store, users: int = 0, groups: int = 0, members: int = 0) -> None:
    """Add many users and groups in one transaction.

    Args:
        directory: the tenant.
        users: how many users to add.
        groups: how many security groups to add.
        members: number of members of each added group, taken from the added users in turn.
    """
    with directory.transaction():
        first_user, first_group = len(directory.keys("user")), len(directory.keys("group"))
        ids = []
        for number in range(first_user, first_user + users):
            user = _user(f"User{number:05}", "Example", "Staff", "Employee", f"{number:05}")
            directory.put("user", user["id"], user)
            ids.append(user["id"])
        for index in range(groups):
            number = first_group + index
            group = documents.group(
                f"Team {number:05}",
                f"team-{number:05}",
                members=_rotated(ids, index * members, members),
            )
            directory.put("group", group["id"], group)
        directory.settle()


def _rotated(ids: list[str], start: int, count: int) -> list[str]:
    """Up to `count` different ids from a position on, continuing at the beginning after the last one."""
    return [ids[(start + step) % len(ids)] for step in range(min(count, len(ids)))]
