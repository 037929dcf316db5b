"""The signing keys of the org and its authorization servers.

The sealed kind ``signingKey`` has the private keys under ``{owner}:{kid}``; the owner is the id of an authorization server, or
``org``. The org's key is created when it is first needed: creating one takes a tenth of a second.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

from provisioner.sandbox.okta.management.objects import now
from provisioner.sandbox.store import Document, Store

ORG = "org"
_ROTATION = timedelta(days=90)
_PUBLIC_MEMBERS = ("kty", "alg", "kid", "use", "e", "n")


def new_key() -> tuple[str, Document]:
    """A private key (PEM) and its public JSON Web Key; the ``kid`` is derived from the key."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 (start-up time)
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 (start-up time)
    from jwt.algorithms import RSAAlgorithm  # noqa: PLC0415 (start-up time)

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    kid = urlsafe_b64encode(hashlib.sha256(public["n"].encode()).digest()).decode().rstrip("=")
    members = {"kty": "RSA", "alg": "RS256", "kid": kid, "use": "sig", "e": public["e"], "n": public["n"]}
    return pem.decode(), members


def rotate(store: Store, owner: str, mode: str) -> Document:
    """Create a signing key for the owner and expire the active one.

    Returns:
        ``credentials.signing`` of an authorization server.
    """
    for key in _keys_of(store, owner):
        if key["status"] == "ACTIVE":
            _put(store, owner, {**key, "status": "EXPIRED"})
    pem, public = new_key()
    timestamp = now()
    _put(store, owner, {**public, "status": "ACTIVE", "pem": pem, "created": timestamp})
    return with_rotation_mode({"kid": public["kid"], "lastRotated": timestamp}, mode)


def with_rotation_mode(signing: Document, mode: str) -> Document:
    """``credentials.signing`` in a rotation mode; only AUTO has a next rotation, and keeps the one that it has."""
    next_rotation = signing.get("nextRotation") or now(_ROTATION)
    members = {name: value for name, value in signing.items() if name != "nextRotation"}
    return {**members, "rotationMode": mode, **({"nextRotation": next_rotation} if mode == "AUTO" else {})}


def active_key(store: Store, owner: str) -> Document:
    """The key that the owner signs with, including its ``pem``; created when the owner has none."""
    key = _active(store, owner)
    if key is None:
        rotate(store, owner, "AUTO")
        key = _active(store, owner)
    assert key is not None
    return key


def public_keys(store: Store, owner: str) -> list[Document]:
    """The owner's public keys with their status, expired ones included; the active one first."""
    keys = sorted(_keys_of(store, owner), key=lambda key: key["created"], reverse=True)
    keys.sort(key=lambda key: key["status"] != "ACTIVE")
    return [{"status": key["status"], **public_key(key)} for key in keys]


def public_key(key: Document) -> Document:
    """The public JSON Web Key of a stored key."""
    return {name: key[name] for name in _PUBLIC_MEMBERS}


def _active(store: Store, owner: str) -> Document | None:
    return next((key for key in _keys_of(store, owner) if key["status"] == "ACTIVE"), None)


def _keys_of(store: Store, owner: str) -> list[Document]:
    return store.under("signingKey", f"{owner}:")


def _put(store: Store, owner: str, key: Document) -> None:
    store.put("signingKey", f"{owner}:{key['kid']}", key)
