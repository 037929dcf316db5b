"""Authorization servers: scopes, claims, policies, rules, priorities, keys and metadata."""

from __future__ import annotations

import httpx
import pytest

from tests.sandbox.okta_fixtures import error_of

RULE = {
    "type": "RESOURCE_ACCESS",
    "conditions": {
        "people": {"groups": {"include": ["EVERYONE"]}},
        "grantTypes": {"include": ["authorization_code"]},
        "scopes": {"include": ["codewhisperer:completions", "offline_access"]},
    },
    "actions": {
        "token": {
            "accessTokenLifetimeMinutes": 60,
            "refreshTokenLifetimeMinutes": 0,
            "refreshTokenWindowMinutes": 10080,
        }
    },
}


@pytest.fixture
def server(org):
    return org.server()


def priorities(documents):
    return [(document["priority"], document["name"]) for document in documents]


def test_a_server(org, server):
    assert server["issuer"] == f"{org.sandbox.url}/oauth2/{server['id']}"
    assert server["issuerMode"] == "DYNAMIC"
    assert server["default"] is False
    assert server["credentials"]["signing"]["rotationMode"] == "AUTO"
    path = f"authorizationServers/{server['id']}"
    assert org.ok("GET", path) == server
    assert [scope["name"] for scope in org.ok("GET", f"{path}/scopes")] == [
        "openid",
        "profile",
        "email",
        "address",
        "phone",
        "offline_access",
        "device_sso",
    ]
    assert [claim["name"] for claim in org.ok("GET", f"{path}/claims")] == ["sub"]
    assert org.ok("GET", f"{path}/policies") == []
    changed = org.ok(
        "PUT", path, {"name": "Kiro 2", "description": "d", "audiences": ["api://2"], "issuerMode": "ORG_URL"}
    )
    assert (changed["name"], changed["audiences"], changed["issuer"]) == (
        "Kiro 2",
        ["api://2"],
        server["issuer"],
    )
    assert org.send("DELETE", path).status_code == 204  # also an active one
    assert error_of(org.send("GET", path))[:2] == (404, "E0000007")


def test_finding_servers_by_name_and_audience(org, server):
    assert [server["id"] for server in org.ok("GET", "authorizationServers?q=kiro")] == [server["id"]]
    assert [server["name"] for server in org.ok("GET", "authorizationServers?q=default")] == ["default"]
    other = org.server()
    assert len(org.ok("GET", "authorizationServers?q=Kiro")) == 2
    assert other["id"] != server["id"]
    response = org.send("GET", "authorizationServers?limit=2")
    assert len(response.json()) == 2
    assert org.http.get(response.links["next"]["url"]).json()[0]["id"] == other["id"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "audiences": ["a"]},
        {"name": "x"},
        {"name": "x", "audiences": ["a", "b"]},
        {"name": "x", "audiences": ["a"], "issuerMode": "CUSTOM_URL"},
    ],
)
def test_an_invalid_server(org, body):
    assert error_of(org.send("POST", "authorizationServers", body))[:2] == (400, "E0000001")


def test_without_the_licence_every_request_is_refused(org, server):
    org.sandbox.okta.set("api_access_management", False)
    for method, path in (
        ("POST", "authorizationServers"),
        ("GET", "authorizationServers"),
        ("GET", "authorizationServers/default"),
        ("GET", f"authorizationServers/{server['id']}/scopes"),
    ):
        body = {"name": "x", "audiences": ["a"]} if method == "POST" else None
        assert error_of(org.send(method, path, body))[:2] == (401, "E0000015")


