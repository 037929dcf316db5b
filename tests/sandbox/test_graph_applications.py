"""Applications and service principals: Entra ID's rules for them."""

from __future__ import annotations

import uuid

import httpx
import pytest

from tests.sandbox.graph_fixtures import NON_GALLERY, UNKNOWN_ID, Kiro, error_of

GUIDE_REDIRECTS = ["kiro://kiro.oauth/callback", "http://localhost/oauth/callback"]


def scope(value: str, **members: object) -> dict[str, object]:
    return {
        "id": str(uuid.uuid4()),
        "value": value,
        "type": "User",
        "isEnabled": True,
        "adminConsentDisplayName": value,
        "adminConsentDescription": value,
        **members,
    }


def role(value: str | None, **members: object) -> dict[str, object]:
    return {
        "id": str(uuid.uuid4()),
        "value": value,
        "displayName": value or "role",
        "description": "a role",
        "allowedMemberTypes": ["User"],
        "isEnabled": True,
        **members,
    }


def patch(graph: httpx.Client, kiro: Kiro, body: dict[str, object]) -> httpx.Response:
    return graph.patch(kiro.app_url, json=body)


def read(graph: httpx.Client, kiro: Kiro) -> dict:
    return graph.get(kiro.app_url).json()


class TestInstantiate:
    def test_equals_the_portal_s_create_your_own_application(self, graph, kiro, sandbox):
        application, principal = kiro.application, kiro.principal
        assert application["applicationTemplateId"] == NON_GALLERY
        assert [s["value"] for s in application["api"]["oauth2PermissionScopes"]] == ["user_impersonation"]
        assert application["api"]["requestedAccessTokenVersion"] is None
        assert application["identifierUris"] == []
        assert application["tags"] == []
        assert {r["displayName"]: r["id"] for r in application["appRoles"]} == {
            "User": "18d14569-c3bd-439b-9a66-3a2aee01d14f",
            "msiam_access": "b9632174-c057-4f7e-951b-be3adc52bfe6",
        }
        assert principal["appRoleAssignmentRequired"] is True
        assert principal["servicePrincipalNames"] == [application["appId"]]
        assert principal["appOwnerOrganizationId"] == sandbox.tenant_id
        assert set(principal["tags"]) == {
            "WindowsAzureActiveDirectoryCustomSingleSignOnApplication",
            "WindowsAzureActiveDirectoryIntegratedApp",
        }
        assert principal["appRoles"] == application["appRoles"]

    def test_every_application_gets_its_own_scope_id(self, graph):
        first, second = Kiro(graph, "one"), Kiro(graph, "one")
        ids = {k.application["api"]["oauth2PermissionScopes"][0]["id"] for k in (first, second)}
        assert len(ids) == 2
        assert first.application["appId"] != second.application["appId"]

    @pytest.mark.parametrize(
        ("cloud", "template"),
        [
            ("usgov", "4602d0b4-76bb-404b-bca9-2652e1a39c6d"),
            ("china", "5a532e38-1581-4918-9658-008dc27c1d68"),
        ],
    )
    def test_each_cloud_has_its_own_template(self, graph, sandbox, cloud, template):
        sandbox.directory.set("cloud", cloud)
        assert [t["id"] for t in graph.get("/applicationTemplates").json()["value"]] == [template]
        assert (
            graph.post(
                f"/applicationTemplates/{NON_GALLERY}/instantiate", json={"displayName": "x"}
            ).status_code
            == 404
        )
        assert (
            graph.post(f"/applicationTemplates/{template}/instantiate", json={"displayName": "x"}).status_code
            == 201
        )

    def test_needs_a_name(self, graph):
        assert graph.post(f"/applicationTemplates/{NON_GALLERY}/instantiate", json={}).status_code == 400

    def test_the_template_supports_provisioning(self, graph):
        assert (
            "sync" in graph.get(f"/applicationTemplates/{NON_GALLERY}").json()["supportedProvisioningTypes"]
        )


