"""API tokens, access tokens, scopes and rate limits."""

from __future__ import annotations

import hashlib
import time
import uuid
from base64 import urlsafe_b64encode

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from provisioner.sandbox import faults
from provisioner.sandbox.okta.management.rate_limits import LIMITS, RateLimiter
from provisioner.sandbox.okta.management.routes import ROUTES
from tests.sandbox.okta_fixtures import Org, assertion, error_of, native, request_token


def test_an_api_token_with_and_without_a_space(org):
    token = org.sandbox.okta_token()
    for value in (f"SSWS {token}", f"SSWS{token}"):
        assert org.send("GET", "users/me", headers={"Authorization": value}).status_code == 200


@pytest.mark.parametrize("value", ["", "SSWS wrong", "Bearer wrong", "Basic eDp5"])
def test_an_invalid_token(org, value):
    assert error_of(org.send("GET", "apps", headers={"Authorization": value}))[:2] == (401, "E0000011")


def test_the_token_of_a_deactivated_user(org):
    org.ok("POST", f"users/{org.user('erin')}/lifecycle/deactivate")
    assert error_of(org.send("GET", "apps"))[:2] == (401, "E0000011")


def test_a_revoked_token(org):
    token = org.ok("GET", "api-tokens")[0]
    assert token["name"] == "Provisioner automation"
    assert not {"_hash", "token"} & set(token)
    assert org.send("DELETE", f"api-tokens/{token['id']}").status_code == 204
    assert error_of(org.send("GET", "apps"))[0] == 401


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("okta.apps.read", "GET", "apps"),
        ("okta.apps.manage", "POST", "apps"),
        ("okta.authorizationServers.read", "GET", "authorizationServers"),
        ("okta.groups.read", "GET", "apps/0oaX/group-push/mappings"),
        ("okta.logs.read", "GET", "logs"),
        ("okta.profileMappings.read", "GET", "mappings"),
    ],
)
def test_a_denied_scope(org, scope, method, path):
    org.sandbox.okta.set("denied", [scope])
    body = native() if method == "POST" else None
    assert error_of(org.send(method, path, body))[:2] == (403, "E0000006")
    org.sandbox.okta.set("denied", [])
    assert org.send(method, path, body).status_code in (200, 404)


def test_every_response_has_rate_limit_headers(org):
    start = int(time.time())
    first, second = org.send("GET", "apps"), org.send("GET", "apps")
    assert first.headers["x-rate-limit-limit"] == str(LIMITS["apps"])
    assert int(second.headers["x-rate-limit-remaining"]) == int(first.headers["x-rate-limit-remaining"]) - 1
    assert start + 60 <= int(first.headers["x-rate-limit-reset"]) <= time.time() + 60
    assert first.headers["x-okta-request-id"] != second.headers["x-okta-request-id"]
    assert first.headers["date"]
    assert org.send("GET", "apps/0oaX").headers["x-rate-limit-limit"] == str(LIMITS["app"])


def test_too_many_requests(org):
    org.sandbox.okta.set("rate_limits", {"groups": 2})
    assert [org.send("GET", "groups").status_code for _ in range(3)] == [200, 200, 429]
    start = int(time.time())
    refused = org.send("GET", "groups")
    assert error_of(refused)[:2] == (429, "E0000047")
    assert refused.headers["x-rate-limit-remaining"] == "0"
    assert int(refused.headers["x-rate-limit-reset"]) > start
    assert "retry-after" not in refused.headers
    assert org.send("GET", "apps").status_code == 200


def test_a_rate_limit_resets_after_its_window():
    limiter = RateLimiter()
    timestamps = (100.0, 130.0, 161.0)
    exceeded = [limiter.count("apps", "one", {"apps": 1}, timestamp).exceeded for timestamp in timestamps]
    assert exceeded == [False, True, False]
    assert not limiter.count("apps", "other", {"apps": 1}, 130.0).exceeded


def test_every_bucket_has_a_limit():
    assert {route.bucket for route in ROUTES} <= set(LIMITS)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "E0000006"),
        (404, "E0000007"),
        (423, "E0000239"),
        (429, "E0000047"),
        (500, "E0000009"),
        (503, "E0000010"),
    ],
)
def test_injected_faults_have_okta_s_error_codes(org, status, code):
    faults.add(
        org.sandbox.store,
        {"on": "GET /api/v1/apps*", "effect": "status", "status": status, "retry_after": 7},
    )
    start = int(time.time())
    response = org.send("GET", "apps")
    assert error_of(response)[:2] == (status, code)
    if status == 429:
        assert start + 7 <= int(response.headers["x-rate-limit-reset"]) <= time.time() + 7
    assert org.send("GET", "apps").status_code == 200


def test_unknown_paths_and_methods(org):
    assert error_of(org.send("DELETE", "apps"))[:2] == (405, "E0000022")
    assert httpx.post(f"{org.sandbox.url}/oauth2/v1/keys").status_code == 405
    assert httpx.get(f"{org.sandbox.url}/oauth2/v2/other").status_code == 404


def test_malformed_bodies(org):
    headers = {"Content-Type": "application/json"}
    assert error_of(org.http.post("/api/v1/apps", content=b"{", headers=headers))[:2] == (400, "E0000003")
    assert error_of(org.http.post("/api/v1/apps", json=[]))[:2] == (400, "E0000003")
    headers = {"Content-Type": "text/xml"}
    assert error_of(org.http.post("/api/v1/apps", content=b"<a/>", headers=headers))[:2] == (400, "E0000019")