def test_scopes(org, server):
    path = f"authorizationServers/{server['id']}/scopes"
    scope = org.ok("POST", path, {"name": "codewhisperer:completions"})
    assert (scope["consent"], scope["metadataPublish"], scope["default"], scope["optional"]) == (
        "IMPLICIT",
        "NO_CLIENTS",
        False,
        False,
    )
    assert org.ok("GET", path)[0]["name"] == "codewhisperer:completions"
    assert [match["id"] for match in org.ok("GET", f"{path}?q=codewhisperer")] == [scope["id"]]
    assert [match["id"] for match in org.ok("GET", f'{path}?filter=name eq "codewhisperer:completions"')] == [
        scope["id"]
    ]
    assert error_of(org.send("POST", path, {"name": "codewhisperer:completions"}))[:2] == (400, "E0000001")
    assert error_of(org.send("POST", path, {"name": "offline_access"}))[:2] == (400, "E0000001")
    changed = org.ok("PUT", f"{path}/{scope['id']}", {"name": scope["name"], "consent": "REQUIRED"})
    assert changed["consent"] == "REQUIRED"
    assert error_of(org.send("POST", path, {"name": "x", "consent": "MAYBE"}))[0] == 400
    system = next(listed for listed in org.ok("GET", path) if listed["name"] == "openid")
    assert org.send("DELETE", f"{path}/{system['id']}").status_code == 403
    assert org.send("DELETE", f"{path}/{scope['id']}").status_code == 204
    assert org.send("GET", f"{path}/{scope['id']}").status_code == 404


def test_claims(org, server):
    path = f"authorizationServers/{server['id']}/claims"
    body = {"name": "groups", "claimType": "RESOURCE", "valueType": "EXPRESSION", "value": "user.email"}
    claim = org.ok("POST", path, body)
    assert (claim["system"], claim["conditions"], claim["alwaysIncludeInToken"]) == (
        False,
        {"scopes": []},
        True,
    )
    assert org.ok("PUT", f"{path}/{claim['id']}", {**body, "name": "mail"})["name"] == "mail"
    assert error_of(org.send("POST", path, {"name": "x", "claimType": "OTHER"}))[0] == 400
    assert org.send("DELETE", f"{path}/{claim['id']}").status_code == 204


def test_metadata_of_a_server(org, server):
    base = f"{org.sandbox.url}/oauth2/{server['id']}"
    scopes = f"authorizationServers/{server['id']}/scopes"
    org.ok("POST", scopes, {"name": "hidden"})
    org.ok("POST", scopes, {"name": "shown", "metadataPublish": "ALL_CLIENTS"})
    for link in server["_links"]["metadata"]:
        metadata = httpx.get(link["href"]).json()
        assert metadata["issuer"] == server["issuer"]
        assert metadata["jwks_uri"] == f"{base}/v1/keys"
        assert "S256" in metadata["code_challenge_methods_supported"]
        assert {"shown", "offline_access"} <= set(metadata["scopes_supported"])
        assert "hidden" not in metadata["scopes_supported"]
    kid = server["credentials"]["signing"]["kid"]
    assert [key["kid"] for key in httpx.get(f"{base}/v1/keys").json()["keys"]] == [kid]
    default = httpx.get(f"{org.sandbox.url}/oauth2/default/.well-known/openid-configuration").json()
    assert default["issuer"] == f"{org.sandbox.url}/oauth2/default"
    assert org.send("POST", f"authorizationServers/{server['id']}/lifecycle/deactivate").status_code == 204
    assert httpx.get(f"{base}/.well-known/openid-configuration").status_code == 404


def test_metadata_of_the_org(org):
    organization = httpx.get(f"{org.sandbox.url}/.well-known/okta-organization").json()
    assert (organization["id"], organization["pipeline"]) == (org.sandbox.okta.setting("org_id"), "idx")
    oidc = httpx.get(f"{org.sandbox.url}/.well-known/openid-configuration").json()
    assert oidc["token_endpoint"] == f"{org.sandbox.url}/oauth2/v1/token"
    assert len(httpx.get(oidc["jwks_uri"]).json()["keys"]) == 1


def test_rotated_keys(org, server):
    path = f"authorizationServers/{server['id']}/credentials"
    before = server["credentials"]["signing"]["kid"]
    keys = org.ok("POST", f"{path}/lifecycle/keyRotate", {"use": "sig"})
    assert [key["status"] for key in keys] == ["ACTIVE", "EXPIRED"]
    assert keys[1]["kid"] == before
    assert (
        org.ok("GET", f"authorizationServers/{server['id']}")["credentials"]["signing"]["kid"]
        == keys[0]["kid"]
    )
    assert org.ok("GET", f"{path}/keys/{before}")["status"] == "EXPIRED"
    assert error_of(org.send("POST", f"{path}/lifecycle/keyRotate", {"use": "enc"}))[0] == 400


