"""Service principals: ``/servicePrincipals`` (Microsoft Graph v1.0, servicePrincipal resource and its operations)."""

from __future__ import annotations

from provisioner.sandbox.entra.graph import documents, recycle_bin
from provisioner.sandbox.entra.graph.applications import backing
from provisioner.sandbox.entra.graph.call import NO_CONTENT, Call, Reply
from provisioner.sandbox.entra.graph.entities import SERVICE_PRINCIPALS, alternate_key, bound_ids, find, shown
from provisioner.sandbox.entra.graph.errors import GraphError, bad_request
from provisioner.sandbox.entra.graph.metadata import check_body, merged
from provisioner.sandbox.store import Document

# Properties that follow the application and can only be changed there.
_MIRRORED = (
    "displayName",
    "appRoles",
    "oauth2PermissionScopes",
    "homepage",
    "logoutUrl",
    "replyUrls",
    "info",
    "addIns",
)


def create(call: Call) -> Reply:
    """``POST /servicePrincipals {"appId": ...}`` for an application of this tenant."""
    return shown(call, SERVICE_PRINCIPALS, _created(call, call.json_object()), 201)


def _created(call: Call, body: Document) -> Document:
    check_body(body, "servicePrincipal")
    app_id = body.get("appId")
    application = backing(call.directory, str(app_id))
    if application is None:
        raise no_backing_application(str(app_id))
    if any(p["appId"] == app_id for p in call.directory.all("servicePrincipal")):
        raise GraphError(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            f"The service principal cannot be created, updated, or restored because the service principal name {app_id} is "
            "already in use.",
        )
    document = documents.service_principal(application, call.tenant_id, body.get("tags") or [])
    document["createdByAppId"] = call.caller.app_id
    bound = bound_ids(call.directory, body, "owners")
    document["_owners"] = list(dict.fromkeys([*bound, call.caller.principal_id]))
    changes = {name: value for name, value in body.items() if name != "tags"}
    _refuse_mirrored(document, changes)
    document = merged(document, changes, "servicePrincipal")
    call.directory.put("servicePrincipal", document["id"], document)
    return document


def no_backing_application(app_id: str) -> GraphError:
    """The refusal of a service principal whose application is not there (yet)."""
    return bad_request(
        f"The appId '{app_id}' of the service principal does not reference a valid application object.",
        "NoBackingApplicationObject",
    )


def update(call: Call, key: str) -> Reply:
    """``PATCH /servicePrincipals/{id}``; by appId with ``Prefer: create-if-missing`` it creates too."""
    body = call.json_object()
    try:
        before = find(call.directory, SERVICE_PRINCIPALS, key)
    except GraphError as missing:
        alternate = alternate_key(key)
        if missing.status != 404 or not call.prefers("create-if-missing") or not alternate:
            raise
        return shown(call, SERVICE_PRINCIPALS, _created(call, {**body, "appId": alternate[1]}), 201)
    check_body(body, "servicePrincipal")
    _refuse_mirrored(before, body)
    after = merged(before, body, "servicePrincipal")
    if "tags" in body:
        after = _retagged(call, after, body["tags"] or [])
    call.directory.put("servicePrincipal", before["id"], after)
    return NO_CONTENT


def _refuse_mirrored(document: Document, body: Document) -> None:
    """What comes from the application cannot be set here; the wording was seen in reports for appRoles."""
    for name in (*_MIRRORED, "appId"):
        if name in body and body[name] != document[name]:
            raise bad_request(
                f"Property {name} on the service principal does not match the application object."
            )


def _retagged(call: Call, principal: Document, tags: list[str]) -> Document:
    """Own tags are replaced; the application's remain visible (tags are the union of both)."""
    application = backing(call.directory, principal["appId"])
    inherited = application["tags"] if application else []
    own = list(dict.fromkeys(tags))
    return {**principal, "_tags": own, "tags": [*own, *(tag for tag in inherited if tag not in own)]}


def delete(call: Call, key: str) -> Reply:
    """``DELETE /servicePrincipals/{id}``: into the recycle bin; the application stays."""
    recycle_bin.discard(call.directory, "servicePrincipal", find(call.directory, SERVICE_PRINCIPALS, key))
    return NO_CONTENT
