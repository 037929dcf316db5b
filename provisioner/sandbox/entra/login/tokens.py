"""Access tokens for the emulated Graph: real RS256 JWTs. Issued ones are stored, so that checking one needs no cryptography."""

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
_DELETE_AFTER = 86400


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a token.

    Attributes:
        app_id: the application's id.
        object_id: object id of its service principal; empty when it has none.
        permissions: application permissions or delegated scopes.
        delegated: whether they are delegated scopes.
        expired: whether the token has expired.
    """

    app_id: str
    object_id: str
    permissions: frozenset[str]
    delegated: bool
    expired: bool


class Tokens:
    """Issues and checks the tokens of one tenant."""

    def __init__(self, directory: Store) -> None:
        self._directory = directory

    def automation(self, permissions: Iterable[str]) -> str:
        """A token of the automation client, reused until shortly before it expires.

        Args:
            permissions: application permissions for its claim ``roles``.
        """
        roles = sorted(set(permissions))
        key = "automation:" + " ".join(roles)
        former = self._directory.get("mintedToken", key)
        if former and former["expires"] > time.time() + _REUSE_MARGIN:
            return str(former["token"])
        token = self.issue(self._directory.setting("client_id"), roles)
        self._directory.put("mintedToken", key, {"token": token, "expires": time.time() + LIFETIME})
        return token

    def issue(self, app_id: str, permissions: Iterable[str]) -> str:
        """A new token.

        Args:
            app_id: the client's application id.
            permissions: application permissions.
        """
        import jwt  # noqa: PLC0415 (start-up time)

        now = int(time.time())
        tenant = self._directory.setting("tenant_id")
        principal = service_principal(self._directory, app_id)
        object_id = principal["id"] if principal else ""
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
        self._store(token, claims)
        return token

    def claims(self, token: str) -> Claims | None:
        """The claims of a token; None when this tenant did not issue it."""
        claims = self._directory.get("accessToken", _digest(token))
        if claims is None:
            return None
        scopes = str(claims.get("scp", "")).split()
        return Claims(
            app_id=claims["appid"],
            object_id=claims["oid"],
            permissions=frozenset([*claims.get("roles", []), *scopes]),
            delegated="scp" in claims,
            expired=claims["exp"] <= time.time(),
        )

    def public_keys(self) -> list[Document]:
        """The signing key as JSON Web Keys."""
        return [self._key()[1]]

    def _store(self, token: str, claims: Document) -> None:
        oldest = time.time() - _DELETE_AFTER
        with self._directory.transaction():
            for stored in self._directory.all("accessToken"):
                if stored["exp"] < oldest:
                    self._directory.delete("accessToken", stored["_digest"])
            digest = _digest(token)
            self._directory.put("accessToken", digest, {**claims, "_digest": digest})

    def _key(self) -> tuple[str, Document]:
        """The private key (PEM) and the public key (JWK), created when they are first needed."""
        key = self._directory.setting("signing_key")
        if key is None:
            new_key = _new_key()  # outside the transaction, because it takes time
            with self._directory.transaction():
                key = self._directory.setting("signing_key")
                if key is None:
                    key = new_key
                    self._directory.set("signing_key", key)
        return key["pem"], key["jwk"]


def service_principal(directory: Store, app_id: str) -> Document | None:
    """The service principal of an application, or None."""
    principals = directory.all("servicePrincipal")
    return next((principal for principal in principals if principal["appId"] == app_id), None)


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
