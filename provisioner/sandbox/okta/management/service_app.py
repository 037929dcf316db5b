"""Service apps and their scopes; the sandbox's own, which automation signs in with, and its API token.

Okta Developer, "Implement OAuth for Okta with a service app": the app authenticates with a private key, and gets only scopes
that an admin granted it.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from provisioner.sandbox.okta.login import signing_keys
from provisioner.sandbox.okta.management import app_documents
from provisioner.sandbox.okta.management.identity import new_id, now
from provisioner.sandbox.store import Document, Store

NAME = "Provisioner automation"
_FAMILIES = (
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
    sorted([f"okta.{name}.{what}" for name in _FAMILIES for what in ("manage", "read")] + ["okta.logs.read"])
)
"""The scopes of Okta's own APIs that the sandbox serves; the real org authorization server has more."""
_TOKEN_WINDOW = timedelta(days=30)


def create(store: Store, owner: Document) -> None:
    """Make the automation's app with its key pair and every scope, and its API token.

    Args:
        store: the org.
        owner: the admin whose rights the token has.
    """
    pem, public = signing_keys.new_key()
    client = {
        "application_type": "service",
        "grant_types": ["client_credentials"],
        "response_types": ["token"],
        "jwks": {"keys": [public]},
    }
    app = app_documents.new(
        store,
        {
            "name": "oidc_client",
            "label": NAME,
            "signOnMode": "OPENID_CONNECT",
            "credentials": {"oauthClient": {"token_endpoint_auth_method": "private_key_jwt"}},
            "settings": {"oauthClient": client},
        },
        active=True,
    )
    store.put("app", app["id"], app)
    client_id = app["credentials"]["oauthClient"]["client_id"]
    store.set("client", {"client_id": client_id, "private_key": pem, "key_id": public["kid"]})
    store.set("client_app", app["id"])
    for scope in SCOPES:
        grant(store, app, scope, owner["id"], "User")
    store.set("api_token", _token(store, owner))


def _token(store: Store, owner: Document) -> str:
    value, moment = f"00{secrets.token_urlsafe(30)}", now()
    key = new_id("00T")
    store.put(
        "apiToken",
        key,
        {
            "id": key,
            "name": NAME,
            "userId": owner["id"],
            "tokenWindow": "P30D",
            "network": {"connection": "ANYWHERE"},
            "clientName": "Okta API",
            "created": moment,
            "lastUpdated": moment,
            "expiresAt": now(_TOKEN_WINDOW),
            "_hash": digest(value),
        },
    )
    return value


def digest(token: str) -> str:
    """What is kept of an API token."""
    return hashlib.sha256(token.encode()).hexdigest()


def grant(store: Store, app: Document, scope: str, by: str, kind: str) -> Document:
    """Grant a scope to an app.

    Args:
        store: the org.
        app: the service app.
        scope: one of `SCOPES`.
        by: id of who does it.
        kind: ``User`` or ``PublicClientApp``.
    """
    key, moment = new_id("oag"), now()
    made = {
        "id": key,
        "status": "ACTIVE",
        "created": moment,
        "lastUpdated": moment,
        "createdBy": {"id": by, "type": kind},
        "issuer": "",
        "clientId": app["credentials"].get("oauthClient", {}).get("client_id", app["id"]),
        "scopeId": scope,
        "source": "ADMIN",
        "_appId": app["id"],
    }
    store.put("grant", key, made)
    if app["id"] == store.setting("client_app"):
        store.set("scopes_granted", sorted({*store.setting("scopes_granted", []), scope}))
    return made


def revoke(store: Store, found: Document) -> None:
    """Take a granted scope away."""
    store.delete("grant", found["id"])
    if found["_appId"] == store.setting("client_app"):
        left = [each for each in store.setting("scopes_granted", []) if each != found["scopeId"]]
        store.set("scopes_granted", left)


def granted(store: Store, app: Document) -> set[str]:
    """The scopes that an app may ask for; of the automation's own app, the setting ``scopes_granted``."""
    if app["id"] == store.setting("client_app"):
        return set(store.setting("scopes_granted", []))
    return {each["scopeId"] for each in store.all("grant") if each["_appId"] == app["id"]}
