"""Client secrets of an application (Okta Management API 2026.06.3, ApplicationSSOCredentialOAuth2ClientAuth)."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode

from provisioner.sandbox.okta.management.call import Call, Reply, Route
from provisioner.sandbox.okta.management.errors import OktaError, invalid, not_found
from provisioner.sandbox.okta.management.identity import new_id, now
from provisioner.sandbox.store import Document, Store

_MOST = 2


def remember(store: Store, app: Document) -> None:
    """Keep an application's secret in the list of its secrets, unless it is there."""
    secret = app["credentials"].get("oauthClient", {}).get("client_secret")
    if secret and not any(kept["client_secret"] == secret for kept in _of(store, app["id"])):
        _add(store, app["id"], secret)


def _of(store: Store, app_id: str) -> list[Document]:
    return sorted(store.under("clientSecret", f"{app_id}:"), key=lambda kept: kept["created"])


def _add(store: Store, app_id: str, secret: str) -> Document:
    moment = now()
    digest = urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()[:16]).decode().rstrip("=")
    made = {
        "id": new_id("ocs"),
        "created": moment,
        "lastUpdated": moment,
        "status": "ACTIVE",
        "client_secret": secret,
        "secret_hash": digest,
    }
    store.put("clientSecret", f"{app_id}:{made['id']}", made)
    return made


def _app(call: Call, app_id: str) -> Document:
    app = call.store.get("app", app_id)
    if app is None:
        raise not_found(app_id, "AppInstance")
    return app


def _find(call: Call, app_id: str, secret_id: str) -> Document:
    _app(call, app_id)
    found = call.store.get("clientSecret", f"{app_id}:{secret_id}")
    if found is None:
        raise not_found(secret_id, "OAuth2ClientSecret")
    return found


def _render(call: Call, app_id: str, secret: Document) -> Document:
    base = f"apps/{app_id}/credentials/secrets/{secret['id']}"
    if secret["status"] == "ACTIVE":
        links = {"deactivate": _link(call, f"{base}/lifecycle/deactivate", "POST")}
    else:
        links = {
            "activate": _link(call, f"{base}/lifecycle/activate", "POST"),
            "delete": _link(call, base, "DELETE"),
        }
    return {**secret, "_links": links}


def _link(call: Call, path: str, method: str) -> Document:
    return {"href": call.api(path), "hints": {"allow": [method]}}


def _list(call: Call, app_id: str) -> Reply:
    _app(call, app_id)
    return Reply(200, [_render(call, app_id, each) for each in _of(call.store, app_id)])


def _get(call: Call, app_id: str, secret_id: str) -> Reply:
    return Reply(200, _render(call, app_id, _find(call, app_id, secret_id)))


def _create(call: Call, app_id: str) -> Reply:
    _app(call, app_id)
    if len(_of(call.store, app_id)) >= _MOST:
        raise invalid("clientSecret", f"You can have at most {_MOST} client secrets.")
    sent = call.body if isinstance(call.body, dict) else {}
    made = _add(call.store, app_id, sent.get("client_secret") or secrets.token_urlsafe(48))
    return Reply(201, _render(call, app_id, made))


def _turn(call: Call, app_id: str, secret_id: str) -> Reply:
    secret = _find(call, app_id, secret_id)
    status = "INACTIVE" if call.path.endswith("/deactivate") else "ACTIVE"
    others = [each for each in _of(call.store, app_id) if each["id"] != secret_id]
    if status == "INACTIVE" and not any(each["status"] == "ACTIVE" for each in others):
        raise invalid("clientSecret", "You must have at least one active client secret.")
    changed = {**secret, "status": status, "lastUpdated": now()}
    call.store.put("clientSecret", f"{app_id}:{secret_id}", changed)
    return Reply(200, _render(call, app_id, changed))


def _delete(call: Call, app_id: str, secret_id: str) -> Reply:
    if _find(call, app_id, secret_id)["status"] == "ACTIVE":
        raise OktaError(400, "E0000001", "Api validation failed: clientSecret", ["The secret is active."])
    call.store.delete("clientSecret", f"{app_id}:{secret_id}")
    return Reply(204)


_READ, _MANAGE = ("okta.apps.read",), ("okta.apps.manage",)
_ALL = "/api/v1/apps/{app_id}/credentials/secrets"
_ONE = f"{_ALL}/{{secret_id}}"
ROUTES = (
    Route("GET", _ALL, _list, _READ, "apps"),
    Route("POST", _ALL, _create, _MANAGE, "apps"),
    Route("GET", _ONE, _get, _READ, "apps"),
    Route("DELETE", _ONE, _delete, _MANAGE, "apps"),
    Route("POST", f"{_ONE}/lifecycle/activate", _turn, _MANAGE, "apps"),
    Route("POST", f"{_ONE}/lifecycle/deactivate", _turn, _MANAGE, "apps"),
)
