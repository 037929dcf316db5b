"""The synchronization template ``scim`` of a non-gallery application, and the default schema of a new job.

A reconstruction: Microsoft publishes no full synchronizationSchema of this template. Its parts come from

- the user and group attribute tables of "Develop and plan provisioning for a SCIM endpoint in Microsoft Entra ID", and
  the default mappings that tutorials for such applications list;
- the shape, names and metadata of the schema shown in "Configure provisioning using Microsoft Graph APIs" (AWS sample)
  and of the directory definitions in "Configure synchronization with directory extension attributes";
- the names of ``synchronizationSchema`` and its parts in Microsoft Graph v1.0.

Without a source: the expressions of name.formatted and addresses formatted, the attributes that no default
mapping uses, every ``caseExact`` and ``required``, the rule's id, and the numbers in the metadata's default mappings.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

from provisioner.sandbox.entra.provisioning.expressions import parse_expression, source_object
from provisioner.sandbox.scim import CORE_GROUP, ENTERPRISE_USER
from provisioner.sandbox.store import Document

SOURCE_DIRECTORY = "Azure Active Directory"
TARGET_DIRECTORY = "customappsso"

_RULE_ID = "03f7d90d-bf71-41b1-bda6-aaf0ddbee5d8#V2"
_SOURCE_DIRECTORY_ID = "66e4a8cc-1b7b-435e-95f8-f06cea133828"
_FLOW_TYPES = "Add,Update,Delete"

USER_MAPPINGS = (
    ("userName", "[userPrincipalName]"),
    ("active", 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'),
    ("displayName", "[displayName]"),
    ("title", "[jobTitle]"),
    ('emails[type eq "work"].value', "[mail]"),
    ("preferredLanguage", "[preferredLanguage]"),
    ("name.givenName", "[givenName]"),
    ("name.familyName", "[surname]"),
    ("name.formatted", 'Join(" ", [givenName], [surname])'),
    ('addresses[type eq "work"].formatted', "[physicalDeliveryOfficeName]"),
    ('addresses[type eq "work"].streetAddress', "[streetAddress]"),
    ('addresses[type eq "work"].locality', "[city]"),
    ('addresses[type eq "work"].region', "[state]"),
    ('addresses[type eq "work"].postalCode', "[postalCode]"),
    ('addresses[type eq "work"].country', "[country]"),
    ('phoneNumbers[type eq "work"].value', "[telephoneNumber]"),
    ('phoneNumbers[type eq "mobile"].value', "[mobile]"),
    ('phoneNumbers[type eq "fax"].value', "[facsimileTelephoneNumber]"),
    ("externalId", "[mailNickname]"),
    (f"{ENTERPRISE_USER}:employeeNumber", "[employeeId]"),
    (f"{ENTERPRISE_USER}:department", "[department]"),
    (f"{ENTERPRISE_USER}:manager", "[manager]"),
)
"""Target attribute and source expression of the default user mapping; the first attribute is used for matching."""

GROUP_MAPPINGS = (("displayName", "[displayName]"), ("externalId", "[objectId]"), ("members", "[members]"))
"""Target attribute and source expression of the default group mapping."""

# A definition is a name with marks: ! anchor, + required, * multivalued, ? Boolean, @ reference (to users; a multivalued
# one to users and groups).
_SOURCE_USER = """
objectId!+ accountEnabled? appRoleAssignments* city companyName country department displayName employeeHireDate employeeId
employeeOrgData.costCenter employeeOrgData.division employeeType facsimileTelephoneNumber givenName immutableId
IsSoftDeleted? jobTitle mail mailNickname manager@ mobile netBiosName onPremisesDistinguishedName onPremisesDomainName
onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesUserPrincipalName originalUserPrincipalName otherMails*
passwordProfile.password physicalDeliveryOfficeName postalCode preferredLanguage proxyAddresses* sipProxyAddress state
streetAddress surname telephoneNumber usageLocation userPrincipalName+ userType
extensionAttribute1 extensionAttribute2 extensionAttribute3 extensionAttribute4 extensionAttribute5 extensionAttribute6
extensionAttribute7 extensionAttribute8 extensionAttribute9 extensionAttribute10 extensionAttribute11
extensionAttribute12 extensionAttribute13 extensionAttribute14 extensionAttribute15
"""
_SOURCE_GROUP = """
objectId!+ description displayName+ mail mailEnabled? mailNickname members*@ onPremisesSecurityIdentifier securityEnabled?
"""
_TARGET_USER = """
id! active? displayName externalId locale name.familyName name.formatted name.givenName name.honorificPrefix
name.honorificSuffix nickName preferredLanguage profileUrl timezone title userName+ userType
"""
_TARGET_GROUP = "id! displayName+ externalId members*@"
_ADDRESS = ("formatted", "streetAddress", "locality", "region", "postalCode", "country")


def templates(application: Document) -> list[Document]:
    """The synchronizationTemplate objects of an application, with their schema: only ``scim``.

    Args:
        application: the Graph application or service principal; its ``appId`` (else ``id``) is the applicationId.
    """
    return [
        {
            "id": "scim",
            "applicationId": application.get("appId") or application.get("id"),
            "default": True,
            "description": "SCIM 2.0",
            "discoverable": True,
            "factoryTag": "scim",
            "metadata": [
                {"key": "GalleryApplicationKey", "value": TARGET_DIRECTORY},
                {"key": "IsOAuthEnabled", "value": "false"},
                {"key": "IsSynchronizationAgentRequired", "value": "false"},
                {"key": "IsSynchronizationInPreview", "value": "false"},
                {
                    "key": "ConfigurationFields",
                    "value": '[{"name":"baseaddress"},{"name":"secrettoken","secret":true}]',
                },
            ],
            "schema": default_schema("scim." + "0" * 32),
        }
    ]


def default_schema(job_id: str) -> Document:
    """The full Graph synchronizationSchema of a new job of template ``scim``."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    version = f"Date:{now}, ActivityId:{uuid.uuid4()}"
    return {
        "id": job_id,
        "version": version,
        "synchronizationRules": [_rule()],
        "directories": [
            _directory(
                _SOURCE_DIRECTORY_ID,
                SOURCE_DIRECTORY,
                version,
                {"User": _definitions(_SOURCE_USER), "Group": _definitions(_SOURCE_GROUP)},
                read_only=True,
            ),
            _directory(
                str(uuid.uuid5(uuid.NAMESPACE_URL, TARGET_DIRECTORY)),
                TARGET_DIRECTORY,
                version,
                {ENTERPRISE_USER: _target_user(), CORE_GROUP: _definitions(_TARGET_GROUP)},
                read_only=False,
            ),
        ],
    }


