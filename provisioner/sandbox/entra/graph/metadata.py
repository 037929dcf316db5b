"""The Graph types that the sandbox serves, and the validation of request bodies against them.

Names and types are those of the Microsoft Graph v1.0 metadata ($metadata, EntityType and ComplexType elements). In the
declarations, ``name`` is a string; ``name:kind`` is a ``bool``, ``int``, ``date``, ``guid``, ``any`` or a complex type;
brackets denote a collection. A complex type that is not declared is free-form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from provisioner.sandbox.entra.graph.errors import bad_request, invalid_property

_DECLARATIONS = """
directoryObject = id deletedDateTime:date

application = addIns:[addIn] api:apiApplication appId applicationTemplateId appRoles:[appRole]
  authenticationBehaviors:authenticationBehaviors certification:any createdByAppId createdDateTime:date
  defaultRedirectUri description disabledByMicrosoftStatus displayName groupMembershipClaims identifierUris:[str]
  info:informationalUrl isDeviceOnlyAuthSupported:bool isDisabled:bool isFallbackPublicClient:bool
  keyCredentials:[keyCredential] logo:any managerApplications:[guid] nativeAuthenticationApisEnabled notes
  oauth2RequirePostResponse:bool optionalClaims:optionalClaims parentalControlSettings:parentalControlSettings
  passwordCredentials:[passwordCredential] publicClient:publicClientApplication publisherDomain
  requestSignatureVerification:requestSignatureVerification requiredResourceAccess:[requiredResourceAccess]
  samlMetadataUrl serviceManagementReference servicePrincipalLockConfiguration:servicePrincipalLockConfiguration
  signInAudience spa:spaApplication tags:[str] tokenEncryptionKeyId:guid uniqueName
  verifiedPublisher:verifiedPublisher web:webApplication

servicePrincipal = accountEnabled:bool addIns:[addIn] alternativeNames:[str] appDescription appDisplayName appId
  applicationTemplateId appOwnerOrganizationId:guid appRoleAssignmentRequired:bool appRoles:[appRole]
  createdByAppId customSecurityAttributes:any description disabledByMicrosoftStatus displayName homepage
  info:informationalUrl isDisabled:bool keyCredentials:[keyCredential] loginUrl logoutUrl notes
  notificationEmailAddresses:[str] oauth2PermissionScopes:[permissionScope]
  passwordCredentials:[passwordCredential] preferredSingleSignOnMode preferredTokenSigningKeyThumbprint
  replyUrls:[str] resourceSpecificApplicationPermissions:[any] samlSingleSignOnSettings:samlSingleSignOnSettings
  servicePrincipalNames:[str] servicePrincipalType signInAudience tags:[str] tokenEncryptionKeyId:guid
  verifiedPublisher:verifiedPublisher

addIn = id:guid properties:[keyValue] type
apiApplication = acceptMappedClaims:bool knownClientApplications:[guid] oauth2PermissionScopes:[permissionScope]
  preAuthorizedApplications:[preAuthorizedApplication] requestedAccessTokenVersion:int
appRole = allowedMemberTypes:[str] description displayName id:guid isEnabled:bool origin value
authenticationBehaviors = blockAzureADGraphAccess:bool removeUnverifiedEmailClaim:bool
  requireClientServicePrincipal:bool
implicitGrantSettings = enableAccessTokenIssuance:bool enableIdTokenIssuance:bool
informationalUrl = logoUrl marketingUrl privacyStatementUrl supportUrl termsOfServiceUrl
keyCredential = customKeyIdentifier displayName endDateTime:date key keyId:guid startDateTime:date type usage
keyValue = key value
optionalClaim = additionalProperties:[str] essential:bool name source
optionalClaims = accessToken:[optionalClaim] idToken:[optionalClaim] saml2Token:[optionalClaim]
parentalControlSettings = countriesBlockedForMinors:[str] legalAgeGroupRule
passwordCredential = customKeyIdentifier displayName endDateTime:date hint keyId:guid secretText
  startDateTime:date
permissionScope = adminConsentDescription adminConsentDisplayName id:guid isEnabled:bool origin type
  userConsentDescription userConsentDisplayName value
