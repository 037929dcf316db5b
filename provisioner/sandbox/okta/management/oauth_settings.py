"""The OAuth half of an OpenID Connect application: what is accepted, and what becomes of it.

Rules: Okta Management API 2026.06.3, ApplicationCredentialsOAuthClient and OpenIdConnectApplicationSettingsClient. Members
that an answer always has, and in which form: recorded traffic of terraform-provider-okta (TestAccResourceOktaAppOauth_*).
No recording holds a public client (``token_endpoint_auth_method`` ``none``): that part rests on the description. Causes of
refusals are worded by the sandbox.
"""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import urlsplit

from provisioner.sandbox.okta.management.errors import invalid
from provisioner.sandbox.store import Document

GRANT_TYPES = (
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
_AUTH_METHODS = ("client_secret_basic", "client_secret_jwt", "client_secret_post", "none", "private_key_jwt")
_SECRET_METHODS = ("client_secret_basic", "client_secret_jwt", "client_secret_post")
_TYPES = ("browser", "native", "service", "web")
_CHOICES = {
    "application_type": _TYPES,
    "consent_method": ("REQUIRED", "TRUSTED"),
    "issuer_mode": ("CUSTOM_URL", "DYNAMIC", "ORG_URL"),
    "wildcard_redirect": ("DISABLED", "SUBDOMAIN"),
}
_CLIENT_ID = re.compile(r"[\w$\-.+!*'(),]{6,100}", re.ASCII)
_EXTRA = (
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
_LEEWAY = 30


def settings(sent: Document, before: Document | None) -> Document:
    """``settings.oauthClient`` as Okta keeps it.

    Args:
        sent: the request's.
        before: what it replaces, if anything: only refresh token settings survive being left out.

    Raises:
        OktaError: 400 for values outside the description.
    """
    for name, choices in _CHOICES.items():
        if sent.get(name) is not None and sent[name] not in choices:
            raise invalid(f"settings.oauthClient.{name}", f"{name}: must be one of {', '.join(choices)}")
    grants = _grants(sent)
    found: Document = {
        "client_uri": sent.get("client_uri"),
        "logo_uri": sent.get("logo_uri"),
        "redirect_uris": _redirects(sent, grants),
        "response_types": sent.get("response_types") or [],
        "grant_types": grants,
    }
    if "refresh_token" in grants:
        found["refresh_token"] = _refresh(sent, before)
    if sent.get("jwks"):
        found["jwks"] = _keys(sent["jwks"])
    found |= {
        "application_type": sent.get("application_type") or "web",
        "consent_method": sent.get("consent_method") or "TRUSTED",
        "issuer_mode": sent.get("issuer_mode") or "ORG_URL",
        "idp_initiated_login": sent.get("idp_initiated_login") or {"mode": "DISABLED", "default_scope": []},
        "wildcard_redirect": sent.get("wildcard_redirect") or "DISABLED",
        "dpop_bound_access_tokens": bool(sent.get("dpop_bound_access_tokens", False)),
        "participate_slo": bool(sent.get("participate_slo", False)),
    }
    if sent.get("frontchannel_logout_uri"):
        found["frontchannel_logout_session_required"] = False
    return found | {name: sent[name] for name in _EXTRA if sent.get(name) not in (None, [])}


def _grants(sent: Document) -> list[str]:
    grants = list(dict.fromkeys(sent.get("grant_types") or []))
    if not grants:
        raise invalid("settings.oauthClient.grant_types", "grant_types: The field cannot be left blank")
    if unknown := [grant for grant in grants if grant not in GRANT_TYPES]:
        raise invalid("settings.oauthClient.grant_types", f"grant_types: unknown value '{unknown[0]}'")
    responses = sent.get("response_types") or []
    if "authorization_code" in grants and "code" not in responses:
        raise invalid(
            "settings.oauthClient.response_types",
            "response_types: 'code' is required for the grant type 'authorization_code'.",
        )
    if "implicit" in grants and not {"token", "id_token"}.intersection(responses):
        raise invalid(
            "settings.oauthClient.response_types",
            "response_types: 'token' or 'id_token' is required for the grant type 'implicit'.",
        )
    return grants


def _redirects(sent: Document, grants: list[str]) -> list[str]:
    uris = sent.get("redirect_uris") or []
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise invalid("settings.oauthClient.redirect_uris", "redirect_uris: must be an array of strings")
    needed = {"authorization_code", "implicit"}.intersection(grants) and not {
        "password",
        "client_credentials",
    }.intersection(grants)
    if needed and not uris:
        raise invalid("settings.oauthClient.redirect_uris", "redirect_uris: The field cannot be left blank")
    wildcards = sent.get("wildcard_redirect") == "SUBDOMAIN"
    for uri in uris:
        _check_redirect(uri, wildcards=wildcards)
    return list(uris)


def _check_redirect(uri: str, *, wildcards: bool) -> None:
    """Absolute, without a fragment; a wildcard only as the whole first label of the host, where it is allowed."""
    parts = urlsplit(uri)
    host = parts.netloc
    absolute = bool(parts.scheme and (parts.netloc or parts.path)) and not any(map(str.isspace, uri))
    web = parts.scheme in ("http", "https")
    starred = "*" in uri and not (wildcards and web and host.startswith("*.") and uri.count("*") == 1)
    if not absolute or parts.fragment or (web and not host) or starred:
        raise invalid("settings.oauthClient.redirect_uris", f"redirect_uris: '{uri}' is not a valid URI.")


def _refresh(sent: Document, before: Document | None) -> Document:
    given = sent.get("refresh_token") or (before or {}).get("refresh_token") or {}
    kind = given.get("rotation_type")
    if kind is None:
        kind = "ROTATE" if sent.get("application_type") == "browser" else "STATIC"
    leeway = given.get("leeway", _LEEWAY)
    if kind not in ("ROTATE", "STATIC"):
        raise invalid("settings.oauthClient.refresh_token", "rotation_type: must be ROTATE or STATIC")
    if not isinstance(leeway, int) or not 0 <= leeway <= 60:
        raise invalid("settings.oauthClient.refresh_token", "leeway: must be between 0 and 60")
    return {"rotation_type": kind} if kind == "STATIC" else {"rotation_type": kind, "leeway": leeway}


def _keys(jwks: Any) -> Document:
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) and "kty" in key for key in keys):
        raise invalid("settings.oauthClient.jwks", "jwks: must hold an array of JSON Web Keys")
    if any("d" in key for key in keys):
        raise invalid("settings.oauthClient.jwks", "jwks: a private key must not be sent")
    return {"keys": [{"status": "ACTIVE", **key} for key in keys]}


