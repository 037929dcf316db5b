"""Applications: accepted settings, defaults, replacement, connections and deletion."""

from __future__ import annotations

import pytest

from tests.sandbox.okta_fixtures import AWS, error_of, native


def test_a_native_public_client(org):
    app = org.app(native())
    assert app["status"] == "ACTIVE"
    client = app["credentials"]["oauthClient"]
    assert client == {
        "autoKeyRotation": True,
        "client_id": app["id"],
        "token_endpoint_auth_method": "none",
        "pkce_required": True,
    }
    settings = app["settings"]["oauthClient"]
    assert settings["refresh_token"] == {"rotation_type": "STATIC"}
    assert settings["consent_method"] == "TRUSTED"
    assert app["_links"]["accessPolicy"]["href"].startswith(f"{org.sandbox.url}/api/v1/policies/rst")


def test_a_client_secret_is_in_the_responses_to_create_and_replace_only(org):
    body = native()
    del body["credentials"]
    app = org.app(body)
    assert app["credentials"]["oauthClient"]["token_endpoint_auth_method"] == "client_secret_basic"
    secret = app["credentials"]["oauthClient"]["client_secret"]
    assert "client_secret" not in org.ok("GET", f"apps/{app['id']}")["credentials"]["oauthClient"]
    assert [secret["client_secret"] for secret in org.ok("GET", f"apps/{app['id']}/credentials/secrets")] == [
        secret
    ]
    assert org.ok("PUT", f"apps/{app['id']}", body)["credentials"]["oauthClient"]["client_secret"] == secret


def test_a_public_client_needs_pkce(org):
    body = native()
    body["credentials"]["oauthClient"]["pkce_required"] = False
    assert error_of(org.send("POST", "apps", body))[:2] == (400, "E0000001")


@pytest.mark.parametrize(
    "uri", ["not a uri", "/callback", "http://localhost:3128/a#b", "https://*.example.com/cb", "https:///x"]
)
def test_an_invalid_redirect_uri(org, uri):
    assert error_of(org.send("POST", "apps", native(redirect_uris=[uri])))[:2] == (400, "E0000001")


def test_a_wildcard_where_it_is_allowed(org):
    body = native(redirect_uris=["https://*.example.com/cb"], wildcard_redirect="SUBDOMAIN")
    assert org.app(body)["settings"]["oauthClient"]["wildcard_redirect"] == "SUBDOMAIN"


@pytest.mark.parametrize(
    "changes",
    [
        {"grant_types": ["authorization_code"], "response_types": []},
        {"grant_types": ["magic"]},
        {"grant_types": []},
        {"redirect_uris": []},
        {"application_type": "toaster"},
        {"refresh_token": {"rotation_type": "ROTATE", "leeway": 61}},
    ],
)
def test_invalid_settings(org, changes):
    assert error_of(org.send("POST", "apps", native(**changes)))[:2] == (400, "E0000001")


def test_a_chosen_client_id_cannot_change(org):
    body = native()
    body["credentials"]["oauthClient"]["client_id"] = "kiro-okta"
    app = org.app(body)
    assert app["credentials"]["oauthClient"]["client_id"] == "kiro-okta"
    body["credentials"]["oauthClient"]["client_id"] = "other-client"
    changed = org.ok("PUT", f"apps/{app['id']}", body)
    assert changed["credentials"]["oauthClient"]["client_id"] == "kiro-okta"
    taken = native("Other")
    taken["credentials"]["oauthClient"]["client_id"] = "kiro-okta"
    assert error_of(org.send("POST", "apps", taken))[1] == "E0000001"
    taken["credentials"]["oauthClient"]["client_id"] = "ALL_CLIENTS"
    assert error_of(org.send("POST", "apps", taken))[1] == "E0000001"


def test_put_replaces_everything_but_refresh_token_settings(org):
    body = native(
        logo_uri="https://example.com/logo.png", refresh_token={"rotation_type": "ROTATE", "leeway": 10}
    )
    body["settings"]["notes"] = {"admin": "mind the gap"}
    app = org.app(body)
    changed = org.ok("PUT", f"apps/{app['id']}", native("Renamed"))
    assert changed["label"] == "Renamed"
    assert changed["settings"]["oauthClient"]["logo_uri"] is None
    assert changed["settings"]["notes"] == {"admin": None, "enduser": None}
    assert changed["settings"]["oauthClient"]["refresh_token"] == {"rotation_type": "ROTATE", "leeway": 10}
    assert (changed["id"], changed["created"], changed["name"]) == (app["id"], app["created"], "oidc_client")


