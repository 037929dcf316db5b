"""Scope grants of service apps (Okta Management API 2026.06.3, ApplicationGrants).

Okta Developer, "Implement OAuth for Okta with a service app": a service app gets only the scopes that an admin granted it.
"""

from __future__ import annotations

from provisioner.sandbox.okta.management.errors import invalid
from provisioner.sandbox.okta.management.objects import find, find_in_app, new_id, now, public_members, select
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route
from provisioner.sandbox.okta.management.system_log import app_target, log_request
from provisioner.sandbox.store import Document, Store

_RESOURCES = (
    "apiTokens",
    "appGrants",
    "apps",
    "authorizationServers",
    "domains",
    "groups",
    "orgs",
    "policies",
    "profileMappings",
    "schemas",
    "userTypes",
    "users",
)
SCOPES = tuple(
    sorted(
        [f"okta.{resource}.{access}" for resource in _RESOURCES for access in ("manage", "read")]
        + ["okta.logs.read"]
    )
)
"""The scopes of Okta's APIs that the sandbox serves; the org authorization server of a real org has more."""


def add_grant(store: Store, app: Document, scope: str, creator_id: str, creator_type: str) -> Document:
    """Grant a scope to an application.

    Args:
        store: the org.
        app: the service app.
        scope: one of `SCOPES`.
        creator_id: id of the user or app that grants it.
        creator_type: ``User`` or ``PublicClientApp``.
    """
    timestamp = now()
    grant = {
        "id": new_id("oag"),
        "status": "ACTIVE",
        "created": timestamp,
        "lastUpdated": timestamp,
        "createdBy": {"id": creator_id, "type": creator_type},
        "issuer": "",
        "clientId": app["credentials"].get("oauthClient", {}).get("client_id", app["id"]),
        "scopeId": scope,
        "source": "ADMIN",
        "_appId": app["id"],
    }
    store.put("grant", grant["id"], grant)
    if app["id"] == store.setting("client_app"):
        store.set("scopes_granted", sorted({*store.setting("scopes_granted", []), scope}))
    return grant


def granted_scopes(store: Store, app: Document) -> set[str]:
    """The scopes that an application may request; for the sandbox's own service app, the setting ``scopes_granted``."""
    if app["id"] == store.setting("client_app"):
        return set(store.setting("scopes_granted", []))
    return {grant["scopeId"] for grant in select(store, "grant", _appId=app["id"])}


def _render(request: ApiRequest, grant: Document) -> Document:
    app = f"apps/{grant['_appId']}"
    links = {
        "app": {"href": request.url(app)},
        "self": request.link(f"{app}/grants/{grant['id']}", "GET", "DELETE"),
        "client": {"href": f"{request.base_url}/oauth2/v1/clients/{grant['clientId']}"},
    }
    return {**public_members(grant), "issuer": request.base_url, "_links": links}


def _list(request: ApiRequest, app_id: str) -> ApiResponse:
    find(request.store, "app", app_id)
    return ApiResponse(
        200, [_render(request, grant) for grant in select(request.store, "grant", _appId=app_id)]
    )


def _get(request: ApiRequest, app_id: str, grant_id: str) -> ApiResponse:
    return ApiResponse(200, _render(request, find_in_app(request.store, "grant", app_id, grant_id)))


def _create(request: ApiRequest, app_id: str) -> ApiResponse:
    """Grant a scope; granting it again changes nothing (not recorded)."""
    app, body = find(request.store, "app", app_id), request.json_object()
    scope = body.get("scopeId")
    if scope not in SCOPES:
        raise invalid("scopeId", f"scopeId: '{scope}' is not a scope of the org authorization server")
    if str(body.get("issuer", "")).rstrip("/") != request.base_url:
        raise invalid("issuer", "issuer: must be the org authorization server")
    grant = next(iter(select(request.store, "grant", _appId=app_id, scopeId=scope)), None)
    if grant is None:
        grant = add_grant(request.store, app, scope, request.caller.id, request.caller.kind)
        log_request(request, "app.oauth2.client.scope.consent.grant", app_target(app))
    return ApiResponse(201, _render(request, grant))


def _revoke(request: ApiRequest, app_id: str, grant_id: str) -> ApiResponse:
    grant, store = find_in_app(request.store, "grant", app_id, grant_id), request.store
    store.delete("grant", grant["id"])
    if app_id == store.setting("client_app"):
        remaining = [scope for scope in store.setting("scopes_granted", []) if scope != grant["scopeId"]]
        store.set("scopes_granted", remaining)
    return ApiResponse(204)


_READ, _MANAGE = ("okta.appGrants.read",), ("okta.appGrants.manage",)
_GRANTS = "/api/v1/apps/{app_id}/grants"
_GRANT = f"{_GRANTS}/{{grant_id}}"
ROUTES = (
    Route("GET", _GRANTS, _list, _READ, "apps"),
    Route("POST", _GRANTS, _create, _MANAGE, "apps"),
    Route("GET", _GRANT, _get, _READ, "apps"),
    Route("DELETE", _GRANT, _revoke, _MANAGE, "apps"),
)
