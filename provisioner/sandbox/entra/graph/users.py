"""Users: ``/users`` (Microsoft Graph v1.0, user resource and its operations)."""

from __future__ import annotations

from provisioner.sandbox.entra.graph import documents, odata, recycle_bin
from provisioner.sandbox.entra.graph.call import NO_CONTENT, Call, Reply
from provisioner.sandbox.entra.graph.entities import USERS, find, referenced, shown, typed
from provisioner.sandbox.entra.graph.errors import GraphError, already_exists, bad_request, not_found
from provisioner.sandbox.entra.graph.metadata import check_body, merged
from provisioner.sandbox.store import Document

_REQUIRED = ("accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile")


def create(call: Call) -> Reply:
    """``POST /users``: a member with a password."""
    body = call.json_object()
    check_body(body, "user")
    for name in _REQUIRED:
        if body.get(name) in (None, ""):
            raise bad_request(f"A value is required for property '{name}' of resource 'User'.")
    principal_name = body["userPrincipalName"]
    fresh = documents.user(principal_name, body["displayName"], None, None)
    document = merged(fresh, _without_password(body), "user")
    _check(call, document)
    call.directory.put("user", document["id"], document)
    return shown(call, USERS, document, 201)


def _without_password(body: Document) -> Document:
    """Passwords are write-only; the sandbox has no use for them and keeps none."""
    return {name: value for name, value in body.items() if name != "passwordProfile"}


def _check(call: Call, document: Document) -> None:
    name = document["userPrincipalName"]
    local, _, domain = name.partition("@")
    verified = {d["id"].casefold() for d in call.directory.all("domain") if d["isVerified"]}
    if not local or domain.casefold() not in verified:
        raise bad_request(
            f"The domain portion of the userPrincipalName property is invalid. '{domain}' is not a verified domain."
        )
    for other in call.directory.all("user"):
        if other["id"] != document["id"] and other["userPrincipalName"].casefold() == name.casefold():
            raise already_exists("userPrincipalName")


def update(call: Call, key: str) -> Reply:
    """``PATCH /users/{id}``."""
    body = call.json_object()
    before = find(call.directory, USERS, key)
    check_body(body, "user")
    after = merged(before, _without_password(body), "user")
    _check(call, after)
    call.directory.put("user", before["id"], after)
    return NO_CONTENT


def delete(call: Call, key: str) -> Reply:
    """``DELETE /users/{id}``: into the recycle bin for 30 days."""
    recycle_bin.discard(call.directory, "user", find(call.directory, USERS, key))
    return NO_CONTENT


def read_manager(call: Call, key: str) -> Reply:
    """``GET /users/{id}/manager``."""
    manager = call.directory.get("user", str(find(call.directory, USERS, key).get("_manager")))
    if manager is None:
        raise not_found("manager")
    return Reply(200, odata.entity(call, typed(manager, "user"), "directoryObject", "directoryObjects", {}))


def set_manager(call: Call, key: str) -> Reply:
    """``PUT /users/{id}/manager/$ref``."""
    document = find(call.directory, USERS, key)
    manager = referenced(call.directory, call.json_object().get("@odata.id"))
    if not manager["@odata.type"].endswith(".user") or manager["id"] == document["id"]:
        raise bad_request("The reference target is invalid for the 'manager' reference.")
    call.directory.put("user", document["id"], {**document, "_manager": manager["id"]})
    return NO_CONTENT


def remove_manager(call: Call, key: str) -> Reply:
    """``DELETE /users/{id}/manager/$ref``."""
    document = find(call.directory, USERS, key)
    if document.get("_manager") is None:
        raise not_found("manager")
    call.directory.put("user", document["id"], {**document, "_manager": None})
    return NO_CONTENT


def me(_call: Call) -> Reply:
    """``GET /me`` has no meaning without a signed-in user."""
    raise GraphError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
