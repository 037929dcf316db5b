"""SCIM payloads: names of target attributes, request bodies and PATCH operations.

A target attribute is named by a path such as ``userName``, ``name.givenName``, ``emails[type eq "work"].value`` or
``urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department``. The requests are those of two pages of Microsoft:
"Develop and plan provisioning for a SCIM endpoint in Microsoft Entra ID", SCIM protocol requests and responses; and "Known
issues and resolutions with SCIM 2.0 protocol compliance", which shows the effect of the tenant URL flag aadOptscim062020.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.entra.provisioning.functions import Value, text_of
from provisioner.sandbox.scim import CORE_GROUP, CORE_USER, ENTERPRISE_USER, Body

_PATH = re.compile(
    r"""(?:(?P<schema>urn:[^\[\]"\s]+):)?
        (?P<attribute>[A-Za-z$][\w$-]*)
        (?:\[(?P<key>\w+)\ eq\ "(?P<value>[^"]*)"\])?
        (?:\.(?P<sub>[A-Za-z$][\w$-]*))?""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class AttributePath:
    """A parsed target attribute name.

    Attributes:
        attribute: the attribute's own name.
        schema: URN of the extension it belongs to, or None for the core schema.
        where: the sub-attribute and value that select one entry of a multivalued attribute, or None.
        sub: the sub-attribute that has the value, or None.
    """

    attribute: str
    schema: str | None = None
    where: tuple[str, str] | None = None
    sub: str | None = None


def parse_path(name: str) -> AttributePath:
    """Parse a target attribute name.

    Raises:
        ValueError: when it is not one.
    """
    match = _PATH.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not the name of a SCIM attribute")
    where = (match["key"], match["value"]) if match["key"] else None
    return AttributePath(match["attribute"], match["schema"], where, match["sub"])


def read_attribute(resource: Body, name: str) -> Value:
    """The value of a target attribute in a resource, as text; None when it has none."""
    path = parse_path(name)
    parent = resource.get(path.schema) or {} if path.schema else resource
    value = parent.get(path.attribute)
    if path.where is not None:
        value = next((entry for entry in value or [] if _is_selected(entry, path.where)), None)
    if path.sub is not None:
        value = value.get(path.sub) if isinstance(value, dict) else None
    elif isinstance(value, dict):  # a reference such as manager
        value = value.get("value")
    if isinstance(value, list):
        return [str(entry.get("value") if isinstance(entry, dict) else entry) for entry in value] or None
    return None if value is None or value == "" else str(value)


def creation_body(kind: str, values: Mapping[str, Value], booleans: Iterable[str] = ()) -> Body:
    """The body of the POST that creates a user or a group (groups are created without members).

    Args:
        kind: "User" or "Group".
        values: values by target attribute name; nulls are omitted.
        booleans: names of the attributes that are Boolean in the target.
    """
    body: Body = {"schemas": [CORE_USER, ENTERPRISE_USER] if kind == "User" else [CORE_GROUP]}
    boolean_names = set(booleans)
    for name, value in values.items():
        if value is not None:
            _set_attribute(body, parse_path(name), _typed(value, boolean=name in boolean_names))
    body["meta"] = {"resourceType": kind}
    return body


def update_operations(
    changes: Mapping[str, Value], existing: Iterable[str], booleans: Iterable[str] = (), *, compliant: bool
) -> list[Body]:
    """The operations of the PATCH that changes attributes.

    Args:
        changes: new values by target attribute name; None becomes an empty string.
        existing: names of the attributes that already have a value in the target. They are replaced, the others added.
        booleans: names of the attributes that are Boolean in the target.
        compliant: whether the tenant URL has the flag aadOptscim062020. Without it, each attribute has its own operation with
            a capitalised name, and a Boolean is the text "True" or "False". With it, two or more existing attributes whose
            paths have no filter become one replace operation without a path.
    """
    existing_names, boolean_names = set(existing), set(booleans)
    if not compliant:
        return [
            {"op": "Replace" if name in existing_names else "Add", "path": name, "value": _plain(value)}
            for name, value in changes.items()
        ]
    values = {name: _typed(value, boolean=name in boolean_names) for name, value in changes.items()}
    combined = {name: value for name, value in values.items() if name in existing_names and "[" not in name}
    if len(combined) < 2:
        combined = {}
    single = [
        {"op": "replace" if name in existing_names else "add", "path": name, "value": value}
        for name, value in values.items()
        if name not in combined
    ]
    return single + ([{"op": "replace", "value": combined}] if combined else [])


def member_operations(added: Iterable[str], removed: Iterable[str], *, compliant: bool) -> list[Body]:
    """The operations of the PATCH that changes a group's members, given by their SCIM ids."""
    added_ids, removed_ids = list(added), list(removed)
    operations: list[Body] = []
    if added_ids:
        op = "add" if compliant else "Add"
        operations.append({"op": op, "path": "members", "value": _references(added_ids)})
    if removed_ids and compliant:
        operations += [{"op": "remove", "path": f'members[value eq "{key}"]'} for key in removed_ids]
    elif removed_ids:
        operations.append({"op": "Remove", "path": "members", "value": _references(removed_ids)})
    return operations


def reference_operations(name: str, scim_id: str, *, exists: bool, compliant: bool) -> list[Body]:
    """The operation of the PATCH that sets a single reference, such as a manager.

    Without the flag the value is a list of references, as in the update of a manager in "Develop and plan provisioning for a
    SCIM endpoint in Microsoft Entra ID". The effect of the flag is not documented; a compliant request must have the complex
    value.

    Args:
        name: name of the target attribute.
        scim_id: SCIM id of the referenced user.
        exists: whether the target already has a reference.
        compliant: whether the tenant URL has the flag aadOptscim062020.
    """
    if compliant:
        return [{"op": "replace" if exists else "add", "path": name, "value": {"value": scim_id}}]
    return [{"op": "Replace" if exists else "Add", "path": name, "value": _references([scim_id])}]


def same_value(left: Value, right: Value, *, case_exact: bool) -> bool:
    """Whether two values are equal for change detection (attributeDefinition: caseExact)."""
    one, other = _plain(left), _plain(right)
    if case_exact or isinstance(one, list) or isinstance(other, list):
        return one == other
    return one.casefold() == other.casefold()


def _references(keys: list[str]) -> list[Body]:
    return [{"$ref": None, "value": key} for key in keys]


def _set_attribute(body: Body, path: AttributePath, value: Any) -> None:
    parent = body.setdefault(path.schema, {}) if path.schema else body
    if path.where is not None:
        entry = _find_or_add_entry(parent.setdefault(path.attribute, []), path.attribute, path.where)
        entry[path.sub or "value"] = value
    elif path.sub is not None:
        parent.setdefault(path.attribute, {})[path.sub] = value
    else:
        parent[path.attribute] = value


def _find_or_add_entry(entries: list[Body], attribute: str, where: tuple[str, str]) -> Body:
    """The entry of a multivalued attribute that a filter selects. It is added if it does not exist."""
    for entry in entries:
        if _is_selected(entry, where):
            return entry
    key, value = where
    new: Body = {key: value == "True" if key == "primary" else value}
    if attribute == "emails" and value == "work":
        new = {"primary": True, **new}  # as in "Create User" of "Develop and plan provisioning ..."
    entries.append(new)
    return new


def _is_selected(entry: Any, where: tuple[str, str]) -> bool:
    return isinstance(entry, dict) and str(entry.get(where[0], "")).casefold() == where[1].casefold()


def _typed(value: Value, *, boolean: bool) -> Any:
    return text_of(value).lower() == "true" if boolean else _plain(value)


def _plain(value: Value) -> str | list[str]:
    return value if isinstance(value, list) else value or ""
