"""Scopes and claims of an authorization server.

Okta Management API 2026.06.3, AuthorizationServerScopes, AuthorizationServerClaims; recorded: okta-sdk-python
test_list_oauth2_scopes.
"""

from __future__ import annotations

from provisioner.sandbox.okta.management import errors
from provisioner.sandbox.okta.management.filters import parse_filter
from provisioner.sandbox.okta.management.objects import (
    find,
    new_id,
    one_of,
    public_members,
    required_text,
    select,
)
from provisioner.sandbox.okta.management.pagination import PageSize, paginate
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route
from provisioner.sandbox.okta.management.system_log import log_request, target
from provisioner.sandbox.store import Document, Store

_PAGE = PageSize(200, 200)
_CONSENTS = ("FLEXIBLE", "IMPLICIT", "REQUIRED")
_METADATA_PUBLISH = ("ALL_CLIENTS", "NO_CLIENTS")
_CLAIM_TYPES = ("IDENTITY", "RESOURCE")
_VALUE_TYPES = ("EXPRESSION", "GROUPS", "SYSTEM")
_SYSTEM_SCOPES = {
    "openid": ("openid", "Signals that a request is an OpenID request."),
    "profile": (
        "View your profile information.",
        (
            "The exact data varies based on what profile information you have provided, such as: name, time zone, "
            "picture, or birthday."
        ),
    ),
    "email": ("View your email address.", "This allows the app to view your email address."),
    "address": (
        "View your address.",
        "This allows the app to view your address, such as: street address, city, state, and zip code.",
    ),
    "phone": ("View your phone number.", "This allows the app to view your phone number."),
    "offline_access": (
        "Keep you signed in to the app.",
        "This keeps you signed in to the app, even when you are not using it.",
    ),
    "device_sso": (
        "Request device secret.",
        "This allows you to single sign on between native client applications on your device.",
    ),
}
"""Display name and description by name."""
SYSTEM_SCOPES = tuple(_SYSTEM_SCOPES)


def add_system_scopes_and_claims(store: Store, server_id: str) -> None:
    """Store what a new authorization server has: the system scopes and the claim ``sub``."""
    for name, (title, description) in _SYSTEM_SCOPES.items():
        scope: Document = {
            "id": new_id("scp"),
            "name": name,
            "displayName": title,
            "description": description,
            "system": True,
            "metadataPublish": "ALL_CLIENTS",
            "consent": "IMPLICIT",
            "optional": False,
            "apiResourceId": None,
            "default": False,
            "_serverId": server_id,
        }
        store.put("authScope", scope["id"], scope)
    claim: Document = {
        "id": new_id("ocl"),
        "name": "sub",
        "status": "ACTIVE",
        "claimType": "RESOURCE",
        "valueType": "EXPRESSION",
        "value": "(appuser != null) ? appuser.userName : app.clientId",
        "conditions": {"scopes": []},
        "system": True,
        "alwaysIncludeInToken": True,
        "apiResourceId": None,
        "_serverId": server_id,
    }
    store.put("authClaim", claim["id"], claim)


def server_target(server: Document) -> Document:
    """An authorization server as a target of a log event."""
    return target("AuthorizationServer", server["id"], server["name"])


def _select(request: ApiRequest, kind: str, server: Document) -> list[Document]:
    """The server's scopes or claims: custom ones first, then system ones (recorded: test_list_oauth2_scopes)."""
    documents = select(request.store, kind, _serverId=server["id"])
    return sorted(documents, key=lambda document: bool(document["system"]))


def _find(request: ApiRequest, kind: str, server_id: str, key: str) -> Document:
    server = find(request.store, "authorizationServer", server_id)
    return find(request.store, kind, key, _serverId=server["id"])


def _render(request: ApiRequest, document: Document) -> Document:
    collection = "scopes" if document["id"].startswith("scp") else "claims"
    path = f"authorizationServers/{document['_serverId']}/{collection}/{document['id']}"
    return {**public_members(document), "_links": {"self": request.link(path, "GET", "PUT", "DELETE")}}


def _log(request: ApiRequest, kind: str, operation: str, document: Document) -> None:
    server = find(request.store, "authorizationServer", document["_serverId"])
    name = "scope" if kind == "authScope" else "claim"
    document_target = target(name, document["id"], document["name"])
    log_request(request, f"oauth2.{name}.{operation}", document_target, server_target(server))


def _delete(request: ApiRequest, kind: str, server_id: str, key: str) -> ApiResponse:
    document = _find(request, kind, server_id, key)
    if document["system"]:
        raise errors.unsupported_operation()
    request.store.delete(kind, key)
    _log(request, kind, "deleted", document)
    return ApiResponse(204)


def _list_scopes(request: ApiRequest, server_id: str) -> ApiResponse:
    scopes = _select(request, "authScope", find(request.store, "authorizationServer", server_id))
    if q := request.query.get("q", "").lower():
        scopes = [scope for scope in scopes if q in scope["name"].lower()]
    if expression := request.query.get("filter"):
        matches = parse_filter(expression)
        scopes = [scope for scope in scopes if matches(scope)]
    if "limit" not in request.query and "after" not in request.query:
        return ApiResponse(200, [_render(request, scope) for scope in scopes])
    return paginate(request, scopes, _PAGE, lambda scope: _render(request, scope))


def _get_scope(request: ApiRequest, server_id: str, scope_id: str) -> ApiResponse:
    return ApiResponse(200, _render(request, _find(request, "authScope", server_id, scope_id)))


