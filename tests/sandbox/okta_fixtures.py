"""The emulated Okta org for tests: requests with an API token, and the tokens of the service app."""

from __future__ import annotations

import time
import uuid
from typing import Any

import httpx
import jwt

from tests.sandboxes import Sandbox

AWS = {"name": "amazon_aws_sso", "label": "AWS IAM Identity Center", "signOnMode": "SAML_2_0"}
PUBLIC = {"token_endpoint_auth_method": "none", "pkce_required": True, "autoKeyRotation": True}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def native(label: str = "Kiro-OIDC", **changes: Any) -> dict[str, Any]:
    """A native application as in Kiro's guide, with changes of ``settings.oauthClient``."""
    client = {
        "application_type": "native",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "redirect_uris": ["kiro://kiro.oauth/callback", "http://localhost:3128/oauth/callback"],
        **changes,
    }
    return {
        "name": "oidc_client",
        "label": label,
        "signOnMode": "OPENID_CONNECT",
        "credentials": {"oauthClient": dict(PUBLIC)},
        "settings": {"oauthClient": client},
    }


class Org:
    """The org through its API, as an admin with an API token."""

    def __init__(self, sandbox: Sandbox, authorization: str | None = None) -> None:
        self.sandbox = sandbox
        headers = {"Authorization": authorization or f"SSWS {sandbox.okta_token()}"}
        self.http = httpx.Client(base_url=sandbox.url, headers=headers, timeout=300)

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        json_body = {} if body is None else {"json": body}
        return self.http.request(
            method, path if path.startswith("/") else f"/api/v1/{path}", **json_body, **more
        )

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        response = self.send(method, path, body, **more)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def app(self, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return dict(self.ok("POST", "apps", body or AWS))

    def group(self, name: str = "Kiro-Users") -> str:
        return next(
            group["id"] for group in self.ok("GET", f"groups?q={name}") if group["profile"]["name"] == name
        )

    def user(self, name: str) -> str:
        return str(self.ok("GET", f"users/{name}@fabrikam.example")["id"])

    def server(self, name: str = "Kiro") -> dict[str, Any]:
        return dict(self.ok("POST", "authorizationServers", {"name": name, "audiences": ["api://kiro"]}))

    def policy(self, server: str, name: str = "Kiro", **more: Any) -> dict[str, Any]:
        body = {"type": "OAUTH_AUTHORIZATION_POLICY", "name": name, "description": name, **more}
        return dict(self.ok("POST", f"authorizationServers/{server}/policies", body))

    def events(self, event_type: str) -> list[dict[str, Any]]:
        return list(self.ok("GET", "logs", params={"filter": f'eventType eq "{event_type}"', "limit": 1000}))


def error_of(response: httpx.Response) -> tuple[int, str, list[str]]:
    """Status, code and causes of an Okta error."""
    body = response.json()
    assert set(body) == {"errorCode", "errorSummary", "errorLink", "errorId", "errorCauses"}
    assert body["errorLink"] == body["errorCode"]
    return response.status_code, body["errorCode"], [cause["errorSummary"] for cause in body["errorCauses"]]


def assertion(client: dict[str, str], audience: str, **changes: Any) -> str:
    """A client assertion of the service app."""
    now = int(time.time())
    claims = {
        "iss": client["client_id"],
        "sub": client["client_id"],
        "aud": audience,
        "iat": now,
        "exp": now + 300,
        "jti": uuid.uuid4().hex,
        **changes,
    }
    headers = {"kid": client["key_id"]}
    return jwt.encode(claims, client["private_key"], algorithm="RS256", headers=headers)


def request_token(
    sandbox: Sandbox, scope: str, assertion_text: str | None = None, **more: Any
) -> httpx.Response:
    """A token request of the service app."""
    url = f"{sandbox.url}/oauth2/v1/token"
    form = {
        "grant_type": "client_credentials",
        "scope": scope,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion_text or assertion(sandbox.okta_client(), url),
    }
    return httpx.post(url, data=form, timeout=300, **more)
