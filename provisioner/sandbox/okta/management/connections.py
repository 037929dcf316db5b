"""The provisioning connection and the features of an application, as far as the API offers them.

Okta Management API 2026.06.3, ApplicationConnections: TOKEN is for ``okta_org2org`` and ``zscalerbyz`` only. For any other
application GET and POST are answered with 200 and ``UNKNOWN``, and nothing happens (recorded:
test_connection_update_operations); features are refused (recorded: test_error_handling_app_without_provisioning).
"""

from __future__ import annotations

from typing import Any

from provisioner.sandbox.okta.management import catalog
from provisioner.sandbox.okta.management.apps import find
from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import invalid, not_found
from provisioner.sandbox.okta.management.identity import now
from provisioner.sandbox.okta.management.log_events import app_target, note
from provisioner.sandbox.okta.management.server_documents import link
from provisioner.sandbox.store import Document

_UNKNOWN = {"status": "UNKNOWN", "profile": {"authScheme": "UNKNOWN"}}
_PUSHES = {
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


def _supported(app: Document) -> bool:
    return catalog.kind_of(app).provisioning == "TOKEN"


def _get(call: Call, app_id: str) -> Reply:
    app = find(call.store, app_id)
    return Reply(200, _render(call, app) if _supported(app) else _UNKNOWN)


def _render(call: Call, app: Document) -> Document:
    kept = call.store.get("appConnection", app["id"])
    base = f"apps/{app['id']}/connections/default"
    enabled = bool(kept and kept["enabled"])
    turn = "deactivate" if enabled else "activate"
    shown: Document = {"authScheme": "TOKEN", "status": "ENABLED" if enabled else "DISABLED"}
    if kept:
        shown |= {"baseUrl": kept["baseUrl"], "profile": {"authScheme": "TOKEN"}}
    shown["_links"] = {
        turn: link(call, f"{base}/lifecycle/{turn}", "POST"),
        "self": link(call, base, "POST", "GET"),
    }
    return shown


def _update(call: Call, app_id: str) -> Reply:
    """Keep address and token; they are not tried out. The connection stays off until it is activated."""
    app, sent = find(call.store, app_id), call.document()
    if not _supported(app):
        return Reply(200, _UNKNOWN)
    profile = sent.get("profile") or {}
    if profile.get("authScheme") != "TOKEN" or not profile.get("token"):
        raise invalid("profile", "profile: authScheme TOKEN and a token are needed")
    before = call.store.get("appConnection", app_id) or {}
    base_url = sent.get("baseUrl") or before.get("baseUrl") or app["settings"]["app"].get("baseUrl") or ""
    enabled = call.flag("activate", default=bool(before.get("enabled", False)))
    kept = {"appId": app_id, "baseUrl": base_url, "token": profile["token"], "enabled": enabled}
    call.store.put("appConnection", app_id, kept)
    note(call, "application.configuration.update", app_target(app))
    return Reply(200, _render(call, app))


def _turn(call: Call, app_id: str) -> Reply:
    """Activate or deactivate; for an application without such a connection nothing happens (not recorded)."""
    app = find(call.store, app_id)
    kept = call.store.get("appConnection", app_id)
    if _supported(app):
        if kept is None:
            raise invalid("connection", "The connection has not been configured.")
        call.store.put("appConnection", app_id, {**kept, "enabled": call.path.endswith("/activate")})
        note(call, "application.configuration.update", app_target(app))
        call.touched.add(app_id)
    return Reply(204)


def _with_features(call: Call, app_id: str) -> Document:
    app = find(call.store, app_id)
    kept = call.store.get("appConnection", app_id)
    if not _supported(app) or not kept or not kept["enabled"]:
        raise invalid("feature", "Provisioning is not supported.")
    return app


def _features(call: Call, app_id: str) -> Reply:
    app = _with_features(call, app_id)
    return Reply(200, [_feature(call, app, name) for name in _DESCRIPTIONS])


def _get_feature(call: Call, app_id: str, name: str) -> Reply:
    app = _with_features(call, app_id)
    return Reply(200, _feature(call, app, _known(name)))


def _known(name: str) -> str:
    if name not in _DESCRIPTIONS:
        raise not_found(name, "ApplicationFeature")
    return name


def _feature(call: Call, app: Document, name: str) -> Document:
    on = {key: "ENABLED" if feature in app["features"] else "DISABLED" for key, feature in _PUSHES.items()}
    if name == "INBOUND_PROVISIONING":
        capabilities, status = {**_INBOUND, **app.get("_inbound", {})}, "ENABLED"
    else:
        password = {"status": "DISABLED", "seed": "RANDOM", "change": "KEEP_EXISTING"}
        capabilities = {
            "create": {"lifecycleCreate": {"status": on["create"]}},
            "update": {
                "profile": {"status": on["update"]},
                "lifecycleDeactivate": {"status": on["deactivate"]},
                "password": {**password, **app.get("_password", {})},
            },
        }
        status = "ENABLED" if "ENABLED" in on.values() else "DISABLED"
    itself = link(call, f"apps/{app['id']}/features/{name}", "GET", "PUT")
    return {
        "name": name,
        "status": status,
        "description": _DESCRIPTIONS[name],
        "capabilities": capabilities,
        "_links": {"self": itself},
    }


def _put_feature(call: Call, app_id: str, name: str) -> Reply:
    """Partial: what is not mentioned stays."""
    app, sent = _with_features(call, app_id), call.document()
    if _known(name) == "INBOUND_PROVISIONING":
        kept = {key: value for key, value in sent.items() if key in _INBOUND}
        changed = {**app, "_inbound": {**app.get("_inbound", {}), **kept}}
    else:
        changed = _user_provisioning(app, sent)
    changed["lastUpdated"] = now()
    call.store.put("app", app_id, changed)
    note(call, "application.configuration.update", app_target(app))
    call.touched.add(app_id)
    return Reply(200, _feature(call, changed, name))


def _user_provisioning(app: Document, sent: Document) -> Document:
    update: dict[str, Any] = sent.get("update") or {}
    wanted = {
        "create": ((sent.get("create") or {}).get("lifecycleCreate") or {}).get("status"),
        "update": (update.get("profile") or {}).get("status"),
        "deactivate": (update.get("lifecycleDeactivate") or {}).get("status"),
    }
    features = list(app["features"])
    for key, status in wanted.items():
        if status == "ENABLED" and _PUSHES[key] not in features:
            features.append(_PUSHES[key])
        elif status == "DISABLED":
            features = [each for each in features if each != _PUSHES[key]]
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
    Route("POST", f"{_CONNECTION}/lifecycle/activate", _turn, _MANAGE, "apps"),
    Route("POST", f"{_CONNECTION}/lifecycle/deactivate", _turn, _MANAGE, "apps"),
    Route("GET", _FEATURES, _features, _READ, "apps"),
    Route("GET", f"{_FEATURES}/{{name}}", _get_feature, _READ, "apps"),
    Route("PUT", f"{_FEATURES}/{{name}}", _put_feature, _MANAGE, "apps"),
)
