"""Users: ``/users`` (Microsoft Graph v1.0, user resource and its operations)."""

from __future__ import annotations

from provisioner.sandbox.entra.graph import documents, odata
from provisioner.sandbox.entra.graph.deleted_items import delete_object
from provisioner.sandbox.entra.graph.entity_sets import USERS, entity_response, find
from provisioner.sandbox.entra.graph.errors import already_exists, bad_request, not_found
from provisioner.sandbox.entra.graph.metadata import apply_patch, check_body
from provisioner.sandbox.entra.graph.references import referenced_object
from provisioner.sandbox.entra.graph.relationships import kind_of, with_type
from provisioner.sandbox.entra.graph.request import NO_CONTENT, GraphRequest, GraphResponse
from provisioner.sandbox.store import Document

_REQUIRED = ("accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile")


def create(request: GraphRequest) -> GraphResponse:
    """``POST /users``: a member with a password."""
    body = request.json_object()
    check_body(body, "user")
    for name in _REQUIRED:
        if body.get(name) in (None, ""):
            raise bad_request(f"A value is required for property '{name}' of resource 'User'.")
    new = documents.user(body["userPrincipalName"], body["displayName"], None, None)
    document = apply_patch(new, _without_password(body), "user")
    _check(request, document)
    request.directory.put("user", document["id"], document)
    return entity_response(request, USERS, document, 201)


def _without_password(body: Document) -> Document:
    """Passwords are write-only; the sandbox does not need them and stores none."""
    return {name: value for name, value in body.items() if name != "passwordProfile"}


def _check(request: GraphRequest, document: Document) -> None:
    name = document["userPrincipalName"]
    local, _, domain = name.partition("@")
    verified = {d["id"].casefold() for d in request.directory.all("domain") if d["isVerified"]}
    if not local or domain.casefold() not in verified:
        raise bad_request(
            f"The domain portion of the userPrincipalName property is invalid. '{domain}' is not a verified domain."
        )
    for other in request.directory.all("user"):
        if other["id"] != document["id"] and other["userPrincipalName"].casefold() == name.casefold():
            raise already_exists("userPrincipalName")


def update(request: GraphRequest, key: str) -> GraphResponse:
    """``PATCH /users/{id}``."""
    body = request.json_object()
    before = find(request.directory, USERS, key)
    check_body(body, "user")
    after = apply_patch(before, _without_password(body), "user")
    _check(request, after)
    request.directory.put("user", before["id"], after)
    return NO_CONTENT


def delete(request: GraphRequest, key: str) -> GraphResponse:
    """``DELETE /users/{id}``: soft delete; the item can be restored for 30 days."""
    delete_object(request.directory, "user", find(request.directory, USERS, key))
    return NO_CONTENT


def read_manager(request: GraphRequest, key: str) -> GraphResponse:
    """``GET /users/{id}/manager``."""
    manager = request.directory.get("user", str(find(request.directory, USERS, key).get("_manager")))
    if manager is None:
        raise not_found("manager")
    return odata.entity(request, with_type(manager, "user"), "directoryObject", "directoryObjects")


def set_manager(request: GraphRequest, key: str) -> GraphResponse:
    """``PUT /users/{id}/manager/$ref``."""
    document = find(request.directory, USERS, key)
    manager = referenced_object(request.directory, request.json_object().get("@odata.id"))
    if kind_of(manager) != "user" or manager["id"] == document["id"]:
        raise bad_request("The reference target is invalid for the 'manager' reference.")
    request.directory.put("user", document["id"], {**document, "_manager": manager["id"]})
    return NO_CONTENT


def remove_manager(request: GraphRequest, key: str) -> GraphResponse:
    """``DELETE /users/{id}/manager/$ref``."""
    document = find(request.directory, USERS, key)
    if document.get("_manager") is None:
        raise not_found("manager")
    request.directory.put("user", document["id"], {**document, "_manager": None})
    return NO_CONTENT


def read_me(_request: GraphRequest) -> GraphResponse:
    """``GET /me``, which needs a signed-in user; the sandbox has application permissions only."""
    raise bad_request("/me request is only valid with delegated authentication flow.", "BadRequest")
