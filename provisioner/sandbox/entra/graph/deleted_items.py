"""Deleted items: soft delete, restore and permanent deletion of directory objects (Microsoft Graph, "Deleted items")."""

from __future__ import annotations

from provisioner.sandbox.entra.graph import odata
from provisioner.sandbox.entra.graph.documents import is_guid, now
from provisioner.sandbox.entra.graph.entity_sets import BY_KIND
from provisioner.sandbox.entra.graph.errors import bad_request, not_found
from provisioner.sandbox.entra.graph.relationships import kind_of, with_type
from provisioner.sandbox.entra.graph.request import NO_CONTENT, GraphRequest, GraphResponse
from provisioner.sandbox.store import Document, Store


def delete_object(directory: Store, kind: str, document: Document, *, restorable: bool = True) -> None:
    """Delete an object: softly, or permanently when it cannot be restored.

    Its app role assignments, permission grants and group memberships are deleted with it and restored with it. That a
    service principal loses its synchronization jobs permanently is unverified.
    """
    key = document["id"]
    stash = {
        "assignments": _delete_links(directory, "appRoleAssignment", key),
        "grants": _delete_links(directory, "oauth2PermissionGrant", key),
        "groups": _leave_groups(directory, key),
    }
    if kind == "servicePrincipal":
        _delete_synchronization(directory, key)
    directory.delete(kind, key)
    if restorable:
        item = with_type(document, kind) | {"deletedDateTime": now(), "_stash": stash}
        directory.put("deletedItem", key, item)


def _delete_links(directory: Store, kind: str, key: str) -> list[Document]:
    """Delete and return the documents that link this object to others."""
    ends = ("principalId", "resourceId", "clientId")
    links = [document for document in directory.all(kind) if key in [document.get(end) for end in ends]]
    for document in links:
        directory.delete(kind, document["id"])
    return links


def _leave_groups(directory: Store, key: str) -> list[str]:
    groups = [group for group in directory.all("group") if key in group["_members"]]
    for group in groups:
        remaining = [member for member in group["_members"] if member != key]
        directory.put("group", group["id"], {**group, "_members": remaining})
    return [group["id"] for group in groups]


def _delete_synchronization(directory: Store, principal_id: str) -> None:
    directory.delete("synchronizationSecrets", principal_id)
    for job in directory.all("synchronizationJob"):
        if job["_servicePrincipalId"] == principal_id:
            directory.delete("synchronizationJob", job["id"])
            directory.delete("synchronizationSchema", job["id"])


def read_deleted(request: GraphRequest, key: str) -> GraphResponse:
    """``GET /directory/deletedItems/{id}``; a type name instead of an id lists the deleted items of that type."""
    if key.startswith("microsoft.graph."):
        return _list_deleted(request, key)
    return odata.entity(request, _deleted_item(request.directory, key), "directoryObject", "directoryObjects")


def _list_deleted(request: GraphRequest, cast: str) -> GraphResponse:
    kind = cast.removeprefix("microsoft.graph.")
    if kind not in BY_KIND:
        raise bad_request(f"Resource not found for the segment '{cast}'.", "BadRequest")
    items = [item for item in request.directory.all("deletedItem") if kind_of(item) == kind]
    untyped = ({name: value for name, value in item.items() if name != "@odata.type"} for item in items)
    return odata.collection(request, untyped, kind, BY_KIND[kind].name)


def _deleted_item(directory: Store, key: str) -> Document:
    item = directory.get("deletedItem", key)
    if item is None:
        raise not_found(key) if is_guid(key) else bad_request(f"Invalid object identifier '{key}'.")
    return item


def restore(request: GraphRequest, key: str) -> GraphResponse:
    """``POST /directory/deletedItems/{id}/restore``.

    Restoring an application does not restore its service principal, which is a deleted item of its own; unverified.
    """
    directory = request.directory
    item = _deleted_item(directory, key)
    stash, kind = item["_stash"], kind_of(item)
    document = {name: value for name, value in item.items() if name not in ("@odata.type", "_stash")}
    document["deletedDateTime"] = None
    directory.delete("deletedItem", key)
    directory.put(kind, key, document)
    for assignment in stash["assignments"]:
        directory.put("appRoleAssignment", assignment["id"], assignment)
    for grant in stash["grants"]:
        directory.put("oauth2PermissionGrant", grant["id"], grant)
    for group_id in stash["groups"]:
        group = directory.get("group", group_id)
        if group is not None and key not in group["_members"]:
            directory.put("group", group_id, {**group, "_members": [*group["_members"], key]})
    return odata.entity(request, with_type(document, kind), "directoryObject", "directoryObjects")


def delete_permanently(request: GraphRequest, key: str) -> GraphResponse:
    """``DELETE /directory/deletedItems/{id}``."""
    _deleted_item(request.directory, key)
    request.directory.delete("deletedItem", key)
    return NO_CONTENT