preAuthorizedApplication = appId delegatedPermissionIds:[str]
publicClientApplication = redirectUris:[str]
redirectUriSettings = index:int uri
requestSignatureVerification = allowedWeakAlgorithms isSignedRequestRequired:bool
requiredResourceAccess = resourceAccess:[resourceAccess] resourceAppId
resourceAccess = id:guid type
samlSingleSignOnSettings = relayState
servicePrincipalLockConfiguration = allProperties:bool credentialsWithUsageSign:bool
  credentialsWithUsageVerify:bool isEnabled:bool tokenEncryptionKeyId:bool
spaApplication = redirectUris:[str]
verifiedPublisher = addedDateTime:date displayName verifiedPublisherId
webApplication = homePageUrl implicitGrantSettings:implicitGrantSettings logoutUrl redirectUris:[str]
  redirectUriSettings:[redirectUriSettings]

group = allowExternalSenders:bool assignedLabels:[assignedLabel] assignedLicenses:[assignedLicense]
  autoSubscribeNewMembers:bool classification createdDateTime:date description displayName
  expirationDateTime:date groupTypes:[str] hasMembersWithLicenseErrors:bool hideFromAddressLists:bool
  hideFromOutlookClients:bool infoCatalogs:[str] isArchived:bool isAssignableToRole:bool
  isManagementRestricted:bool isSubscribedByMail:bool licenseProcessingState:any mail mailEnabled:bool
  mailNickname membershipRule membershipRuleProcessingState onPremisesDomainName
  onPremisesExtensionAttributes:any onPremisesLastSyncDateTime:date onPremisesNetBiosName
  onPremisesProvisioningErrors:[any] onPremisesSamAccountName onPremisesSecurityIdentifier
  onPremisesSyncEnabled:bool organizationId preferredDataLocation preferredLanguage proxyAddresses:[str]
  renewedDateTime:date resourceBehaviorOptions:[str] resourceProvisioningOptions:[str] securityEnabled:bool
  securityIdentifier serviceProvisioningErrors:[any] theme uniqueName unseenCount:int visibility
  welcomeMessageEnabled:bool
assignedLabel = displayName labelId
assignedLicense = disabledPlans:[guid] skuId:guid

user = aboutMe accountEnabled:bool ageGroup assignedLicenses:[assignedLicense] assignedPlans:[any]
  authorizationInfo:any birthday:date businessPhones:[str] city companyName consentProvidedForMinor country
  createdDateTime:date creationType customSecurityAttributes:any department displayName employeeHireDate:date
  employeeId employeeLeaveDateTime:date employeeOrgData:employeeOrgData employeeType externalUserState
  externalUserStateChangeDateTime:date faxNumber givenName hireDate:date identities:[objectIdentity]
  imAddresses:[str] interests:[str] isManagementRestricted:bool isResourceAccount:bool jobTitle
  lastPasswordChangeDateTime:date legalAgeGroupClassification licenseAssignmentStates:[any] mail
  mailboxSettings:any mailNickname mobilePhone mySite officeLocation onPremisesDistinguishedName
  onPremisesDomainName onPremisesExtensionAttributes:any onPremisesImmutableId onPremisesLastSyncDateTime:date
  onPremisesProvisioningErrors:[any] onPremisesSamAccountName onPremisesSecurityIdentifier
  onPremisesSyncEnabled:bool onPremisesUserPrincipalName otherMails:[str] passwordPolicies
  passwordProfile:passwordProfile pastProjects:[str] postalCode preferredDataLocation preferredLanguage
  preferredName provisionedPlans:[any] proxyAddresses:[str] responsibilities:[str] schools:[str]
  securityIdentifier serviceProvisioningErrors:[any] showInAddressList:bool signInActivity:any
  signInSessionsValidFromDateTime:date skills:[str] state streetAddress surname usageLocation userPrincipalName
  userType
employeeOrgData = costCenter division
objectIdentity = issuer issuerAssignedId signInType
passwordProfile = forceChangePasswordNextSignIn:bool forceChangePasswordNextSignInWithMfa:bool password

appRoleAssignment = appRoleId:guid createdDateTime:date principalDisplayName principalId:guid principalType
  resourceDisplayName resourceId:guid
oAuth2PermissionGrant = id clientId consentType principalId resourceId scope

conditionalAccessPolicy = id conditions:conditionalAccessConditionSet createdDateTime:date description displayName
  deletedDateTime:date grantControls:conditionalAccessGrantControls modifiedDateTime:date sessionControls:any state
  templateId
