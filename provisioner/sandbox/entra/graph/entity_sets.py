"""Entity sets: directory objects by id or alternate key, listed, counted and read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from provisioner.sandbox.entra.graph import odata
from provisioner.sandbox.entra.graph.documents import is_guid
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request, not_found
from provisioner.sandbox.entra.graph.relationships import RELATIONSHIPS, kind_of
from provisioner.sandbox.entra.graph.request import GraphRequest, GraphResponse
from provisioner.sandbox.store import Document, Store

_ALTERNATE_KEY = re.compile(r"\((\w+)='((?:[^']|'')*)'\)")


@dataclass(frozen=True, slots=True)
class EntitySet:
    """A collection of directory objects of one kind, and its alternate keys."""

    name: str
    kind: str
    alternate_keys: tuple[str, ...] = ()


APPLICATIONS = EntitySet("applications", "application", ("appId", "uniqueName"))
SERVICE_PRINCIPALS = EntitySet("servicePrincipals", "servicePrincipal", ("appId",))
GROUPS = EntitySet("groups", "group", ("uniqueName",))
USERS = EntitySet("users", "user", ("userPrincipalName",))
BY_KIND: Mapping[str, EntitySet] = {s.kind: s for s in (APPLICATIONS, SERVICE_PRINCIPALS, GROUPS, USERS)}


def find(directory: Store, entity_set: EntitySet, key: str) -> Document:
    """The object with this id or alternate key (``(appId='...')``).

    Raises:
        GraphError: 404 when it does not exist, 400 when the key is not an id at all.
    """
    alternate_key = _alternate_key(key)
    if alternate_key:
        return _find_by(directory, entity_set, *alternate_key)
    if entity_set is USERS and "@" in key:
        return _find_by(directory, entity_set, "userPrincipalName", key)
    document = directory.get(entity_set.kind, key)
    if document is None:
        if entity_set is not USERS and not is_guid(key):
            raise bad_request(f"Invalid object identifier '{key}'.")
        raise not_found(key)
    return document


def _alternate_key(key: str) -> tuple[str, str] | None:
    """``(uniqueName='x')`` as name and value, or None for a plain id."""
    match = _ALTERNATE_KEY.fullmatch(key)
    return (match.group(1), match.group(2).replace("''", "'")) if match else None


def _find_by(directory: Store, entity_set: EntitySet, name: str, value: str) -> Document:
    if name not in entity_set.alternate_keys:
        raise bad_request(f"The key '{name}' is not an alternate key of '{entity_set.name}'.", "BadRequest")
    for document in directory.containing(entity_set.kind, value):
        if str(document.get(name) or "").casefold() == value.casefold():
            return document
    raise not_found(value)


def key_to_create(entity_set: EntitySet, request: GraphRequest, key: str, name: str) -> str | None:
    """The alternate key of the object that a PATCH has to create, or None when it updates an existing one.

    A PATCH by alternate key with ``Prefer: create-if-missing`` is an upsert (Microsoft Graph v1.0, "Upsert application",
    "Upsert group", "Upsert servicePrincipal").

    Args:
        entity_set: the entity set.
        request: the PATCH.
        key: the key in its path.
        name: the alternate key that an upsert may use.
    """
    alternate_key = _alternate_key(key)
    if alternate_key is None or alternate_key[0] != name or not request.prefers("create-if-missing"):
        return None
    try:
        find(request.directory, entity_set, key)
    except GraphError as error:
        return alternate_key[1] if error.status == 404 else None
    return None


def list_entities(entity_set: EntitySet, request: GraphRequest) -> GraphResponse:
    """``GET /{set}``."""
    kind = entity_set.kind
    return odata.collection(request, request.directory.all(kind), kind, entity_set.name, RELATIONSHIPS[kind])


def count_entities(entity_set: EntitySet, request: GraphRequest) -> GraphResponse:
    """``GET /{set}/$count``."""
    return odata.count(request, request.directory.all(entity_set.kind), entity_set.kind)


def read_entity(entity_set: EntitySet, request: GraphRequest, key: str) -> GraphResponse:
    """``GET /{set}/{key}``."""
    return entity_response(request, entity_set, find(request.directory, entity_set, key))


def entity_response(
    request: GraphRequest, entity_set: EntitySet, document: Document, status: int = 200
) -> GraphResponse:
    """A response with one object; status 201 adds the Location header."""
    kind = entity_set.kind
    response = odata.entity(request, document, kind, entity_set.name, RELATIONSHIPS[kind])
    headers = {"Location": f"{request.root}/{entity_set.name}/{document['id']}"} if status == 201 else {}
    return replace(response, status=status, headers=headers)


def list_related(
    entity_set: EntitySet, relationship: str, request: GraphRequest, key: str, cast: str | None = None
) -> GraphResponse:
    """``GET /{set}/{key}/{relationship}``; ``cast`` selects objects of one type (``microsoft.graph.user``)."""
    documents, type_name = _related(entity_set, relationship, request, key, cast)
    if type_name == "appRoleAssignment":
        context = f"{entity_set.name}('{key}')/{relationship}"
    else:
        context = BY_KIND[type_name].name if type_name in BY_KIND else f"{type_name}s"
    return odata.collection(request, documents, type_name, context)


def count_related(
    entity_set: EntitySet, relationship: str, request: GraphRequest, key: str, cast: str | None = None
) -> GraphResponse:
    """``GET /{set}/{key}/{relationship}/$count``."""
    documents, type_name = _related(entity_set, relationship, request, key, cast)
    return odata.count(request, documents, type_name)


def _related(
    entity_set: EntitySet, relationship: str, request: GraphRequest, key: str, cast: str | None
) -> tuple[list[Document], str]:
    """The related objects, and the name of their type."""
    document = find(request.directory, entity_set, key)
    documents = RELATIONSHIPS[entity_set.kind][relationship](request.directory, document)
    if relationship in ("appRoleAssignments", "appRoleAssignedTo"):
        return documents, "appRoleAssignment"
    if relationship == "oauth2PermissionGrants":
        return documents, "oAuth2PermissionGrant"
    if cast is None:
        return documents, "directoryObject"
    kind = cast.removeprefix("microsoft.graph.")
    if kind not in BY_KIND:
        raise bad_request(f"Resource not found for the segment '{cast}'.", "BadRequest")
    return [document for document in documents if kind_of(document) == kind], kind
