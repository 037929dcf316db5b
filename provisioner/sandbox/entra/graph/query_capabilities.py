"""Which queries Graph answers: the properties that can be filtered, sorted, searched, and returned by default.

Sources: Microsoft Graph, "Advanced query capabilities on Microsoft Entra ID objects" with its table of filters by
property, and the properties' own descriptions ("Supports $filter (eq, ...)"). Where the two differ, the sandbox follows
the more permissive one: it refuses only what both refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.sandbox.entra.graph.errors import bad_request, unsupported_query
from provisioner.sandbox.entra.graph.filter import Expression, OperatorUse, Path, operator_uses
from provisioner.sandbox.entra.graph.metadata import TYPES

_ADVANCED_OPERATORS = frozenset({"ne", "not", "endsWith", "null", "count"})
"""Operators that need the advanced query parameters on every property."""

_ADVANCED_HELP = (
    "is not supported because the required parameters might be missing. Try adding $count=true query parameter and "
    "ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information"
)
_TEXT = "eq ne not in startsWith ge le null"
_DATE = "eq ne not in ge le null"
_NULLABLE = "eq ne not in null"


@dataclass(frozen=True, slots=True)
class QueryCapabilities:
    """The queries that a type supports.

    Attributes:
        filters: operators by property path.
        filters_advanced: properties that need the advanced query parameters with every operator.
        sortable: properties for ``$orderby`` without the advanced query parameters.
        sortable_advanced: properties for ``$orderby`` with them.
        searchable: properties for ``$search``.
        default_properties: properties returned without ``$select``; empty for all that the document has.
        directory: whether these are directory objects; other collections have no advanced queries.
        case_sensitive: whether filters compare strings exactly.
        max_page_size: largest ``$top``.
        page_size: page size without ``$top``.
    """

    filters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    filters_advanced: frozenset[str] = frozenset()
    sortable: frozenset[str] = frozenset()
    sortable_advanced: frozenset[str] = frozenset()
    searchable: frozenset[str] = frozenset()
    default_properties: frozenset[str] = frozenset()
    directory: bool = True
    case_sensitive: bool = False
    max_page_size: int = 999
    page_size: int = 100


def _filters(**properties: str) -> dict[str, frozenset[str]]:
    return {name.replace("__", "/"): frozenset(operators.split()) for name, operators in properties.items()}


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_APPLICATION = QueryCapabilities(
    filters=_filters(
        id="eq ne not in",
        appId="eq ne not in",
        applicationTemplateId="eq ne not in null",
        createdDateTime=_DATE,
        deletedDateTime=_DATE,
        description="eq ne not ge le startsWith null",
        disabledByMicrosoftStatus="eq ne not in null",
        displayName=_TEXT,
        identifierUris="eq ne not ge le startsWith count",
        info="eq ne not ge le null",
        keyCredentials="eq not ge le count",
        passwordCredentials="eq not count",
        publisherDomain="eq ne ge le in startsWith",
        signInAudience="eq ne not in",
        tags="eq not ge le startsWith",
        web__redirectUris="eq not startsWith count",
        owners="count",
    ),
    sortable_advanced=_set("createdDateTime deletedDateTime displayName"),
    searchable=_set("displayName description tags"),
)

_SERVICE_PRINCIPAL = QueryCapabilities(
    filters=_filters(
        id="eq ne not in",
        accountEnabled=_NULLABLE,
        alternativeNames="eq not ge le startsWith",
        appDisplayName=_TEXT,
        appId="eq ne not in startsWith",
        appOwnerOrganizationId="eq ne not ge le in",
        appRoleAssignmentRequired="eq ne not in",
        applicationTemplateId="eq ne not in null",
        createdDateTime=_DATE,
        deletedDateTime=_DATE,
        description="eq ne not ge le startsWith null",
        disabledByMicrosoftStatus="eq ne not in null",
        displayName=_TEXT,
        keyCredentials="eq not ge le count",
        preferredSingleSignOnMode="eq ne not in null",
        servicePrincipalNames="eq not startsWith ge le",
        servicePrincipalType="eq ne not in startsWith",
        tags="eq not ge le startsWith",
        owners="count",
    ),
    sortable_advanced=_set("createdDateTime deletedDateTime displayName"),
    searchable=_set("displayName description tags"),
)

_GROUP = QueryCapabilities(
    filters=_filters(
        id="eq ne not in",
        assignedLicenses="eq not count",
        classification="eq ne not ge le startsWith null",
        description="eq ne not ge le startsWith null",
        displayName=_TEXT,
        expirationDateTime=_DATE,
        groupTypes="eq not count",
        hasMembersWithLicenseErrors="eq",
        isAssignableToRole=_NULLABLE,
        mail=_TEXT + " endsWith",
        mailEnabled="eq ne not in",
        mailNickname=_TEXT,
        membershipRule="eq ne not ge le startsWith null",
        membershipRuleProcessingState="eq ne not in",
        onPremisesLastSyncDateTime=_DATE,
        onPremisesSamAccountName=_TEXT,
        onPremisesSecurityIdentifier="eq in null",
        onPremisesSyncEnabled=_NULLABLE,
        preferredLanguage=_TEXT,
        proxyAddresses="eq not ge le startsWith endsWith count",
        renewedDateTime=_DATE,
        resourceProvisioningOptions="eq not startsWith",
        securityEnabled="eq ne not in",
        visibility="eq ne not in",
    ),
    sortable=_set("displayName"),
    sortable_advanced=_set("deletedDateTime displayName"),
    searchable=_set("displayName description mail mailNickname"),
)

_USER = QueryCapabilities(
    filters=_filters(
        id="eq ne not in",
        accountEnabled="eq ne not in ge le",
        assignedLicenses="eq not count",
        assignedPlans="eq not",
        businessPhones="eq not ge le startsWith",
        city=_TEXT,
        companyName=_TEXT,
        country=_TEXT,
        createdDateTime=_DATE,
        creationType=_NULLABLE,
        deletedDateTime=_DATE,
        department=_TEXT,
        displayName=_TEXT,
        employeeHireDate=_DATE,
        employeeId=_TEXT,
        employeeType=_TEXT,
        externalUserState=_NULLABLE,
        givenName=_TEXT,
        identities__issuer="eq",
        identities__issuerAssignedId="eq",
        identities__signInType="eq",
        imAddresses="eq not ge le startsWith",
        jobTitle=_TEXT,
        mail=_TEXT + " endsWith",
        mailNickname=_TEXT,
        mobilePhone=_TEXT,
        officeLocation=_TEXT,
        onPremisesImmutableId="eq ne not ge le in",
        onPremisesSamAccountName=_TEXT,
        onPremisesSyncEnabled=_NULLABLE,
        onPremisesUserPrincipalName=_TEXT,
        otherMails="eq not ge le in startsWith endsWith count",
        postalCode=_TEXT,
        preferredLanguage=_TEXT,
        proxyAddresses="eq not ge le startsWith endsWith count",
        state=_TEXT,
        streetAddress=_TEXT,
        surname=_TEXT,
        usageLocation=_TEXT,
        userPrincipalName=_TEXT + " endsWith",
        userType=_NULLABLE,
    ),
    filters_advanced=_set(
        "companyName employeeHireDate employeeType mobilePhone officeLocation onPremisesImmutableId "
        "onPremisesSamAccountName postalCode preferredLanguage streetAddress"
    ),
    sortable=_set("displayName userPrincipalName"),
    sortable_advanced=_set("displayName userPrincipalName createdDateTime deletedDateTime"),
    searchable=_set("displayName mail userPrincipalName givenName surname mobilePhone"),
    default_properties=_set(
        "businessPhones displayName givenName id jobTitle mail mobilePhone officeLocation preferredLanguage surname "
        "userPrincipalName"
    ),
)

# Members, owners and other mixed lists: every filter on them needs the advanced query parameters.
_DIRECTORY_OBJECT = QueryCapabilities(
    filters={**_USER.filters, **_GROUP.filters},
    filters_advanced=frozenset({*_USER.filters, *_GROUP.filters}),
    sortable_advanced=_set("displayName"),
    searchable=_set("displayName"),
)

_PROVISIONING_LOG = QueryCapabilities(
    # The filters on nested objects come from the property descriptions, gt and lt on activityDateTime from the
    # reference's examples; unverified against a tenant.
    filters=_filters(
        activityDateTime="eq gt lt ge le",
        changeId="eq contains",
        cycleId="eq contains",
        id="eq",
        initiatedBy__displayName="eq contains",
        initiatedBy__id="eq contains",
        jobId="eq contains",
        provisioningAction="eq contains",
        provisioningStatusInfo__status="eq contains",
        servicePrincipal__displayName="eq",
        servicePrincipal__id="eq",
        servicePrincipal__name="eq",
        sourceIdentity__displayName="eq contains",
        sourceIdentity__id="eq contains",
        sourceIdentity__identityType="eq contains",
        sourceSystem__displayName="eq contains",
        targetIdentity__displayName="eq contains",
        targetIdentity__id="eq contains",
        targetIdentity__identityType="eq contains",
        targetSystem__displayName="eq contains",
        tenantId="eq contains",
    ),
    sortable=_set("activityDateTime"),
    directory=False,
    case_sensitive=True,
    max_page_size=1000,
    page_size=1000,
)

_SIGN_IN = QueryCapabilities(
    filters=_filters(
        appDisplayName="eq startsWith",
        appId="eq",
        clientAppUsed="eq",
        conditionalAccessStatus="eq",
        correlationId="eq",
        createdDateTime="eq le ge gt lt",
        deviceDetail__browser="eq startsWith",
        deviceDetail__operatingSystem="eq startsWith",
        id="eq",
        ipAddress="eq startsWith",
        location__city="eq startsWith",
        location__countryOrRegion="eq startsWith",
        location__state="eq startsWith",
        resourceDisplayName="eq",
        resourceId="eq",
        status__errorCode="eq",
        userDisplayName="eq startsWith",
        userId="eq",
        userPrincipalName="eq startsWith",
    ),
    sortable=_set("createdDateTime"),
    directory=False,
    max_page_size=1000,
    page_size=1000,
)

_DIRECTORY_AUDIT = QueryCapabilities(
    filters=_filters(
        activityDateTime="eq ge le gt lt",
        activityDisplayName="eq startsWith",
        category="eq",
        correlationId="eq",
        id="eq",
        initiatedBy__app__appId="eq",
        initiatedBy__app__displayName="eq startsWith",
        initiatedBy__user__displayName="eq",
        initiatedBy__user__id="eq",
        initiatedBy__user__userPrincipalName="eq startsWith",
        loggedByService="eq",
        result="eq",
        targetResources__displayName="eq startsWith",
        targetResources__id="eq",
    ),
    sortable=_set("activityDateTime"),
    directory=False,
    max_page_size=1000,
    page_size=1000,
)

_CAPABILITIES: Mapping[str, QueryCapabilities] = {
    "application": _APPLICATION,
    "servicePrincipal": _SERVICE_PRINCIPAL,
    "group": _GROUP,
    "user": _USER,
    "directoryObject": _DIRECTORY_OBJECT,
    "appRoleAssignment": QueryCapabilities(
        filters=_filters(
            id="eq", principalDisplayName="eq startsWith", resourceId="eq", principalId="eq", appRoleId="eq"
        )
    ),
    "oAuth2PermissionGrant": QueryCapabilities(
        filters=_filters(clientId="eq", consentType="eq", principalId="eq", resourceId="eq", id="eq")
    ),
    "applicationTemplate": QueryCapabilities(
        filters=_filters(
            id="eq in", displayName="eq startsWith contains", publisher="eq", categories="eq contains"
        ),
        sortable=_set("displayName"),
        directory=False,
    ),
    "conditionalAccessPolicy": QueryCapabilities(
        filters=_filters(
            id="eq in",
            displayName="eq startsWith contains endsWith",
            state="eq ne",
            createdDateTime="ge le gt lt",
            modifiedDateTime="ge le gt lt",
            templateId="eq",
        ),
        directory=False,
    ),
    "provisioningObjectSummary": _PROVISIONING_LOG,
    "signIn": _SIGN_IN,
    "directoryAudit": _DIRECTORY_AUDIT,
}


def capabilities_of(type_name: str) -> QueryCapabilities:
    """The capabilities of a type; a type without an entry can only be listed."""
    return _CAPABILITIES.get(type_name, QueryCapabilities(directory=False))


def check_filter(expression: Expression, type_name: str, *, advanced: bool) -> None:
    """Refuse a filter that Graph does not support.

    Args:
        expression: the parsed filter.
        type_name: the type of the listed documents.
        advanced: whether the request has both advanced query parameters.

    Raises:
        GraphError: 400 Request_UnsupportedQuery.
    """
    capabilities = capabilities_of(type_name)
    for use in operator_uses(expression):
        name = _property_name(use.path)
        supported = capabilities.filters.get(name)
        if supported is None or use.operator not in supported:
            resource = type_name[0].upper() + type_name[1:]
            raise unsupported_query(
                f"Unsupported or invalid query filter clause specified for property '{name}' of resource '{resource}'."
            )
        needs_advanced = use.operator in _ADVANCED_OPERATORS or name in capabilities.filters_advanced
        if capabilities.directory and needs_advanced and not advanced:
            operator = {"null": "eq", "count": "$count"}.get(use.operator, use.operator)
            raise unsupported_query(f"Operator '{operator}' {_ADVANCED_HELP}")
        _check_operand(use, type_name)


def _property_name(path: Path) -> str:
    return "/".join(s for s in path.segments if s != "$count" and not s.startswith("microsoft.graph."))


def _check_operand(use: OperatorUse, type_name: str) -> None:
    """Refuse to compare a Boolean with a string (OData, incompatible operand types)."""
    declared = TYPES.get(type_name, {}).get(use.path.segments[0])
    if declared is None or use.value is None or use.value.value is None or len(use.path.segments) > 1:
        return
    is_boolean = declared.kind == "bool"
    if is_boolean != isinstance(use.value.value, bool) and (
        is_boolean or declared.kind in ("str", "guid", "date")
    ):
        raise bad_request(
            "A binary operator with incompatible types was detected. Found operand types "
            f"'{'Edm.Boolean' if is_boolean else 'Edm.String'}' and "
            f"'{'Edm.String' if is_boolean else 'Edm.Boolean'}' for operator kind 'Equal'.",
            "BadRequest",
        )
