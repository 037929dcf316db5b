"""Who may call, how often, and with which token."""

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
from tests.sandbox.okta_fixtures import Org, ask_token, assertion, error_of, native


def test_a_token_with_and_without_a_space(org):
    token = org.sandbox.okta_token()
    for value in (f"SSWS {token}", f"SSWS{token}"):
        assert org.send("GET", "users/me", headers={"Authorization": value}).status_code == 200


@pytest.mark.parametrize("value", ["", "SSWS wrong", "Bearer wrong", "Basic eDp5"])
def test_no_usable_token(org, value):
    assert error_of(org.send("GET", "apps", headers={"Authorization": value}))[:2] == (401, "E0000011")


def test_a_token_dies_with_its_owner(org):
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
def test_what_is_denied(org, scope, method, path):
    org.sandbox.okta.set("denied", [scope])
    body = native() if method == "POST" else None
    assert error_of(org.send(method, path, body))[:2] == (403, "E0000006")
    org.sandbox.okta.set("denied", [])
    assert org.send(method, path, body).status_code in (200, 404)


def test_every_answer_says_where_the_caller_stands(org):
    first, second = org.send("GET", "apps"), org.send("GET", "apps")
    assert first.headers["x-rate-limit-limit"] == str(LIMITS["apps"])
    assert int(second.headers["x-rate-limit-remaining"]) == int(first.headers["x-rate-limit-remaining"]) - 1
    assert 0 < int(first.headers["x-rate-limit-reset"]) - time.time() <= 60
    assert first.headers["x-okta-request-id"] != second.headers["x-okta-request-id"]
    assert first.headers["date"]
    assert org.send("GET", "apps/0oaX").headers["x-rate-limit-limit"] == str(LIMITS["app"])


def test_too_many_requests(org):
    org.sandbox.okta.set("rate_limits", {"groups": 2})
    assert [org.send("GET", "groups").status_code for _ in range(3)] == [200, 200, 429]
    refused = org.send("GET", "groups")
    assert error_of(refused)[:2] == (429, "E0000047")
    assert refused.headers["x-rate-limit-remaining"] == "0"
    assert int(refused.headers["x-rate-limit-reset"]) > time.time()
    assert "retry-after" not in refused.headers
    assert org.send("GET", "apps").status_code == 200


def test_a_window_ends():
    limits = RateLimiter()
    assert [limits.count("apps", "me", {"apps": 1}, 100.0 + each).exceeded for each in (0, 30, 61)] == [
        False,
        True,
        False,
    ]
    assert not limits.count("apps", "you", {"apps": 1}, 130.0).exceeded


def test_every_bucket_is_known():
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
def test_faults_in_okta_s_words(org, status, code):
    faults.add(
        org.sandbox.directory,
        {"on": "GET /api/v1/apps*", "effect": "status", "status": status, "retry_after": 7},
    )
    answer = org.send("GET", "apps")
    assert error_of(answer)[:2] == (status, code)
    if status == 429:
        assert 0 < int(answer.headers["x-rate-limit-reset"]) - time.time() <= 8
    assert org.send("GET", "apps").status_code == 200


def test_unknown_paths_and_methods(org):
    assert error_of(org.send("DELETE", "apps"))[:2] == (405, "E0000022")
    assert httpx.post(f"{org.sandbox.url}/oauth2/v1/keys").status_code == 405
    assert httpx.get(f"{org.sandbox.url}/oauth2/v2/other").status_code == 404


def test_bodies_that_are_none(org):
    headers = {"Content-Type": "application/json"}
    assert error_of(org.http.post("/api/v1/apps", content=b"{", headers=headers))[:2] == (400, "E0000003")
    assert error_of(org.http.post("/api/v1/apps", json=[]))[:2] == (400, "E0000003")
    headers = {"Content-Type": "text/xml"}
    assert error_of(org.http.post("/api/v1/apps", content=b"<a/>", headers=headers))[:2] == (400, "E0000019")


def test_a_service_app_signs_in(org):
    answer = ask_token(org.sandbox, "okta.apps.read okta.groups.read")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 3600)
    app = Org(org.sandbox, f"Bearer {answer.json()['access_token']}")
    assert app.send("GET", "apps").status_code == 200
    refused = app.send("POST", "apps", native())
    assert error_of(refused)[:2] == (403, "E0000006")
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
    assert app.send("GET", "users/me").status_code == 403
    app.http.close()
    granted = org.events("app.oauth2.token.grant.access_token")
    assert granted[0]["actor"]["id"] == org.sandbox.okta_client()["client_id"]


