"""Misconfigurations of the application for sign-in: its existence, redirect URIs and grants."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from provisioner.sandbox.okta.management.objects import new_id, now

from .org import Org, misconfiguration

_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@misconfiguration("okta-application-missing")
def _application_missing(org: Org) -> None:
    """An admin deactivated and deleted the application."""
    org.delete_app(org.application)


@misconfiguration("okta-application-ambiguous")
def _application_ambiguous(org: Org) -> None:
    """An admin created another application with the same label."""
    application = org.application
    key = new_id("0oa")
    client = {**application["credentials"]["oauthClient"], "client_id": key}
    other = {
        **application,
        "id": key,
        "orn": application.get("orn", "").replace(application["id"], key),
        "created": now(),
        "credentials": {**application["credentials"], "oauthClient": client},
    }
    org.change("app", other)


@misconfiguration("okta-application-inactive")
def _application_inactive(org: Org) -> None:
    """An admin deactivated the application."""
    org.change("app", org.application, status="INACTIVE")


def _edit_redirect_uris(org: Org, edit: Callable[[list[str]], list[str]]) -> None:
    org.edit_oauth_settings(lambda oauth: {"redirect_uris": edit(oauth["redirect_uris"])})


@misconfiguration("okta-redirect-uri-missing")
def _redirect_uri_missing(org: Org) -> None:
    """An admin removed the sign-in redirect URI of the IDE."""
    _edit_redirect_uris(org, lambda uris: [uri for uri in uris if not uri.startswith("kiro:")])


@misconfiguration("okta-redirect-uri-extra")
def _redirect_uri_extra(org: Org) -> None:
    """An admin added a sign-in redirect URI that is not in the guide."""
    _edit_redirect_uris(org, lambda uris: [*uris, "https://attacker.example/callback"])


@misconfiguration("okta-redirect-uri-kiro-auth")
def _redirect_uri_kiro_auth(org: Org) -> None:
    """An admin added the misprinted sign-in redirect URI of an older guide."""
    _edit_redirect_uris(org, lambda uris: [*uris, "kiro://kiro.auth/callback"])


@misconfiguration("okta-redirect-uri-port-2128")
def _redirect_uri_port(org: Org) -> None:
    """An admin typed the port 2128 of an older guide instead of 3128."""
    _edit_redirect_uris(org, lambda uris: [uri.replace(":3128/", ":2128/") for uri in uris])


@misconfiguration("okta-redirect-uri-wildcard")
def _redirect_uri_wildcard(org: Org) -> None:
    """An admin allowed wildcards in sign-in redirect URIs."""
    org.edit_oauth_settings(lambda _: {"wildcard_redirect": "SUBDOMAIN"})


@misconfiguration("okta-refresh-token-grant")
def _refresh_token_grant(org: Org) -> None:
    """An admin unticked the grant type Refresh Token."""
    app = org.application
    settings = app["settings"]
    oauth = {name: value for name, value in settings["oauthClient"].items() if name != "refresh_token"}
    oauth["grant_types"] = [grant for grant in oauth["grant_types"] if grant != "refresh_token"]
    org.change("app", app, settings={**settings, "oauthClient": oauth})


@misconfiguration("okta-authorization-code-grant")
def _authorization_code_grant(org: Org) -> None:
    """An admin replaced the grant type Authorization Code with Device Authorization."""
    org.edit_oauth_settings(
        lambda oauth: {
            "grant_types": [
                _DEVICE_GRANT if grant == "authorization_code" else grant for grant in oauth["grant_types"]
            ]
        }
    )


@misconfiguration("okta-extra-grants")
def _extra_grants(org: Org) -> None:
    """An admin also ticked the grant type Implicit."""
    org.edit_oauth_settings(
        lambda oauth: {
            "grant_types": [*oauth["grant_types"], "implicit"],
            "response_types": [*oauth["response_types"], "token", "id_token"],
        }
    )


@misconfiguration("okta-client-authentication")
def _client_authentication(org: Org) -> None:
    """An admin switched the client authentication from PKCE to a client secret."""
    app = org.application
    client = {
        **app["credentials"]["oauthClient"],
        "token_endpoint_auth_method": "client_secret_basic",
        "pkce_required": False,
        "client_secret": secrets.token_urlsafe(48),
    }
    org.change("app", app, credentials={**app["credentials"], "oauthClient": client})