def _scope_members(request: ApiRequest, server: Document, own_id: str = "") -> Document:
    """The members of a scope in a request, with the defaults of the API description; names are unique in a server."""
    body = request.json_object()
    name = required_text(body, "name")
    if any(map(str.isspace, name)):
        raise errors.required_field("name")
    scopes = _select(request, "authScope", server)
    if any(scope["name"] == name and scope["id"] != own_id for scope in scopes):
        raise errors.invalid(
            "name", f"name: Scope name '{name}' already exists in this authorization server."
        )
    consent = one_of("consent", body.get("consent") or "IMPLICIT", _CONSENTS)
    publish = one_of("metadataPublish", body.get("metadataPublish") or "NO_CLIENTS", _METADATA_PUBLISH)
    return {
        "name": name,
        **({} if body.get("displayName") is None else {"displayName": body["displayName"]}),
        "description": body.get("description"),
        "system": False,
        "metadataPublish": publish,
        "consent": consent,
        "optional": bool(body.get("optional", False)),
        "apiResourceId": None,
        "default": bool(body.get("default", False)),
    }


def _create_scope(request: ApiRequest, server_id: str) -> ApiResponse:
    server = find(request.store, "authorizationServer", server_id)
    scope = {"id": new_id("scp"), **_scope_members(request, server), "_serverId": server["id"]}
    request.store.put("authScope", scope["id"], scope)
    _log(request, "authScope", "created", scope)
    return ApiResponse(201, _render(request, scope))


def _replace_scope(request: ApiRequest, server_id: str, scope_id: str) -> ApiResponse:
    before = _find(request, "authScope", server_id, scope_id)
    server = find(request.store, "authorizationServer", server_id)
    changed = {
        "id": before["id"],
        "_serverId": before["_serverId"],
        **_scope_members(request, server, scope_id),
        "system": before["system"],
    }
    if before["system"] and changed["name"] != before["name"]:
        raise errors.invalid("name", "name: A system scope cannot be renamed.")
    request.store.put("authScope", scope_id, changed)
    _log(request, "authScope", "updated", changed)
    return ApiResponse(200, _render(request, changed))


def _delete_scope(request: ApiRequest, server_id: str, scope_id: str) -> ApiResponse:
    return _delete(request, "authScope", server_id, scope_id)


def _list_claims(request: ApiRequest, server_id: str) -> ApiResponse:
    claims = _select(request, "authClaim", find(request.store, "authorizationServer", server_id))
    return ApiResponse(200, [_render(request, claim) for claim in claims])


def _get_claim(request: ApiRequest, server_id: str, claim_id: str) -> ApiResponse:
    return ApiResponse(200, _render(request, _find(request, "authClaim", server_id, claim_id)))


def _claim_members(request: ApiRequest) -> Document:
    body = request.json_object()
    claim = {
        "name": required_text(body, "name"),
        "status": body.get("status") or "ACTIVE",
        "claimType": one_of("claimType", body.get("claimType"), _CLAIM_TYPES),
        "valueType": one_of("valueType", body.get("valueType") or "EXPRESSION", _VALUE_TYPES),
        "value": body.get("value"),
        "conditions": {"scopes": (body.get("conditions") or {}).get("scopes") or []},
        "system": False,
        "alwaysIncludeInToken": bool(body.get("alwaysIncludeInToken", body["claimType"] == "RESOURCE")),
        "apiResourceId": None,
    }
    if claim["valueType"] == "GROUPS":
        claim["group_filter_type"] = body.get("group_filter_type")
    return claim


def _create_claim(request: ApiRequest, server_id: str) -> ApiResponse:
    server = find(request.store, "authorizationServer", server_id)
    claim = {"id": new_id("ocl"), **_claim_members(request), "_serverId": server["id"]}
    request.store.put("authClaim", claim["id"], claim)
    _log(request, "authClaim", "created", claim)
    return ApiResponse(201, _render(request, claim))


def _replace_claim(request: ApiRequest, server_id: str, claim_id: str) -> ApiResponse:
    before = _find(request, "authClaim", server_id, claim_id)
    changed = {**before, **_claim_members(request), "system": before["system"]}
    request.store.put("authClaim", claim_id, changed)
    _log(request, "authClaim", "updated", changed)
    return ApiResponse(200, _render(request, changed))


def _delete_claim(request: ApiRequest, server_id: str, claim_id: str) -> ApiResponse:
    return _delete(request, "authClaim", server_id, claim_id)


_READ, _MANAGE = ("okta.authorizationServers.read",), ("okta.authorizationServers.manage",)
_BUCKET = "authorizationServers"
_SERVER = "/api/v1/authorizationServers/{server_id}"
_SCOPES, _CLAIMS = f"{_SERVER}/scopes", f"{_SERVER}/claims"
_SCOPE, _CLAIM = f"{_SCOPES}/{{scope_id}}", f"{_CLAIMS}/{{claim_id}}"
ROUTES = (
    Route("GET", _SCOPES, _list_scopes, _READ, _BUCKET),
    Route("POST", _SCOPES, _create_scope, _MANAGE, _BUCKET),
    Route("GET", _SCOPE, _get_scope, _READ, _BUCKET),
    Route("PUT", _SCOPE, _replace_scope, _MANAGE, _BUCKET),
    Route("DELETE", _SCOPE, _delete_scope, _MANAGE, _BUCKET),
    Route("GET", _CLAIMS, _list_claims, _READ, _BUCKET),
    Route("POST", _CLAIMS, _create_claim, _MANAGE, _BUCKET),
    Route("GET", _CLAIM, _get_claim, _READ, _BUCKET),
    Route("PUT", _CLAIM, _replace_claim, _MANAGE, _BUCKET),
    Route("DELETE", _CLAIM, _delete_claim, _MANAGE, _BUCKET),
)
