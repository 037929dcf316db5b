"""The simulated Kiro console: profiles, their SCIM endpoints and SCIM tokens, and the provisioned users and groups.

The console itself labels a SCIM token "access token".

The rules are those of Kiro's guides "Connect your Microsoft Entra ID IdP" (SCIM token security, Profile deletion warning) and
"Connect your Okta IdP" (a profile has an issuer and a client ID). A token is shown once. A profile has at most two tokens. A
revoked token stops working at once. Deleting a profile deletes its users and groups. The form of Kiro's SCIM endpoint URL
is not published; the sandbox serves ``/scim/<profile id>/v2``.

Kinds in the Kiro store: ``kiroProfile`` and ``scimToken`` (hashes only).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.refusal import ConsoleRefusal
from provisioner.sandbox.store import Document, Store

MAX_TOKENS = 2
UNKNOWN = "unknown"

_AUTOMATIC = "automatic_credentials"
_COPIED = "copied_token"


def create_profile(
    store: Store,
    client_id: str = UNKNOWN,
    tenant_id: str = UNKNOWN,
    base_url: str = "",
    issuer: str | None = None,
) -> Document:
    """Create a Kiro profile.

    Args:
        store: the Kiro store.
        client_id: Application (client) ID or Client ID, as pasted into the console.
        tenant_id: Directory (tenant) ID of Microsoft Entra ID.
        base_url: root URL of the sandbox's server, such as ``http://127.0.0.1:43121``.
        issuer: Issuer URI of Okta; only a profile for Okta has one.

    Returns:
        ``{"id", "clientId", "tenantId", "createdAt", "scimEndpoint"}``, for Okta with ``issuer``.
    """
    key = str(uuid.uuid4())
    profile = {"id": key, "clientId": client_id, "tenantId": tenant_id, "createdAt": _now()}
    if issuer is not None:
        profile["issuer"] = issuer
    store.put("kiroProfile", key, profile)
    return profile | {"scimEndpoint": endpoint(base_url, key)}


def endpoint(base_url: str, profile_id: str) -> str:
    """The SCIM endpoint URL that the console shows for a profile."""
    return f"{base_url.rstrip('/')}/scim/{profile_id}/v2"


def generate_token(store: Store, profile_id: str) -> str:
    """Generate a SCIM token. The store has only its hash.

    Raises:
        ConsoleRefusal: the profile does not exist, or it has two tokens already.
    """
    with store.transaction():
        if store.get("kiroProfile", profile_id) is None:
            raise ConsoleRefusal(f"There is no profile {profile_id}.")
        if len(tokens(store, profile_id)) >= MAX_TOKENS:
            raise ConsoleRefusal(
                f"A Kiro profile supports a maximum of {MAX_TOKENS} access tokens. Revoke one before generating another."
            )
        token = secrets.token_urlsafe(32)
        key = str(uuid.uuid4())
        store.put(
            "scimToken", key, {"id": key, "profileId": profile_id, "hash": _hash(token), "createdAt": _now()}
        )
    return token


def tokens(store: Store, profile_id: str) -> list[Document]:
    """A profile's tokens, oldest first: ``{"id", "profileId", "hash", "createdAt"}``, without their values."""
    return [token for token in store.all("scimToken") if token["profileId"] == profile_id]


def revoke_token(store: Store, token_id: str) -> None:
    """Revoke a token.

    Args:
        store: the Kiro store.
        token_id: ``id`` of an entry of ``tokens``.

    Raises:
        ConsoleRefusal: there is no such token.
    """
    if store.get("scimToken", token_id) is None:
        raise ConsoleRefusal(f"There is no token {token_id}.")
    store.delete("scimToken", token_id)


def accepts(store: Store, profile_id: str, token: str) -> bool:
    """Whether a profile's SCIM endpoint accepts a token."""
    digest = _hash(token)
    return any(hmac.compare_digest(known["hash"], digest) for known in tokens(store, profile_id))


