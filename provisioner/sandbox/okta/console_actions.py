"""What a simulated admin does at the manual steps of Kiro's guide "Connect your Okta IdP".

The steps are the Kiro profile, its SCIM token, the API integration of the SCIM application, and the features of its
"To App".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provisioner.sandbox.kiro import console as kiro
from provisioner.sandbox.okta import console
from provisioner.sandbox.store import Document, Store

if TYPE_CHECKING:
    from provisioner.sandbox.okta.vendor import Okta


@dataclass(frozen=True)
class _Registration:
    """What a Kiro profile for Okta asks for, as the Admin Console shows it.

    Attributes:
        label: the application's label.
        client_id: the application's "Client ID".
        issuer: "Issuer URI" of the authorization server.
    """

    label: str
    client_id: str
    issuer: str


def _create_profile(okta: Okta) -> str | None:
    registration = _find_registration(okta)
    if registration is None:
        return None
    profile = okta.newest_profile()
    if profile and (profile["clientId"], profile["issuer"]) == (registration.client_id, registration.issuer):
        return f"The Kiro profile for {registration.label} already existed."
    kiro.create_profile(okta.context.kiro, registration.client_id, issuer=registration.issuer)
    return f"Created a Kiro profile with the issuer {registration.issuer} and the client ID {registration.client_id}."


def _generate_token(okta: Okta) -> str | None:
    profile = okta.newest_profile()
    if profile is None:
        return None
    kiro.copied_token(okta.context.kiro, profile["id"])
    return (
        f"Generated a SCIM token for the Kiro profile {profile['id']}, and copied it and the SCIM endpoint."
    )


def _enable_provisioning(okta: Okta) -> str | None:
    app, profile = console.scim_application(okta.store), okta.newest_profile()
    if app is None or profile is None:
        return None
    endpoint = kiro.endpoint(okta.context.http_url, profile["id"])
    token = kiro.copied_token(okta.context.kiro, profile["id"])
    console.enable_provisioning(okta.store, app["id"], endpoint, token)
    return f"Enabled the API integration of {app['label']} with {endpoint} and the token; the test succeeded."


def _enable_to_app(okta: Okta) -> str | None:
    app = console.scim_application(okta.store)
    if app is None:
        return None
    console.set_to_app(okta.store, app["id"], create=True, update=True, deactivate=True)
    return f"Enabled Create Users, Update User Attributes and Deactivate Users of {app['label']}."


ACTIONS: Final[dict[str, Callable[[Okta], str | None]]] = {
    "kiro-profile": _create_profile,
    "kiro-scim-token": _generate_token,
    "okta-api-integration": _enable_provisioning,
    "okta-to-app": _enable_to_app,
}
"""By the key of the manual step."""


def _find_registration(okta: Okta) -> _Registration | None:
    """The newest native application with an access policy in a custom authorization server, or None.

    A policy for all clients counts if no policy names the application.
    """
    for app in reversed([app for app in okta.store.all("app") if _is_native(app)]):
        client_id = app["credentials"]["oauthClient"]["client_id"]
        server = _server_for(okta.store, client_id) or _server_for(okta.store, "ALL_CLIENTS")
        if server is not None:
            return _Registration(app["label"], client_id, console.issuer(server, okta.context.url))
    return None


def _is_native(app: Document) -> bool:
    oauth = (app.get("settings") or {}).get("oauthClient") or {}
    return app["name"] == "oidc_client" and oauth.get("application_type") == "native"


def _server_for(store: Store, client: str) -> Document | None:
    """The newest custom authorization server with a policy that includes a client."""
    ids = [
        policy["_serverId"]
        for policy in store.all("authPolicy")
        if client in ((policy.get("conditions") or {}).get("clients") or {}).get("include", ())
    ]
    servers = [
        server
        for server in store.all("authorizationServer")
        if server["id"] in ids and not server.get("default")
    ]
    return servers[-1] if servers else None
