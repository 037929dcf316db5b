"""The source side: directory objects as the provisioning service sees them, and which of them are in scope.

Documented in "How Application Provisioning works in Microsoft Entra ID", Scoping: with "Sync only assigned users and
groups" the scope is the users assigned to the application, the groups assigned to it, and the users who are immediate
members of such a group; nested groups are not expanded, and an assigned group must be security enabled.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.entra.provisioning.functions import Value, text_of, truth
from provisioner.sandbox.store import Store

Document = dict[str, Any]

_DEFAULT_ROLE = "Default Assignment"
_GUEST = re.compile(r"^(?P<local>.+)#EXT#@.+$")

# The service's attribute names that differ from the properties of Graph v1.0.
_RENAMED = {
    "facsimileTelephoneNumber": "faxNumber",
    "immutableId": "onPremisesImmutableId",
    "mobile": "mobilePhone",
    "physicalDeliveryOfficeName": "officeLocation",
}
_NESTED = {
    "employeeOrgData.costCenter": ("employeeOrgData", "costCenter"),
    "employeeOrgData.division": ("employeeOrgData", "division"),
    **{
        f"extensionAttribute{i}": ("onPremisesExtensionAttributes", f"extensionAttribute{i}")
        for i in range(1, 16)
    },
}


@dataclass(frozen=True)
class Entry:
    """One user or group of the source directory.

    Attributes:
        id: the directory object's id.
        kind: "User" or "Group", the object names of the source directory.
        document: its Graph document; None when it was deleted for good.
        assigned: whether an assignment puts it in scope.
        soft_deleted: whether it lies in the recycle bin.
        roles: names of the app roles its assignments give.
    """

    id: str
    kind: str
    document: Document | None
    assigned: bool
    soft_deleted: bool = False
    roles: tuple[str, ...] = ()

    @property
    def enabled(self) -> bool:
        """Whether it exists, is not in the recycle bin and may sign in (groups always may)."""
        alive = self.document is not None and not self.soft_deleted
        return alive and (self.document or {}).get("accountEnabled") is not False

    @property
    def label(self) -> str:
        """How the logs call it: a user by user principal name, a group by display name."""
        name = "userPrincipalName" if self.kind == "User" else "displayName"
        return str((self.document or {}).get(name) or self.id)

    def attributes(self, *, in_scope: bool) -> dict[str, Value]:
        """Attribute values by the service's names; IsSoftDeleted is computed.

        "The attribute IsSoftDeleted ... can be true in one of four scenarios": out of scope through assignment or
        filter, soft deleted, or accountEnabled false ("Customize user provisioning attribute-mappings", What you
        should know).
        """
        document = self.document or {}
        values = {name: _value(document.get(name)) for name in document if not name.startswith(("_", "@"))}
        values |= {name: _value(document.get(property_)) for name, property_ in _RENAMED.items()}
        values |= {
            name: _value((document.get(outer) or {}).get(inner)) for name, (outer, inner) in _NESTED.items()
        }
        values["objectId"] = self.id
        values["IsSoftDeleted"] = truth(not (in_scope and self.enabled))
        if self.kind == "User":
            values |= self._user_attributes(document)
        return values

    def _user_attributes(self, document: Document) -> dict[str, Value]:
        name = document.get("userPrincipalName") or ""
        phones = document.get("businessPhones") or []
        manager = document.get("_manager") or (document.get("manager") or {}).get("id")
        return {
            "userPrincipalName": _without_guest_suffix(name) or None,
            "originalUserPrincipalName": name or None,
            "telephoneNumber": phones[0] if phones else None,
            "manager": manager,
            "appRoleAssignments": list(self.roles) or None,
        }


@dataclass(frozen=True)
class Scope:
    """What a job looks at.

    Attributes:
        entries: every user and group that is in scope by assignment, by id.
        members: ids of the immediate user members of each group in scope, in order.
    """

    entries: dict[str, Entry]
    members: dict[str, list[str]]


def read_scope(directory: Store, service_principal_id: str, *, everyone: bool) -> Scope:
    """Read the users and groups in scope.

    Args:
        directory: the directory store.
        service_principal_id: object id of the service principal the job belongs to.
        everyone: the secret SyncAll: all users and groups of the tenant, not only the assigned ones.
    """
    users = {each["id"]: each for each in directory.all("user")}
    groups = {each["id"]: each for each in directory.all("group")}
    roles = _roles(_assignments(directory, service_principal_id), users, groups)
    wanted = [*users, *groups] if everyone else [key for key in roles if key in users or key in groups]
    entries = {
        key: Entry(
            key,
            "User" if key in users else "Group",
            users.get(key) or groups[key],
            assigned=True,
            roles=tuple(dict.fromkeys(roles.get(key, ()))),
        )
        for key in wanted
    }
    members = {
        key: [each for each in groups[key].get("_members") or [] if each in users]
        for key in entries
        if key in groups
    }
    return Scope(entries, members)


def read_entry(directory: Store, scope: Scope, key: str, kind: str) -> Entry:
    """One object, in scope or not, alive or deleted."""
    if key in scope.entries:
        return scope.entries[key]
    alive = directory.get(kind.lower(), key)
    if alive is not None:
        return Entry(key, kind, alive, assigned=False)
    deleted = directory.get("deletedItem", key)
    return Entry(key, kind, deleted, assigned=False, soft_deleted=deleted is not None)


def passes(scope_filter: Document | None, attributes: dict[str, Value]) -> bool:
    """Whether an object passes a scoping filter: every clause of any one group.

    Operators and their meaning: "Scoping users or groups to be provisioned with scoping filters in Microsoft Entra ID".
    The names that Graph gives the operators are those of its filter clauses; ENDS_WITH and the like are accepted with
    a space too. A clause about a null value fails, an unknown operator too.
    """
    groups = [each for each in (scope_filter or {}).get("groups") or [] if each.get("clauses")]
    return not groups or any(all(_holds(clause, attributes) for clause in each["clauses"]) for each in groups)


def _holds(clause: Document, attributes: dict[str, Value]) -> bool:
    value = attributes.get(clause.get("sourceOperandName") or "")
    name = str(clause.get("operatorName") or "").upper().replace("_", " ")
    if name == "IS NULL":
        return not value
    operands = (clause.get("targetOperand") or {}).get("values") or [""]
    test = _OPERATORS.get(name)
    return bool(value) and test is not None and test(text_of(value), str(operands[0]))


def _integers(compare: Callable[[int, int], bool]) -> Callable[[str, str], bool]:
    def test(value: str, operand: str) -> bool:
        return value.isdecimal() and operand.isdecimal() and compare(int(value), int(operand))

    return test


def _matches(value: str, pattern: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return False


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "EQUALS": lambda value, operand: value == operand,
    "NOT EQUALS": lambda value, operand: value != operand,
    "INCLUDES": lambda value, operand: operand in value,
    "ENDS WITH": lambda value, operand: value.endswith(operand),
    "IS TRUE": lambda value, _: value == "True",
    "IS FALSE": lambda value, _: value == "False",
    "IS NOT NULL": lambda value, _: bool(value),
    "REGEX MATCH": _matches,
    "NOT REGEX MATCH": lambda value, operand: not _matches(value, operand),
    "GREATER THAN": _integers(lambda value, operand: value > operand),
    "GREATER THAN OR EQUALS": _integers(lambda value, operand: value >= operand),
}


def _assignments(directory: Store, service_principal_id: str) -> list[tuple[str, str]]:
    """Principal id and role name of the app role assignments."""
    principal = directory.get("servicePrincipal", service_principal_id) or {}
    names = {
        each.get("id"): each.get("value") or each.get("displayName")
        for each in principal.get("appRoles") or []
    }
    return [
        (each["principalId"], names.get(each.get("appRoleId")) or _DEFAULT_ROLE)
        for each in directory.all("appRoleAssignment")
        if each.get("resourceId") == service_principal_id
    ]


def _roles(
    assignments: list[tuple[str, str]], users: dict[str, Document], groups: dict[str, Document]
) -> dict[str, list[str]]:
    """Role names by id of everything assigned: what is named itself, and immediate user members of groups."""
    roles: dict[str, list[str]] = {}
    for principal, role in assignments:
        reached = [principal]
        if principal in groups:
            members = groups[principal].get("_members") or []
            secured = groups[principal].get("securityEnabled")
            reached = [principal, *(each for each in members if each in users)] if secured else []
        for each in reached:
            roles.setdefault(each, []).append(role)
    return roles


def _value(value: Any) -> Value:
    if isinstance(value, bool):
        return truth(value)
    if isinstance(value, list):
        return [str(each) for each in value if not isinstance(each, dict)] or None
    if value is None or isinstance(value, dict) or value == "":
        return None
    return str(value)


def _without_guest_suffix(name: str) -> str:
    """A guest's alias_home.domain#EXT#@tenant counts as alias@home.domain ("B2B (guest) users")."""
    found = _GUEST.match(name)
    if found is None:
        return name
    local, _, domain = found["local"].rpartition("_")
    return f"{local}@{domain}" if local else domain
