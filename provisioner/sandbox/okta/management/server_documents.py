"""What an authorization server and its scopes look like: kept, and answered.

Recorded: terraform-provider-okta TestAccResourceOktaAuthServer*, okta-sdk-python test_list_oauth2_scopes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from provisioner.sandbox.okta.login import signing_keys
from provisioner.sandbox.okta.management.call import Call
from provisioner.sandbox.okta.management.errors import not_found
from provisioner.sandbox.okta.management.identity import new_id, now
from provisioner.sandbox.store import Document, Store

ROTATION = timedelta(days=90)
SYSTEM_SCOPES = {
    "openid": "Signals that a request is an OpenID request.",
    "profile": "The exact data varies based on what profile information you have provided, such as: name, time zone, "
    "picture, or birthday.",
    "email": "This allows the app to view your email address.",
    "address": "This allows the app to view your address, such as: street address, city, state, and zip code.",
    "phone": "This allows the app to view your phone number.",
    "offline_access": "This keeps you signed in to the app, even when you are not using it.",
    "device_sso": "This allows you to single sign on between native client applications on your device.",
}
_TITLES = {
    "offline_access": "Keep you signed in to the app.",
    "openid": "openid",
    "profile": "View your profile information.",
    "email": "View your email address.",
    "address": "View your address.",
    "phone": "View your phone number.",
    "device_sso": "Request device secret.",
}


def create(store: Store, name: str, description: str | None, audiences: list[str], mode: str) -> Document:
    """Make an authorization server with its system scopes, its claim ``sub`` and a signing key.

    Args:
        store: the org.
        name: its name.
        description: what it is for.
        audiences: whom its tokens are for.
        mode: ``ORG_URL``, ``CUSTOM_URL`` or ``DYNAMIC``.
    """
    key, moment = new_id("aus"), now()
    server: Document = {
        "id": key,
        "name": name,
        "description": description,
        "audiences": audiences,
        "issuer": issuer_of(store, key, mode),
        "issuerMode": mode,
        "status": "ACTIVE",
        "created": moment,
        "lastUpdated": moment,
        "credentials": {"signing": signing_keys.rotated(store, key, "AUTO")},
        "default": False,
    }
    store.put("authorizationServer", key, server)
    for scope, text in SYSTEM_SCOPES.items():
        put_scope(store, key, scope, text, _TITLES[scope])
    put_claim(store, key, "sub", "(appuser != null) ? appuser.userName : app.clientId")
    return server


def put_scope(store: Store, server_id: str, name: str, description: str, title: str) -> None:
    """Add a system scope."""
    key = new_id("scp")
    store.put(
        "authScope",
        key,
        {
            "id": key,
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
        },
    )


def put_claim(store: Store, server_id: str, name: str, value: str) -> None:
    """Add a system claim of access tokens."""
    key = new_id("ocl")
    store.put(
        "authClaim",
        key,
        {
            "id": key,
            "name": name,
            "status": "ACTIVE",
            "claimType": "RESOURCE",
            "valueType": "EXPRESSION",
            "value": value,
            "conditions": {"scopes": []},
            "system": True,
            "alwaysIncludeInToken": True,
            "apiResourceId": None,
            "_serverId": server_id,
        },
    )


def issuer_of(store: Store, server_id: str, mode: str) -> str:
    """The issuer: below the org's address, or below its custom domain."""
    root = str(store.setting("root", ""))
    if mode == "CUSTOM_URL":
        domain = next(iter(store.all("domain")), None)
        root = f"https://{domain['domain']}" if domain else root
    return f"{root}/oauth2/{server_id}"


def find(store: Store, key: str) -> Document:
    """The authorization server; ``default`` is the one the org came with.

    Raises:
        OktaError: 404.
    """
    key = str(store.setting("default_server")) if key == "default" else key
    found = store.get("authorizationServer", key)
    if found is None:
        raise not_found(key, "AuthorizationServer")
    return found


def issuer(call: Call, server: Document) -> str:
    """The issuer as this caller sees it: with ``DYNAMIC`` it is the host that was asked.

    Okta Management API 2026.06.3, AuthorizationServer.issuerMode. The default server's issuer ends with its name.
    """
    found = str(server["issuer"])
    if server["issuerMode"] == "DYNAMIC" or found.startswith("/"):
        return f"{call.root}/oauth2/{found.rpartition('/')[2]}"
    return found


def render(call: Call, server: Document) -> Document:
    """An authorization server as the API answers it."""
    base = f"authorizationServers/{server['id']}"
    address = issuer(call, server)
    turn = "deactivate" if server["status"] == "ACTIVE" else "activate"
    links: dict[str, Any] = {
        "rotateKey": link(call, f"{base}/credentials/lifecycle/keyRotate", "POST"),
        "metadata": [
            {"name": name, "href": f"{address}/.well-known/{name}", "hints": {"allow": ["GET"]}}
            for name in ("oauth-authorization-server", "openid-configuration")
        ],
        "keys": link(call, f"{base}/credentials/keys", "GET"),
        "claims": link(call, f"{base}/claims", "GET", "POST"),
        "policies": link(call, f"{base}/policies", "GET", "POST"),
        "self": link(call, base, "GET", "DELETE", "PUT"),
        "scopes": link(call, f"{base}/scopes", "GET", "POST"),
        turn: link(call, f"{base}/lifecycle/{turn}", "POST"),
    }
    shown = {name: value for name, value in server.items() if not name.startswith("_")}
    return {**shown, "issuer": address, "_links": links}


def link(call: Call, path: str, *methods: str) -> Document:
    """A link below ``/api/v1/`` with what may be done there."""
    return {"href": call.api(path), "hints": {"allow": list(methods)}}
