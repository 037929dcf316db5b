"""The org authorization server's token endpoint: client credentials with a signed assertion.

Okta Developer, "Implement OAuth for Okta with a service app" and "OpenID Connect & OAuth 2.0 API", /token: iss and sub are the
client id, aud is the endpoint, exp is at most an hour away, a jti is used once; a scope that is not granted fails the whole
call. Demonstrating proof of possession: "Configure OAuth 2.0 Demonstrating Proof-of-Possession".
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from provisioner.sandbox.okta.login import dpop as proof
from provisioner.sandbox.okta.login import signing_keys
from provisioner.sandbox.okta.login.dpop import Refused
from provisioner.sandbox.okta.management import log_events, service_app
from provisioner.sandbox.okta.management.call import Call, Reply
from provisioner.sandbox.store import Document, Store

LIFETIME = 3600
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST = 3600
_SKEW = 300
_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")


def token(call: Call, form: Mapping[str, str], dpop: str | None) -> Reply:
    """Answer a token request.

    Args:
        call: the request.
        form: its form fields.
        dpop: its header ``DPoP``, if it has one.
    """
    try:
        return Reply(200, _granted(call, form, dpop))
    except Refused as refused:
        body = {"error": refused.error, "error_description": refused.text}
        return Reply(refused.status, body, refused.headers)


def _granted(call: Call, form: Mapping[str, str], dpop: str | None) -> Document:
    if form.get("grant_type") != "client_credentials":
        raise Refused(
            "unsupported_grant_type",
            "The authorization grant type is not supported by the authorization server.",
        )
    app = _client(call, form)
    settings = app["settings"]["oauthClient"]
    if "client_credentials" not in settings["grant_types"]:
        raise Refused("unauthorized_client", "The client is not authorized to use the provided grant type.")
    thumbprint = None
    if settings["dpop_bound_access_tokens"] or dpop:
        thumbprint = proof.check(call.store, dpop, f"{call.root}{call.path}")
    scopes = form.get("scope", "").split()
    if not scopes:
        raise Refused(
            "invalid_scope", "The authorization server resource does not have any configured default scopes."
        )
    if set(scopes) - service_app.granted(call.store, app):
        raise Refused(
            "invalid_scope", "One or more scopes are not configured for the authorization server resource."
        )
    made = mint(call.store, call.root, app, scopes, thumbprint)
    _note(call, app)
    return {
        "token_type": "DPoP" if thumbprint else "Bearer",
        "expires_in": LIFETIME,
        "access_token": made,
        "scope": " ".join(scopes),
    }


def _note(call: Call, app: Document) -> None:
    client_id = app["credentials"]["oauthClient"]["client_id"]
    about = log_events.target("PublicClientApp", client_id, app["label"], client_id)
    log_events.write(
        call.store,
        "app.oauth2.token.grant.access_token",
        [log_events.target("access_token", "access_token", "Access Token")],
        actor=about,
        transaction=call.request_id,
    )


def mint(store: Store, root: str, app: Document, scopes: list[str], thumbprint: str | None) -> str:
    """A signed access token for Okta's own APIs.

    Args:
        store: the org.
        root: the org's address.
        app: the service app.
        scopes: what it shall be good for.
        thumbprint: of the key that it is bound to, or None.
    """
    import jwt  # noqa: PLC0415 (start-up time)

    now, key = int(time.time()), signing_keys.active(store, signing_keys.ORG)
    client_id = app["credentials"]["oauthClient"]["client_id"]
    claims: dict[str, Any] = {
        "ver": 1,
        "jti": f"AT.{uuid.uuid4().hex}",
        "iss": root,
        "aud": root,
        "sub": client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "cid": client_id,
        "scp": scopes,
    }
    if thumbprint:
        claims["cnf"] = {"jkt": thumbprint}
    return jwt.encode(claims, key["pem"], algorithm="RS256", headers={"kid": key["kid"]})


def _client(call: Call, form: Mapping[str, str]) -> Document:
    """The active app that signed the assertion."""
    import jwt  # noqa: PLC0415 (start-up time)

    if form.get("client_assertion_type") != _ASSERTION or not form.get("client_assertion"):
        raise Refused(
            "invalid_client",
            "Client authentication failed. Either the client or the client credentials are invalid.",
            401,
        )
    assertion = form["client_assertion"]
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise Refused("invalid_client", "The client_assertion is not a valid JWT.", 401) from error
    app = _app(call.store, claims.get("sub"))
    if app is None or claims.get("iss") != claims.get("sub") or app["status"] != "ACTIVE":
        raise Refused("invalid_client", "Invalid value for 'client_id' parameter.", 401)
    method = app["credentials"]["oauthClient"]["token_endpoint_auth_method"]
    if method != "private_key_jwt":
        raise Refused("invalid_client", "The client is not configured for private_key_jwt.", 401)
    _verify(app, header, assertion)
    _check_claims(call, claims)
    return app


def _app(store: Store, client_id: Any) -> Document | None:
    return next(
        (
            app
            for app in store.all("app")
            if client_id and app["credentials"].get("oauthClient", {}).get("client_id") == client_id
        ),
        None,
    )


def _verify(app: Document, header: Mapping[str, Any], assertion: str) -> None:
    """By the key that the header names, or by any when it names none."""
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
    raise Refused("invalid_client", "The client_assertion signature is invalid.", 401)


def _check_claims(call: Call, claims: Mapping[str, Any]) -> None:
    audience = claims.get("aud")
    wanted = (f"{call.root}{call.path}", call.root)
    if not any(each in wanted for each in (audience if isinstance(audience, list) else [audience])):
        raise Refused(
            "invalid_client",
            "The audience claim for client_assertion must be the endpoint invoked for the request.",
            401,
        )
    now, expires = time.time(), claims.get("exp")
    if not isinstance(expires, int | float) or expires <= now - _SKEW:
        raise Refused("invalid_client", "The client_assertion token is expired.", 401)
    if expires > now + _LONGEST + _SKEW:
        raise Refused(
            "invalid_client", "The client_assertion token has an expiration too far into the future.", 401
        )
    if jti := claims.get("jti"):
        if call.store.get("usedAssertion", str(jti)):
            raise Refused("invalid_client", "The client_assertion token has already been used.", 401)
        call.store.put("usedAssertion", str(jti), {"exp": expires})


def claims_of(store: Store, root: str, token_text: str) -> dict[str, Any] | None:
    """What an access token says, or None when it is not the org's or has expired."""
    import jwt  # noqa: PLC0415 (start-up time)

    key = signing_keys.active(store, signing_keys.ORG)
    try:
        found: dict[str, Any] = jwt.decode(
            token_text,
            jwt.PyJWK(signing_keys.published(key)),
            algorithms=["RS256"],
            options={"verify_aud": False, "require": ["exp", "cid", "scp"]},
        )
    except jwt.PyJWTError:
        return None
    return found if found.get("aud") == found.get("iss") and root else None