def test_labels_may_repeat(org):
    first, second = org.app(native()), org.app(native())
    apps = org.ok("GET", "apps?q=Kiro-OIDC")
    assert [app["id"] for app in apps] == [first["id"], second["id"]]


def test_an_org_that_requires_unique_labels(org):
    org.sandbox.okta.set("unique_labels", True)
    org.app(native())
    cause = 'label: An active OpenID Connect Client instance with the label "Kiro-OIDC" already exists.'
    assert error_of(org.send("POST", "apps", native())) == (400, "E0000001", [cause])


def test_an_app_that_is_not_in_the_catalog(org):
    unknown = {"name": "nonesuch", "label": "x", "signOnMode": "SAML_2_0"}
    assert error_of(org.send("POST", "apps", unknown))[:2] == (400, "E0000001")
    assert error_of(org.send("POST", "apps", {**AWS, "signOnMode": "BOOKMARK"}))[1] == "E0000001"
    assert error_of(org.send("POST", "apps", {**AWS, "label": " "}))[1] == "E0000001"


def test_a_custom_saml_app_is_named_after_its_label(org):
    app = org.app({"label": "My App!", "signOnMode": "SAML_2_0"})
    assert app["name"] == "contoso_myapp_1"
    assert "help" not in app["_links"]


def test_the_aws_app_has_no_features_and_no_connection(org):
    app = org.app({**AWS, "features": ["SCIM_PROVISIONING"]})
    assert app["features"] == []
    path = f"apps/{app['id']}/connections/default"
    unknown = {"status": "UNKNOWN", "profile": {"authScheme": "UNKNOWN"}}
    assert org.ok("GET", path) == unknown
    body = {"baseUrl": "https://scim.example", "profile": {"authScheme": "TOKEN", "token": "secret"}}
    assert org.ok("POST", f"{path}?activate=true", body) == unknown
    assert org.sandbox.okta.get("appConnection", app["id"]) is None
    assert error_of(org.send("GET", f"apps/{app['id']}/features")) == (
        400,
        "E0000001",
        ["Provisioning is not supported."],
    )


def test_put_removes_provisioning_that_was_set_up_in_the_console(org):
    app = org.app()
    store = org.sandbox.okta
    connection = {"appId": app["id"], "baseUrl": "https://scim.example", "token": "t", "enabled": True}
    store.put("appConnection", app["id"], connection)
    store.put("app", app["id"], {**store.get("app", app["id"]), "features": ["GROUP_PUSH", "PUSH_NEW_USERS"]})
    assert org.ok("GET", f"apps/{app['id']}")["features"] == ["GROUP_PUSH", "PUSH_NEW_USERS"]
    body = {name: app[name] for name in ("name", "label", "signOnMode", "settings", "credentials")}
    assert org.ok("PUT", f"apps/{app['id']}", body)["features"] == []
    assert store.get("appConnection", app["id"]) is None


def test_the_token_of_a_connection_is_stored_encrypted(org):
    app = org.app({"name": "zscalerbyz", "label": "Zscaler", "signOnMode": "SAML_2_0"})
    body = {"baseUrl": "https://scim.example", "profile": {"authScheme": "TOKEN", "token": "canary-4711"}}
    connection = org.ok("POST", f"apps/{app['id']}/connections/default", body)
    assert connection["profile"] == {"authScheme": "TOKEN"}
    assert connection["status"] == "DISABLED"
    assert b"canary-4711" not in (org.sandbox.home / "okta.db").read_bytes()


def test_features_of_a_connected_app(org):
    app = org.app({"name": "okta_org2org", "label": "Org2Org", "signOnMode": "SAML_2_0"})
    path = f"apps/{app['id']}"
    body = {"profile": {"authScheme": "TOKEN", "token": "t"}}
    assert org.ok("POST", f"{path}/connections/default?activate=true", body)["status"] == "ENABLED"
    wanted = {"create": {"lifecycleCreate": {"status": "ENABLED"}}}
    feature = org.ok("PUT", f"{path}/features/USER_PROVISIONING", wanted)
    assert feature["capabilities"]["create"]["lifecycleCreate"]["status"] == "ENABLED"
    assert org.ok("GET", path)["features"] == ["PUSH_NEW_USERS"]
    assert [feature["name"] for feature in org.ok("GET", f"{path}/features")] == [
        "USER_PROVISIONING",
        "INBOUND_PROVISIONING",
    ]
    assert org.ok("POST", f"{path}/connections/default/lifecycle/deactivate") is None
    assert error_of(org.send("GET", f"{path}/features/USER_PROVISIONING"))[0] == 400