def _rule() -> Document:
    mappings = [
        _object_mapping("Group", CORE_GROUP, "Provision Microsoft Entra ID Groups", GROUP_MAPPINGS),
        _object_mapping("User", ENTERPRISE_USER, "Provision Microsoft Entra ID Users", USER_MAPPINGS),
    ]
    return {
        "id": _RULE_ID,
        "name": "USERGROUP_OUTBOUND_USERGROUP",
        "editable": True,
        "priority": 1,
        "sourceDirectoryName": SOURCE_DIRECTORY,
        "targetDirectoryName": TARGET_DIRECTORY,
        "containerFilter": None,
        "groupFilter": None,
        "metadata": [
            {
                "key": "defaultSourceObjectMappings",
                "value": json.dumps([_default_mapping(mapping) for mapping in mappings]),
            },
            {"key": "supportsProvisionOnDemand", "value": "true"},
        ],
        "objectMappings": mappings,
    }


def _object_mapping(source: str, target: str, name: str, pairs: tuple[tuple[str, str], ...]) -> Document:
    settings = {
        "IsCustomerDefined": "false",
        "DisableMonitoringForChanges": "false",
        "Disposition": '"Normal"',
        "ExcludeFromReporting": "false",
        "EscrowBehavior": '"Default"',
        "Unsynchronized": "false",
        "OriginalJoiningProperty": pairs[0][0],
    }
    return {
        "enabled": True,
        "flowTypes": _FLOW_TYPES,
        "name": name,
        "scope": None,
        "sourceObjectName": source,
        "targetObjectName": target,
        "metadata": [{"key": key, "value": value} for key, value in settings.items()],
        "attributeMappings": [
            _attribute_mapping(*pair, priority=int(i == 0)) for i, pair in enumerate(pairs)
        ],
    }


