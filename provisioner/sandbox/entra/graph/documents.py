"""New directory objects as Graph returns them, with their documented defaults. Pure: nothing here is stored."""

from __future__ import annotations

import base64
import copy
import secrets
import struct
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.store import Document

GALLERY_TAGS = (
    "WindowsAzureActiveDirectoryCustomSingleSignOnApplication",
    "WindowsAzureActiveDirectoryIntegratedApp",
)
_INFO = {
    "logoUrl": None,
    "marketingUrl": None,
    "privacyStatementUrl": None,
    "supportUrl": None,
    "termsOfServiceUrl": None,
}
_UNVERIFIED = {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None}


def now() -> str:
    """This moment as Graph writes it: UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_id() -> str:
    """A random object id."""
    return str(uuid.uuid4())


def new_key() -> str:
    """An opaque id such as app role assignments and permission grants have: 32 bytes, base64url."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


def application(display_name: str, publisher_domain: str) -> Document:
    """An application as ``POST /applications`` makes it.

    The reference's example shows ``AzureADandPersonalMicrosoftAccount``; the property's description names
    ``AzureADMyOrg`` as the default, and so do the portal and the SDKs.
    """
    return {
        "id": new_id(),
        "deletedDateTime": None,
        "appId": new_id(),
        "applicationTemplateId": None,
        "disabledByMicrosoftStatus": None,
        "createdByAppId": None,
        "createdDateTime": now(),
        "displayName": display_name,
        "description": None,
        "groupMembershipClaims": None,
        "identifierUris": [],
        "isDeviceOnlyAuthSupported": None,
        "isDisabled": None,
        "isFallbackPublicClient": None,
        "nativeAuthenticationApisEnabled": None,
        "notes": None,
        "optionalClaims": None,
        "publisherDomain": publisher_domain,
        "samlMetadataUrl": None,
        "serviceManagementReference": None,
        "signInAudience": "AzureADMyOrg",
        "tags": [],
        "tokenEncryptionKeyId": None,
        "uniqueName": None,
        "defaultRedirectUri": None,
        "certification": None,
        "requestSignatureVerification": None,
        "servicePrincipalLockConfiguration": None,
        "addIns": [],
        "api": _exposed_api(),
        "appRoles": [],
        "info": dict(_INFO),
        "keyCredentials": [],
        "parentalControlSettings": {"countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow"},
        "passwordCredentials": [],
        "publicClient": {"redirectUris": []},
        "requiredResourceAccess": [],
        "spa": {"redirectUris": []},
        "verifiedPublisher": dict(_UNVERIFIED),
        "web": {
            "homePageUrl": None,
            "logoutUrl": None,
            "redirectUris": [],
            "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": False},
            "redirectUriSettings": [],
        },
        "_owners": [],
    }


def _exposed_api() -> Document:
    return {
        "acceptMappedClaims": None,
        "knownClientApplications": [],
        "requestedAccessTokenVersion": None,
        "oauth2PermissionScopes": [],
        "preAuthorizedApplications": [],
    }


def service_principal(backing: Document, tenant_id: str, own_tags: Iterable[str] = ()) -> Document:
    """The service principal of an application of this tenant."""
    document: Document = {
        "id": new_id(),
        "deletedDateTime": None,
        "accountEnabled": True,
        "alternativeNames": [],
        "appDisplayName": None,
        "appDescription": None,
        "appId": backing["appId"],
        "applicationTemplateId": backing["applicationTemplateId"],
        "appOwnerOrganizationId": tenant_id,
        "appRoleAssignmentRequired": False,
        "createdByAppId": backing["createdByAppId"],
        "description": None,
        "disabledByMicrosoftStatus": None,
        "displayName": None,
        "homepage": None,
        "isDisabled": None,
        "loginUrl": None,
        "logoutUrl": None,
        "notes": None,
        "notificationEmailAddresses": [],
        "preferredSingleSignOnMode": None,
        "preferredTokenSigningKeyThumbprint": None,
        "replyUrls": [],
        "servicePrincipalNames": [],
        "servicePrincipalType": "Application",
        "signInAudience": None,
        "tags": [],
        "tokenEncryptionKeyId": None,
        "samlSingleSignOnSettings": None,
        "addIns": [],
        "appRoles": [],
        "info": dict(_INFO),
        "keyCredentials": [],
        "oauth2PermissionScopes": [],
        "passwordCredentials": [],
        "resourceSpecificApplicationPermissions": [],
        "verifiedPublisher": dict(_UNVERIFIED),
        "_owners": [],
        "_tags": list(own_tags),
    }
    return mirrored(document, backing)


def mirrored(principal: Document, backing: Document) -> Document:
    """A service principal brought in step with its application (Microsoft Graph, servicePrincipal resource).

    ``tags`` are the union of both. That ``replyUrls`` gathers the redirect URIs of every platform is from
    experience; unverified.
    """
    web = backing["web"]
    own = principal["_tags"]
    redirects = [
        *web["redirectUris"],
        *backing["spa"]["redirectUris"],
        *backing["publicClient"]["redirectUris"],
    ]
    return principal | {
        "appDisplayName": backing["displayName"],
        "appDescription": backing["description"],
        "displayName": backing["displayName"],
        "homepage": web["homePageUrl"],
        "logoutUrl": web["logoutUrl"],
        "replyUrls": list(dict.fromkeys(redirects)),
        "servicePrincipalNames": [*backing["identifierUris"], backing["appId"]],
        "signInAudience": backing["signInAudience"],
        "tags": [*own, *(tag for tag in backing["tags"] if tag not in own)],
        "addIns": copy.deepcopy(backing["addIns"]),
        "appRoles": copy.deepcopy(backing["appRoles"]),
        "info": dict(backing["info"]),
        "oauth2PermissionScopes": copy.deepcopy(backing["api"]["oauth2PermissionScopes"]),
        "verifiedPublisher": dict(backing["verifiedPublisher"]),
    }


