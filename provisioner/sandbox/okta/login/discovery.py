"""What the org and its authorization servers say about themselves, to anybody.

The org's documents: recorded traffic of terraform-provider-okta (DataSourceOktaOAuthAuthorizationServer_read, and
``okta-organization`` in many). Of a custom authorization server none is recorded: its document has the same members with its
own addresses, scopes and claims ("OpenID Connect & OAuth 2.0 API", Okta Developer).
"""

from __future__ import annotations

from provisioner.sandbox.okta.login import signing_keys
from provisioner.sandbox.okta.management import service_app
from provisioner.sandbox.okta.management.call import Call, Reply
from provisioner.sandbox.okta.management.errors import not_found
from provisioner.sandbox.okta.management.server_documents import SYSTEM_SCOPES, find, issuer
from provisioner.sandbox.store import Document

_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"]
_SIGNED = ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
_FLAGS = (
    "analyticsCollectionEnabled",
    "bugReportingEnabled",
    "omEnabled",
    "pssoEnabled",
    "desktopMFAEnabled",
    "itpEnabled",
)


def organization(call: Call) -> Reply:
    """``/.well-known/okta-organization``; ``pipeline`` tells Identity Engine (``idx``) from Classic (``v1``)."""
    store = call.store
    return Reply(
        200,
        {
            "id": store.setting("org_id"),
            "cell": "ok12",
            "_links": {"organization": {"href": call.root}},
            "pipeline": store.setting("pipeline", "idx"),
            "settings": {name: name == "bugReportingEnabled" for name in _FLAGS},
        },
    )


def org_metadata(call: Call) -> Reply:
    """The org authorization server: its tokens are for Okta's own APIs."""
    scopes = [*service_app.SCOPES, *(name for name in SYSTEM_SCOPES if name != "device_sso"), "groups"]
    return Reply(200, _metadata(call, call.root, f"{call.root}/oauth2", scopes))


def server_metadata(call: Call, server_id: str) -> Reply:
    """A custom authorization server; scopes are shown if they are published to all clients.

    An inactive one answers 404 (not recorded).
    """
    server = find(call.store, server_id)
    if server["status"] != "ACTIVE":
        raise not_found(server_id, "AuthorizationServer")
    own = [each for each in call.store.all("authScope") if each["_serverId"] == server["id"]]
    scopes = [each["name"] for each in own if each["metadataPublish"] == "ALL_CLIENTS"]
    address = issuer(call, server)
    found = _metadata(call, address, address, scopes)
    claims = [each["name"] for each in call.store.all("authClaim") if each["_serverId"] == server["id"]]
    found["claims_supported"] = list(dict.fromkeys([*found["claims_supported"], *claims]))
    return Reply(200, found)


def _metadata(call: Call, address: str, endpoints: str, scopes: list[str]) -> Document:
    base = f"{endpoints}/v1"
    found = {
        "issuer": address,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "registration_endpoint": f"{call.root}/oauth2/v1/clients",
        "jwks_uri": f"{base}/keys",
        "response_types_supported": [
            "code",
            "token",
            "id_token",
            "code id_token",
            "code token",
            "id_token token",
            "code id_token token",
        ],
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
        "request_object_signing_alg_values_supported": _SIGNED,
        "device_authorization_endpoint": f"{base}/device/authorize",
        "pushed_authorization_request_endpoint": f"{base}/par",
        "dpop_signing_alg_values_supported": [each for each in _SIGNED if not each.startswith("HS")],
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "identity_chaining_requested_token_types_supported": ["urn:ietf:params:oauth:token-type:id-jag"],
    }
    if call.path.endswith("/openid-configuration"):
        found["userinfo_endpoint"] = f"{base}/userinfo"
        found["id_token_signing_alg_values_supported"] = ["RS256"]
    elif address == call.root:
        found.pop("jwks_uri")  # recorded: the org's oauth-authorization-server has none
    return found


def org_keys(call: Call) -> Reply:
    """The org's signing key."""
    return Reply(200, {"keys": [signing_keys.published(signing_keys.active(call.store, signing_keys.ORG))]})


def server_keys(call: Call, server_id: str) -> Reply:
    """An authorization server's signing keys; expired ones are not published."""
    server = find(call.store, server_id)
    keys = signing_keys.listed(call.store, server["id"])
    return Reply(200, {"keys": [signing_keys.published(key) for key in keys if key["status"] == "ACTIVE"]})
