"""The keys that the org and its authorization servers sign with.

Private keys lie in the sealed kind ``signingKey`` under ``{owner}:{kid}``; the owner is an authorization server's id, or
``org``. A key is made when it is first needed for more than its name: making one takes a tenth of a second.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

from provisioner.sandbox.okta.management.identity import now
from provisioner.sandbox.store import Document, Store

ORG = "org"
_ROTATION = timedelta(days=90)
_SHOWN = ("kty", "alg", "kid", "use", "e", "n")


def new_key() -> tuple[str, Document]:
    """A private key (PEM) and its public half as a JSON Web Key whose kid is derived from it."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 (start-up time)
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 (start-up time)
    from jwt.algorithms import RSAAlgorithm  # noqa: PLC0415 (start-up time)

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    kid = urlsafe_b64encode(hashlib.sha256(public["n"].encode()).digest()).decode().rstrip("=")
    return pem.decode(), {
        "kty": "RSA",
        "alg": "RS256",
        "kid": kid,
        "use": "sig",
        "e": public["e"],
        "n": public["n"],
    }


def rotated(store: Store, owner: str, mode: str) -> Document:
    """Replace the owner's signing key; the one before expires.

    Returns:
        ``credentials.signing`` of an authorization server.
    """
    for key in _of(store, owner):
        if key["status"] == "ACTIVE":
            _put(store, owner, {**key, "status": "EXPIRED"})
    pem, public = new_key()
    moment = now()
    _put(store, owner, {**public, "status": "ACTIVE", "pem": pem, "created": moment})
    return scheduled({"kid": public["kid"], "lastRotated": moment}, mode)


def scheduled(found: Document, mode: str) -> Document:
    """``credentials.signing`` in a rotation mode; only AUTO has a next rotation, and keeps the one it had."""
    following = found.get("nextRotation") or now(_ROTATION)
    kept = {name: value for name, value in found.items() if name != "nextRotation"}
    return {**kept, "rotationMode": mode, **({"nextRotation": following} if mode == "AUTO" else {})}


def active(store: Store, owner: str) -> Document:
    """The key that the owner signs with now, with its ``pem``; made if there is none."""
    found = next((key for key in _of(store, owner) if key["status"] == "ACTIVE"), None)
    if found is None:
        rotated(store, owner, "AUTO")
        found = next(key for key in _of(store, owner) if key["status"] == "ACTIVE")
    return found


def listed(store: Store, owner: str) -> list[Document]:
    """The owner's keys without their private halves, the active one first; expired ones stay listed."""
    keys = sorted(_of(store, owner), key=lambda key: key["created"], reverse=True)
    keys.sort(key=lambda key: key["status"] != "ACTIVE")
    return [{"status": key["status"], **published(key)} for key in keys]


def published(key: Document) -> Document:
    """A key as a JWKS shows it."""
    return {name: key[name] for name in _SHOWN}


def _of(store: Store, owner: str) -> list[Document]:
    return store.under("signingKey", f"{owner}:")


def _put(store: Store, owner: str, key: Document) -> None:
    store.put("signingKey", f"{owner}:{key['kid']}", key)