conditionalAccessConditionSet = applications:conditionalAccessApplications authenticationFlows:any
  clientApplications:any clientAppTypes:[str] devices:any insiderRiskLevels
  locations:conditionalAccessLocations platforms:conditionalAccessPlatforms servicePrincipalRiskLevels:[str]
  signInRiskLevels:[str] userRiskLevels:[str] users:conditionalAccessUsers
conditionalAccessApplications = applicationFilter:any excludeApplications:[str] includeApplications:[str]
  includeAuthenticationContextClassReferences:[str] includeUserActions:[str]
conditionalAccessGrantControls = authenticationStrength:any builtInControls:[str] customAuthenticationFactors:[str]
  operator termsOfUse:[str]
conditionalAccessLocations = excludeLocations:[str] includeLocations:[str]
conditionalAccessPlatforms = excludePlatforms:[str] includePlatforms:[str]
conditionalAccessUsers = excludeGroups:[str] excludeGuestsOrExternalUsers:any excludeRoles:[str] excludeUsers:[str]
  includeGroups:[str] includeGuestsOrExternalUsers:any includeRoles:[str] includeUsers:[str]

provisioningObjectSummary = id activityDateTime:date changeId cycleId durationInMilliseconds:int initiatedBy:any
  jobId modifiedProperties:[any] provisioningAction provisioningStatusInfo:any provisioningSteps:[any]
  servicePrincipal:any sourceIdentity:any sourceSystem:any targetIdentity:any targetSystem:any tenantId
signIn = id appDisplayName appId appliedConditionalAccessPolicies:[any] authenticationAppDeviceDetails:any
  clientAppUsed conditionalAccessStatus correlationId createdDateTime:date deviceDetail:any homeTenantId ipAddress
  isInteractive:bool location:any resourceDisplayName resourceId resourceTenantId riskDetail riskEventTypes:[str]
  riskEventTypes_v2:[str] riskLevelAggregated riskLevelDuringSignIn riskState servicePrincipalId
  servicePrincipalName status:any userAgent userDisplayName userId userPrincipalName
directoryAudit = id activityDateTime:date activityDisplayName additionalDetails:[any] category correlationId
  initiatedBy:any loggedByService operationType result resultReason targetResources:[any]

organization = assignedPlans:[any] businessPhones:[str] city country countryLetterCode createdDateTime:date
  defaultUsageLocation displayName marketingNotificationEmails:[str] mobileDeviceManagementAuthority
  onPremisesLastSyncDateTime:date onPremisesSyncEnabled:bool partnerTenantType postalCode preferredLanguage
  privacyProfile:any provisionedPlans:[any] securityComplianceNotificationMails:[str]
  securityComplianceNotificationPhones:[str] state street technicalNotificationMails:[str] tenantType
  verifiedDomains:[any]
domain = id authenticationType availabilityStatus isAdminManaged:bool isDefault:bool isInitial:bool isRoot:bool
  isVerified:bool manufacturer model passwordNotificationWindowInDays:int passwordValidityPeriodInDays:int
  state:any supportedServices:[str]
subscribedSku = id accountId accountName appliesTo capabilityStatus consumedUnits:int prepaidUnits:any
  servicePlans:[any] skuId:guid skuPartNumber subscriptionIds:[str]
applicationTemplate = id categories:[str] deprecationDate description displayName endpoints:[str] homePageUrl
  isEntraIntegrated:bool lastModifiedDateTime:date logoUrl publisher riskFactors:any riskScore:any
  supportedProvisioningTypes:[str] supportedSingleSignOnModes:[str]
"""

_DIRECTORY_OBJECTS = frozenset(
    {"application", "servicePrincipal", "group", "user", "appRoleAssignment", "organization"}
)
_EDM = {"str": "String", "guid": "Guid", "date": "DateTimeOffset", "bool": "Boolean", "int": "Int32"}


@dataclass(frozen=True, slots=True)
class Property:
    """A property.

    Attributes:
        kind: ``str``, ``bool``, ``int``, ``date``, ``guid``, ``any`` or the name of a complex type.
        is_collection: whether it is a list of that kind.
    """

    kind: str
    is_collection: bool


def _parse_table(table: str) -> dict[str, list[str]]:
    """The words after each ``name =``; indented lines continue an entry."""
    lines = table.replace("\n  ", " ").strip().splitlines()
    return {name: words.split() for name, _, words in (line.partition(" = ") for line in lines if line)}


def _parse_declarations() -> dict[str, Mapping[str, Property]]:
    types = {
        name: {label: _property(kind) for label, _, kind in (entry.partition(":") for entry in entries)}
        for name, entries in _parse_table(_DECLARATIONS).items()
    }
    for name in _DIRECTORY_OBJECTS:
        types[name] = types["directoryObject"] | types[name]
    return {name: MappingProxyType(properties) for name, properties in types.items()}


def _property(kind: str) -> Property:
    return Property(kind.strip("[]") or "str", kind.startswith("["))


TYPES = _parse_declarations()

# Properties that the directory assigns, or that have their own action.
_READ_ONLY = """
application = id deletedDateTime appId applicationTemplateId certification createdByAppId createdDateTime
  disabledByMicrosoftStatus publisherDomain verifiedPublisher