def group(display_name: str, mail_nickname: str, *, members: Iterable[str] = ()) -> Document:
    """A static security group."""
    key, created = new_id(), now()
    return {
        "id": key,
        "deletedDateTime": None,
        "classification": None,
        "createdDateTime": created,
        "description": None,
        "displayName": display_name,
        "expirationDateTime": None,
        "groupTypes": [],
        "isAssignableToRole": None,
        "mail": None,
        "mailEnabled": False,
        "mailNickname": mail_nickname,
        "membershipRule": None,
        "membershipRuleProcessingState": None,
        "onPremisesDomainName": None,
        "onPremisesLastSyncDateTime": None,
        "onPremisesNetBiosName": None,
        "onPremisesSamAccountName": None,
        "onPremisesSecurityIdentifier": None,
        "onPremisesSyncEnabled": None,
        "preferredDataLocation": None,
        "preferredLanguage": None,
        "proxyAddresses": [],
        "renewedDateTime": created,
        "resourceBehaviorOptions": [],
        "resourceProvisioningOptions": [],
        "securityEnabled": True,
        "securityIdentifier": security_identifier(key),
        "theme": None,
        "uniqueName": None,
        "visibility": None,
        "onPremisesProvisioningErrors": [],
        "serviceProvisioningErrors": [],
        "_members": list(members),
        "_owners": [],
    }


def user(
    user_principal_name: str, display_name: str, given_name: str | None, surname: str | None
) -> Document:
    """An enabled member of the tenant; mail, mail nickname and sign-in identity follow the principal name."""
    key = new_id()
    nickname, _, domain = user_principal_name.partition("@")
    return {
        "id": key,
        "deletedDateTime": None,
        "accountEnabled": True,
        "assignedLicenses": [],
        "assignedPlans": [],
        "businessPhones": [],
        "city": None,
        "companyName": None,
        "country": None,
        "createdDateTime": now(),
        "creationType": None,
        "department": None,
        "displayName": display_name,
        "employeeId": None,
        "employeeType": None,
        "externalUserState": None,
        "faxNumber": None,
        "givenName": given_name,
        "identities": [
            {"signInType": "userPrincipalName", "issuer": domain, "issuerAssignedId": user_principal_name}
        ],
        "imAddresses": [],
        "jobTitle": None,
        "mail": None,
        "mailNickname": nickname,
        "mobilePhone": None,
        "officeLocation": None,
        "onPremisesImmutableId": None,
        "onPremisesSyncEnabled": None,
        "otherMails": [],
        "passwordPolicies": None,
        "passwordProfile": None,
        "postalCode": None,
        "preferredLanguage": None,
        "provisionedPlans": [],
        "proxyAddresses": [],
        "securityIdentifier": security_identifier(key),
        "state": None,
        "streetAddress": None,
        "surname": surname,
        "usageLocation": None,
        "userPrincipalName": user_principal_name,
        "userType": "Member",
    }


def app_role_assignment(
    principal: Document, principal_type: str, resource: Document, role_id: str
) -> Document:
    """An app role of a resource given to a user, group or service principal."""
    return {
        "id": new_key(),
        "deletedDateTime": None,
        "appRoleId": role_id,
        "createdDateTime": now(),
        "principalDisplayName": principal["displayName"],
        "principalId": principal["id"],
        "principalType": principal_type,
        "resourceDisplayName": resource["displayName"],
        "resourceId": resource["id"],
    }


def security_identifier(object_id: str) -> str:
    """The SID that Entra ID derives from an object id: S-1-12-1 and the GUID as four 32-bit numbers."""
    return "S-1-12-1-" + "-".join(map(str, struct.unpack("<4I", uuid.UUID(object_id).bytes_le)))


def role(
    display_name: str, role_id: str, members: Iterable[str] = ("User",), value: str | None = None
) -> Document:
    """An enabled app role."""
    return {
        "allowedMemberTypes": list(members),
        "description": display_name,
        "displayName": display_name,
        "id": role_id,
        "isEnabled": True,
        "origin": "Application",
        "value": value,
    }


def synchronization_job(job_id: str, template_id: str, principal_id: str) -> Document:
    """A job just created: disabled and paused (example of a new job in Microsoft's AWS single sign-on tutorial).

    Other samples show ``NotConfigured`` and an interval of "never" until credentials are saved.
    """
    never = "0001-01-01T00:00:00Z"
    return {
        "id": job_id,
        "templateId": template_id,
        "schedule": {"expiration": None, "interval": "PT40M", "state": "Disabled"},
        "status": {
            "code": "Paused",
            "countSuccessiveCompleteFailures": 0,
            "escrowsPruned": False,
            "lastExecution": None,
            "lastSuccessfulExecution": None,
            "lastSuccessfulExecutionWithExports": None,
            "quarantine": None,
            "steadyStateFirstAchievedTime": never,
            "steadyStateLastAchievedTime": never,
            "troubleshootingUrl": None,
            "progress": [],
            "synchronizedEntryCountByType": [],
        },
        "synchronizationJobSettings": [{"name": "AzureIngestionAttributeOptimization", "value": "False"}],
        "_servicePrincipalId": principal_id,
    }


def changed(document: Mapping[str, Any], **members: Any) -> Document:
    """A copy with some members replaced."""
    return {**document, **members}
