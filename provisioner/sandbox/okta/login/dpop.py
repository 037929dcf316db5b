"""DPoP: demonstrating proof of possession (RFC 9449).

Okta Developer, "Configure OAuth 2.0 Demonstrating Proof-of-Possession": Okta answers the first token request with
``use_dpop_nonce`` and a header ``dpop-nonce``; the next request carries that nonce. API requests need a proof with ``ath``, but
no nonce.
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
_MAX_AGE_SECONDS = 300


class OAuthError(Exception):
    """An error response of the token endpoint (RFC 6749 section 5.2), with HTTP status and additional headers."""

    def __init__(
        self, error: str, description: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status
        self.headers = dict(headers or {})


def check_token_request(store: Store, proof: str | None, url: str) -> str:
    """Check the proof of a token request.

    Args:
        store: the org, which has the secret for nonces.
        proof: the header ``DPoP``.
        url: URL of the token endpoint, as requested.

    Returns:
        the thumbprint of the proof's key (RFC 7638).

    Raises:
        OAuthError: ``invalid_dpop_proof``, or ``use_dpop_nonce`` with a nonce.
    """
    claims, thumbprint = _read_proof(proof, "POST", url)
    if not _is_valid_nonce(store, claims.get("nonce")):
        headers = {"dpop-nonce": _nonce(store, _current_window())}
        raise OAuthError(
            "use_dpop_nonce", "Authorization server requires nonce in DPoP proof.", headers=headers
        )
    return thumbprint


def is_valid_proof(proof: str | None, method: str, url: str, token: str, thumbprint: str) -> bool:
    """Whether the proof of an API request fits its access token.

    Args:
        proof: the header ``DPoP``.
        method: HTTP method.
        url: URL of the request, without its query.
        token: the access token.
        thumbprint: thumbprint of the key that the token is bound to.
    """
    try:
        claims, proof_thumbprint = _read_proof(proof, method, url)
    except OAuthError:
        return False
    return proof_thumbprint == thumbprint and claims.get("ath") == _digest(token)


def _read_proof(proof: str | None, method: str, url: str) -> tuple[dict[str, Any], str]:
    """Claims of a proof, and the thumbprint of its key."""
    import jwt  # noqa: PLC0415 (start-up time)

    if not proof:
        raise OAuthError("invalid_dpop_proof", "The DPoP proof JWT header is missing.")
    try:
        header = jwt.get_unverified_header(proof)
        key = header.get("jwk")
        if (
            header.get("typ") != "dpop+jwt"
            or header.get("alg") not in _ALGORITHMS
            or not isinstance(key, dict)
        ):
            raise OAuthError("invalid_dpop_proof", "The DPoP proof JWT header is invalid.")
        claims: dict[str, Any] = jwt.decode(
            proof,
            jwt.PyJWK(key, header["alg"]),
            algorithms=[header["alg"]],
            options={"verify_iat": False, "require": ["htm", "htu", "iat", "jti"]},
        )
    except jwt.PyJWTError as error:
        raise OAuthError("invalid_dpop_proof", "The DPoP proof JWT signature is invalid.") from error
    if claims["htm"] != method or str(claims["htu"]).partition("?")[0] != url:
        raise OAuthError("invalid_dpop_proof", "The DPoP proof is for another request.")
    if abs(time.time() - float(claims["iat"])) > _MAX_AGE_SECONDS:
        raise OAuthError("invalid_dpop_proof", "The DPoP proof is too old.")
    return claims, _thumbprint(key)


def _thumbprint(key: Mapping[str, Any]) -> str:
    """The thumbprint of a JSON Web Key (RFC 7638)."""
    names = ("e", "kty", "n") if key.get("kty") == "RSA" else ("crv", "kty", "x", "y")
    return _digest("{" + ",".join(f'"{name}":"{key.get(name)}"' for name in names) + "}")


def _digest(text: str) -> str:
    """SHA-256 as base64url without padding."""
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def _current_window() -> int:
    return int(time.time() // _NONCE_SECONDS)


def _nonce(store: Store, window: int) -> str:
    """The nonce of a period of 24 hours: a signed number, so the sandbox need not store nonces."""
    secret = str(store.setting("api_token", "")).encode()
    return hmac.new(secret, str(window).encode(), hashlib.sha256).hexdigest()[:32]


def _is_valid_nonce(store: Store, value: Any) -> bool:
    window = _current_window()
    return value in (_nonce(store, window), _nonce(store, window - 1))
