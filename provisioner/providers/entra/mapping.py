"""Reads and edits the attribute mapping in a synchronization schema. Pure functions on raw JSON.

An edit changes the mapping and keeps every other member of the schema: Graph replaces the schema as a whole, and
members that are not in the body are lost (Microsoft Graph v1.0, synchronizationSchema: update).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Final

from provisioner.providers.base.wire import Json

from .resources import REQUIRED_ATTRIBUTES, UNSUPPORTED_ATTRIBUTES, AttributeMapping

_FLOW_TYPES: Final = ("Add", "Update", "Delete")


def _attribute(name: str) -> Json:
    return {"expression": f"[{name}]", "name": name, "type": "Attribute", "parameters": []}


_DEFAULT_SOURCES: Final[dict[str, Json]] = {
    "userName": _attribute("userPrincipalName"),
    "externalId": _attribute("objectId"),
    "active": {
        "expression": "Not([IsSoftDeleted])",
        "name": "Not",
        "type": "Function",
        "parameters": [{"key": "source", "value": _attribute("IsSoftDeleted")}],
    },
}


class SchemaError(ValueError):
    """The schema has no user mapping to read or edit."""


def read_mapping(key: str, schema: Json) -> AttributeMapping:
    """The attribute mapping in a schema.

    Args:
        key: the key of the resource.
        schema: the synchronizationSchema as Graph returned it.

    Raises:
        SchemaError: the schema has no mapping with the source object ``User``.
    """
    rule_id, user_mappings = _user_mappings(schema)
    entries = [entry for mapping in user_mappings for entry in mapping["attributeMappings"]]
    targets = dict.fromkeys(entry["targetAttributeName"] for entry in entries)
    mapped_everywhere = set.intersection(
        *(
            {entry["targetAttributeName"] for entry in mapping["attributeMappings"]}
            for mapping in user_mappings
        )
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
        disabled=tuple(_disabled(schema)),
        rule_id=rule_id,
    )


def edit_mapping(schema: Json, desired: AttributeMapping) -> Json:
    """A copy of the schema with the desired mapping.

    Args:
        schema: the synchronizationSchema as Graph returned it.
        desired: the desired mapping; fields that are None stay unchanged.

    Raises:
        SchemaError: the schema has no mapping with the source object ``User``.
    """
    result = copy.deepcopy(schema)
    _, user_mappings = _user_mappings(result)
    for mapping in user_mappings:
        _edit_user_mapping(mapping, desired)
    if desired.disabled == ():
        for mapping in _object_mappings(result):
            mapping["enabled"] = True
            mapping["flowTypes"] = _with_all_flows(mapping.get("flowTypes"))
    return result


def is_correct(mapping: AttributeMapping) -> bool:
    """Whether provisioning may run: externalId is the object id, no required mapping is missing, no unsupported one is left.

    Kiro does not let an externalId change, so a wrong first synchronization cannot be fixed in Entra.
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
        entry["source"] = _attribute(attribute)


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
    return f"{kind} {text}" if text.isidentifier() else text  # else a constant looks like an attribute


def _object_mappings(schema: Json) -> Iterator[Json]:
    """The object mappings of users and groups; a schema may have others."""
    for rule in schema.get("synchronizationRules") or ():
        for mapping in rule.get("objectMappings") or ():
            if mapping.get("sourceObjectName") in ("User", "Group"):
                yield mapping


def _user_mappings(schema: Json) -> tuple[str | None, list[Json]]:
    """The id of the first rule that maps users, and all user mappings. They are found by source object, not by position."""
    mappings = [
        (rule.get("id"), mapping)
        for rule in schema.get("synchronizationRules") or ()
        for mapping in rule.get("objectMappings") or ()
        if mapping.get("sourceObjectName") == "User" and mapping.get("attributeMappings") is not None
    ]
    if not mappings:
        raise SchemaError("the synchronization schema has no mapping for users")
    return mappings[0][0], [mapping for _, mapping in mappings]


def _disabled(schema: Json) -> Iterator[str]:
    """Object mappings of users and groups that are off, or do not add, update and delete."""
    for mapping in _object_mappings(schema):
        flows = _flows(mapping.get("flowTypes"))
        if not mapping.get("enabled", True):
            yield f"{mapping['sourceObjectName']}: switched off"
        elif missing := [flow for flow in _FLOW_TYPES if flow not in flows]:
            yield f"{mapping['sourceObjectName']}: does not {' or '.join(missing).lower()}"


def _flows(text: str | None) -> list[str]:
    return [flow.strip() for flow in (text or "").split(",") if flow.strip()]


def _with_all_flows(text: str | None) -> str:
    """All flow types. A complete text stays as it is, so that an edit does not change a correct mapping."""
    complete = all(flow in _flows(text) for flow in _FLOW_TYPES)
    return text if text and complete else ",".join(_FLOW_TYPES)
