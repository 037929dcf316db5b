"""The source directory: users and groups as the provisioning service reads them, and those in scope by assignment.

Documented in "How Application Provisioning works in Microsoft Entra ID", Scoping: with "Sync only assigned users and
groups" the scope is the users assigned to the application, the groups assigned to it, and the users who are immediate
members of such a group; nested groups are not expanded, and an assigned group must be security enabled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.entra.provisioning.functions import Value, boolean_text
from provisioner.sandbox.store import Document, Store

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
        document: its Graph document; None after permanent deletion.
        assigned: whether an assignment puts it in scope.
        soft_deleted: whether it is a deleted item.
        roles: names of the app roles that its assignments grant.
    """

    id: str
    kind: str
    document: Document | None
    assigned: bool
    soft_deleted: bool = False
    roles: tuple[str, ...] = ()

    @property
    def enabled(self) -> bool:
        """Whether it exists, is not deleted and, if a user, has an enabled account."""
        exists = self.document is not None and not self.soft_deleted
        return exists and (self.document or {}).get("accountEnabled") is not False

    @property
    def label(self) -> str:
        """Its name in the logs: a user's user principal name, a group's display name."""
        name = "userPrincipalName" if self.kind == "User" else "displayName"
        return str((self.document or {}).get(name) or self.id)

    def attributes(self, *, in_scope: bool) -> dict[str, Value]:
        """Attribute values by the service's names; IsSoftDeleted is computed.

        "The attribute IsSoftDeleted ... can be true in one of four scenarios": out of scope through assignment or
        filter, soft deleted, or accountEnabled false ("Customize user provisioning attribute-mappings", What you
        should know).
        """
        document = self.document or {}
        values = {name: _value(document[name]) for name in document if not name.startswith(("_", "@"))}
        values |= {name: _value(document.get(property_)) for name, property_ in _RENAMED.items()}
        values |= {
            name: _value((document.get(outer) or {}).get(inner)) for name, (outer, inner) in _NESTED.items()
        }
        values["objectId"] = self.id
        values["IsSoftDeleted"] = boolean_text(not (in_scope and self.enabled))
        if self.kind == "User":
            values |= self._user_attributes(document)
        return values

    def _user_attributes(self, document: Document) -> dict[str, Value]:
        name = document.get("userPrincipalName") or ""
        phones = document.get("businessPhones") or []
        manager = document.get("_manager") or (document.get("manager") or {}).get("id")
        return {
            "userPrincipalName": _home_name(name) or None,
            "originalUserPrincipalName": name or None,
            "telephoneNumber": phones[0] if phones else None,
            "manager": manager,
            "appRoleAssignments": list(self.roles) or None,
        }


@dataclass(frozen=True)
class Scope:
    """The objects in scope by assignment.

    Attributes:
        entries: users and groups by id.
        members: ids of the immediate user members of each group in scope, in order.
    """

    entries: dict[str, Entry]
    members: dict[str, list[str]]


def read_scope(directory: Store, service_principal_id: str, *, sync_all: bool) -> Scope:
    """Read the users and groups in scope.

    Args:
        directory: the directory store.
        service_principal_id: object id of the job's service principal.
        sync_all: the secret SyncAll: all users and groups of the tenant, not only the assigned ones.
    """
    users = {user["id"]: user for user in directory.all("user")}
    groups = {group["id"]: group for group in directory.all("group")}
    roles = _assigned_roles(_assignments(directory, service_principal_id), users, groups)
    keys = [*users, *groups] if sync_all else [key for key in roles if key in users or key in groups]
    entries = {
        key: Entry(
            key,
            "User" if key in users else "Group",
            users.get(key) or groups[key],
            assigned=True,
            roles=tuple(dict.fromkeys(roles.get(key, ()))),
        )
        for key in keys
    }
    members = {
        key: [member for member in groups[key].get("_members") or [] if member in users]
        for key in entries
        if key in groups
    }
    return Scope(entries, members)


def read_entry(directory: Store, scope: Scope, key: str, kind: str) -> Entry:
    """One object, whether it is in scope, out of scope or deleted."""
    if key in scope.entries:
        return scope.entries[key]
    document = directory.get(kind.lower(), key)
    if document is not None:
        return Entry(key, kind, document, assigned=False)
    deleted_item = directory.get("deletedItem", key)
    return Entry(key, kind, deleted_item, assigned=False, soft_deleted=deleted_item is not None)


def _assignments(directory: Store, service_principal_id: str) -> list[tuple[str, str]]:
    """Principal id and role name of the app role assignments."""
    principal = directory.get("servicePrincipal", service_principal_id) or {}
    role_names = {
        role.get("id"): role.get("value") or role.get("displayName")
        for role in principal.get("appRoles") or []
    }
    return [
        (assignment["principalId"], role_names.get(assignment.get("appRoleId")) or _DEFAULT_ROLE)
        for assignment in directory.all("appRoleAssignment")
        if assignment.get("resourceId") == service_principal_id
    ]


def _assigned_roles(
    assignments: list[tuple[str, str]], users: dict[str, Document], groups: dict[str, Document]
) -> dict[str, list[str]]:
    """Role names by object id, of assigned objects and of the immediate user members of assigned groups."""
    roles: dict[str, list[str]] = {}
    for principal_id, role in assignments:
        group = groups.get(principal_id)
        if group is None:
            keys = [principal_id]
        elif group.get("securityEnabled"):
            keys = [principal_id, *(member for member in group.get("_members") or [] if member in users)]
        else:
            keys = []
        for key in keys:
            roles.setdefault(key, []).append(role)
    return roles


def _value(value: Any) -> Value:
    if isinstance(value, bool):
        return boolean_text(value)
    if isinstance(value, list):
        return [str(item) for item in value if not isinstance(item, dict)] or None
    if value is None or isinstance(value, dict) or value == "":
        return None
    return str(value)


def _home_name(name: str) -> str:
    """A guest's name at home: alias_home.domain#EXT#@tenant is alias@home.domain ("B2B (guest) users")."""
    match = _GUEST.match(name)
    if match is None:
        return name
    local, _, domain = match["local"].rpartition("_")
    return f"{local}@{domain}" if local else domain
