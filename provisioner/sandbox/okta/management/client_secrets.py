"""Client secrets of an application (Okta Management API 2026.06.3, ApplicationSSOCredentialOAuth2ClientAuth)."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode

from provisioner.sandbox.okta.management.errors import invalid
from provisioner.sandbox.okta.management.objects import find, find_in_app, new_id, now
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route, lifecycle_routes
from provisioner.sandbox.store import Document, Store

_MAX_SECRETS = 2


def store_secret(store: Store, app: Document) -> None:
    """Add the client secret of an application to its list of secrets, unless the list has it."""
    value = app["credentials"].get("oauthClient", {}).get("client_secret")
    stored = (secret["client_secret"] for secret in _secrets_of(store, app["id"]))
    if value and value not in stored:
        _add(store, app["id"], value)


def _secrets_of(store: Store, app_id: str) -> list[Document]:
    return sorted(store.under("clientSecret", f"{app_id}:"), key=lambda secret: secret["created"])


def _add(store: Store, app_id: str, value: str) -> Document:
    timestamp = now()
    digest = urlsafe_b64encode(hashlib.sha256(value.encode()).digest()[:16]).decode().rstrip("=")
    secret = {
        "id": new_id("ocs"),
        "created": timestamp,
        "lastUpdated": timestamp,
        "status": "ACTIVE",
        "client_secret": value,
        "secret_hash": digest,
    }
    store.put("clientSecret", f"{app_id}:{secret['id']}", secret)
    return secret


def _render(request: ApiRequest, app_id: str, secret: Document) -> Document:
    base = f"apps/{app_id}/credentials/secrets/{secret['id']}"
    if secret["status"] == "ACTIVE":
        links = {"deactivate": request.link(f"{base}/lifecycle/deactivate", "POST")}
    else:
        links = {
            "activate": request.link(f"{base}/lifecycle/activate", "POST"),
            "delete": request.link(base, "DELETE"),
        }
    return {**secret, "_links": links}


def _list(request: ApiRequest, app_id: str) -> ApiResponse:
    find(request.store, "app", app_id)
    return ApiResponse(
        200, [_render(request, app_id, secret) for secret in _secrets_of(request.store, app_id)]
    )


def _get(request: ApiRequest, app_id: str, secret_id: str) -> ApiResponse:
    return ApiResponse(
        200, _render(request, app_id, find_in_app(request.store, "clientSecret", app_id, secret_id))
    )


def _create(request: ApiRequest, app_id: str) -> ApiResponse:
    find(request.store, "app", app_id)
    if len(_secrets_of(request.store, app_id)) >= _MAX_SECRETS:
        raise invalid("clientSecret", f"You can have at most {_MAX_SECRETS} client secrets.")
    body = request.body if isinstance(request.body, dict) else {}
    secret = _add(request.store, app_id, body.get("client_secret") or secrets.token_urlsafe(48))
    return ApiResponse(201, _render(request, app_id, secret))


def _change_status(request: ApiRequest, app_id: str, secret_id: str) -> ApiResponse:
    secret, status = find_in_app(request.store, "clientSecret", app_id, secret_id), request.target_status
    others = [other for other in _secrets_of(request.store, app_id) if other["id"] != secret_id]
    if status == "INACTIVE" and not any(other["status"] == "ACTIVE" for other in others):
        raise invalid("clientSecret", "You must have at least one active client secret.")
    changed = {**secret, "status": status, "lastUpdated": now()}
    request.store.put("clientSecret", f"{app_id}:{secret_id}", changed)
    return ApiResponse(200, _render(request, app_id, changed))


def _delete(request: ApiRequest, app_id: str, secret_id: str) -> ApiResponse:
    if find_in_app(request.store, "clientSecret", app_id, secret_id)["status"] == "ACTIVE":
        raise invalid("clientSecret", "The secret is active.")
    request.store.delete("clientSecret", f"{app_id}:{secret_id}")
    return ApiResponse(204)


_READ, _MANAGE = ("okta.apps.read",), ("okta.apps.manage",)
_SECRETS = "/api/v1/apps/{app_id}/credentials/secrets"
_SECRET = f"{_SECRETS}/{{secret_id}}"
ROUTES = (
    Route("GET", _SECRETS, _list, _READ, "apps"),
    Route("POST", _SECRETS, _create, _MANAGE, "apps"),
    Route("GET", _SECRET, _get, _READ, "apps"),
    Route("DELETE", _SECRET, _delete, _MANAGE, "apps"),
    *lifecycle_routes(_SECRET, _change_status, _MANAGE, "apps"),
)
