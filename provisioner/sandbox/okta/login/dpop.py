"""Demonstrating proof of possession (RFC 9449), as Okta asks for it.

Okta Developer, "Configure OAuth 2.0 Demonstrating Proof-of-Possession": the first token request is answered with
``use_dpop_nonce`` and a header ``dpop-nonce``; the next one carries that nonce. Calls of the API need a proof with ``ath`` but no
nonce.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from provisioner.sandbox.store import Store

_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
_NONCE_SECONDS = 86400  # "The nonce ... is valid for 24 hours"
_FRESH_SECONDS = 300


class Refused(Exception):  # noqa: N818 (an answer to the client, not a fault)
    """A token request that is turned down: OAuth error, text, HTTP status, extra headers."""

    def __init__(
        self, error: str, text: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(text)
        self.error, self.text, self.status, self.headers = error, text, status, dict(headers or {})


def check(store: Store, proof: str | None, address: str) -> str:
    """Check the proof of a token request.

    Args:
        store: the org, which keeps the nonces' secret.
        proof: the header ``DPoP``.
        address: the token endpoint, as it was called.

    Returns:
        the thumbprint of the proof's key.

    Raises:
        Refused: ``invalid_dpop_proof``, or ``use_dpop_nonce`` with a nonce to use.
    """
    claims, thumbprint = _read(proof, "POST", address)
    if not _is_nonce(store, claims.get("nonce")):
        headers = {"dpop-nonce": _nonce(store)}
        raise Refused("use_dpop_nonce", "Authorization server requires nonce in DPoP proof.", headers=headers)
    return thumbprint


def fits(proof: str | None, method: str, address: str, token: str, thumbprint: str) -> bool:
    """Whether an API call proves possession of the key that its token is bound to.

    Args:
        proof: the header ``DPoP``.
        method: HTTP method.
        address: the address called, without its query.
        token: the access token.
        thumbprint: of the key that the token is bound to.
    """
    try:
        claims, found = _read(proof, method, address)
    except Refused:
        return False
    digest = urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")
    return found == thumbprint and claims.get("ath") == digest


def _read(proof: str | None, method: str, address: str) -> tuple[dict[str, Any], str]:
    import jwt  # noqa: PLC0415 (start-up time)

    if not proof:
        raise Refused("invalid_dpop_proof", "The DPoP proof JWT header is missing.")
    try:
        header = jwt.get_unverified_header(proof)
        key = header.get("jwk")
        if (
            header.get("typ") != "dpop+jwt"
            or header.get("alg") not in _ALGORITHMS
            or not isinstance(key, dict)
        ):
            raise Refused("invalid_dpop_proof", "The DPoP proof JWT header is invalid.")
        claims: dict[str, Any] = jwt.decode(
            proof,
            jwt.PyJWK(key, header["alg"]),
            algorithms=[header["alg"]],
            options={"verify_iat": False, "require": ["htm", "htu", "iat", "jti"]},
        )
    except jwt.PyJWTError as error:
        raise Refused("invalid_dpop_proof", "The DPoP proof JWT signature is invalid.") from error
    if claims["htm"] != method or str(claims["htu"]).partition("?")[0] != address:
        raise Refused("invalid_dpop_proof", "The DPoP proof is for another request.")
    if abs(time.time() - float(claims["iat"])) > _FRESH_SECONDS:
        raise Refused("invalid_dpop_proof", "The DPoP proof is too old.")
    return claims, _thumbprint(key)


def _thumbprint(key: Mapping[str, Any]) -> str:
    """RFC 7638."""
    names = ("e", "kty", "n") if key.get("kty") == "RSA" else ("crv", "kty", "x", "y")
    text = "{" + ",".join(f'"{name}":"{key.get(name)}"' for name in names) + "}"
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def _nonce(store: Store, window: int | None = None) -> str:
    """A nonce is the time it was made in, signed: nothing need be remembered."""
    begun = int(time.time() // _NONCE_SECONDS) if window is None else window
    secret = str(store.setting("api_token", "")).encode()
    return hmac.new(secret, str(begun).encode(), hashlib.sha256).hexdigest()[:32]


def _is_nonce(store: Store, value: Any) -> bool:
    current = int(time.time() // _NONCE_SECONDS)
    return value in (_nonce(store, current), _nonce(store, current - 1))
