"""Service principals: ``/servicePrincipals`` (Microsoft Graph v1.0, servicePrincipal resource and its operations)."""

from __future__ import annotations

from provisioner.sandbox.entra.graph import documents
from provisioner.sandbox.entra.graph.deleted_items import delete_object
from provisioner.sandbox.entra.graph.entity_sets import (
    SERVICE_PRINCIPALS,
    entity_response,
    find,
    key_to_create,
)
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request
from provisioner.sandbox.entra.graph.metadata import apply_patch, check_body
from provisioner.sandbox.entra.graph.references import bound_ids
from provisioner.sandbox.entra.graph.relationships import application_of
from provisioner.sandbox.entra.graph.request import NO_CONTENT, GraphRequest, GraphResponse
from provisioner.sandbox.store import Document

_OWNED_BY_APPLICATION = (
    "displayName",
    "appRoles",
    "oauth2PermissionScopes",
    "homepage",
    "logoutUrl",
    "replyUrls",
    "info",
    "addIns",
    "appId",
)
"""Properties that are copied from the application and can be changed only there."""


def create(request: GraphRequest) -> GraphResponse:
    """``POST /servicePrincipals {"appId": ...}`` for an application of this tenant."""
    return _create(request, request.json_object())


def _create(request: GraphRequest, body: Document) -> GraphResponse:
    check_body(body, "servicePrincipal")
    app_id = body.get("appId")
    application = application_of(request.directory, str(app_id))
    if application is None:
        raise no_backing_application(str(app_id))
    if any(principal["appId"] == app_id for principal in request.directory.all("servicePrincipal")):
        raise GraphError(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            f"The service principal cannot be created, updated, or restored because the service principal name {app_id} is "
            "already in use.",
        )
    new = documents.service_principal(application, request.tenant_id, body.get("tags") or [])
    new["createdByAppId"] = request.caller.app_id
    owners = bound_ids(request.directory, body, "owners")
    new["_owners"] = list(dict.fromkeys([*owners, request.caller.principal_id]))
    changes = {name: value for name, value in body.items() if name != "tags"}
    _check_application_properties(new, changes)
    document = apply_patch(new, changes, "servicePrincipal")
    request.directory.put("servicePrincipal", document["id"], document)
    return entity_response(request, SERVICE_PRINCIPALS, document, 201)


def no_backing_application(app_id: str) -> GraphError:
    """400 for a service principal without an application, or with one that is not replicated yet."""
    return bad_request(
        f"The appId '{app_id}' of the service principal does not reference a valid application object.",
        "NoBackingApplicationObject",
    )


def update(request: GraphRequest, key: str) -> GraphResponse:
    """``PATCH /servicePrincipals/{id}``; an upsert by application id."""
    body = request.json_object()
    app_id = key_to_create(SERVICE_PRINCIPALS, request, key, "appId")
    if app_id is not None:
        return _create(request, {**body, "appId": app_id})
    before = find(request.directory, SERVICE_PRINCIPALS, key)
    check_body(body, "servicePrincipal")
    _check_application_properties(before, body)
    after = apply_patch(before, body, "servicePrincipal")
    if "tags" in body:
        after = _replace_tags(request, after, body["tags"] or [])
    request.directory.put("servicePrincipal", before["id"], after)
    return NO_CONTENT


def _check_application_properties(document: Document, body: Document) -> None:
    """Refuse to change what comes from the application; the wording was seen in reports for appRoles."""
    for name in _OWNED_BY_APPLICATION:
        if name in body and body[name] != document[name]:
            raise bad_request(
                f"Property {name} on the service principal does not match the application object."
            )


def _replace_tags(request: GraphRequest, principal: Document, tags: list[str]) -> Document:
    """Replace the service principal's own tags; ``tags`` is the union of these and the application's."""
    application = application_of(request.directory, principal["appId"])
    inherited = application["tags"] if application else []
    own = list(dict.fromkeys(tags))
    return {**principal, "_tags": own, "tags": [*own, *(tag for tag in inherited if tag not in own)]}


def delete(request: GraphRequest, key: str) -> GraphResponse:
    """``DELETE /servicePrincipals/{id}``: soft delete; the application is not deleted."""
    delete_object(request.directory, "servicePrincipal", find(request.directory, SERVICE_PRINCIPALS, key))
    return NO_CONTENT
