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


def _filters(properties: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Operators by property, from properties by operators."""
    return {
        name: frozenset(operators.split())
        for operators, names in properties.items()
        for name in names.split()
    }


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


def _log(filters: Mapping[str, str], sortable: str, *, case_sensitive: bool = False) -> QueryCapabilities:
    """The capabilities of an audit log, from properties by operators."""
    return QueryCapabilities(
        filters=_filters(filters),
        sortable=frozenset({sortable}),
        directory=False,
        case_sensitive=case_sensitive,
        max_page_size=1000,
        page_size=1000,
    )


_APPLICATION = QueryCapabilities(
    filters=_filters(
        {
            "eq ne not in": "id appId signInAudience",
            _NULLABLE: "applicationTemplateId disabledByMicrosoftStatus",
            _DATE: "createdDateTime deletedDateTime",
            "eq ne not ge le startsWith null": "description",
            _TEXT: "displayName",
            "eq ne not ge le startsWith count": "identifierUris",
            "eq ne not ge le null": "info",
            "eq not ge le count": "keyCredentials",
            "eq not count": "passwordCredentials",
            "eq ne in ge le startsWith": "publisherDomain",
            "eq not ge le startsWith": "tags",
            "eq not startsWith count": "web/redirectUris",
            "count": "owners",
        }
    ),
    sortable_advanced=_set("createdDateTime deletedDateTime displayName"),
    searchable=_set("displayName description tags"),
)

_SERVICE_PRINCIPAL = QueryCapabilities(
    filters=_filters(
        {
            "eq ne not in": "id appRoleAssignmentRequired",
            _NULLABLE: "accountEnabled applicationTemplateId disabledByMicrosoftStatus preferredSingleSignOnMode",
            "eq not ge le startsWith": "alternativeNames servicePrincipalNames tags",
            _TEXT: "appDisplayName displayName",
            "eq ne not in startsWith": "appId servicePrincipalType",
            "eq ne not in ge le": "appOwnerOrganizationId",
            _DATE: "createdDateTime deletedDateTime",
            "eq ne not ge le startsWith null": "description",
            "eq not ge le count": "keyCredentials",
            "count": "owners",
        }
    ),
    sortable_advanced=_set("createdDateTime deletedDateTime displayName"),
    searchable=_set("displayName description tags"),
)

_GROUP = QueryCapabilities(
    filters=_filters(
        {
            "eq ne not in": "id mailEnabled membershipRuleProcessingState securityEnabled visibility",
            "eq not count": "assignedLicenses groupTypes",
            "eq ne not ge le startsWith null": "classification description membershipRule",
            _TEXT: "displayName mailNickname onPremisesSamAccountName preferredLanguage",
            _DATE: "expirationDateTime onPremisesLastSyncDateTime renewedDateTime",
            "eq": "hasMembersWithLicenseErrors",
            _NULLABLE: "isAssignableToRole onPremisesSyncEnabled",
            f"{_TEXT} endsWith": "mail",
            "eq in null": "onPremisesSecurityIdentifier",
            "eq not ge le startsWith endsWith count": "proxyAddresses",
            "eq not startsWith": "resourceProvisioningOptions",
        }
    ),
    sortable=_set("displayName"),
    sortable_advanced=_set("deletedDateTime displayName"),
    searchable=_set("displayName description mail mailNickname"),
)

_USER = QueryCapabilities(
    filters=_filters(
        {
            "eq ne not in": "id",
            "eq ne not in ge le": "accountEnabled onPremisesImmutableId",
            "eq not count": "assignedLicenses",
            "eq not": "assignedPlans",
            "eq not ge le startsWith": "businessPhones imAddresses",
            _TEXT: (
                "city companyName country department displayName employeeId employeeType givenName jobTitle "
                "mailNickname mobilePhone officeLocation onPremisesSamAccountName onPremisesUserPrincipalName "
                "postalCode preferredLanguage state streetAddress surname usageLocation"
            ),
            _DATE: "createdDateTime deletedDateTime employeeHireDate",
            _NULLABLE: "creationType externalUserState onPremisesSyncEnabled userType",
            "eq": "identities/issuer identities/issuerAssignedId identities/signInType",
            f"{_TEXT} endsWith": "mail userPrincipalName",
            "eq not in ge le startsWith endsWith count": "otherMails",
            "eq not ge le startsWith endsWith count": "proxyAddresses",
        }
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

# The filters on nested objects come from the property descriptions, gt and lt on activityDateTime from the
# reference's examples; unverified against a tenant.
_PROVISIONING_LOG = _log(
    {
        "eq gt ge lt le": "activityDateTime",
        "eq contains": (
            "changeId cycleId initiatedBy/displayName initiatedBy/id jobId provisioningAction "
            "provisioningStatusInfo/status sourceIdentity/displayName sourceIdentity/id "
            "sourceIdentity/identityType sourceSystem/displayName targetIdentity/displayName "
            "targetIdentity/id targetIdentity/identityType targetSystem/displayName tenantId"
        ),
        "eq": "id servicePrincipal/displayName servicePrincipal/id servicePrincipal/name",
    },
    "activityDateTime",
    case_sensitive=True,
)

_SIGN_IN = _log(
    {
        "eq startsWith": (
            "appDisplayName deviceDetail/browser deviceDetail/operatingSystem ipAddress location/city "
            "location/countryOrRegion location/state userDisplayName userPrincipalName"
        ),
        "eq": (
            "appId clientAppUsed conditionalAccessStatus correlationId id resourceDisplayName resourceId "
            "status/errorCode userId"
        ),
        "eq gt ge lt le": "createdDateTime",
    },
    "createdDateTime",
)

_DIRECTORY_AUDIT = _log(
    {
        "eq gt ge lt le": "activityDateTime",
        "eq startsWith": (
            "activityDisplayName initiatedBy/app/displayName initiatedBy/user/userPrincipalName "
            "targetResources/displayName"
        ),
        "eq": (
            "category correlationId id initiatedBy/app/appId initiatedBy/user/displayName "
            "initiatedBy/user/id loggedByService result targetResources/id"
        ),
    },
    "activityDateTime",
)

_CAPABILITIES: Mapping[str, QueryCapabilities] = {
    "application": _APPLICATION,
    "servicePrincipal": _SERVICE_PRINCIPAL,
    "group": _GROUP,
    "user": _USER,
    "directoryObject": _DIRECTORY_OBJECT,
    "appRoleAssignment": QueryCapabilities(
        filters=_filters(
            {
                "eq": "id resourceId principalId appRoleId",
                "eq startsWith": "principalDisplayName",
            }
        )
    ),
    "oAuth2PermissionGrant": QueryCapabilities(
        filters=_filters(
            {
                "eq": "clientId consentType principalId resourceId id",
            }
        )
    ),
    "applicationTemplate": QueryCapabilities(
        filters=_filters(
            {
                "eq in": "id",
                "eq startsWith contains": "displayName",
                "eq": "publisher",
                "eq contains": "categories",
            }
        ),
        sortable=_set("displayName"),
        directory=False,
    ),
    "conditionalAccessPolicy": QueryCapabilities(
        filters=_filters(
            {
                "eq in": "id",
                "eq startsWith endsWith contains": "displayName",
                "eq ne": "state",
                "gt ge lt le": "createdDateTime modifiedDateTime",
                "eq": "templateId",
            }
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
    return "/".join(s for s in path if s != "$count" and not s.startswith("microsoft.graph."))


def _check_operand(use: OperatorUse, type_name: str) -> None:
    """Refuse to compare a Boolean with a string (OData, incompatible operand types)."""
    declared = TYPES.get(type_name, {}).get(use.path[0])
    if declared is None or use.value is None or use.value.value is None or len(use.path) > 1:
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
