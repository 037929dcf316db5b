"""New directory objects as Graph returns them, with their documented defaults. Nothing here is stored."""

from __future__ import annotations

import base64
import copy
import secrets
import struct
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.store import Document

_INFO = {
    "logoUrl": None,
    "marketingUrl": None,
    "privacyStatementUrl": None,
    "supportUrl": None,
    "termsOfServiceUrl": None,
}
_UNVERIFIED = {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None}


def timestamp(moment: datetime) -> str:
    """A moment in UTC as directory objects show it: whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> str:
    """The current timestamp."""
    return timestamp(datetime.now(UTC))


def new_id() -> str:
    """A random object id."""
    return str(uuid.uuid4())


def is_guid(value: Any) -> bool:
    """Whether a value is a GUID in its usual form."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def opaque_id() -> str:
    """A random id of an app role assignment or permission grant: 32 bytes, base64url."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


def application(display_name: str, publisher_domain: str) -> Document:
    """An application as ``POST /applications`` creates it.

    signInAudience: the reference's example shows ``AzureADandPersonalMicrosoftAccount``; the property's description, the
    portal and the SDKs have the default ``AzureADMyOrg``.
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
        "api": _api(),
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


def _api() -> Document:
    return {
        "acceptMappedClaims": None,
        "knownClientApplications": [],
        "requestedAccessTokenVersion": None,
        "oauth2PermissionScopes": [],
        "preAuthorizedApplications": [],
    }


def service_principal(application: Document, tenant_id: str, tags: Iterable[str] = ()) -> Document:
    """The service principal of an application.

    Args:
        application: the application.
        tenant_id: the tenant that owns the application.
        tags: the service principal's own tags.
    """
    document: Document = {
        "id": new_id(),
        "deletedDateTime": None,
        "accountEnabled": True,
        "alternativeNames": [],
        "appDisplayName": None,
        "appDescription": None,
        "appId": application["appId"],
        "applicationTemplateId": application["applicationTemplateId"],
        "appOwnerOrganizationId": tenant_id,
        "appRoleAssignmentRequired": False,
        "createdByAppId": application["createdByAppId"],
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
        "_tags": list(tags),
    }
    return update_from_application(document, application)


def update_from_application(principal: Document, application: Document) -> Document:
    """A service principal with the current properties of its application (Microsoft Graph, servicePrincipal resource).

    ``tags`` is the union of both. That ``replyUrls`` contains the redirect URIs of every platform is from experience;
    unverified.
    """
    web = application["web"]
    own_tags = principal["_tags"]
    redirect_uris = [
        *web["redirectUris"],
        *application["spa"]["redirectUris"],
        *application["publicClient"]["redirectUris"],
    ]
    return principal | {
        "appDisplayName": application["displayName"],
        "appDescription": application["description"],
        "displayName": application["displayName"],
        "homepage": web["homePageUrl"],
        "logoutUrl": web["logoutUrl"],
        "replyUrls": list(dict.fromkeys(redirect_uris)),
        "servicePrincipalNames": [*application["identifierUris"], application["appId"]],
        "signInAudience": application["signInAudience"],
        "tags": [*own_tags, *(tag for tag in application["tags"] if tag not in own_tags)],
        "addIns": copy.deepcopy(application["addIns"]),
        "appRoles": copy.deepcopy(application["appRoles"]),
        "info": dict(application["info"]),
        "oauth2PermissionScopes": copy.deepcopy(application["api"]["oauth2PermissionScopes"]),
        "verifiedPublisher": dict(application["verifiedPublisher"]),
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
    """An enabled member of the tenant; mail nickname and sign-in identity come from the user principal name."""
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
    """A grant of a resource's app role to a user, group or service principal."""
    return {
        "id": opaque_id(),
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


def app_role(
    display_name: str, role_id: str, member_types: Iterable[str] = ("User",), value: str | None = None
) -> Document:
    """An enabled app role."""
    return {
        "allowedMemberTypes": list(member_types),
        "description": display_name,
        "displayName": display_name,
        "id": role_id,
        "isEnabled": True,
        "origin": "Application",
        "value": value,
    }