def test_one_scope_that_is_not_granted_fails_the_whole_call(org):
    org.sandbox.okta.set("scopes_granted", ["okta.apps.read"])
    answer = ask_token(org.sandbox, "okta.apps.read okta.groups.read")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert ask_token(org.sandbox, "okta.apps.read").status_code == 200
    assert ask_token(org.sandbox, "").json()["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.example/oauth2/v1/token"},
        {"exp": 1},
        {"exp": int(time.time()) + 9000},
        {"iss": "somebody"},
        {"sub": "nobody", "iss": "nobody"},
    ],
)
def test_an_assertion_that_is_wrong(org, changes):
    text = assertion(org.sandbox.okta_client(), f"{org.sandbox.url}/oauth2/v1/token", **changes)
    answer = ask_token(org.sandbox, "okta.apps.read", text)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_assertion_of_another_key_or_used_twice(org):
    client, address = org.sandbox.okta_client(), f"{org.sandbox.url}/oauth2/v1/token"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    stranger = assertion({**client, "private_key": key}, address)
    assert ask_token(org.sandbox, "okta.apps.read", stranger).json()["error"] == "invalid_client"
    once = assertion(client, address)
    assert ask_token(org.sandbox, "okta.apps.read", once).status_code == 200
    assert ask_token(org.sandbox, "okta.apps.read", once).json()["error"] == "invalid_client"
    assert ask_token(org.sandbox, "okta.apps.read", "junk").json()["error"] == "invalid_client"
    other = httpx.post(address, data={"grant_type": "password"})
    assert other.json()["error"] == "unsupported_grant_type"


def test_grants(org):
    app = org.sandbox.okta.setting("client_app")
    found = org.ok("GET", f"apps/{app}/grants")
    logs = next(each for each in found if each["scopeId"] == "okta.logs.read")
    assert org.send("DELETE", f"apps/{app}/grants/{logs['id']}").status_code == 204
    assert ask_token(org.sandbox, "okta.logs.read").json()["error"] == "invalid_scope"
    body = {"scopeId": "okta.logs.read", "issuer": org.sandbox.url}
    made = org.ok("POST", f"apps/{app}/grants", body)
    assert org.ok("POST", f"apps/{app}/grants", body)["id"] == made["id"]
    assert ask_token(org.sandbox, "okta.logs.read").status_code == 200
    assert error_of(org.send("POST", f"apps/{app}/grants", {**body, "scopeId": "okta.none"}))[0] == 400
    assert error_of(org.send("POST", f"apps/{app}/grants", {**body, "issuer": "https://x.example"}))[0] == 400


class Holder:
    """Somebody who proves possession of a key."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        self.public = {name: self.public[name] for name in ("kty", "n", "e")}

    def proof(self, method, address, **claims):
        body = {"htm": method, "htu": address, "iat": int(time.time()), "jti": uuid.uuid4().hex, **claims}
        headers = {"typ": "dpop+jwt", "jwk": self.public}
        return jwt.encode(body, self.key, algorithm="RS256", headers=headers)


def test_proof_of_possession(org):
    store = org.sandbox.okta
    app = store.get("app", store.setting("client_app"))
    app["settings"]["oauthClient"]["dpop_bound_access_tokens"] = True
    store.put("app", app["id"], app)
    assert ask_token(org.sandbox, "okta.apps.read").json()["error"] == "invalid_dpop_proof"
    me, address = Holder(), f"{org.sandbox.url}/oauth2/v1/token"
    first = ask_token(org.sandbox, "okta.apps.read", headers={"DPoP": me.proof("POST", address)})
    assert (first.status_code, first.json()["error"]) == (400, "use_dpop_nonce")
    proof = me.proof("POST", address, nonce=first.headers["dpop-nonce"])
    second = ask_token(org.sandbox, "okta.apps.read", headers={"DPoP": proof})
    assert second.json()["token_type"] == "DPoP"
    token = second.json()["access_token"]
    digest = urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")
    apps = f"{org.sandbox.url}/api/v1/apps"
    headers = {"Authorization": f"DPoP {token}", "DPoP": me.proof("GET", apps, ath=digest)}
    assert httpx.get(apps, headers=headers).status_code == 200
    assert httpx.get(apps, headers={"Authorization": f"Bearer {token}"}).status_code == 401
    stolen = {"Authorization": f"DPoP {token}", "DPoP": Holder().proof("GET", apps, ath=digest)}
    assert httpx.get(apps, headers=stolen).status_code == 401
    wrong = ask_token(org.sandbox, "okta.apps.read", headers={"DPoP": me.proof("GET", address)})
    assert wrong.json()["error"] == "invalid_dpop_proof"
