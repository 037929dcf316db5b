"""References to directory objects: ``@odata.id``, ``@odata.bind``, and the ``$ref`` calls for owners and members."""

from __future__ import annotations

import re
from typing import Any

from provisioner.sandbox.entra.graph.entity_sets import GROUPS, EntitySet, find
from provisioner.sandbox.entra.graph.errors import bad_request, not_found
from provisioner.sandbox.entra.graph.relationships import find_object, kind_of
from provisioner.sandbox.entra.graph.request import NO_CONTENT, GraphRequest, GraphResponse
from provisioner.sandbox.store import Document, Store

_OBJECT_URL = re.compile(
    r".*/(?:directoryObjects|users|groups|servicePrincipals|applications)[/(]'?([^/'()]+)'?\)?$"
)
_OWNER_KINDS = ("user", "servicePrincipal")
_MEMBER_KINDS = ("user", "group", "servicePrincipal")


def referenced_object(directory: Store, url: Any) -> Document:
    """The object that an ``@odata.id`` or ``@odata.bind`` URL points to.

    Raises:
        GraphError: 400 when it is not such a URL, 404 when the object does not exist.
    """
    match = _OBJECT_URL.match(url) if isinstance(url, str) else None
    if match is None:
        raise bad_request("Invalid URL format specified in @odata.id payload.", "BadRequest")
    document = find_object(directory, match.group(1))
    if document is None:
        raise not_found(match.group(1))
    return document


def bound_ids(directory: Store, body: Document, relationship: str) -> list[str]:
    """Ids of the objects in ``<relationship>@odata.bind`` of a body."""
    return [referenced_object(directory, url)["id"] for url in body.get(f"{relationship}@odata.bind") or []]


def add_owner(entity_set: EntitySet, request: GraphRequest, key: str) -> GraphResponse:
    """``POST .../owners/$ref``: owners are users or service principals."""
    document = find(request.directory, entity_set, key)
    owner = referenced_object(request.directory, request.json_object().get("@odata.id"))
    type_name = kind_of(owner).capitalize()
    if kind_of(owner) not in _OWNER_KINDS:
        raise bad_request(
            f"The reference target '{type_name}_{owner['id']}' of type '{type_name}' is invalid for "
            "the 'owners' reference."
        )
    return _add(entity_set, request, document, "owners", owner["id"])


def remove_owner(entity_set: EntitySet, request: GraphRequest, key: str, owner: str) -> GraphResponse:
    """``DELETE .../owners/{id}/$ref``."""
    return _remove(entity_set, request, find(request.directory, entity_set, key), "owners", owner)


def add_member(request: GraphRequest, key: str) -> GraphResponse:
    """``POST /groups/{id}/members/$ref``."""
    group = _assigned_group(request, key)
    member = referenced_object(request.directory, request.json_object().get("@odata.id"))
    if kind_of(member) not in _MEMBER_KINDS or member["id"] == group["id"]:
        raise bad_request("The reference target is invalid for the 'members' reference.")
    return _add(GROUPS, request, group, "members", member["id"])


def remove_member(request: GraphRequest, key: str, member: str) -> GraphResponse:
    """``DELETE /groups/{id}/members/{member}/$ref``."""
    return _remove(GROUPS, request, _assigned_group(request, key), "members", member)


def _assigned_group(request: GraphRequest, key: str) -> Document:
    """A group with assigned membership; the members of a dynamic group follow its rule."""
    group = find(request.directory, GROUPS, key)
    if "DynamicMembership" in group["groupTypes"]:
        raise bad_request("Insufficient privileges to change the membership of a dynamic group.")
    return group


def _add(
    entity_set: EntitySet, request: GraphRequest, document: Document, relationship: str, key: str
) -> GraphResponse:
    ids = document[f"_{relationship}"]
    if key in ids:
        raise bad_request(
            "One or more added object references already exist for the following modified properties: "
            f"'{relationship}'."
        )
    changed: Document = {**document, f"_{relationship}": [*ids, key]}
    request.directory.put(entity_set.kind, document["id"], changed)
    return NO_CONTENT


def _remove(
    entity_set: EntitySet, request: GraphRequest, document: Document, relationship: str, key: str
) -> GraphResponse:
    ids = document[f"_{relationship}"]
    if key not in ids:
        raise not_found(key)
    changed: Document = {**document, f"_{relationship}": [other for other in ids if other != key]}
    request.directory.put(entity_set.kind, document["id"], changed)
    return NO_CONTENT
