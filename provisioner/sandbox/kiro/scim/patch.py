"""Converts the PATCH requests that Microsoft Entra sends into the form of RFC 7644.

An application that is connected to Entra has to accept them ("Known issues and resolutions with SCIM 2.0 protocol
compliance of the Microsoft Entra user provisioning service"). That Kiro does is inferred from its guide, which requires
no tenant URL flag. Converted are

- members removed by a list of values (AWS's own clients do that too) instead of by a filter;
- an entry such as ``emails[type eq "work"].value`` that is added or replaced while no entry of that type exists;
- an operation without a path, with dotted sub-attributes or extension attributes with a URN in its value;
- members with ``"$ref": null``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

Body = dict[str, Any]

_ENTRY_PATH = re.compile(
    r'(?P<attribute>\w+)\[\s*(?P<key>\w+)\s+eq\s+"(?P<selector>[^"]*)"\s*\]\.(?P<sub>\w+)', re.IGNORECASE
)


def normalize(operations: list[Body], current: Body) -> list[Body]:
    """The same changes as RFC 7644 operations.

    Args:
        operations: the operations as sent.
        current: the stored resource.
    """
    entries = {key: list(value) for key, value in current.items() if isinstance(value, list)}
    normalized: list[Body] = []
    for operation in operations:
        for operation_with_path in _with_paths(operation):
            normalized += _normalize_operation(operation_with_path, entries)
    return normalized


def _with_paths(operation: Body) -> Iterator[Body]:
    value = operation.get("value")
    if operation.get("path") or not isinstance(value, dict):
        yield operation
        return
    paths = {path: part for path, part in value.items() if "." in path and not isinstance(part, dict)}
    yield from ({"op": operation.get("op"), "path": path, "value": part} for path, part in paths.items())
    rest = {path: part for path, part in value.items() if path not in paths}
    if rest:
        yield {"op": operation.get("op"), "value": rest}


def _normalize_operation(operation: Body, entries: dict[str, list[Any]]) -> list[Body]:
    op, path = str(operation.get("op", "")).casefold(), str(operation.get("path") or "")
    value = operation.get("value")
    if path.casefold() == "members":
        members = [_member(member) for member in value] if isinstance(value, list) else value
        if op == "remove" and isinstance(members, list):
            present = {member.get("value") for member in entries.get("members", ())}
            removed = [member["value"] for member in members if member.get("value") in present]
            return [{"op": "remove", "path": f"members[value eq {json.dumps(key)}]"} for key in removed]
        return [{**operation, "value": members}]
    match = _ENTRY_PATH.fullmatch(path)
    if match is None or op not in {"add", "replace"}:
        return [operation]
    attribute, key, selector = match["attribute"], match["key"], match["selector"]
    existing = entries.setdefault(attribute, [])
    if any(str(entry.get(key, "")).casefold() == selector.casefold() for entry in existing):
        return [operation]
    entry = {key: selector, match["sub"]: value}
    existing.append(entry)
    return [{"op": "add", "path": attribute, "value": [entry]}]


def _member(member: Any) -> Any:
    if not isinstance(member, dict):
        return {"value": member}
    return {name: value for name, value in member.items() if value is not None}
