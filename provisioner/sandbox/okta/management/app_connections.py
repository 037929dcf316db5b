"""The provisioning connection and the features of an application, as far as the API can configure them.

Okta Management API 2026.06.3, ApplicationConnections: TOKEN is for ``okta_org2org`` and ``zscalerbyz`` only. For any other
application Okta answers GET and POST with 200 and ``UNKNOWN`` and changes nothing (recorded: test_connection_update_operations);
it refuses features (recorded: test_error_handling_app_without_provisioning).
"""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.okta.management import catalog
from provisioner.sandbox.okta.management.errors import invalid, not_found
from provisioner.sandbox.okta.management.objects import find, now
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route, lifecycle_routes
from provisioner.sandbox.okta.management.system_log import app_target, log_request
from provisioner.sandbox.store import Document

_UNKNOWN = {"status": "UNKNOWN", "profile": {"authScheme": "UNKNOWN"}}
_PUSH_FEATURES = {
    "create": "PUSH_NEW_USERS",
    "update": "PUSH_PROFILE_UPDATES",
    "deactivate": "PUSH_USER_DEACTIVATION",
}
_INBOUND: Document = {
    "importSettings": {
        "username": {"userNameFormat": "EMAIL"},
        "schedule": {"status": "DISABLED", "fullImport": None, "incrementalImport": None},
    },
    "importRules": {
        "userCreateAndMatch": {
            "exactMatchCriteria": "USERNAME",
            "allowPartialMatch": True,
            "autoConfirmPartialMatch": False,
            "autoConfirmExactMatch": False,
            "autoConfirmNewUsers": False,
            "autoActivateNewUsers": False,
        }
    },
}
_DESCRIPTIONS = {
    "USER_PROVISIONING": "User provisioning settings from Okta to a downstream application",
    "INBOUND_PROVISIONING": "In-bound provisioning settings for provisioning users from an application to Okta",
}


def _supports_connection(app: Document) -> bool:
    return catalog.definition_of(app).token_connection


def _get(request: ApiRequest, app_id: str) -> ApiResponse:
    app = find(request.store, "app", app_id)
    return ApiResponse(200, _render(request, app) if _supports_connection(app) else _UNKNOWN)


def _render(request: ApiRequest, app: Document) -> Document:
    connection = request.store.get("appConnection", app["id"])
    base = f"apps/{app['id']}/connections/default"
    enabled = bool(connection and connection["enabled"])
    operation = "deactivate" if enabled else "activate"
    members: Document = {"authScheme": "TOKEN", "status": "ENABLED" if enabled else "DISABLED"}
    if connection:
        members |= {"baseUrl": connection["baseUrl"], "profile": {"authScheme": "TOKEN"}}
    members["_links"] = {
        operation: request.link(f"{base}/lifecycle/{operation}", "POST"),
        "self": request.link(base, "POST", "GET"),
    }
    return members


def _update(request: ApiRequest, app_id: str) -> ApiResponse:
    """Store base URL and token without testing them; the connection stays disabled until it is activated."""
    app, body = find(request.store, "app", app_id), request.json_object()
    if not _supports_connection(app):
        return ApiResponse(200, _UNKNOWN)
    profile = body.get("profile") or {}
    if profile.get("authScheme") != "TOKEN" or not profile.get("token"):
        raise invalid("profile", "profile: authScheme TOKEN and a token are needed")
    before = request.store.get("appConnection", app_id) or {}
    base_url = body.get("baseUrl") or before.get("baseUrl") or app["settings"]["app"].get("baseUrl") or ""
    enabled = request.flag("activate", default=bool(before.get("enabled", False)))
    connection = {"appId": app_id, "baseUrl": base_url, "token": profile["token"], "enabled": enabled}
    request.store.put("appConnection", app_id, connection)
    log_request(request, "application.configuration.update", app_target(app))
    return ApiResponse(200, _render(request, app))


def _change_status(request: ApiRequest, app_id: str) -> ApiResponse:
    """Enable or disable the connection; without effect for an application that supports none (not recorded)."""
    app = find(request.store, "app", app_id)
    connection = request.store.get("appConnection", app_id)
    if _supports_connection(app):
        if connection is None:
            raise invalid("connection", "The connection has not been configured.")
        enabled = request.target_status == "ACTIVE"
        request.store.put("appConnection", app_id, {**connection, "enabled": enabled})
        log_request(request, "application.configuration.update", app_target(app))
        request.apps_to_push.add(app_id)
    return ApiResponse(204)


