"""Access tokens for the emulated Graph: real RS256 JWTs, remembered so that checking one costs no cryptography."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from provisioner.sandbox.store import Document, Store

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
GRAPH_AUDIENCE = "https://graph.microsoft.com"
LIFETIME = 3599  # seconds; Entra ID assigns 60 to 90 minutes
_REUSE_MARGIN = 300
_FORGET_AFTER = 86400


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: the application, its service principal's object id, its permissions, whether it is too old."""

    app_id: str
    object_id: str
    permissions: frozenset[str]
    delegated: bool
    expired: bool


class Tokens:
    """Mints and recognises the tokens of one tenant."""

    def __init__(self, directory: Store) -> None:
        self._directory = directory

    def automation(self, permissions: Iterable[str]) -> str:
        """A token of the automation client, reused until shortly before it expires.

        Args:
            permissions: the application permissions (claim ``roles``) it shall carry.
        """
        wanted = sorted(set(permissions))
        label = "automation:" + " ".join(wanted)
        kept = self._directory.get("mintedToken", label)
        if kept and kept["expires"] > time.time() + _REUSE_MARGIN:
            return str(kept["token"])
        app_id = self._directory.setting("client_id")
        token = self.mint(app_id, principal_id(self._directory, app_id), wanted)
        self._directory.put("mintedToken", label, {"token": token, "expires": time.time() + LIFETIME})
        return token

    def mint(self, app_id: str, object_id: str, permissions: Iterable[str]) -> str:
        """A new token.

        Args:
            app_id: the client's application id.
            object_id: object id of its service principal.
            permissions: application permissions.
        """
        import jwt  # noqa: PLC0415 (start-up time)

        now = int(time.time())
        tenant = self._directory.setting("tenant_id")
        claims = {
            "aud": GRAPH_AUDIENCE,
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "appid": app_id,
            "idtyp": "app",
            "oid": object_id,
            "roles": sorted(permissions),
            "sub": object_id,
            "tid": tenant,
            "uti": uuid.uuid4().hex,
            "ver": "1.0",
        }
        pem, public = self._key()
        token = jwt.encode(claims, pem, algorithm="RS256", headers={"kid": public["kid"]})
        self._remember(token, claims)
        return token

    def claims(self, token: str) -> Claims | None:
        """What a token says, or None when this tenant did not issue it."""
        known = self._directory.get("accessToken", _digest(token))
        if known is None:
            return None
        scopes = str(known.get("scp", "")).split()
        return Claims(
            app_id=known["appid"],
            object_id=known["oid"],
            permissions=frozenset([*known.get("roles", []), *scopes]),
            delegated="scp" in known,
            expired=known["exp"] <= time.time(),
        )

    def public_keys(self) -> list[Document]:
        """The signing key as a JSON Web Key."""
        return [self._key()[1]]

    def _remember(self, token: str, claims: Document) -> None:
        oldest = time.time() - _FORGET_AFTER
        with self._directory.transaction():
            for kept in self._directory.all("accessToken"):
                if kept["exp"] < oldest:
                    self._directory.delete("accessToken", kept["_digest"])
            digest = _digest(token)
            self._directory.put("accessToken", digest, {**claims, "_digest": digest})

    def _key(self) -> tuple[str, Document]:
        """The private key (PEM) and its public half, made at first need."""
        kept = self._directory.setting("signing_key")
        if kept is None:
            made = _new_key()
            with self._directory.transaction():
                kept = self._directory.setting("signing_key")
                if kept is None:
                    kept = made
                    self._directory.set("signing_key", kept)
        return kept["pem"], kept["jwk"]


def principal_id(directory: Store, app_id: str) -> str:
    """Object id of the service principal of an application; empty when it has none."""
    found = (p["id"] for p in directory.all("servicePrincipal") if p["appId"] == app_id)
    return str(next(found, ""))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _new_key() -> dict[str, Any]:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 (start-up time)
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 (start-up time)
    from jwt.algorithms import RSAAlgorithm  # noqa: PLC0415 (start-up time)

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    kid = urlsafe_b64encode(hashlib.sha256(public["n"].encode()).digest()).decode()[:27]
    jwk = {"kty": "RSA", "use": "sig", "kid": kid, "x5t": kid, "n": public["n"], "e": public["e"]}
    return {"pem": pem.decode(), "jwk": jwk}
