"""The token endpoint of the org authorization server: client credentials with a signed client assertion.

Okta Developer, "Implement OAuth for Okta with a service app" and "OpenID Connect & OAuth 2.0 API", /token: iss and sub are the
client id, aud is the endpoint, exp is at most an hour ahead, a jti is used once; one scope that is not granted fails the whole
request.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from provisioner.sandbox.okta.login import dpop, signing_keys
from provisioner.sandbox.okta.login.dpop import OAuthError
from provisioner.sandbox.okta.management import system_log
from provisioner.sandbox.okta.management.app_grants import granted_scopes
from provisioner.sandbox.okta.management.app_settings import app_with_client_id
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse
from provisioner.sandbox.store import Document, Store

_TOKEN_SECONDS = 3600
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MAX_ASSERTION_SECONDS = 3600
_CLOCK_SKEW_SECONDS = 300
_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")


def token(request: ApiRequest, form: Mapping[str, str], proof: str | None) -> ApiResponse:
    """Answer a token request.

    Args:
        request: the request.
        form: its form fields.
        proof: its header ``DPoP``, if any.
    """
    try:
        return ApiResponse(200, _grant_token(request, form, proof))
    except OAuthError as error:
        body = {"error": error.error, "error_description": error.description}
        return ApiResponse(error.status, body, error.headers)


def _grant_token(request: ApiRequest, form: Mapping[str, str], proof: str | None) -> Document:
    if form.get("grant_type") != "client_credentials":
        raise OAuthError(
            "unsupported_grant_type",
            "The authorization grant type is not supported by the authorization server.",
        )
    app = _authenticated_app(request, form)
    settings = app["settings"]["oauthClient"]
    if "client_credentials" not in settings["grant_types"]:
        raise OAuthError(
            "unauthorized_client", "The client is not authorized to use the provided grant type."
        )
    thumbprint = None
    if settings["dpop_bound_access_tokens"] or proof:
        thumbprint = dpop.check_token_request(request.store, proof, _url(request))
    scopes = form.get("scope", "").split()
    if not scopes:
        raise OAuthError(
            "invalid_scope", "The authorization server resource does not have any configured default scopes."
        )
    if set(scopes) - granted_scopes(request.store, app):
        raise OAuthError(
            "invalid_scope", "One or more scopes are not configured for the authorization server resource."
        )
    access_token = _sign_access_token(request, app, scopes, thumbprint)
    _log(request, app)
    return {
        "token_type": "DPoP" if thumbprint else "Bearer",
        "expires_in": _TOKEN_SECONDS,
        "access_token": access_token,
        "scope": " ".join(scopes),
    }


def _url(request: ApiRequest) -> str:
    return f"{request.base_url}{request.path}"


def _log(request: ApiRequest, app: Document) -> None:
    client_id = app["credentials"]["oauthClient"]["client_id"]
    system_log.write_event(
        request.store,
        "app.oauth2.token.grant.access_token",
        [system_log.target("access_token", "access_token", "Access Token")],
        actor=system_log.target("PublicClientApp", client_id, app["label"], client_id),
        request_id=request.request_id,
    )


def _sign_access_token(request: ApiRequest, app: Document, scopes: list[str], thumbprint: str | None) -> str:
    """An access token for Okta's own APIs, bound to the key with the thumbprint, if any."""
    import jwt  # noqa: PLC0415 (start-up time)

    now, key = int(time.time()), signing_keys.active_key(request.store, signing_keys.ORG)
    client_id = app["credentials"]["oauthClient"]["client_id"]
    claims: dict[str, Any] = {
        "ver": 1,
        "jti": f"AT.{uuid.uuid4().hex}",
        "iss": request.base_url,
        "aud": request.base_url,
        "sub": client_id,
        "iat": now,
        "exp": now + _TOKEN_SECONDS,
        "cid": client_id,
        "scp": scopes,
    }
    if thumbprint:
        claims["cnf"] = {"jkt": thumbprint}
    return jwt.encode(claims, key["pem"], algorithm="RS256", headers={"kid": key["kid"]})


def _invalid_client(description: str) -> OAuthError:
    return OAuthError("invalid_client", description, 401)


def _authenticated_app(request: ApiRequest, form: Mapping[str, str]) -> Document:
    """The active application that signed the assertion."""
    import jwt  # noqa: PLC0415 (start-up time)

    if form.get("client_assertion_type") != _ASSERTION_TYPE or not form.get("client_assertion"):
        raise _invalid_client(
            "Client authentication failed. Either the client or the client credentials are invalid."
        )
    assertion = form["client_assertion"]
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise _invalid_client("The client_assertion is not a valid JWT.") from error
    app = app_with_client_id(request.store, claims.get("sub"))
    if app is None or claims.get("iss") != claims.get("sub") or app["status"] != "ACTIVE":
        raise _invalid_client("Invalid value for 'client_id' parameter.")
    method = app["credentials"]["oauthClient"]["token_endpoint_auth_method"]
    if method != "private_key_jwt":
        raise _invalid_client("The client is not configured for private_key_jwt.")
    _verify_signature(app, header, assertion)
    _check_claims(request, claims)
    return app


def _verify_signature(app: Document, header: Mapping[str, Any], assertion: str) -> None:
    """Verify with the key that the header names, or with any key when it names none."""
    import jwt  # noqa: PLC0415 (start-up time)

    keys = app["settings"]["oauthClient"].get("jwks", {"keys": []})["keys"]
    for key in keys:
        if header.get("kid") not in (None, key.get("kid")) or key.get("status") == "INACTIVE":
            continue
        try:
            jwt.decode(
                assertion,
                jwt.PyJWK(dict(key), header.get("alg", "RS256")),
                algorithms=list(_ALGORITHMS),
                options={"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.PyJWTError:
            continue
        return
    raise _invalid_client("The client_assertion signature is invalid.")


def _check_claims(request: ApiRequest, claims: Mapping[str, Any]) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if not any(value in (_url(request), request.base_url) for value in audiences):
        raise _invalid_client(
            "The audience claim for client_assertion must be the endpoint invoked for the request."
        )
    now, expires = time.time(), claims.get("exp")
    if not isinstance(expires, int | float) or expires <= now - _CLOCK_SKEW_SECONDS:
        raise _invalid_client("The client_assertion token is expired.")
    if expires > now + _MAX_ASSERTION_SECONDS + _CLOCK_SKEW_SECONDS:
        raise _invalid_client("The client_assertion token has an expiration too far into the future.")
    if jti := claims.get("jti"):
        if request.store.get("usedAssertion", str(jti)):
            raise _invalid_client("The client_assertion token has already been used.")
        request.store.put("usedAssertion", str(jti), {"exp": expires})


def read_access_token(store: Store, access_token: str) -> dict[str, Any] | None:
    """The claims of an access token, or None when the org did not issue it or it has expired."""
    import jwt  # noqa: PLC0415 (start-up time)

    key = signing_keys.active_key(store, signing_keys.ORG)
    try:
        claims: dict[str, Any] = jwt.decode(
            access_token,
            jwt.PyJWK(signing_keys.public_key(key)),
            algorithms=["RS256"],
            options={"verify_aud": False, "require": ["exp", "cid", "scp"]},
        )
    except jwt.PyJWTError:
        return None
    return claims if claims.get("aud") == claims.get("iss") else None