servicePrincipal = id deletedDateTime appDisplayName appDescription applicationTemplateId appOwnerOrganizationId
  createdByAppId disabledByMicrosoftStatus servicePrincipalType signInAudience verifiedPublisher
  resourceSpecificApplicationPermissions
group = id deletedDateTime createdDateTime expirationDateTime mail onPremisesDomainName onPremisesLastSyncDateTime
  onPremisesNetBiosName onPremisesProvisioningErrors onPremisesSamAccountName onPremisesSecurityIdentifier
  onPremisesSyncEnabled proxyAddresses renewedDateTime securityIdentifier licenseProcessingState
user = id deletedDateTime createdDateTime creationType proxyAddresses securityIdentifier lastPasswordChangeDateTime
  onPremisesDistinguishedName onPremisesDomainName onPremisesLastSyncDateTime onPremisesProvisioningErrors
  onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled assignedPlans provisionedPlans
  signInSessionsValidFromDateTime licenseAssignmentStates
"""
READ_ONLY: Mapping[str, frozenset[str]] = {
    name: frozenset(properties) for name, properties in _parse_table(_READ_ONLY).items()
}


def check_body(body: Mapping[str, Any], type_name: str) -> None:
    """Refuse properties that the type does not declare, that have another type, or that are read-only.

    Annotations (``@odata.type``, ``owners@odata.bind``) are not checked.

    Raises:
        GraphError: 400 Request_BadRequest. That a read-only property is refused, not ignored, and the two messages are
            from experience; unverified.
    """
    for name in READ_ONLY.get(type_name, ()):
        if name in body:
            raise bad_request(f"Property '{name}' is read-only and cannot be set.")
    _check_properties(body, type_name)


def _check_properties(body: Mapping[str, Any], type_name: str) -> None:
    declared = TYPES[type_name]
    for name, value in body.items():
        if "@" in name:
            continue
        if name not in declared:
            raise invalid_property(name)
        _check_value(name, value, declared[name])


def _check_value(name: str, value: Any, declared: Property) -> None:
    if value is None or declared.kind == "any":
        return
    if declared.is_collection != isinstance(value, list):
        raise bad_request(f"Invalid value specified for property '{name}' of resource.")
    for item in value if declared.is_collection else [value]:
        if declared.kind in TYPES:
            if not isinstance(item, dict):
                raise bad_request(f"Invalid value specified for property '{name}' of resource.")
            _check_properties(item, declared.kind)
        elif not _has_kind(item, declared.kind):
            expected = _EDM.get(declared.kind, "String")
            raise bad_request(
                f"Cannot convert the value of property '{name}' to the expected type 'Edm.{expected}'."
            )


def _has_kind(value: Any, kind: str) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str)


def apply_patch(document: Mapping[str, Any], changes: Mapping[str, Any], type_name: str) -> dict[str, Any]:
    """A document after a PATCH: collections are replaced, complex properties are merged.

    That omitted members of a complex property (``api``, ``web``) keep their values is common practice among clients;
    Microsoft's reference does not state it.
    """
    result = dict(document)
    for name, value in changes.items():
        if "@" in name:
            continue
        declared = TYPES[type_name].get(name, Property("any", is_collection=False))
        current = result.get(name)
        is_complex = declared.kind in TYPES and not declared.is_collection
        if is_complex and isinstance(value, dict) and isinstance(current, dict):
            result[name] = apply_patch(current, value, declared.kind)
        elif value is None and declared.is_collection:
            result[name] = []
        else:
            result[name] = value
    return result
