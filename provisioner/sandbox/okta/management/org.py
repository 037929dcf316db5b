"""The org's general settings, custom domains, and API tokens.

Okta Management API 2026.06.3, OrgSettingGeneral; Okta Developer, "API token management" and "Custom domains" (these two are
not in the subset of the description that the tests read).
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from provisioner.sandbox.okta.management.objects import find, new_id, now, public_members, select
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse, Route
from provisioner.sandbox.store import Document, Store

_TOKEN_WINDOW = timedelta(days=30)


def new_api_token(store: Store, name: str, owner: Document) -> str:
    """Create an API token that has its owner's permissions, and return its value; the store has only the hash."""
    value, timestamp = f"00{secrets.token_urlsafe(30)}", now()
    token = {
        "id": new_id("00T"),
        "name": name,
        "userId": owner["id"],
        "tokenWindow": "P30D",
        "network": {"connection": "ANYWHERE"},
        "clientName": "Okta API",
        "created": timestamp,
        "lastUpdated": timestamp,
        "expiresAt": now(_TOKEN_WINDOW),
        "_hash": _hash(value),
    }
    store.put("apiToken", token["id"], token)
    return value


def api_token(store: Store, value: str) -> Document | None:
    """The API token with a value, or None."""
    return next(iter(select(store, "apiToken", _hash=_hash(value))), None)


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def _get_org(request: ApiRequest) -> ApiResponse:
    links = {
        "preferences": {"href": request.url("org/preferences")},
        "uploadLogo": request.link("org/logo", "POST"),
        "oktaCommunication": {"href": request.url("org/privacy/oktaCommunication")},
        "oktaSupport": {"href": request.url("org/privacy/oktaSupport")},
        "contacts": {"href": request.url("org/contacts")},
    }
    return ApiResponse(200, {**request.store.setting("org"), "_links": links})


def _list_domains(request: ApiRequest) -> ApiResponse:
    domains = request.store.all("domain")
    return ApiResponse(200, {"domains": [_render_domain(request, domain) for domain in domains]})


def _get_domain(request: ApiRequest, domain_id: str) -> ApiResponse:
    return ApiResponse(200, _render_domain(request, find(request.store, "domain", domain_id)))


def _render_domain(request: ApiRequest, domain: Document) -> Document:
    return {**domain, "_links": {"self": request.link(f"domains/{domain['id']}", "GET", "DELETE")}}


def _list_tokens(request: ApiRequest) -> ApiResponse:
    return ApiResponse(200, [_render_token(request, token) for token in request.store.all("apiToken")])


def _get_token(request: ApiRequest, token_id: str) -> ApiResponse:
    return ApiResponse(200, _render_token(request, find(request.store, "apiToken", token_id)))


def _revoke_token(request: ApiRequest, token_id: str) -> ApiResponse:
    find(request.store, "apiToken", token_id)
    request.store.delete("apiToken", token_id)
    return ApiResponse(204)


def _render_token(request: ApiRequest, token: Document) -> Document:
    itself = request.link(f"api-tokens/{token['id']}", "GET", "DELETE")
    return {**public_members(token), "_link": {"self": itself}}


_TOKENS = "/api/v1/api-tokens"
ROUTES = (
    Route("GET", "/api/v1/org", _get_org, ("okta.orgs.read",), "other"),
    Route("GET", "/api/v1/domains", _list_domains, ("okta.domains.read",), "other"),
    Route("GET", "/api/v1/domains/{domain_id}", _get_domain, ("okta.domains.read",), "other"),
    Route("GET", _TOKENS, _list_tokens, ("okta.apiTokens.read",), "other"),
    Route("GET", f"{_TOKENS}/{{token_id}}", _get_token, ("okta.apiTokens.read",), "other"),
    Route("DELETE", f"{_TOKENS}/{{token_id}}", _revoke_token, ("okta.apiTokens.manage",), "other"),
)
