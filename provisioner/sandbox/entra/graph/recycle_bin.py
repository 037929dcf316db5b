"""Soft delete, restore and purge of directory objects (Microsoft Graph, "Deleted items")."""

from __future__ import annotations

from provisioner.sandbox.entra.graph import odata
from provisioner.sandbox.entra.graph.call import NO_CONTENT, Call, Reply
from provisioner.sandbox.entra.graph.documents import now
from provisioner.sandbox.entra.graph.entities import BY_KIND, is_guid
from provisioner.sandbox.entra.graph.errors import bad_request, not_found
from provisioner.sandbox.store import Document, Store

_OBJECT_PREFIX = "#microsoft.graph."


def discard(directory: Store, kind: str, document: Document, *, recoverable: bool = True) -> None:
    """Delete an object: into the recycle bin, or for good.

    Its role assignments, memberships and permission grants go with it and come back when it is restored. That a
    service principal loses its synchronization jobs for good is unverified.
    """
    key = document["id"]
    stash = {
        "assignments": _take(directory, "appRoleAssignment", key),
        "grants": _take(directory, "oauth2PermissionGrant", key),
    }
    groups = _leave_groups(directory, key)
    if kind == "servicePrincipal":
        _drop_synchronization(directory, key)
    directory.delete(kind, key)
    if recoverable:
        binned = {"@odata.type": f"{_OBJECT_PREFIX}{kind}", **document, "deletedDateTime": now()}
        directory.put("deletedItem", key, {**binned, "_stash": {**stash, "groups": groups}})


def _take(directory: Store, kind: str, key: str) -> list[Document]:
    """Remove and return the documents that tie this object to others."""
    ends = ("principalId", "resourceId", "clientId")
    tied = [document for document in directory.all(kind) if key in [document.get(end) for end in ends]]
    for document in tied:
        directory.delete(kind, document["id"])
    return tied


def _leave_groups(directory: Store, key: str) -> list[str]:
    left = [group for group in directory.all("group") if key in group["_members"]]
    for group in left:
        remaining = [member for member in group["_members"] if member != key]
        directory.put("group", group["id"], {**group, "_members": remaining})
    return [group["id"] for group in left]


def _drop_synchronization(directory: Store, principal_id: str) -> None:
    directory.delete("synchronizationSecrets", principal_id)
    for job in directory.all("synchronizationJob"):
        if job["_servicePrincipalId"] == principal_id:
            directory.delete("synchronizationJob", job["id"])
            directory.delete("synchronizationSchema", job["id"])


def list_deleted(call: Call, cast: str) -> Reply:
    """``GET /directory/deletedItems/microsoft.graph.application``: the cast is mandatory."""
    kind = cast.removeprefix("microsoft.graph.")
    if kind not in BY_KIND:
        raise bad_request(f"Resource not found for the segment '{cast}'.", "BadRequest")
    found = [d for d in call.directory.all("deletedItem") if d["@odata.type"] == f"{_OBJECT_PREFIX}{kind}"]
    untyped = ({name: value for name, value in item.items() if name != "@odata.type"} for item in found)
    return odata.collection(call, untyped, kind, BY_KIND[kind].name)


def read_deleted(call: Call, key: str) -> Reply:
    """``GET /directory/deletedItems/{id}``; a type name instead of an id lists that type."""
    if key.startswith("microsoft.graph."):
        return list_deleted(call, key)
    document = _deleted(call.directory, key)
    return Reply(200, odata.entity(call, document, "directoryObject", "directoryObjects", {}))


def _deleted(directory: Store, key: str) -> Document:
    document = directory.get("deletedItem", key)
    if document is None:
        raise not_found(key) if is_guid(key) else bad_request(f"Invalid object identifier '{key}'.")
    return document


def restore(call: Call, key: str) -> Reply:
    """``POST /directory/deletedItems/{id}/restore``.

    Restoring an application does not restore its service principal, which has an entry of its own; unverified.
    """
    directory = call.directory
    binned = _deleted(directory, key)
    stash = binned["_stash"]
    kind = binned["@odata.type"].removeprefix(_OBJECT_PREFIX)
    document = {name: value for name, value in binned.items() if name not in ("@odata.type", "_stash")}
    document["deletedDateTime"] = None
    directory.delete("deletedItem", key)
    directory.put(kind, key, document)
    for assignment in stash["assignments"]:
        directory.put("appRoleAssignment", assignment["id"], assignment)
    for grant in stash["grants"]:
        directory.put("oauth2PermissionGrant", grant["id"], grant)
    _rejoin_groups(directory, key, stash["groups"])
    shown = {"@odata.type": binned["@odata.type"], **document}
    return Reply(200, odata.entity(call, shown, "directoryObject", "directoryObjects", {}))


def _rejoin_groups(directory: Store, key: str, groups: list[str]) -> None:
    for group_id in groups:
        group = directory.get("group", group_id)
        if group is not None and key not in group["_members"]:
            directory.put("group", group_id, {**group, "_members": [*group["_members"], key]})


def purge(call: Call, key: str) -> Reply:
    """``DELETE /directory/deletedItems/{id}``: for good."""
    _deleted(call.directory, key)
    call.directory.delete("deletedItem", key)
    return NO_CONTENT
