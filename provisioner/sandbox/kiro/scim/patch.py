"""PATCH requests in the forms that Microsoft Entra sends, put into the form of RFC 7644.

A vendor that is connected to Entra has to understand them ("Known issues and resolutions with SCIM 2.0 protocol
compliance of the Microsoft Entra user provisioning service"); that Kiro does is inferred from its guide, which asks for
no tenant URL flag. Put right are

- members removed by a list of values (AWS's own clients do that too) instead of by a filter;
- an entry such as ``emails[type eq "work"].value`` added or replaced where no entry of that type exists yet;
- an operation without a path whose value names sub-attributes with dots, or extension attributes with their URN;
- members that carry ``"$ref": null``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

Body = dict[str, Any]

_PICKED = re.compile(
    r'(?P<attribute>\w+)\[\s*(?P<key>\w+)\s+eq\s+"(?P<wanted>[^"]*)"\s*\]\.(?P<sub>\w+)', re.IGNORECASE
)


def normalised(operations: list[Body], current: Body) -> list[Body]:
    """The same changes as RFC 7644 operations.

    Args:
        operations: the operations as sent.
        current: the stored resource.
    """
    plain = [each for given in operations for each in _with_paths(given)]
    fixed: list[Body] = []
    entries = {key: list(value) for key, value in current.items() if isinstance(value, list)}
    for each in plain:
        fixed += _operation(each, entries)
    return fixed


def _with_paths(operation: Body) -> Iterator[Body]:
    value = operation.get("value")
    if operation.get("path") or not isinstance(value, dict):
        yield operation
        return
    pathed = {k: v for k, v in value.items() if "." in k and not isinstance(v, dict)}
    rest = {k: v for k, v in value.items() if k not in pathed}
    yield from ({"op": operation.get("op"), "path": k, "value": v} for k, v in pathed.items())
    if rest:
        yield {"op": operation.get("op"), "value": rest}


def _operation(operation: Body, entries: dict[str, list[Any]]) -> list[Body]:
    op, path = str(operation.get("op", "")).casefold(), str(operation.get("path") or "")
    value = operation.get("value")
    if path.casefold() == "members":
        members = [_member(each) for each in value] if isinstance(value, list) else value
        if op == "remove" and isinstance(members, list):
            present = {each.get("value") for each in entries.get("members", ())}
            gone = [each["value"] for each in members if each.get("value") in present]
            return [{"op": "remove", "path": f"members[value eq {json.dumps(each)}]"} for each in gone]
        return [{**operation, "value": members}]
    picked = _PICKED.fullmatch(path)
    if picked is None or op not in {"add", "replace"}:
        return [operation]
    known = entries.setdefault(picked["attribute"], [])
    if any(str(each.get(picked["key"], "")).casefold() == picked["wanted"].casefold() for each in known):
        return [operation]
    entry = {picked["key"]: picked["wanted"], picked["sub"]: value}
    known.append(entry)
    return [{"op": "add", "path": picked["attribute"], "value": [entry]}]


def _member(member: Any) -> Any:
    return (
        {k: v for k, v in member.items() if v is not None} if isinstance(member, dict) else {"value": member}
    )
