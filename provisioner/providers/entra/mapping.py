"""Reading and editing the attribute mapping inside a synchronization schema. Pure functions on raw JSON.

The schema is edited in place of its own structure and nothing else is touched: Graph replaces it whole, and what is
left out is lost (Microsoft Graph v1.0, synchronizationSchema: update).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Final

from .resources import REQUIRED_ATTRIBUTES, UNSUPPORTED_ATTRIBUTES, AttributeMapping, Json

_FLOW_TYPES: Final = ("Add", "Update", "Delete")

_DEFAULT_SOURCES: Final[dict[str, Json]] = {
    "userName": {
        "expression": "[userPrincipalName]",
        "name": "userPrincipalName",
        "type": "Attribute",
        "parameters": [],
    },
    "externalId": {"expression": "[objectId]", "name": "objectId", "type": "Attribute", "parameters": []},
    "active": {
        "expression": "Not([IsSoftDeleted])",
        "name": "Not",
        "type": "Function",
        "parameters": [
            {
                "key": "source",
                "value": {
                    "expression": "[IsSoftDeleted]",
                    "name": "IsSoftDeleted",
                    "type": "Attribute",
                    "parameters": [],
                },
            }
        ],
    },
}


class SchemaError(ValueError):
    """The schema has no user mapping to read or edit."""


def read_mapping(key: str, schema: Json) -> AttributeMapping:
    """What the schema says, as far as Kiro cares.

    Args:
        key: the key of the resource.
        schema: the synchronizationSchema as Graph returned it.

    Raises:
        SchemaError: there is no mapping whose source object is ``User``.
    """
    rule, users = _user_mappings(schema)
    entries = [entry for mapping in users for entry in mapping["attributeMappings"]]
    targets = dict.fromkeys(entry["targetAttributeName"] for entry in entries)
    mapped_everywhere = set.intersection(
        *({entry["targetAttributeName"] for entry in mapping["attributeMappings"]} for mapping in users)
    )
    sources = dict.fromkeys(
        text
        for entry in entries
        if entry["targetAttributeName"] == "externalId" and (text := _source_text(entry.get("source")))
    )
    return AttributeMapping(
        key=key,
        external_id=" and ".join(sources) or None,
        unsupported=tuple(name for name in UNSUPPORTED_ATTRIBUTES if name in targets),
        missing=tuple(name for name in REQUIRED_ATTRIBUTES if name not in mapped_everywhere),
        other=tuple(name for name in targets if name not in REQUIRED_ATTRIBUTES),
        disabled=tuple(_faulty(schema)),
        rule_id=rule,
    )


def edited(schema: Json, desired: AttributeMapping) -> Json:
    """A copy of the schema in which the desired mapping holds.

    Args:
        schema: the synchronizationSchema as Graph returned it; not changed.
        desired: what should hold; fields that are None are left alone.

    Raises:
        SchemaError: there is no mapping whose source object is ``User``.
    """
    result = copy.deepcopy(schema)
    _, users = _user_mappings(result)
    for mapping in users:
        _edit_user_mapping(mapping, desired)
    if desired.disabled == ():
        for mapping in _people_mappings(result):
            mapping["enabled"] = True
            mapping["flowTypes"] = _with_all_flows(mapping.get("flowTypes"))
    return result


def is_right(mapping: AttributeMapping) -> bool:
    """Whether provisioning may run: Kiro's externalId is the object id, and nothing required is missing.

    Kiro does not let an externalId change once it is set, so a wrong first synchronization cannot be repaired
    from the Entra side.
    """
    return mapping.external_id == "objectId" and mapping.missing == () and mapping.unsupported == ()


def _edit_user_mapping(mapping: Json, desired: AttributeMapping) -> None:
    entries: list[Json] = mapping["attributeMappings"]
    if desired.unsupported == ():
        entries = [entry for entry in entries if entry["targetAttributeName"] not in UNSUPPORTED_ATTRIBUTES]
    if desired.other == ():
        entries = [entry for entry in entries if entry["targetAttributeName"] in REQUIRED_ATTRIBUTES]
    present = {entry["targetAttributeName"]: entry for entry in entries}
    if desired.missing == ():
        entries += [_new_entry(name) for name in REQUIRED_ATTRIBUTES if name not in present]
    if desired.external_id is not None:
        if "externalId" not in present and desired.missing != ():
            entries.append(_new_entry("externalId"))
        for entry in entries:
            if entry["targetAttributeName"] == "externalId":
                _set_source(entry, desired.external_id)
    mapping["attributeMappings"] = entries


def _set_source(entry: Json, attribute: str) -> None:
    if _source_text(entry.get("source")) != attribute:
        entry["source"] = {
            "expression": f"[{attribute}]",
            "name": attribute,
            "type": "Attribute",
            "parameters": [],
        }


def _new_entry(target: str) -> Json:
    return {
        "defaultValue": None,
        "exportMissingReferences": False,
        "flowBehavior": "FlowWhenChanged",
        "flowType": "Always",
        "matchingPriority": 1 if target == "userName" else 0,
        "targetAttributeName": target,
        "source": copy.deepcopy(_DEFAULT_SOURCES[target]),
    }


def _source_text(source: Json | None) -> str | None:
    if not source:
        return None
    kind = str(source.get("type", ""))
    if kind.casefold() == "attribute":
        return None if source.get("name") is None else str(source["name"])
    text = str(source.get("expression") or source.get("name"))
    return f"{kind} {text}" if text.isidentifier() else text  # a constant may look like an attribute


def _people_mappings(schema: Json) -> Iterator[Json]:
    """The object mappings of users and of groups; a schema may have others."""
    for rule in schema.get("synchronizationRules") or ():
        for mapping in rule.get("objectMappings") or ():
            if mapping.get("sourceObjectName") in ("User", "Group"):
                yield mapping


def _user_mappings(schema: Json) -> tuple[str | None, list[Json]]:
    """The id of the first rule that maps users, and all user mappings: found by source object, never by position."""
    found = [
        (rule.get("id"), mapping)
        for rule in schema.get("synchronizationRules") or ()
        for mapping in rule.get("objectMappings") or ()
        if mapping.get("sourceObjectName") == "User" and mapping.get("attributeMappings") is not None
    ]
    if not found:
        raise SchemaError("the synchronization schema maps no users")
    return found[0][0], [mapping for _, mapping in found]


def _faulty(schema: Json) -> Iterator[str]:
    """Object mappings of users and groups that are switched off, or do not add, update and delete."""
    for mapping in _people_mappings(schema):
        flows = _flows(mapping.get("flowTypes"))
        if not mapping.get("enabled", True):
            yield f"{mapping['sourceObjectName']}: switched off"
        elif lacking := [flow for flow in _FLOW_TYPES if flow not in flows]:
            yield f"{mapping['sourceObjectName']}: does not {' or '.join(lacking).lower()}"


def _flows(text: str | None) -> list[str]:
    return [flow.strip() for flow in (text or "").split(",") if flow.strip()]


def _with_all_flows(text: str | None) -> str:
    """The same text where it is complete already, so that an edit changes nothing that is right."""
    complete = all(flow in _flows(text) for flow in _FLOW_TYPES)
    return text if text and complete else ",".join(_FLOW_TYPES)
