"""Entity sets: finding a directory object by its key or alternate key, listing it, reading it, and its relations."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.entra.graph import odata
from provisioner.sandbox.entra.graph.call import Call, Reply
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request, not_found
from provisioner.sandbox.store import Document, Store

KINDS = ("user", "group", "servicePrincipal", "application")
_ALTERNATE = re.compile(r"\((\w+)='((?:[^']|'')*)'\)")
_REFERENCE = re.compile(
    r".*/(?:directoryObjects|users|groups|servicePrincipals|applications)[/(]'?([^/'()]+)'?\)?$"
)


@dataclass(frozen=True, slots=True)
class EntitySet:
    """A collection of directory objects of one kind, and the alternate keys it knows."""

    name: str
    kind: str
    alternate_keys: tuple[str, ...] = ()


APPLICATIONS = EntitySet("applications", "application", ("appId", "uniqueName"))
SERVICE_PRINCIPALS = EntitySet("servicePrincipals", "servicePrincipal", ("appId",))
GROUPS = EntitySet("groups", "group", ("uniqueName",))
USERS = EntitySet("users", "user", ("userPrincipalName",))
BY_KIND: Mapping[str, EntitySet] = {s.kind: s for s in (APPLICATIONS, SERVICE_PRINCIPALS, GROUPS, USERS)}


def alternate_key(key: str) -> tuple[str, str] | None:
    """``(uniqueName='x')`` as name and value, or None for a plain id."""
    found = _ALTERNATE.fullmatch(key)
    return (found.group(1), found.group(2).replace("''", "'")) if found else None


def find(directory: Store, entity_set: EntitySet, key: str) -> Document:
    """The object with this id or alternate key.

    Raises:
        GraphError: 404 when there is none, 400 when the key is not an id at all.
    """
    alternate = alternate_key(key)
    if alternate:
        return _find_by(directory, entity_set, *alternate)
    if entity_set is USERS and "@" in key:
        return _find_by(directory, entity_set, "userPrincipalName", key)
    document = directory.get(entity_set.kind, key)
    if document is None:
        if entity_set is not USERS and not is_guid(key):
            raise bad_request(f"Invalid object identifier '{key}'.")
        raise not_found(key)
    return document


def _find_by(directory: Store, entity_set: EntitySet, name: str, value: str) -> Document:
    if name not in entity_set.alternate_keys:
        raise bad_request(f"The key '{name}' is not an alternate key of '{entity_set.name}'.", "BadRequest")
    for document in directory.containing(entity_set.kind, value):
        if str(document.get(name) or "").casefold() == value.casefold():
            return document
    raise not_found(value)


def is_guid(text: Any) -> bool:
    """Whether something is a GUID in its usual spelling."""
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def any_object(directory: Store, key: str) -> Document | None:
    """A directory object of whatever kind, with ``@odata.type``."""
    for kind in KINDS:
        document = directory.get(kind, key)
        if document is not None:
            return typed(document, kind)
    return None


def typed(document: Document, kind: str) -> Document:
    """A document with its ``@odata.type``, as in lists of mixed objects."""
    return {"@odata.type": f"#microsoft.graph.{kind}", **document}


def referenced(directory: Store, url: Any) -> Document:
    """The object that an ``@odata.id`` or ``@odata.bind`` URL points to.

    Raises:
        GraphError: 400 when it is not such a URL, 404 when the object does not exist.
    """
    found = _REFERENCE.match(url) if isinstance(url, str) else None
    if found is None:
        raise bad_request("Invalid URL format specified in @odata.id payload.", "BadRequest")
    document = any_object(directory, found.group(1))
    if document is None:
        raise not_found(found.group(1))
    return document


def bound_ids(directory: Store, body: Document, relation: str) -> list[str]:
    """Ids of the objects in ``<relation>@odata.bind`` of a body."""
    return [referenced(directory, url)["id"] for url in body.get(f"{relation}@odata.bind") or []]


def list_all(entity_set: EntitySet, call: Call) -> Reply:
    """``GET /{set}``."""
    documents = call.directory.all(entity_set.kind)
    return odata.collection(call, documents, entity_set.kind, entity_set.name, relations_of(entity_set.kind))


def count_all(entity_set: EntitySet, call: Call) -> Reply:
    """``GET /{set}/$count``."""
    return odata.count(call, call.directory.all(entity_set.kind), entity_set.kind)


def read(entity_set: EntitySet, call: Call, key: str) -> Reply:
    """``GET /{set}/{key}``."""
    return shown(call, entity_set, find(call.directory, entity_set, key))


def shown(call: Call, entity_set: EntitySet, document: Document, status: int = 200) -> Reply:
    """An object as an answer; with a Location header when it was just created."""
    kind = entity_set.kind
    body = odata.entity(call, document, kind, entity_set.name, relations_of(kind))
    headers = {"Location": f"{call.root}/{entity_set.name}/{document['id']}"} if status == 201 else {}
    return Reply(status, body, headers)


# Relations.


def _objects(directory: Store, keys: Iterable[str]) -> list[Document]:
    found = (any_object(directory, key) for key in keys)
    return [document for document in found if document is not None]


def owners(directory: Store, document: Document) -> list[Document]:
    """Owners, in the order they were added."""
    return _objects(directory, document.get("_owners", []))


def members(directory: Store, group: Document) -> list[Document]:
    """Direct members, in the order they were added."""
    return _objects(directory, group["_members"])


def transitive_members(directory: Store, group: Document) -> list[Document]:
    """Members, members of member groups, and so on; each once."""
    seen: dict[str, Document] = {}
    waiting = members(directory, group)
    while waiting:
        item = waiting.pop(0)
        if item["id"] not in seen:
            seen[item["id"]] = item
            waiting += members(directory, item) if "_members" in item else []
    return list(seen.values())


def member_of(directory: Store, document: Document) -> list[Document]:
    """Groups that the object is a direct member of."""
    return [typed(group, "group") for group in directory.all("group") if document["id"] in group["_members"]]


def transitive_member_of(directory: Store, document: Document) -> list[Document]:
    """Groups that the object is in, directly or through other groups; each once."""
    seen: dict[str, Document] = {}
    waiting = member_of(directory, document)
    while waiting:
        item = waiting.pop(0)
        if item["id"] not in seen:
            seen[item["id"]] = item
            waiting += member_of(directory, item)
    return list(seen.values())


def app_role_assignments(directory: Store, principal: Document) -> list[Document]:
    """App roles granted to a user, group or service principal."""
    return [a for a in directory.all("appRoleAssignment") if a["principalId"] == principal["id"]]


def app_role_assigned_to(directory: Store, resource: Document) -> list[Document]:
    """Who was granted app roles of this service principal."""
    return [a for a in directory.all("appRoleAssignment") if a["resourceId"] == resource["id"]]


def permission_grants(directory: Store, document: Document) -> list[Document]:
    """Delegated permission grants made to a client, or for a user."""
    return [
        g
        for g in directory.all("oauth2PermissionGrant")
        if document["id"] in (g["clientId"], g.get("principalId"))
    ]


_RELATIONS: Mapping[str, Mapping[str, odata.Relation]] = {
    "application": {"owners": owners},
    "servicePrincipal": {
        "owners": owners,
        "memberOf": member_of,
        "transitiveMemberOf": transitive_member_of,
        "appRoleAssignments": app_role_assignments,
        "appRoleAssignedTo": app_role_assigned_to,
        "oauth2PermissionGrants": permission_grants,
    },
    "group": {
        "owners": owners,
        "members": members,
        "transitiveMembers": transitive_members,
        "memberOf": member_of,
        "transitiveMemberOf": transitive_member_of,
        "appRoleAssignments": app_role_assignments,
    },
    "user": {
        "memberOf": member_of,
        "transitiveMemberOf": transitive_member_of,
        "appRoleAssignments": app_role_assignments,
        "oauth2PermissionGrants": permission_grants,
    },
}
_ASSIGNMENT_LISTS = ("appRoleAssignments", "appRoleAssignedTo")


def relations_of(kind: str) -> Mapping[str, odata.Relation]:
    """What can be listed under, or expanded in, objects of a kind."""
    return _RELATIONS[kind]


def list_related(
    entity_set: EntitySet, relation: str, call: Call, key: str, cast: str | None = None
) -> Reply:
    """A relation of one object as a page; ``cast`` keeps objects of one type (``microsoft.graph.user``)."""
    documents, type_name = _related(entity_set, relation, call, key, cast)
    context = {"appRoleAssignment": f"{entity_set.name}('{key}')/{relation}"}.get(type_name)
    named = BY_KIND[type_name].name if type_name in BY_KIND else f"{type_name}s"
    return odata.collection(call, documents, type_name, context or named)


def count_related(
    entity_set: EntitySet, relation: str, call: Call, key: str, cast: str | None = None
) -> Reply:
    """``GET /{set}/{key}/{relation}/$count``."""
    documents, type_name = _related(entity_set, relation, call, key, cast)
    return odata.count(call, documents, type_name)


def _related(
    entity_set: EntitySet, relation: str, call: Call, key: str, cast: str | None
) -> tuple[list[Document], str]:
    documents = _RELATIONS[entity_set.kind][relation](call.directory, find(call.directory, entity_set, key))
    if relation in _ASSIGNMENT_LISTS:
        return documents, "appRoleAssignment"
    if relation == "oauth2PermissionGrants":
        return documents, "oAuth2PermissionGrant"
    if cast is None:
        return documents, "directoryObject"
    kind = cast.removeprefix("microsoft.graph.")
    if kind not in BY_KIND:
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{cast}'.")
    return [document for document in documents if document["@odata.type"].endswith(f".{kind}")], kind
