"""The OAuth client of an OpenID Connect application: ``credentials.oauthClient`` and ``settings.oauthClient``.

Rules: Okta Management API 2026.06.3, ApplicationCredentialsOAuthClient and OpenIdConnectApplicationSettingsClient. The
members of a response and their form: recorded traffic of terraform-provider-okta (TestAccResourceOktaAppOauth_*). No
recording has a public client (``token_endpoint_auth_method`` ``none``): that part follows the description.
"""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import urlsplit

from provisioner.sandbox.okta.management.errors import OktaError, invalid, required_field
from provisioner.sandbox.okta.management.objects import one_of
from provisioner.sandbox.store import Document

_GRANT_TYPES = (
    "authorization_code",
    "client_credentials",
    "implicit",
    "interaction_code",
    "password",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:openid:params:grant-type:ciba",
    "urn:okta:params:oauth:grant-type:oob",
    "urn:okta:params:oauth:grant-type:otp",
)
_SECRET_METHODS = ("client_secret_basic", "client_secret_jwt", "client_secret_post")
_AUTH_METHODS = (*_SECRET_METHODS, "none", "private_key_jwt")
_CHOICES = {
    "application_type": ("browser", "native", "service", "web"),
    "consent_method": ("REQUIRED", "TRUSTED"),
    "issuer_mode": ("CUSTOM_URL", "DYNAMIC", "ORG_URL"),
    "wildcard_redirect": ("DISABLED", "SUBDOMAIN"),
}
_CLIENT_ID = re.compile(r"[\w$\-.+!*'(),]{6,100}", re.ASCII)
_OPTIONAL_SETTINGS = (
    "policy_uri",
    "tos_uri",
    "initiate_login_uri",
    "post_logout_redirect_uris",
    "jwks_uri",
    "network",
    "frontchannel_logout_uri",
    "frontchannel_logout_session_required",
    "id_token_encrypted_response_alg",
    "request_object_signing_alg",
    "sector_identifier_uri",
    "subject_type",
    "backchannel_authentication_request_signing_alg",
    "backchannel_custom_authenticator_id",
    "backchannel_token_delivery_mode",
)
"""Settings that a response has only if the request has them."""
_DEFAULT_LEEWAY_SECONDS = 30


def client_settings(requested: Document, before: Document | None) -> Document:
    """``settings.oauthClient`` with Okta's defaults.

    Args:
        requested: the member of the request.
        before: the settings that it replaces, if any; only refresh token settings are kept when the request lacks them.

    Raises:
        OktaError: 400 for values outside the description.
    """
    for name, choices in _CHOICES.items():
        if requested.get(name) is not None:
            one_of(f"settings.oauthClient.{name}", requested[name], choices)
    grant_types = _checked_grant_types(requested)
    settings: Document = {
        "client_uri": requested.get("client_uri"),
        "logo_uri": requested.get("logo_uri"),
        "redirect_uris": _checked_redirect_uris(requested, grant_types),
        "response_types": requested.get("response_types") or [],
        "grant_types": grant_types,
    }
    if "refresh_token" in grant_types:
        settings["refresh_token"] = _refresh_token_settings(requested, before)
    if requested.get("jwks"):
        settings["jwks"] = _checked_keys(requested["jwks"])
    settings |= {
        "application_type": requested.get("application_type") or "web",
        "consent_method": requested.get("consent_method") or "TRUSTED",
        "issuer_mode": requested.get("issuer_mode") or "ORG_URL",
        "idp_initiated_login": requested.get("idp_initiated_login")
        or {"mode": "DISABLED", "default_scope": []},
        "wildcard_redirect": requested.get("wildcard_redirect") or "DISABLED",
        "dpop_bound_access_tokens": bool(requested.get("dpop_bound_access_tokens", False)),
        "participate_slo": bool(requested.get("participate_slo", False)),
    }
    if requested.get("frontchannel_logout_uri"):
        settings["frontchannel_logout_session_required"] = False
    optional = {name: requested[name] for name in _OPTIONAL_SETTINGS if requested.get(name) not in (None, [])}
    return settings | optional


def _invalid_setting(name: str, cause: str) -> OktaError:
    return invalid(f"settings.oauthClient.{name}", cause)


def _checked_grant_types(requested: Document) -> list[str]:
    grant_types = list(dict.fromkeys(requested.get("grant_types") or []))
    if not grant_types:
        raise required_field("settings.oauthClient.grant_types")
    if unknown := [grant_type for grant_type in grant_types if grant_type not in _GRANT_TYPES]:
        raise _invalid_setting("grant_types", f"grant_types: unknown value '{unknown[0]}'")
    response_types = requested.get("response_types") or []
    if "authorization_code" in grant_types and "code" not in response_types:
        raise _invalid_setting(
            "response_types", "response_types: 'code' is required for the grant type 'authorization_code'."
        )
    if "implicit" in grant_types and not {"token", "id_token"}.intersection(response_types):
        raise _invalid_setting(
            "response_types",
            "response_types: 'token' or 'id_token' is required for the grant type 'implicit'.",
        )
    return grant_types


