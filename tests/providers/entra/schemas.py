"""Synchronization schemas: the default one of a non-gallery application, and generated ones.

Shape: Microsoft Graph v1.0, synchronizationSchema. The default mappings are those that Microsoft's SCIM tutorials list.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from provisioner.providers.entra.resources import REQUIRED_ATTRIBUTES, UNSUPPORTED_ATTRIBUTES

Json = dict[str, Any]
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
RULE = "03f7d90d-bf71-41b1-bda6-aaf0ddbee5d8#V2"


def attribute(name: str) -> Json:
    """A source that is a plain attribute."""
    return {"expression": f"[{name}]", "name": name, "type": "Attribute", "parameters": []}


def function(expression: str) -> Json:
    """A source that is computed."""
    return {
        "expression": expression,
        "name": expression.partition("(")[0],
        "type": "Function",
        "parameters": [],
    }


def entry(target: str, source: Json, priority: int = 0) -> Json:
    """An attributeMapping."""
    return {
        "defaultValue": None,
        "exportMissingReferences": False,
        "flowBehavior": "FlowWhenChanged",
        "flowType": "Always",
        "matchingPriority": priority,
        "targetAttributeName": target,
        "source": source,
    }


def mapping(
    source: str, entries: list[Json], *, enabled: bool = True, flows: str = "Add,Update,Delete"
) -> Json:
    """An objectMapping."""
    return {
        "enabled": enabled,
        "flowTypes": flows,
        "name": f"Provision {source}s",
        "scope": None,
        "sourceObjectName": source,
        "targetObjectName": f"urn:ietf:params:scim:schemas:core:2.0:{source}",
        "metadata": [{"key": "EscrowBehavior", "value": '"Default"'}],
        "attributeMappings": entries,
    }


def schema(*rules: list[Json]) -> Json:
    """A schema of rules, each given by its object mappings."""
    return {
        "id": "scim.tenant.app",
        "version": "Date:2026-11-01T00:00:00.0000000Z",
        "provisioningTaskIdentifier": None,
        "synchronizationRules": [
            {
                "id": RULE if not number else f"rule-{number}",
                "name": "USERGROUP_OUTBOUND_USERGROUP",
                "priority": number + 1,
                "groupFilter": None,
                "metadata": [{"key": "defaultSourceObjectMappings", "value": "[]"}],
                "objectMappings": mappings,
            }
            for number, mappings in enumerate(rules)
        ],
        "directories": [{"name": "customappsso", "objects": [{"name": "User", "attributes": []}]}],
    }


def default_schema() -> Json:
    """What a new job starts with: externalId comes from mailNickname, and unsupported attributes are mapped."""
    users = [
        entry("userName", attribute("userPrincipalName"), 1),
        entry("active", function('Switch([IsSoftDeleted], , "False", "True", "True", "False")')),
        entry("displayName", attribute("displayName")),
        entry('emails[type eq "work"].value', attribute("mail")),
        entry("name.givenName", attribute("givenName")),
        entry('phoneNumbers[type eq "work"].value', attribute("telephoneNumber")),
        entry('phoneNumbers[type eq "mobile"].value', attribute("mobile")),
        entry('phoneNumbers[type eq "fax"].value', attribute("facsimileTelephoneNumber")),
        entry("externalId", attribute("mailNickname")),
        entry(f"{ENTERPRISE}:employeeNumber", attribute("employeeId")),
        entry(f"{ENTERPRISE}:department", attribute("department")),
        entry(f"{ENTERPRISE}:manager", attribute("manager")),
    ]
    groups = [
        entry("displayName", attribute("displayName"), 1),
        entry("externalId", attribute("objectId")),
        entry("members", attribute("members")),
    ]
    return schema([mapping("Group", groups), mapping("User", users)])


_TARGETS = (*REQUIRED_ATTRIBUTES, *UNSUPPORTED_ATTRIBUTES, "displayName", "title", "name.familyName")
_SOURCES = st.sampled_from(
    [
        attribute("objectId"),
        attribute("mailNickname"),
        attribute("userPrincipalName"),
        function("ToUpper([mail])"),
    ]
)
_FLOWS = st.sampled_from(
    ["Add,Update,Delete", "Add, Update, Delete", "Delete,Update,Add", "Add", "Update, Delete", "None", ""]
)


def _entries(targets: tuple[str, ...]) -> st.SearchStrategy[list[Json]]:
    one = st.builds(entry, st.sampled_from(targets), _SOURCES, st.integers(0, 2))
    return st.lists(one, max_size=8, unique_by=lambda found: found["targetAttributeName"])


def _mappings(source: str, targets: tuple[str, ...] = _TARGETS) -> st.SearchStrategy[Json]:
    return st.builds(mapping, st.just(source), _entries(targets), enabled=st.booleans(), flows=_FLOWS)


@st.composite
def schemas(draw: st.DrawFn) -> Json:
    """Schemas with one user mapping and perhaps one for groups, in one rule or in two, in any order."""
    parts = [draw(_mappings("User"))]
    if draw(st.booleans()):
        parts.append(draw(_mappings("Group", ("displayName", "externalId", "members"))))
    parts = draw(st.permutations(parts))
    return schema(*([part] for part in parts)) if draw(st.booleans()) else schema(parts)