def test_only_an_inactive_app_is_deleted(org):
    app = org.app()
    assert error_of(org.send("DELETE", f"apps/{app['id']}")) == (
        403,
        "E0000056",
        ["The application must be deactivated before deletion."],
    )
    assert org.ok("POST", f"apps/{app['id']}/lifecycle/deactivate") == {}
    body = {
        "name": "amazon_aws_sso",
        "label": "x",
        "signOnMode": "SAML_2_0",
        "settings": {},
        "credentials": {},
    }
    assert error_of(org.send("PUT", f"apps/{app['id']}", body))[:2] == (400, "E0000024")
    assert org.send("DELETE", f"apps/{app['id']}").status_code == 204
    assert error_of(org.send("GET", f"apps/{app['id']}"))[:2] == (404, "E0000007")
    for kind in ("mapping", "appUser", "appGroup"):
        documents = org.sandbox.okta.all(kind)
        assert not [document for document in documents if document["_appId"] == app["id"]]


def test_created_inactive(org):
    assert dict(org.ok("POST", "apps?activate=false", native()))["status"] == "INACTIVE"


def test_finding_apps(org):
    app = org.app()
    group = org.group()
    org.ok("PUT", f"apps/{app['id']}/groups/{group}", {})
    for query in (
        "q=amazon",
        "q=AWS IAM",
        'filter=name eq "amazon_aws_sso"',
        f'filter=id eq "{app["id"]}"',
        f'filter=group.id eq "{group}"',
        f'filter=user.id eq "{org.user("alice")}"',
        'q=aws&filter=status eq "ACTIVE"',
    ):
        assert [app["id"] for app in org.ok("GET", f"apps?{query}")] == [app["id"]], query
    assert org.ok("GET", 'apps?q=AWS&filter=status eq "INACTIVE"') == []
    assert error_of(org.send("GET", 'apps?filter=label eq "x"'))[0] == 400
    assert error_of(org.send("GET", "apps?filter=status eq"))[0] == 400


def test_pages_of_apps(org):
    for number in range(7):
        org.app(native(f"App {number}"))
    labels, url = [], '/api/v1/apps?limit=3&filter=name eq "oidc_client"'
    while url:
        response = org.http.get(url)
        labels += [app["label"] for app in response.json()]
        url = response.links.get("next", {}).get("url")
        assert response.links["self"]["url"].startswith(org.sandbox.url)
    assert labels == ["Provisioner automation", *(f"App {number}" for number in range(7))]
    assert error_of(org.send("GET", "apps?after=!"))[:2] == (400, "E0000029")
    assert error_of(org.send("GET", "apps?after=0oaUnknown"))[:2] == (400, "E0000029")
    assert error_of(org.send("GET", "apps?limit=201"))[0] == 400


def test_sign_in_policies(org):
    app = org.app(native())
    policies = {policy["name"]: policy["id"] for policy in org.ok("GET", "policies?type=ACCESS_POLICY")}
    assert app["_links"]["accessPolicy"]["href"].endswith(policies["Any two factors"])
    assert org.send("PUT", f"apps/{app['id']}/policies/{policies['Password only']}").status_code == 204
    assert org.ok("GET", f"apps/{app['id']}")["_links"]["accessPolicy"]["href"].endswith(
        policies["Password only"]
    )
    cause = 'This policy belongs to "Okta Admin Console", and re-assignment of this policy is not allowed'
    refused = org.send("PUT", f"apps/{app['id']}/policies/{policies['Okta Admin Console']}")
    assert error_of(refused) == (400, "E0000001", [cause])
    assert org.ok("GET", f"policies/{policies['Password only']}")["type"] == "ACCESS_POLICY"
    assert org.send("GET", "policies/rstUnknown").status_code == 404


def test_client_secrets(org):
    body = native()
    del body["credentials"]
    path = f"apps/{org.app(body)['id']}/credentials/secrets"
    first = org.ok("GET", path)[0]
    assert error_of(org.send("POST", f"{path}/{first['id']}/lifecycle/deactivate"))[0] == 400
    second = org.ok("POST", path, {})
    assert error_of(org.send("POST", path, {}))[0] == 400
    assert error_of(org.send("DELETE", f"{path}/{second['id']}"))[0] == 400
    assert org.ok("POST", f"{path}/{first['id']}/lifecycle/deactivate")["status"] == "INACTIVE"
    assert org.send("DELETE", f"{path}/{first['id']}").status_code == 204
    assert [secret["id"] for secret in org.ok("GET", path)] == [second["id"]]