def _checked_redirect_uris(requested: Document, grant_types: list[str]) -> list[str]:
    uris = requested.get("redirect_uris") or []
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise _invalid_setting("redirect_uris", "redirect_uris: must be an array of strings")
    redirecting = {"authorization_code", "implicit"}.intersection(grant_types)
    direct = {"password", "client_credentials"}.intersection(grant_types)
    if redirecting and not direct and not uris:
        raise required_field("settings.oauthClient.redirect_uris")
    for uri in uris:
        _check_redirect_uri(uri, wildcards=requested.get("wildcard_redirect") == "SUBDOMAIN")
    return list(uris)


def _check_redirect_uri(uri: str, *, wildcards: bool) -> None:
    """Absolute and without a fragment; a wildcard, where allowed, must be the whole first label of the host."""
    parts = urlsplit(uri)
    host = parts.netloc
    absolute = bool(parts.scheme and (host or parts.path)) and not any(map(str.isspace, uri))
    web = parts.scheme in ("http", "https")
    bad_wildcard = "*" in uri and not (wildcards and web and host.startswith("*.") and uri.count("*") == 1)
    if not absolute or parts.fragment or (web and not host) or bad_wildcard:
        raise _invalid_setting("redirect_uris", f"redirect_uris: '{uri}' is not a valid URI.")


def _refresh_token_settings(requested: Document, before: Document | None) -> Document:
    settings = requested.get("refresh_token") or (before or {}).get("refresh_token") or {}
    rotation = settings.get("rotation_type")
    if rotation is None:
        rotation = "ROTATE" if requested.get("application_type") == "browser" else "STATIC"
    leeway = settings.get("leeway", _DEFAULT_LEEWAY_SECONDS)
    if rotation not in ("ROTATE", "STATIC"):
        raise _invalid_setting("refresh_token", "rotation_type: must be ROTATE or STATIC")
    if not isinstance(leeway, int) or not 0 <= leeway <= 60:
        raise _invalid_setting("refresh_token", "leeway: must be between 0 and 60")
    return (
        {"rotation_type": rotation, "leeway": leeway} if rotation == "ROTATE" else {"rotation_type": rotation}
    )


def _checked_keys(jwks: Any) -> Document:
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) and "kty" in key for key in keys):
        raise _invalid_setting("jwks", "jwks: must hold an array of JSON Web Keys")
    if any("d" in key for key in keys):
        raise _invalid_setting("jwks", "jwks: a private key must not be sent")
    return {"keys": [{"status": "ACTIVE", **key} for key in keys]}


def client_credentials(
    requested: Document, application_type: str, app_id: str, before: Document | None
) -> Document:
    """``credentials.oauthClient`` with Okta's defaults, and with ``client_secret`` if the authentication method needs one.

    Args:
        requested: the member of the request.
        application_type: type of the client.
        app_id: id of the application; the client id, unless the request that creates the application has one.
        before: the credentials that it replaces, if any, with the client secret.

    Raises:
        OktaError: 400 for values outside the description.
    """
    method = requested.get("token_endpoint_auth_method") or "client_secret_basic"
    one_of("credentials.oauthClient.token_endpoint_auth_method", method, _AUTH_METHODS)
    pkce = requested.get("pkce_required")
    pkce = application_type in ("browser", "native") if pkce is None else bool(pkce)
    if method == "none" and not pkce:
        raise invalid(
            "credentials.oauthClient.pkce_required",
            "pkce_required: must be true when token_endpoint_auth_method is 'none'.",
        )
    credentials = {
        "autoKeyRotation": bool(requested.get("autoKeyRotation", True)),
        "client_id": before["client_id"] if before else _client_id(requested, app_id),
        "token_endpoint_auth_method": method,
        "pkce_required": pkce,
    }
    if method in _SECRET_METHODS:
        secret_before = (before or {}).get("client_secret")
        credentials["client_secret"] = (
            requested.get("client_secret") or secret_before or secrets.token_urlsafe(48)
        )
    return credentials


def _client_id(requested: Document, app_id: str) -> str:
    client_id = requested.get("client_id")
    if client_id is None:
        return app_id
    valid = isinstance(client_id, str) and _CLIENT_ID.fullmatch(client_id) and client_id != "ALL_CLIENTS"
    if not valid:
        raise invalid(
            "credentials.oauthClient.client_id", f"client_id: '{client_id}' is not a valid client id."
        )
    return str(client_id)