class TestKeys:
    def test_by_id_app_id_and_unique_name(self, graph, kiro):
        assert patch(graph, kiro, {"uniqueName": "kiro-entra"}).status_code == 204
        for key in (
            f"/{kiro.application['id']}",
            f"(appId='{kiro.application['appId']}')",
            "(uniqueName='kiro-entra')",
        ):
            assert graph.get(f"/applications{key}").json()["id"] == kiro.application["id"]

    def test_alternate_keys_work_with_relationships(self, graph, kiro):
        by_key = f"/servicePrincipals(appId='{kiro.application['appId']}')/appRoleAssignedTo"
        assert graph.get(by_key).json()["value"] == []

    def test_unknown_ids(self, graph):
        missing = str(uuid.uuid4())
        assert error_of(graph.get(f"/applications/{missing}"))[:2] == (404, "Request_ResourceNotFound")
        assert error_of(graph.get("/applications/not-a-guid")) == (
            400,
            "Request_BadRequest",
            "Invalid object identifier 'not-a-guid'.",
        )
        assert graph.get("/applications(uniqueName='unknown')").status_code == 404


class TestUpdate:
    def test_responds_with_204_without_a_body(self, graph, kiro):
        response = patch(graph, kiro, {"displayName": "Kiro"})
        assert (response.status_code, response.content) == (204, b"")
        assert read(graph, kiro)["displayName"] == "Kiro"

    def test_collections_are_replaced(self, graph, kiro):
        patch(graph, kiro, {"publicClient": {"redirectUris": GUIDE_REDIRECTS}})
        patch(graph, kiro, {"publicClient": {"redirectUris": GUIDE_REDIRECTS[:1]}})
        assert read(graph, kiro)["publicClient"]["redirectUris"] == GUIDE_REDIRECTS[:1]

    def test_omitted_members_of_api_keep_their_values(self, graph, kiro):
        patch(graph, kiro, {"api": {"requestedAccessTokenVersion": 2}})
        api = read(graph, kiro)["api"]
        assert api["requestedAccessTokenVersion"] == 2
        assert [s["value"] for s in api["oauth2PermissionScopes"]] == ["user_impersonation"]

    @pytest.mark.parametrize(
        "body",
        [
            {"displayNames": "typo"},
            {"api": {"requestedAcessTokenVersion": 2}},
            {"api": {"oauth2PermissionScopes": [{"id": UNKNOWN_ID, "value": "a", "colour": "red"}]}},
        ],
    )
    def test_unknown_properties_are_refused(self, graph, kiro, body):
        status, code, message = error_of(patch(graph, kiro, body))
        assert (status, code) == (400, "Request_BadRequest")
        assert message.startswith("Invalid property '")

    @pytest.mark.parametrize(
        "body",
        [
            {"displayName": 5},
            {"isFallbackPublicClient": "false"},
            {"identifierUris": "api://x"},
            {"api": []},
            {"api": {"requestedAccessTokenVersion": "2"}},
            {"tags": [1]},
        ],
    )
    def test_wrong_types_are_refused(self, graph, kiro, body):
        assert patch(graph, kiro, body).status_code == 400

    def test_read_only_properties_are_refused(self, graph, kiro):
        assert patch(graph, kiro, {"appId": kiro.application["appId"]}).status_code == 400

    def test_type_annotations_are_accepted(self, graph, kiro):
        assert (
            patch(graph, kiro, {"@odata.type": "#microsoft.graph.application", "notes": "n"}).status_code
            == 204
        )

    def test_nothing_is_stored_when_a_rule_is_broken(self, graph, kiro):
        patch(graph, kiro, {"displayName": "changed", "identifierUris": ["https://elsewhere.example/x"]})
        assert read(graph, kiro)["displayName"] == "Kiro-Entra"

    @pytest.mark.parametrize("content", [b"{", b"[1]", b""])
    def test_a_body_must_be_a_json_object(self, graph, kiro, content):
        response = graph.patch(kiro.app_url, content=content, headers={"Content-Type": "application/json"})
        assert response.status_code == 400

    def test_json_needs_its_content_type(self, graph, kiro):
        response = graph.patch(
            kiro.app_url, content=b'{"notes": "n"}', headers={"Content-Type": "text/plain"}
        )
        assert error_of(response)[1] == "BadRequest"


