"""The target side: names of SCIM attributes, and the bodies and PATCH operations made from them.

A target attribute is named by a path such as ``userName``, ``name.givenName``, ``emails[type eq "work"].value`` or
``urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department``. The requests are those of "Develop and plan
provisioning for a SCIM endpoint in Microsoft Entra ID", SCIM protocol requests and responses, and of "Known issues and
resolutions with SCIM 2.0 protocol compliance", which shows what the tenant URL flag aadOptscim062020 changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.entra.provisioning.functions import Value, text_of
from provisioner.sandbox.scim import CORE_GROUP, CORE_USER, ENTERPRISE_USER

Body = dict[str, Any]

_PATH = re.compile(
    r"""(?:(?P<schema>urn:[^\[\]"\s]+):)?
        (?P<attribute>[A-Za-z$][\w$-]*)
        (?:\[(?P<key>\w+)\ eq\ "(?P<wanted>[^"]*)"\])?
        (?:\.(?P<sub>[A-Za-z$][\w$-]*))?""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Path:
    """A parsed target attribute name.

    Attributes:
        attribute: the attribute's own name.
        schema: URN of the extension it belongs to, or None for the core schema.
        where: the sub-attribute and value that pick one entry of a multivalued attribute, or None.
        sub: the sub-attribute that holds the value, or None.
    """

    attribute: str
    schema: str | None = None
    where: tuple[str, str] | None = None
    sub: str | None = None

    def __str__(self) -> str:
        schema = f"{self.schema}:" if self.schema else ""
        where = f'[{self.where[0]} eq "{self.where[1]}"]' if self.where else ""
        return f"{schema}{self.attribute}{where}{'.' + self.sub if self.sub else ''}"


def parse_path(name: str) -> Path:
    """Read a target attribute name.

    Raises:
        ValueError: when it is not one.
    """
    found = _PATH.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} is not the name of a SCIM attribute")
    where = (found["key"], found["wanted"]) if found["key"] else None
    return Path(found["attribute"], found["schema"], where, found["sub"])


def read(resource: Body, name: str) -> Value:
    """The value a resource holds for a target attribute, as text; None when it holds none."""
    path = parse_path(name)
    holder = resource.get(path.schema) or {} if path.schema else resource
    value = holder.get(path.attribute)
    if path.where is not None:
        value = next((each for each in value or [] if _is_picked(each, path.where)), None)
    if path.sub is not None:
        value = value.get(path.sub) if isinstance(value, dict) else None
    elif isinstance(value, dict):  # a reference such as manager
        value = value.get("value")
    if isinstance(value, list):
        return [str(each.get("value") if isinstance(each, dict) else each) for each in value] or None
    return None if value is None or value == "" else str(value)


def creation_body(kind: str, values: Mapping[str, Value], booleans: Iterable[str] = ()) -> Body:
    """The body of the POST that creates a user or a group (groups are created without members).

    Args:
        kind: "User" or "Group".
        values: values by target attribute name; nulls are left out.
        booleans: names of the attributes that are Boolean in the target.
    """
    body: Body = {"schemas": [CORE_USER, ENTERPRISE_USER] if kind == "User" else [CORE_GROUP]}
    typed = set(booleans)
    for name, value in values.items():
        if value is not None:
            _write(body, parse_path(name), _typed(value, boolean=name in typed))
    body["meta"] = {"resourceType": kind}
    return body


def update_operations(
    changes: Mapping[str, Value], present: Iterable[str], booleans: Iterable[str] = (), *, compliant: bool
) -> list[Body]:
    """The operations of the PATCH that changes single attributes.

    Args:
        changes: new values by target attribute name.
        present: names of the attributes that have a value in the target now: "Replace", the others "Add".
        booleans: names of the attributes that are Boolean in the target.
        compliant: whether the tenant URL carries the flag aadOptscim062020. Without it operations are capitalised, each
            attribute has its own, and a Boolean travels as the text "True" or "False".
    """
    there, typed = set(present), set(booleans)
    if not compliant:
        return [
            {"op": "Replace" if name in there else "Add", "path": name, "value": _plain(value)}
            for name, value in changes.items()
        ]
    values = {name: _typed(value, boolean=name in typed) for name, value in changes.items()}
    together = {name: value for name, value in values.items() if name in there and "[" not in name}
    if len(together) < 2:
        together = {}
    single = [
        {"op": "replace" if name in there else "add", "path": name, "value": value}
        for name, value in values.items()
        if name not in together
    ]
    return single + ([{"op": "replace", "value": together}] if together else [])


def member_operations(add: Iterable[str], remove: Iterable[str], *, compliant: bool) -> list[Body]:
    """The operations of the PATCH that changes a group's members, given by their SCIM ids."""
    added, gone = list(add), list(remove)
    operations: list[Body] = []
    if added:
        operations.append(
            {"op": "add" if compliant else "Add", "path": "members", "value": _references(added)}
        )
    if gone and compliant:
        operations += [{"op": "remove", "path": f'members[value eq "{each}"]'} for each in gone]
    elif gone:
        operations.append({"op": "Remove", "path": "members", "value": _references(gone)})
    return operations


def reference_operations(name: str, scim_id: str, *, present: bool, compliant: bool) -> list[Body]:
    """The operation of the PATCH that sets a single reference, such as a manager.

    Without the flag the value is a list of references, as in the tutorial's update of a manager. What the flag makes of
    it is not documented; a compliant request has to carry the complex value.
    """
    if compliant:
        return [{"op": "replace" if present else "add", "path": name, "value": {"value": scim_id}}]
    return [{"op": "Replace" if present else "Add", "path": name, "value": _references([scim_id])}]


def same(one: Value, other: Value, *, case_exact: bool) -> bool:
    """Whether two values are equal for change detection (attributeDefinition: caseExact)."""
    left, right = _plain(one), _plain(other)
    if case_exact or isinstance(left, list) or isinstance(right, list):
        return left == right
    return left.casefold() == right.casefold()


def _references(keys: list[str]) -> list[Body]:
    return [{"$ref": None, "value": each} for each in keys]


def _write(body: Body, path: Path, value: Any) -> None:
    holder = body.setdefault(path.schema, {}) if path.schema else body
    if path.where is not None:
        holder = _picked(holder.setdefault(path.attribute, []), path)
        holder[path.sub or "value"] = value
    elif path.sub is not None:
        holder.setdefault(path.attribute, {})[path.sub] = value
    else:
        holder[path.attribute] = value


def _picked(entries: list[Body], path: Path) -> Body:
    assert path.where is not None
    for each in entries:
        if _is_picked(each, path.where):
            return each
    key, wanted = path.where
    entry: Body = {key: wanted == "True" if key == "primary" else wanted}
    if path.attribute == "emails" and wanted == "work":
        entry = {"primary": True, **entry}  # as in the tutorial's "Create User"
    entries.append(entry)
    return entry


def _is_picked(entry: Any, where: tuple[str, str]) -> bool:
    return isinstance(entry, dict) and str(entry.get(where[0], "")).casefold() == where[1].casefold()


def _typed(value: Value, *, boolean: bool) -> Any:
    return text_of(value).lower() == "true" if boolean else _plain(value)


def _plain(value: Value) -> str | list[str]:
    return value if isinstance(value, list) else value or ""