def _attribute_mapping(target: str, expression: str, *, priority: int) -> Document:
    return {
        "defaultValue": None,
        "exportMissingReferences": False,
        "flowBehavior": "FlowWhenChanged",
        "flowType": "Always",
        "matchingPriority": priority,
        "targetAttributeName": target,
        "source": source_object(parse_expression(expression)),
    }


def _default_mapping(mapping: Document) -> Document:
    """A mapping as in the metadata for "Restore default mappings": capitalised names, numbers for enums."""
    return {
        "AttributeMappings": [
            {
                "DefaultValue": None,
                "ExportMissingReferences": False,
                "FlowBehavior": 0,
                "FlowType": 0,
                "MatchingPriority": attribute["matchingPriority"],
                "ReferencedObjects": None,
                "Source": _default_source(attribute["source"]),
                "TargetAttributeName": attribute["targetAttributeName"],
            }
            for attribute in mapping["attributeMappings"]
        ],
        "DisableMonitoringForChanges": False,
        "Disposition": 0,
        "Enabled": True,
        "EscrowBehavior": 0,
        "ExcludeFromReporting": False,
        "FlowTypes": 7,
        "IsCustomerDefined": False,
        "Name": mapping["name"],
        "OriginalJoiningProperty": mapping["attributeMappings"][0]["targetAttributeName"],
        "Scope": None,
        "SourceObjectName": mapping["sourceObjectName"],
        "TargetObjectName": mapping["targetObjectName"],
        "Unsynchronized": False,
    }


def _default_source(source: Document) -> Document:
    kinds = {"Attribute": 0, "Constant": 1, "Function": 2}
    return {
        "Expression": source["expression"],
        "Name": source["name"],
        "Parameters": [
            {"Key": parameter["key"], "Value": _default_source(parameter["value"])}
            for parameter in source["parameters"]
        ],
        "Type": kinds[source["type"]],
    }


def _directory(
    key: str, name: str, version: str, objects: dict[str, list[Document]], *, read_only: bool
) -> Document:
    return {
        "id": key,
        "name": name,
        "discoverabilities": "AttributeNames,AttributeDataTypes" if read_only else "None",
        "discoveryDateTime": None,
        "readOnly": read_only,
        "version": version,
        "objects": [
            {"name": object_name, "attributes": attributes, "metadata": [], "supportedApis": []}
            for object_name, attributes in objects.items()
        ],
    }


def _target_user() -> list[Document]:
    names = [f'emails[type eq "{kind}"].value' for kind in ("work", "home", "other")]
    names += [f'addresses[type eq "{kind}"].{part}' for kind in ("work", "other") for part in _ADDRESS]
    names += [
        f'phoneNumbers[type eq "{kind}"].value'
        for kind in ("work", "mobile", "fax", "home", "other", "pager")
    ]
    names += [f'roles[primary eq "True"].{part}' for part in ("display", "type", "value")]
    extension = ("employeeNumber", "department", "costCenter", "division", "organization")
    names += [f"{ENTERPRISE_USER}:{name}" for name in extension]
    return (
        _definitions(_TARGET_USER)
        + [_definition(name, "") for name in names]
        + [_definition(f"{ENTERPRISE_USER}:manager", "@")]
    )


def _definitions(text: str) -> list[Document]:
    words = [(word, word.rstrip("!+*?@")) for word in text.split()]
    return [_definition(name, word.removeprefix(name)) for word, name in words]


def _definition(name: str, marks: str) -> Document:
    kind = "Reference" if "@" in marks else "Boolean" if "?" in marks else "String"
    referenced = () if "@" not in marks else ("User", "Group") if "*" in marks else ("User",)
    return {
        "name": name,
        "type": kind,
        "anchor": "!" in marks,
        "required": "+" in marks,
        "multivalued": "*" in marks,
        "caseExact": False,
        "defaultValue": None,
        "flowNullValues": False,
        "mutability": "ReadWrite",
        "apiExpressions": [],
        "metadata": [],
        "referencedObjects": [
            {"referencedObjectName": object_name, "referencedProperty": "objectId"}
            for object_name in referenced
        ],
    }