class TestScopes:
    def test_an_enabled_scope_cannot_be_deleted(self, graph, kiro):
        response = patch(
            graph, kiro, {"api": {"oauth2PermissionScopes": [scope("codewhisperer:completions")]}}
        )
        assert error_of(response) == (
            400,
            "CannotDeleteOrUpdateEnabledEntitlement",
            "Permission (scope or role) cannot be deleted or updated unless disabled first.",
        )

    def test_disable_then_remove(self, graph, kiro):
        old = kiro.application["api"]["oauth2PermissionScopes"][0]
        assert (
            patch(graph, kiro, {"api": {"oauth2PermissionScopes": [{**old, "isEnabled": False}]}}).status_code
            == 204
        )
        assert patch(graph, kiro, {"api": {"oauth2PermissionScopes": []}}).status_code == 204
        assert read(graph, kiro)["api"]["oauth2PermissionScopes"] == []

    @pytest.mark.parametrize("change", [{"value": "other"}, {"id": UNKNOWN_ID}])
    def test_value_and_id_of_an_enabled_scope_are_fixed(self, graph, kiro, change):
        old = kiro.application["api"]["oauth2PermissionScopes"][0]
        response = patch(graph, kiro, {"api": {"oauth2PermissionScopes": [{**old, **change}]}})
        assert error_of(response)[1] == "CannotDeleteOrUpdateEnabledEntitlement"

    def test_texts_of_an_enabled_scope_can_change(self, graph, kiro):
        old = kiro.application["api"]["oauth2PermissionScopes"][0]
        changed = {**old, "adminConsentDescription": "new"}
        assert patch(graph, kiro, {"api": {"oauth2PermissionScopes": [changed]}}).status_code == 204

    def test_the_same_rule_holds_for_roles(self, graph, kiro):
        assert error_of(patch(graph, kiro, {"appRoles": []}))[1] == "CannotDeleteOrUpdateEnabledEntitlement"

    @pytest.mark.parametrize("value", [".hidden", "two words", "x" * 121, "", "é"])
    def test_forbidden_values(self, graph, kiro, value):
        old = kiro.application["api"]["oauth2PermissionScopes"]
        assert (
            patch(graph, kiro, {"api": {"oauth2PermissionScopes": [*old, scope(value)]}}).status_code == 400
        )

    @pytest.mark.parametrize("value", ["codewhisperer:completions", "a.b", "x" * 120, "a/b?c=d", "Read_All"])
    def test_allowed_values(self, graph, kiro, value):
        old = kiro.application["api"]["oauth2PermissionScopes"]
        assert (
            patch(graph, kiro, {"api": {"oauth2PermissionScopes": [*old, scope(value)]}}).status_code == 204
        )

    def test_values_and_ids_are_unique(self, graph, kiro):
        old = kiro.application["api"]["oauth2PermissionScopes"]
        twice = [*old, scope("a"), scope("a")]
        assert error_of(patch(graph, kiro, {"api": {"oauth2PermissionScopes": twice}}))[1] == "DuplicateValue"
        first = scope("a")
        same_id = [*old, first, scope("b", id=first["id"])]
        assert (
            error_of(patch(graph, kiro, {"api": {"oauth2PermissionScopes": same_id}}))[1] == "DuplicateValue"
        )

    def test_ids_are_guids(self, graph, kiro):
        old = kiro.application["api"]["oauth2PermissionScopes"]
        assert (
            patch(graph, kiro, {"api": {"oauth2PermissionScopes": [*old, scope("a", id="1")]}}).status_code
            == 400
        )

    def test_at_most_700_permissions(self, graph, kiro):
        old = kiro.application["api"]["oauth2PermissionScopes"]
        many = [scope(f"s{n}") for n in range(697)]
        assert patch(graph, kiro, {"api": {"oauth2PermissionScopes": [*old, *many]}}).status_code == 204
        more = read(graph, kiro)["api"]["oauth2PermissionScopes"]
        assert patch(graph, kiro, {"api": {"oauth2PermissionScopes": [*more, scope("x")]}}).status_code == 400

    def test_preauthorized_clients_need_existing_scopes(self, graph, kiro):
        client = {"appId": str(uuid.uuid4()), "delegatedPermissionIds": [str(uuid.uuid4())]}
        assert patch(graph, kiro, {"api": {"preAuthorizedApplications": [client]}}).status_code == 400
        known = kiro.application["api"]["oauth2PermissionScopes"][0]["id"]
        good = {**client, "delegatedPermissionIds": [known]}
        assert patch(graph, kiro, {"api": {"preAuthorizedApplications": [good]}}).status_code == 204


