"""The simulated Kiro console: profiles, their SCIM endpoint and access tokens, and what was provisioned.

Kiro's guides "Connect your Microsoft Entra ID IdP" (SCIM token security, Profile deletion warning) and "Connect your Okta IdP"
(a profile has an issuer and a client id) give the rules: a token is shown
once, a profile has at most two, a revoked one is dead, a deleted profile takes its users and groups with it. The form
of Kiro's SCIM endpoint URL is not published; the sandbox serves ``/scim/<profile id>/v2``.

Kinds in the Kiro store: ``kiroProfile`` and ``scimToken`` (hashes only).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

from provisioner.sandbox.store import Document, Store

MAX_TOKENS = 2
UNKNOWN = "unknown"

_AUTOMATIC = "automatic_answer"
_KEPT = "kept_token"


class ConsoleRefusal(Exception):  # noqa: N818  the console says no, nothing went wrong
    """The console does not do that."""


def create_profile(
    store: Store,
    client_id: str = UNKNOWN,
    tenant_id: str = UNKNOWN,
    base_url: str = "",
    issuer: str | None = None,
) -> Document:
    """Create a Kiro profile for a Microsoft Entra application, or for an Okta one.

    Args:
        store: the Kiro store.
        client_id: Application (client) ID or Client ID, as pasted into the console.
        tenant_id: Directory (tenant) ID of Microsoft Entra ID.
        base_url: root URL of the sandbox's server, such as ``http://127.0.0.1:43121``.
        issuer: Issuer URI of Okta; a profile with one is for Okta.

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
    """Generate a SCIM access token and return it, once; the store keeps its hash.

    Raises:
        ConsoleRefusal: when the profile does not exist, or has two tokens already.
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
    """A profile's tokens, oldest first: ``{"id", "profileId", "hash", "createdAt"}``, never the token itself."""
    return [each for each in store.all("scimToken") if each["profileId"] == profile_id]


def revoke_token(store: Store, token_id: str) -> None:
    """Make a token useless at once.

    Args:
        store: the Kiro store.
        token_id: ``id`` of an entry of ``tokens``.

    Raises:
        ConsoleRefusal: when there is no such token.
    """
    if store.get("scimToken", token_id) is None:
        raise ConsoleRefusal(f"There is no token {token_id}.")
    store.delete("scimToken", token_id)


def accepts(store: Store, profile_id: str, token: str) -> bool:
    """Whether a token opens a profile's SCIM endpoint."""
    digest = _hash(token)
    return any(hmac.compare_digest(each["hash"], digest) for each in tokens(store, profile_id))


def delete_profile(store: Store, profile_id: str) -> None:
    """Delete a profile with its tokens, domains, users and groups.

    Raises:
        ConsoleRefusal: when the profile does not exist.
    """
    with store.transaction():
        if store.get("kiroProfile", profile_id) is None:
            raise ConsoleRefusal(f"There is no profile {profile_id}.")
        for each in tokens(store, profile_id):
            store.delete("scimToken", each["id"])
        for each in store.all("kiroDomain"):
            if each["profileId"] == profile_id:
                store.delete("kiroDomain", each["id"])
        for kind in (f"scimUser:{profile_id}", f"scimGroup:{profile_id}", f"scimIndex:{profile_id}"):
            for each in store.all(kind):
                store.delete(kind, each["id"])
        store.delete("kiroProfile", profile_id)


def answers(store: Store, base_url: str) -> dict[str, str]:
    """What a person would bring back from the Kiro console, at once, for a sandbox that should not wait for one.

    A profile and a token are made when missing. So that later commands are given the same value, the clear token of this
    automatic answer, and of it alone, stays in the store; that is the one departure from "shown only once".

    Args:
        store: the Kiro store.
        base_url: root URL of the sandbox's server.

    Returns:
        ``{"KIRO_SCIM_ENDPOINT": url, "KIRO_SCIM_TOKEN": token}``; without the token when the profile already has as
        many as it may, none of them this function's.
    """
    with store.transaction():
        kept = store.setting(_AUTOMATIC) or {}
        profile, token = current_profile(store, kept.get("profile", "")), kept.get("token", "")
        if not accepts(store, profile, token):
            token = generate_token(store, profile) if len(tokens(store, profile)) < MAX_TOKENS else ""
        store.set(_AUTOMATIC, {"profile": profile, "token": token})
    found = {"KIRO_SCIM_ENDPOINT": endpoint(base_url, profile)}
    return found | {"KIRO_SCIM_TOKEN": token} if token else found


def kept_token(store: Store, profile_id: str) -> str:
    """A token that somebody generated and copied, to paste it elsewhere later; the same one as long as it is good.

    As with ``answers``, it stays in the store in clear: nobody is there who could keep it.

    Raises:
        ConsoleRefusal: when the profile does not exist, or has two other tokens already.
    """
    name = f"{_KEPT}:{profile_id}"
    with store.transaction():
        token = str(store.setting(name, ""))
        if not accepts(store, profile_id, token):
            token = generate_token(store, profile_id)
            store.set(name, token)
    return token


def describe(store: Store) -> dict[str, Any]:
    """What the console shows.

    Returns:
        ``{"profiles": [{"id", "clientId", "tenantId", "tokens": n, "domains": [...], "users": [...], "groups": [...]}]}``, with ``issuer`` in
        a profile for Okta; a domain is ``{"name", "status", "token"}``; a user is
        ``{"id", "userName", "externalId", "displayName", "active"}``, a group ``{"id", "displayName", "externalId",
        "members": [userName or id, ...]}``.
    """
    return {"profiles": [_described(store, each) for each in store.all("kiroProfile")]}


def current_profile(store: Store, kept: str) -> str:
    """The profile of the last automatic answer, else the newest that is not for Okta, else a new one."""
    profiles = [each["id"] for each in store.all("kiroProfile") if "issuer" not in each]
    if kept in profiles:
        return kept
    return str(profiles[-1] if profiles else create_profile(store)["id"])


def _described(store: Store, profile: Document) -> dict[str, Any]:
    users = store.all(f"scimUser:{profile['id']}")
    names = {each["id"]: each.get("userName") for each in users}
    return {
        "id": profile["id"],
        "clientId": profile["clientId"],
        "tenantId": profile["tenantId"],
        **({"issuer": profile["issuer"]} if "issuer" in profile else {}),
        "tokens": len(tokens(store, profile["id"])),
        "domains": [
            {"name": each["id"], "status": each["status"], "token": each["token"]}
            for each in store.all("kiroDomain")
            if each["profileId"] == profile["id"]
        ],
        "users": [
            {key: each.get(key) for key in ("id", "userName", "externalId", "displayName", "active")}
            for each in users
        ],
        "groups": [
            {key: each.get(key) for key in ("id", "displayName", "externalId")}
            | {"members": [names.get(m["value"], m["value"]) for m in each.get("members") or []]}
            for each in store.all(f"scimGroup:{profile['id']}")
        ],
    }


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
