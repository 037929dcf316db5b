"""A complete org, set up through the API and the consoles as in Kiro's guide "Connect your Okta IdP"."""

from __future__ import annotations

from typing import Any

import httpx

from provisioner.sandbox.console_actions import perform
from provisioner.sandbox.store import Document
from tests.sandboxes import Sandbox

OIDC, SCIM, SERVER = "Kiro-Okta", "Kiro-SCIM", "Kiro"
SCOPES = ("codewhisperer:completions", "codewhisperer:conversations")
PORTS = (3128, 4649, 6588, 8008, 9091, 49153, 50153, 51153, 52153, 53153)
STEPS = ("kiro-profile", "kiro-scim-token", "okta-api-integration", "okta-to-app")


class Admin:
    """An admin with an API token."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._http = httpx.Client(
            base_url=f"{sandbox.url}/api/v1",
            headers={"Authorization": f"SSWS {sandbox.okta_token()}", "Accept": "application/json"},
            timeout=300,
        )

    def close(self) -> None:
        self._http.close()

    def send(self, method: str, path: str, body: Any = None) -> Any:
        response = self._http.request(method, path, json=body)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def group(self, name: str) -> str:
        (group,) = self._http.get("/groups", params={"search": f'profile.name eq "{name}"'}).json()
        return str(group["id"])

    def user(self, name: str) -> str:
        return str(self.send("GET", f"/users/{name}@fabrikam.example")["id"])

    def sign_in(self) -> Document:
        """Step 1 of the guide: the application for sign-in."""
        oauth = {
            "application_type": "native",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "redirect_uris": [
                "kiro://kiro.oauth/callback",
                *(f"http://localhost:{port}/oauth/callback" for port in PORTS),
            ],
            "wildcard_redirect": "DISABLED",
        }
        client = {"token_endpoint_auth_method": "none", "pkce_required": True, "autoKeyRotation": True}
        body = {"name": "oidc_client", "label": OIDC, "signOnMode": "OPENID_CONNECT"}
        created: Document = self.send(
            "POST",
            "/apps",
            {**body, "credentials": {"oauthClient": client}, "settings": {"oauthClient": oauth}},
        )
        self.send("PUT", f"/apps/{created['id']}/groups/{self.group('Kiro-Users')}", {})
        return created

    def authorization(self, client_id: str) -> Document:
        """Step 2: the authorization server, its scopes, policy and rule."""
        body = {"name": SERVER, "description": "Sign-in to Kiro", "audiences": ["kiro"]}
        created: Document = self.send("POST", "/authorizationServers", body)
        base = f"/authorizationServers/{created['id']}"
        for scope in SCOPES:
            self.send("POST", f"{base}/scopes", {"name": scope, "consent": "IMPLICIT"})
        policy = self.send(
            "POST",
            f"{base}/policies",
            {
                "type": "OAUTH_AUTHORIZATION_POLICY",
                "name": "Kiro",
                "description": "Kiro",
                "status": "ACTIVE",
                "priority": 1,
                "conditions": {"clients": {"include": [client_id]}},
            },
        )
        self.send("POST", f"{base}/policies/{policy['id']}/rules", _rule())
        return created

    def provisioning(self) -> Document:
        """Step 4, first half: the application for provisioning, without the two attributes."""
        settings = {"app": {"acsURL": "https://kiro.invalid/acs", "entityID": "https://kiro.invalid"}}
        created: Document = self.send(
            "POST",
            "/apps",
            {"name": "amazon_aws_sso", "label": SCIM, "signOnMode": "SAML_2_0", "settings": settings},
        )
        (mapping,) = self.send("GET", f"/mappings?targetId={created['id']}")
        removed = {"properties": {"department": None, "employeeNumber": None}}
        self.send("POST", f"/mappings/{mapping['id']}", removed)
        return created

    def assign_and_push(self, app_id: str) -> None:
        """Step 4, second half: the assigned group, and the pushed group."""
        self.send("PUT", f"/apps/{app_id}/groups/{self.group('Kiro-Users')}", {})
        pushed = {"sourceGroupId": self.group("Kiro-Pro"), "status": "ACTIVE", "targetGroupName": "Kiro-Pro"}
        self.send("POST", f"/apps/{app_id}/group-push/mappings", pushed)


def _rule() -> Document:
    return {
        "type": "RESOURCE_ACCESS",
        "name": "Kiro",
        "status": "ACTIVE",
        "priority": 1,
        "conditions": {
            "people": {"groups": {"include": ["EVERYONE"]}},
            "grantTypes": {"include": ["authorization_code"]},
            "scopes": {"include": [*SCOPES, "offline_access"]},
        },
        "actions": {
            "token": {
                "accessTokenLifetimeMinutes": 60,
                "refreshTokenLifetimeMinutes": 0,
                "refreshTokenWindowMinutes": 10080,
            }
        },
    }


def complete(sandbox: Sandbox) -> None:
    """Set up everything. Users and the pushed group are in Kiro when this returns."""
    admin = Admin(sandbox)
    try:
        admin.authorization(admin.sign_in()["credentials"]["oauthClient"]["client_id"])
        app = admin.provisioning()
        for step in STEPS:
            assert perform(sandbox, "okta", step), step
        admin.assign_and_push(app["id"])
    finally:
        admin.close()
    settle(sandbox)


def settle(sandbox: Sandbox) -> None:
    """Wait for the pushes in the background."""
    assert sandbox.wait_for_pushes(300)