def test_a_policy_without_conditions_applies_to_no_client(org, server):
    assert org.policy(server["id"])["conditions"] == {"clients": {"include": []}}


def test_priorities_of_policies(org, server):
    path = f"authorizationServers/{server['id']}/policies"
    first, second = org.policy(server["id"], "A"), org.policy(server["id"], "B")
    third = org.policy(server["id"], "C", priority=1)
    assert priorities(org.ok("GET", path)) == [(1, "C"), (2, "A"), (3, "B")]
    body = {"type": "OAUTH_AUTHORIZATION_POLICY", "name": "A", "description": "A", "priority": 99}
    assert org.ok("PUT", f"{path}/{first['id']}", body)["priority"] == 3
    assert priorities(org.ok("GET", path)) == [(1, "C"), (2, "B"), (3, "A")]
    assert org.send("DELETE", f"{path}/{third['id']}").status_code == 204
    assert priorities(org.ok("GET", path)) == [(1, "B"), (2, "A")]
    assert org.send("POST", f"{path}/{second['id']}/lifecycle/deactivate").status_code == 204
    assert org.ok("GET", f"{path}/{second['id']}")["status"] == "INACTIVE"


def test_priorities_of_rules(org, server):
    path = f"authorizationServers/{server['id']}/policies/{org.policy(server['id'])['id']}/rules"
    rule = org.ok("POST", path, {**RULE, "name": "A", "priority": 5})
    assert rule["priority"] == 1
    org.ok("POST", path, {**RULE, "name": "B"})
    org.ok("POST", path, {**RULE, "name": "C", "priority": 2})
    assert priorities(org.ok("GET", path)) == [(1, "A"), (2, "C"), (3, "B")]
    assert org.ok("PUT", f"{path}/{rule['id']}", {**RULE, "name": "A", "priority": 7})["priority"] == 3
    assert priorities(org.ok("GET", path)) == [(1, "C"), (2, "B"), (3, "A")]


def test_a_rule(org, server):
    path = f"authorizationServers/{server['id']}/policies/{org.policy(server['id'])['id']}/rules"
    conditions = {
        "people": {"users": {}},
        "scopes": {},
        "grantTypes": {"include": ["authorization_code", "client_credentials"]},
    }
    rule = org.ok("POST", path, {**RULE, "name": "R", "conditions": conditions})
    assert rule["conditions"] == {
        "people": {"users": {"exclude": []}, "groups": {"include": []}},
        "grantTypes": {"include": ["client_credentials", "authorization_code"]},
        "scopes": {"include": []},
    }
    for name, value in (("accessTokenLifetimeMinutes", 4), ("refreshTokenWindowMinutes", 9)):
        token = {**RULE["actions"]["token"], name: value}
        assert error_of(org.send("POST", path, {**RULE, "name": "x", "actions": {"token": token}}))[0] == 400
    assert org.send("POST", f"{path}/{rule['id']}/lifecycle/deactivate").status_code == 204
    assert org.ok("GET", f"{path}/{rule['id']}")["status"] == "INACTIVE"
    assert org.send("DELETE", f"{path}/{rule['id']}").status_code == 204
    assert error_of(org.send("DELETE", f"{path}/{rule['id']}"))[:2] == (404, "E0000007")
    assert [event["eventType"] for event in org.events("policy.rule.add")] == ["policy.rule.add"]


def test_the_default_server_cannot_be_deleted(org):
    assert org.send("DELETE", "authorizationServers/default").status_code == 403
    policies = org.ok("GET", "authorizationServers/default/policies")
    assert policies[0]["conditions"]["clients"]["include"] == ["ALL_CLIENTS"]
    rules = org.ok("GET", f"authorizationServers/default/policies/{policies[0]['id']}/rules")
    assert rules[0]["conditions"]["scopes"]["include"] == ["*"]


def test_a_custom_domain(org):
    org.sandbox.okta.put("domain", "OcD1", {"id": "OcD1", "domain": "login.fabrikam.example"})
    server = org.ok(
        "POST", "authorizationServers", {"name": "x", "audiences": ["a"], "issuerMode": "CUSTOM_URL"}
    )
    assert server["issuer"] == f"https://login.fabrikam.example/oauth2/{server['id']}"
    assert org.ok("GET", "domains")["domains"][0]["domain"] == "login.fabrikam.example"
