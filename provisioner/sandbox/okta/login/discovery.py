"""Public metadata and keys of the org and its authorization servers.

The org's metadata: recorded traffic of terraform-provider-okta (DataSourceOktaOAuthAuthorizationServer_read, and
``okta-organization`` in many recordings). The metadata of a custom authorization server is not recorded: it has the same
members with its own URLs, scopes and claims ("OpenID Connect & OAuth 2.0 API", Okta Developer).
"""

from __future__ import annotations

from provisioner.sandbox.okta.login import signing_keys
from provisioner.sandbox.okta.management.app_grants import SCOPES
from provisioner.sandbox.okta.management.authorization_server_scopes import SYSTEM_SCOPES
from provisioner.sandbox.okta.management.authorization_servers import issuer_for
from provisioner.sandbox.okta.management.errors import not_found
from provisioner.sandbox.okta.management.objects import find, select
from provisioner.sandbox.okta.management.request import ApiRequest, ApiResponse
from provisioner.sandbox.store import Document

_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"]
_SIGNING_ALGORITHMS = ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
_HYBRID_RESPONSE_TYPES = ["code id_token", "code token", "id_token token", "code id_token token"]
_ORG_SETTINGS = (
    "analyticsCollectionEnabled",
    "bugReportingEnabled",
    "omEnabled",
    "pssoEnabled",
    "desktopMFAEnabled",
    "itpEnabled",
)


def organization(request: ApiRequest) -> ApiResponse:
    """``/.well-known/okta-organization``; ``pipeline`` is ``idx`` for Identity Engine, ``v1`` for Classic Engine."""
    store = request.store
    return ApiResponse(
        200,
        {
            "id": store.setting("org_id"),
            "cell": "ok12",
            "_links": {"organization": {"href": request.base_url}},
            "pipeline": store.setting("pipeline", "idx"),
            "settings": {name: name == "bugReportingEnabled" for name in _ORG_SETTINGS},
        },
    )


def org_metadata(request: ApiRequest) -> ApiResponse:
    """The org authorization server, which issues tokens for Okta's own APIs."""
    scopes = [*SCOPES, *(name for name in SYSTEM_SCOPES if name != "device_sso"), "groups"]
    return ApiResponse(200, _metadata(request, request.base_url, f"{request.base_url}/oauth2", scopes))


def server_metadata(request: ApiRequest, server_id: str) -> ApiResponse:
    """A custom authorization server, with the scopes that it publishes to all clients.

    Raises:
        OktaError: 404 when no such server exists or it is inactive (the latter is not recorded).
    """
    server = find(request.store, "authorizationServer", server_id)
    if server["status"] != "ACTIVE":
        raise not_found(server_id, "AuthorizationServer")
    scopes = [
        scope["name"]
        for scope in select(request.store, "authScope", _serverId=server["id"])
        if scope["metadataPublish"] == "ALL_CLIENTS"
    ]
    claims = [claim["name"] for claim in select(request.store, "authClaim", _serverId=server["id"])]
    issuer = issuer_for(request, server)
    metadata = _metadata(request, issuer, issuer, scopes)
    metadata["claims_supported"] = list(dict.fromkeys([*metadata["claims_supported"], *claims]))
    return ApiResponse(200, metadata)


def _metadata(request: ApiRequest, issuer: str, endpoints: str, scopes: list[str]) -> Document:
    base = f"{endpoints}/v1"
    metadata = {
        "issuer": issuer,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "registration_endpoint": f"{request.base_url}/oauth2/v1/clients",
        "jwks_uri": f"{base}/keys",
        "response_types_supported": ["code", "token", "id_token", *_HYBRID_RESPONSE_TYPES],
        "response_modes_supported": ["query", "fragment", "form_post", "okta_post_message"],
        "grant_types_supported": [
            "authorization_code",
            "implicit",
            "refresh_token",
            "password",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:okta:params:oauth:grant-type:otp",
            "http://auth0.com/oauth/grant-type/mfa-otp",
            "urn:okta:params:oauth:grant-type:oob",
            "http://auth0.com/oauth/grant-type/mfa-oob",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ],
        "subject_types_supported": ["public"],
        "scopes_supported": scopes,
        "token_endpoint_auth_methods_supported": _AUTH_METHODS,
        "claims_supported": ["ver", "jti", "iss", "aud", "iat", "exp", "cid", "uid", "scp", "sub"],
        "code_challenge_methods_supported": ["S256"],
        "introspection_endpoint": f"{base}/introspect",
        "introspection_endpoint_auth_methods_supported": _AUTH_METHODS,
        "revocation_endpoint": f"{base}/revoke",
        "revocation_endpoint_auth_methods_supported": _AUTH_METHODS,
        "end_session_endpoint": f"{base}/logout",
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": _SIGNING_ALGORITHMS,
        "device_authorization_endpoint": f"{base}/device/authorize",
        "pushed_authorization_request_endpoint": f"{base}/par",
        "dpop_signing_alg_values_supported": [
            algorithm for algorithm in _SIGNING_ALGORITHMS if not algorithm.startswith("HS")
        ],
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "identity_chaining_requested_token_types_supported": ["urn:ietf:params:oauth:token-type:id-jag"],
    }
    if request.path.endswith("/openid-configuration"):
        metadata["userinfo_endpoint"] = f"{base}/userinfo"
        metadata["id_token_signing_alg_values_supported"] = ["RS256"]
    elif issuer == request.base_url:
        metadata.pop("jwks_uri")  # recorded: the org's oauth-authorization-server has none
    return metadata


def org_keys(request: ApiRequest) -> ApiResponse:
    """The org's signing key."""
    key = signing_keys.active_key(request.store, signing_keys.ORG)
    return ApiResponse(200, {"keys": [signing_keys.public_key(key)]})


def server_keys(request: ApiRequest, server_id: str) -> ApiResponse:
    """The active signing keys of an authorization server.

    Raises:
        OktaError: 404 when no such server exists.
    """
    server = find(request.store, "authorizationServer", server_id)
    keys = signing_keys.public_keys(request.store, server["id"])
    active = [signing_keys.public_key(key) for key in keys if key["status"] == "ACTIVE"]
    return ApiResponse(200, {"keys": active})