def credentials(sent: Document, kind: str, app_id: str, before: Document | None) -> Document:
    """``credentials.oauthClient`` as Okta keeps it, with the secret under ``client_secret`` if it has one.

    Args:
        sent: the request's.
        kind: the application type.
        app_id: the application's id, which is the client id unless one is given at creation.
        before: what it replaces, if anything, with its secret.

    Raises:
        OktaError: 400 for values outside the description.
    """
    method = sent.get("token_endpoint_auth_method") or "client_secret_basic"
    if method not in _AUTH_METHODS:
        raise invalid(
            "credentials.oauthClient.token_endpoint_auth_method",
            f"token_endpoint_auth_method: must be one of {', '.join(_AUTH_METHODS)}",
        )
    pkce = sent.get("pkce_required")
    pkce = kind in ("browser", "native") if pkce is None else bool(pkce)
    if method == "none" and not pkce:
        raise invalid(
            "credentials.oauthClient.pkce_required",
            "pkce_required: must be true when token_endpoint_auth_method is 'none'.",
        )
    found = {
        "autoKeyRotation": bool(sent.get("autoKeyRotation", True)),
        "client_id": before["client_id"] if before else _client_id(sent, app_id),
        "token_endpoint_auth_method": method,
        "pkce_required": pkce,
    }
    if method in _SECRET_METHODS:
        kept = (before or {}).get("client_secret")
        found["client_secret"] = sent.get("client_secret") or kept or secrets.token_urlsafe(48)
    return found


def _client_id(sent: Document, app_id: str) -> str:
    wanted = sent.get("client_id")
    if wanted is None:
        return app_id
    if not isinstance(wanted, str) or not _CLIENT_ID.fullmatch(wanted) or wanted == "ALL_CLIENTS":
        raise invalid("credentials.oauthClient.client_id", f"client_id: '{wanted}' is not a valid client id.")
    return wanted