class TestTokenVersion:
    @pytest.mark.parametrize(("version", "status"), [(None, 204), (1, 204), (2, 204), (3, 400), (0, 400)])
    def test_null_one_or_two(self, graph, kiro, version, status):
        assert patch(graph, kiro, {"api": {"requestedAccessTokenVersion": version}}).status_code == status

    def test_personal_accounts_need_version_two(self, graph, kiro):
        audience = {"signInAudience": "AzureADandPersonalMicrosoftAccount"}
        assert patch(graph, kiro, audience).status_code == 400
        assert patch(graph, kiro, {**audience, "api": {"requestedAccessTokenVersion": 2}}).status_code == 204
        assert patch(graph, kiro, {"api": {"requestedAccessTokenVersion": None}}).status_code == 400

    def test_unknown_audience(self, graph, kiro):
        assert patch(graph, kiro, {"signInAudience": "Everyone"}).status_code == 400


class TestUniqueName:
    def test_can_be_given_once(self, graph, kiro):
        assert patch(graph, kiro, {"uniqueName": "kiro"}).status_code == 204
        assert patch(graph, kiro, {"uniqueName": "kiro"}).status_code == 204
        assert patch(graph, kiro, {"uniqueName": "other"}).status_code == 400
        assert patch(graph, kiro, {"uniqueName": None}).status_code == 400

    def test_a_deleted_application_keeps_its_unique_name(self, graph, kiro):
        patch(graph, kiro, {"uniqueName": "kiro"})
        graph.delete(kiro.app_url)
        other = Kiro(graph, "other")
        expected = (
            400,
            "Request_BadRequest",
            "Another object with the same value for property uniqueName already exists.",
        )
        assert error_of(patch(graph, other, {"uniqueName": "kiro"})) == expected
        graph.delete(f"/directory/deletedItems/{kiro.application['id']}")
        assert patch(graph, other, {"uniqueName": "kiro"}).status_code == 204

    def test_upsert_creates_then_updates(self, graph):
        upsert = {"Prefer": "create-if-missing"}
        created = graph.patch("/applications(uniqueName='app-1')", json={"displayName": "A"}, headers=upsert)
        assert created.status_code == 201
        assert created.json()["uniqueName"] == "app-1"
        assert created.json()["applicationTemplateId"] is None
        updated = graph.patch("/applications(uniqueName='app-1')", json={"displayName": "B"}, headers=upsert)
        assert (updated.status_code, updated.content) == (204, b"")
        assert graph.get("/applications(uniqueName='app-1')").json()["displayName"] == "B"

    def test_without_the_preference_it_only_updates(self, graph):
        response = graph.patch("/applications(uniqueName='app-1')", json={"displayName": "A"})
        assert response.status_code == 404


class TestCreate:
    def test_an_application_alone(self, graph):
        created = graph.post("/applications", json={"displayName": "Plain"})
        assert created.status_code == 201
        body = created.json()
        assert created.headers["Location"].endswith(f"/applications/{body['id']}")
        assert body["signInAudience"] == "AzureADMyOrg"
        assert body["api"]["oauth2PermissionScopes"] == []
        assert graph.get(f"/servicePrincipals(appId='{body['appId']}')").status_code == 404

    def test_needs_a_name(self, graph):
        assert graph.post("/applications", json={"signInAudience": "AzureADMyOrg"}).status_code == 400

    def test_with_roles_and_scopes(self, graph):
        body = {
            "displayName": "x",
            "appRoles": [role("Reader")],
            "api": {"oauth2PermissionScopes": [scope("read")]},
        }
        created = graph.post("/applications", json=body).json()
        assert created["appRoles"][0]["origin"] == "Application"
        assert created["api"]["acceptMappedClaims"] is None

    def test_roles_need_member_types(self, graph):
        assert (
            graph.post(
                "/applications", json={"displayName": "x", "appRoles": [role("a", allowedMemberTypes=[])]}
            ).status_code
            == 400
        )

    def test_owners_can_be_bound(self, graph, sandbox):
        alice = graph.get("/users/alice@contoso.example").json()["id"]
        body = {"displayName": "x", "owners@odata.bind": [f"{sandbox.url}/v1.0/users/{alice}"]}
        created = graph.post("/applications", json=body).json()
        assert alice in [o["id"] for o in graph.get(f"/applications/{created['id']}/owners").json()["value"]]

    def test_passwords_have_their_own_action(self, graph):
        body = {"displayName": "x", "passwordCredentials": [{"displayName": "p"}]}
        assert graph.post("/applications", json=body).status_code == 400
