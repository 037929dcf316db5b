"""Identifier URIs and redirect URIs of applications."""

from __future__ import annotations

import httpx
import pytest

from tests.sandbox.graph_fixtures import Kiro, error_of


def patch(graph: httpx.Client, kiro: Kiro, body: dict[str, object]) -> httpx.Response:
    return graph.patch(kiro.app_url, json=body)


class TestIdentifierUris:
    def test_the_default_forms_are_always_allowed(self, graph, kiro, sandbox):
        app_id = kiro.application["appId"]
        uris = [f"api://{app_id}", f"api://{sandbox.tenant_id}/{app_id}"]
        assert patch(graph, kiro, {"identifierUris": uris}).status_code == 204

    @pytest.mark.parametrize(
        "uri",
        ["api://contoso.example/kiro", "https://kiro.contoso.example", "https://contoso.onmicrosoft.com/x"],
    )
    def test_verified_domains_are_allowed(self, graph, kiro, uri):
        assert patch(graph, kiro, {"identifierUris": [uri]}).status_code == 204

    @pytest.mark.parametrize(
        "uri", ["api://kiro", "https://evilcontoso.example.org", "https://notcontoso.example"]
    )
    def test_other_domains_violate_the_tenant_s_policy(self, graph, kiro, uri):
        status, code, message = error_of(patch(graph, kiro, {"identifierUris": [uri]}))
        assert (status, code) == (400, "Request_BadRequest")
        assert message.startswith(f"Failed to add identifier URI {uri}. All newly added URIs must contain")

    def test_without_the_policy_they_are_allowed(self, graph, kiro, sandbox):
        policy = sandbox.directory.get("policy", "defaultAppManagementPolicy")
        sandbox.directory.put("policy", "defaultAppManagementPolicy", {**policy, "isEnabled": False})
        assert patch(graph, kiro, {"identifierUris": ["api://kiro"]}).status_code == 204
        sandbox.directory.put("policy", "defaultAppManagementPolicy", policy)
        assert patch(graph, kiro, {"identifierUris": ["api://kiro"], "notes": "n"}).status_code == 204

    def test_the_strict_policy_excludes_apps_with_v2_tokens(self, graph, kiro, sandbox):
        policy = sandbox.directory.get("policy", "defaultAppManagementPolicy")
        policy["applicationRestrictions"]["identifierUris"]["nonDefaultUriAddition"]["state"] = "enabled"
        sandbox.directory.put("policy", "defaultAppManagementPolicy", policy)
        body = {"identifierUris": ["https://contoso.example/kiro"]}
        assert patch(graph, kiro, body).status_code == 400
        assert patch(graph, kiro, {**body, "api": {"requestedAccessTokenVersion": 2}}).status_code == 204

    def test_unique_in_the_tenant(self, graph, kiro):
        patch(graph, kiro, {"identifierUris": ["https://contoso.example/kiro"]})
        other = Kiro(graph, "other")
        status, code, message = error_of(
            patch(graph, other, {"identifierUris": ["https://CONTOSO.example/kiro"]})
        )
        assert (status, code) == (400, "Request_BadRequest")
        assert message == "Another object with the same value for property identifierUris already exists."

    @pytest.mark.parametrize(
        "uri", ["https://contoso.example/", "contoso.example", "https://contoso.example/a b"]
    )
    def test_malformed(self, graph, kiro, uri):
        assert patch(graph, kiro, {"identifierUris": [uri]}).status_code == 400


class TestRedirectUris:
    @pytest.mark.parametrize(
        "uri",
        [
            "kiro://kiro.oauth/callback",
            "http://localhost/oauth/callback",
            "http://localhost:3128/oauth/callback",
            "http://127.0.0.1/callback",
            "https://contoso.example/callback",
            "https://contoso.example/" + "x" * 232,
        ],
    )
    def test_allowed_for_public_clients(self, graph, kiro, uri):
        assert patch(graph, kiro, {"publicClient": {"redirectUris": [uri]}}).status_code == 204

    @pytest.mark.parametrize(
        "uri",
        [
            "http://contoso.example/callback",
            "https://contoso.example/" + "x" * 233,
            "https://contoso.example/a;b",
            "https://contoso.example/a(b)",
            "https://contoso.example/a b",
            "https://contoso.example/#fragment",
            "http://[::1]/callback",
            "callback",
            "",
        ],
    )
    def test_refused(self, graph, kiro, uri):
        status, code, _ = error_of(patch(graph, kiro, {"publicClient": {"redirectUris": [uri]}}))
        assert (status, code) == (400, "InvalidValue")

    def test_single_page_apps_have_no_custom_schemes(self, graph, kiro):
        assert patch(graph, kiro, {"spa": {"redirectUris": ["kiro://x/y"]}}).status_code == 400

    def test_at_most_256(self, graph, kiro):
        uris = [f"http://localhost/{n}" for n in range(257)]
        assert patch(graph, kiro, {"publicClient": {"redirectUris": uris}}).status_code == 400
        assert patch(graph, kiro, {"publicClient": {"redirectUris": uris[:256]}}).status_code == 204