def _find_connected(request: ApiRequest, app_id: str) -> Document:
    app = find(request.store, "app", app_id)
    connection = request.store.get("appConnection", app_id)
    if not _supports_connection(app) or not connection or not connection["enabled"]:
        raise invalid("feature", "Provisioning is not supported.")
    return app


def _list_features(request: ApiRequest, app_id: str) -> ApiResponse:
    app = _find_connected(request, app_id)
    return ApiResponse(200, [_render_feature(request, app, name) for name in _DESCRIPTIONS])


def _get_feature(request: ApiRequest, app_id: str, name: str) -> ApiResponse:
    app = _find_connected(request, app_id)
    return ApiResponse(200, _render_feature(request, app, _checked_name(name)))


def _checked_name(name: str) -> str:
    if name not in _DESCRIPTIONS:
        raise not_found(name, "ApplicationFeature")
    return name


def _render_feature(request: ApiRequest, app: Document, name: str) -> Document:
    statuses = {
        operation: "ENABLED" if feature in app["features"] else "DISABLED"
        for operation, feature in _PUSH_FEATURES.items()
    }
    if name == "INBOUND_PROVISIONING":
        capabilities, status = {**_INBOUND, **app.get("_inbound", {})}, "ENABLED"
    else:
        password = {"status": "DISABLED", "seed": "RANDOM", "change": "KEEP_EXISTING"}
        capabilities = {
            "create": {"lifecycleCreate": {"status": statuses["create"]}},
            "update": {
                "profile": {"status": statuses["update"]},
                "lifecycleDeactivate": {"status": statuses["deactivate"]},
                "password": {**password, **app.get("_password", {})},
            },
        }
        status = "ENABLED" if "ENABLED" in statuses.values() else "DISABLED"
    return {
        "name": name,
        "status": status,
        "description": _DESCRIPTIONS[name],
        "capabilities": capabilities,
        "_links": {"self": request.link(f"apps/{app['id']}/features/{name}", "GET", "PUT")},
    }


def _update_feature(request: ApiRequest, app_id: str, name: str) -> ApiResponse:
    """A partial update: capabilities that the body lacks are unchanged."""
    app, body = _find_connected(request, app_id), request.json_object()
    if _checked_name(name) == "INBOUND_PROVISIONING":
        settings = {key: value for key, value in body.items() if key in _INBOUND}
        changed = {**app, "_inbound": {**app.get("_inbound", {}), **settings}}
    else:
        changed = _with_capabilities(app, body)
    changed["lastUpdated"] = now()
    request.store.put("app", app_id, changed)
    log_request(request, "application.configuration.update", app_target(app))
    request.apps_to_push.add(app_id)
    return ApiResponse(200, _render_feature(request, changed, name))


def _with_capabilities(app: Document, body: Document) -> Document:
    """The application with the capabilities of USER_PROVISIONING in a request."""
    update: dict[str, Any] = body.get("update") or {}
    statuses = {
        "create": ((body.get("create") or {}).get("lifecycleCreate") or {}).get("status"),
        "update": (update.get("profile") or {}).get("status"),
        "deactivate": (update.get("lifecycleDeactivate") or {}).get("status"),
    }
    features = list(app["features"])
    for operation, status in statuses.items():
        feature = _PUSH_FEATURES[operation]
        if status == "ENABLED" and feature not in features:
            features.append(feature)
        elif status == "DISABLED":
            features = [name for name in features if name != feature]
        elif status not in (None, "ENABLED"):
            raise invalid("status", "status: must be ENABLED or DISABLED")
    return {
        **app,
        "features": features,
        "_password": {**app.get("_password", {}), **(update.get("password") or {})},
    }


_READ, _MANAGE = ("okta.apps.read",), ("okta.apps.manage",)
_CONNECTION = "/api/v1/apps/{app_id}/connections/default"
_FEATURES = "/api/v1/apps/{app_id}/features"
ROUTES = (
    Route("GET", _CONNECTION, _get, _READ, "apps"),
    Route("POST", _CONNECTION, _update, _MANAGE, "apps"),
    *lifecycle_routes(_CONNECTION, _change_status, _MANAGE, "apps"),
    Route("GET", _FEATURES, _list_features, _READ, "apps"),
    Route("GET", f"{_FEATURES}/{{name}}", _get_feature, _READ, "apps"),
    Route("PUT", f"{_FEATURES}/{{name}}", _update_feature, _MANAGE, "apps"),
)