def delete_profile(store: Store, profile_id: str) -> None:
    """Delete a profile with its tokens, domains, users and groups.

    Raises:
        ConsoleRefusal: the profile does not exist.
    """
    with store.transaction():
        if store.get("kiroProfile", profile_id) is None:
            raise ConsoleRefusal(f"There is no profile {profile_id}.")
        for token in tokens(store, profile_id):
            store.delete("scimToken", token["id"])
        for domain in store.all("kiroDomain"):
            if domain["profileId"] == profile_id:
                store.delete("kiroDomain", domain["id"])
        for kind in (f"scimUser:{profile_id}", f"scimGroup:{profile_id}", f"scimIndex:{profile_id}"):
            store.delete_many(kind, store.keys(kind))
        store.delete("kiroProfile", profile_id)


def automatic_credentials(store: Store, base_url: str) -> dict[str, str]:
    """SCIM endpoint and token of a profile, as an admin would copy them from the console.

    Creates the profile and the token when they are missing. The value of this token stays in the store, so that later
    commands get the same one: Kiro itself shows a token only once.

    Args:
        store: the Kiro store.
        base_url: root URL of the sandbox's server.

    Returns:
        ``{"KIRO_SCIM_ENDPOINT": url, "KIRO_SCIM_TOKEN": token}``; no token when the profile has two others already.
    """
    with store.transaction():
        former = store.setting(_AUTOMATIC) or {}
        profile, token = _current_profile(store, former.get("profile", "")), former.get("token", "")
        if not accepts(store, profile, token):
            token = generate_token(store, profile) if len(tokens(store, profile)) < MAX_TOKENS else ""
        store.set(_AUTOMATIC, {"profile": profile, "token": token})
    credentials = {"KIRO_SCIM_ENDPOINT": endpoint(base_url, profile)}
    return credentials | {"KIRO_SCIM_TOKEN": token} if token else credentials


def copied_token(store: Store, profile_id: str) -> str:
    """A token for a later paste; the same one until it is revoked. Its value stays in the store.

    Raises:
        ConsoleRefusal: the profile does not exist, or it has two other tokens already.
    """
    name = f"{_COPIED}:{profile_id}"
    with store.transaction():
        token = str(store.setting(name, ""))
        if not accepts(store, profile_id, token):
            token = generate_token(store, profile_id)
            store.set(name, token)
    return token


def describe(store: Store) -> dict[str, Any]:
    """What the console shows.

    Returns:
        ``{"profiles": [{"id", "clientId", "tenantId", "tokens": n, "domains": [...], "users": [...], "groups": [...]}]}``,
        with ``issuer`` in a profile for Okta; a domain is ``{"name", "status", "token"}``, a user
        ``{"id", "userName", "externalId", "displayName", "active"}``, a group ``{"id", "displayName", "externalId",
        "members": [userName or id, ...]}``.
    """
    return {"profiles": [_describe_profile(store, profile) for profile in store.all("kiroProfile")]}


def _current_profile(store: Store, former: str) -> str:
    """Id of the former profile if it exists, else of the newest without an issuer, else of a new one."""
    profiles = [profile["id"] for profile in store.all("kiroProfile") if "issuer" not in profile]
    if former in profiles:
        return former
    return str(profiles[-1] if profiles else create_profile(store)["id"])


def _describe_profile(store: Store, profile: Document) -> dict[str, Any]:
    users = store.all(f"scimUser:{profile['id']}")
    names = {user["id"]: user.get("userName") for user in users}
    return {
        "id": profile["id"],
        "clientId": profile["clientId"],
        "tenantId": profile["tenantId"],
        **({"issuer": profile["issuer"]} if "issuer" in profile else {}),
        "tokens": len(tokens(store, profile["id"])),
        "domains": [
            {"name": domain["id"], "status": domain["status"], "token": domain["token"]}
            for domain in store.all("kiroDomain")
            if domain["profileId"] == profile["id"]
        ],
        "users": [
            {key: user.get(key) for key in ("id", "userName", "externalId", "displayName", "active")}
            for user in users
        ],
        "groups": [
            {key: group.get(key) for key in ("id", "displayName", "externalId")}
            | {"members": [names.get(m["value"], m["value"]) for m in group.get("members") or []]}
            for group in store.all(f"scimGroup:{profile['id']}")
        ],
    }


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