def test_a_service_app_signs_in(org):
    response = request_token(org.sandbox, "okta.apps.read okta.groups.read")
    assert response.status_code == 200, response.text
    assert (response.json()["token_type"], response.json()["expires_in"]) == ("Bearer", 3600)
    app = Org(org.sandbox, f"Bearer {response.json()['access_token']}")
    assert app.send("GET", "apps").status_code == 200
    refused = app.send("POST", "apps", native())
    assert error_of(refused)[:2] == (403, "E0000006")
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
    assert app.send("GET", "users/me").status_code == 403
    app.http.close()
    granted = org.events("app.oauth2.token.grant.access_token")
    assert granted[0]["actor"]["id"] == org.sandbox.okta_client()["client_id"]


def test_one_scope_that_is_not_granted_fails_the_request(org):
    org.sandbox.okta.set("scopes_granted", ["okta.apps.read"])
    response = request_token(org.sandbox, "okta.apps.read okta.groups.read")
    assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")
    assert request_token(org.sandbox, "okta.apps.read").status_code == 200
    assert request_token(org.sandbox, "").json()["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.example/oauth2/v1/token"},
        {"exp": 1},
        {"exp": int(time.time()) + 9000},
        {"iss": "other"},
        {"sub": "other", "iss": "other"},
    ],
)
def test_an_invalid_assertion(org, changes):
    text = assertion(org.sandbox.okta_client(), f"{org.sandbox.url}/oauth2/v1/token", **changes)
    response = request_token(org.sandbox, "okta.apps.read", text)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def test_an_assertion_of_another_key_or_used_twice(org):
    client, url = org.sandbox.okta_client(), f"{org.sandbox.url}/oauth2/v1/token"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    other_key = assertion({**client, "private_key": key}, url)
    assert request_token(org.sandbox, "okta.apps.read", other_key).json()["error"] == "invalid_client"
    once = assertion(client, url)
    assert request_token(org.sandbox, "okta.apps.read", once).status_code == 200
    assert request_token(org.sandbox, "okta.apps.read", once).json()["error"] == "invalid_client"
    assert request_token(org.sandbox, "okta.apps.read", "junk").json()["error"] == "invalid_client"
    other = httpx.post(url, data={"grant_type": "password"})
    assert other.json()["error"] == "unsupported_grant_type"


def test_grants(org):
    app = org.sandbox.okta.setting("client_app")
    grants = org.ok("GET", f"apps/{app}/grants")
    logs = next(grant for grant in grants if grant["scopeId"] == "okta.logs.read")
    assert org.send("DELETE", f"apps/{app}/grants/{logs['id']}").status_code == 204
    assert request_token(org.sandbox, "okta.logs.read").json()["error"] == "invalid_scope"
    body = {"scopeId": "okta.logs.read", "issuer": org.sandbox.url}
    created = org.ok("POST", f"apps/{app}/grants", body)
    assert org.ok("POST", f"apps/{app}/grants", body)["id"] == created["id"]
    assert request_token(org.sandbox, "okta.logs.read").status_code == 200
    assert error_of(org.send("POST", f"apps/{app}/grants", {**body, "scopeId": "okta.none"}))[0] == 400
    assert error_of(org.send("POST", f"apps/{app}/grants", {**body, "issuer": "https://x.example"}))[0] == 400


class Holder:
    """A client with a key for DPoP proofs."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        self.public = {name: self.public[name] for name in ("kty", "n", "e")}

    def proof(self, method, url, **claims):
        body = {"htm": method, "htu": url, "iat": int(time.time()), "jti": uuid.uuid4().hex, **claims}
        headers = {"typ": "dpop+jwt", "jwk": self.public}
        return jwt.encode(body, self.key, algorithm="RS256", headers=headers)


def test_proof_of_possession(org):
    store = org.sandbox.okta
    app = store.get("app", store.setting("client_app"))
    app["settings"]["oauthClient"]["dpop_bound_access_tokens"] = True
    store.put("app", app["id"], app)
    assert request_token(org.sandbox, "okta.apps.read").json()["error"] == "invalid_dpop_proof"
    holder, url = Holder(), f"{org.sandbox.url}/oauth2/v1/token"
    first = request_token(org.sandbox, "okta.apps.read", headers={"DPoP": holder.proof("POST", url)})
    assert (first.status_code, first.json()["error"]) == (400, "use_dpop_nonce")
    proof = holder.proof("POST", url, nonce=first.headers["dpop-nonce"])
    second = request_token(org.sandbox, "okta.apps.read", headers={"DPoP": proof})
    assert second.json()["token_type"] == "DPoP"
    token = second.json()["access_token"]
    digest = urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")
    apps = f"{org.sandbox.url}/api/v1/apps"
    headers = {"Authorization": f"DPoP {token}", "DPoP": holder.proof("GET", apps, ath=digest)}
    assert httpx.get(apps, headers=headers).status_code == 200
    assert httpx.get(apps, headers={"Authorization": f"Bearer {token}"}).status_code == 401
    stolen = {"Authorization": f"DPoP {token}", "DPoP": Holder().proof("GET", apps, ath=digest)}
    assert httpx.get(apps, headers=stolen).status_code == 401
    wrong = request_token(org.sandbox, "okta.apps.read", headers={"DPoP": holder.proof("GET", url)})
    assert wrong.json()["error"] == "invalid_dpop_proof"
