"""Faults of the application that people sign in to: whether it is there, its redirect URIs and its grants."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from provisioner.sandbox.misconfigurations.registry import Faults
from provisioner.sandbox.okta.management.objects import new_id, now

from .org import Org

_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

fault: Faults[Org] = Faults()


@fault("okta-application-missing")
def _application_missing(org: Org) -> None:
    """Somebody deactivated and deleted the application."""
    org.delete_app(org.application)


@fault("okta-application-ambiguous")
def _application_ambiguous(org: Org) -> None:
    """Somebody created another application with the same label."""
    ours = org.application
    key = new_id("0oa")
    client = {**ours["credentials"]["oauthClient"], "client_id": key}
    other = {
        **ours,
        "id": key,
        "orn": ours.get("orn", "").replace(ours["id"], key),
        "created": now(),
        "credentials": {**ours["credentials"], "oauthClient": client},
    }
    org.change("app", other)


@fault("okta-application-inactive")
def _application_inactive(org: Org) -> None:
    """Somebody deactivated the application."""
    org.change("app", org.application, status="INACTIVE")


def _uris(org: Org, edit: Callable[[list[str]], list[str]]) -> None:
    org.oauth(lambda oauth: {"redirect_uris": edit(oauth["redirect_uris"])})


@fault("okta-redirect-uri-missing")
def _redirect_uri_missing(org: Org) -> None:
    """Somebody removed the sign-in redirect URI of the IDE."""
    _uris(org, lambda uris: [uri for uri in uris if not uri.startswith("kiro:")])


@fault("okta-redirect-uri-extra")
def _redirect_uri_extra(org: Org) -> None:
    """Somebody added a sign-in redirect URI that the guide does not have."""
    _uris(org, lambda uris: [*uris, "https://attacker.example/callback"])


@fault("okta-redirect-uri-kiro-auth")
def _redirect_uri_kiro_auth(org: Org) -> None:
    """Somebody added the misprinted sign-in redirect URI of an older guide."""
    _uris(org, lambda uris: [*uris, "kiro://kiro.auth/callback"])


@fault("okta-redirect-uri-port-2128")
def _redirect_uri_port(org: Org) -> None:
    """Somebody typed the port 2128 of an older guide instead of 3128."""
    _uris(org, lambda uris: [uri.replace(":3128/", ":2128/") for uri in uris])


@fault("okta-redirect-uri-wildcard")
def _redirect_uri_wildcard(org: Org) -> None:
    """Somebody allowed wildcards in sign-in redirect URIs."""
    org.oauth(lambda _: {"wildcard_redirect": "SUBDOMAIN"})


@fault("okta-refresh-token-grant")
def _refresh_token_grant(org: Org) -> None:
    """Somebody unticked the grant type Refresh Token."""
    app = org.application
    settings = app["settings"]
    oauth = {name: value for name, value in settings["oauthClient"].items() if name != "refresh_token"}
    oauth["grant_types"] = [grant for grant in oauth["grant_types"] if grant != "refresh_token"]
    org.change("app", app, settings={**settings, "oauthClient": oauth})


@fault("okta-authorization-code-grant")
def _authorization_code_grant(org: Org) -> None:
    """Somebody replaced the grant type Authorization Code by Device Authorization."""
    org.oauth(
        lambda oauth: {
            "grant_types": [
                _DEVICE_GRANT if grant == "authorization_code" else grant for grant in oauth["grant_types"]
            ]
        }
    )


@fault("okta-extra-grants")
def _extra_grants(org: Org) -> None:
    """Somebody ticked the grant type Implicit as well."""
    org.oauth(
        lambda oauth: {
            "grant_types": [*oauth["grant_types"], "implicit"],
            "response_types": [*oauth["response_types"], "token", "id_token"],
        }
    )


@fault("okta-client-authentication")
def _client_authentication(org: Org) -> None:
    """Somebody made the application authenticate with a client secret, and no longer with PKCE."""
    app = org.application
    client = {
        **app["credentials"]["oauthClient"],
        "token_endpoint_auth_method": "client_secret_basic",
        "pkce_required": False,
        "client_secret": secrets.token_urlsafe(48),
    }
    org.change("app", app, credentials={**app["credentials"], "oauthClient": client})
