"""Service principals, owners and password credentials, deleted items."""

from __future__ import annotations

import uuid

import httpx
import pytest

from tests.sandbox.graph_fixtures import Kiro, error_of
from tests.sandboxes import Sandbox

REDIRECTS = ["kiro://kiro.oauth/callback", "http://localhost/oauth/callback"]


def patch(graph: httpx.Client, kiro: Kiro, body: dict[str, object]) -> httpx.Response:
    return graph.patch(kiro.app_url, json=body)


class TestServicePrincipal:
    def test_follows_its_application(self, graph, kiro):
        app_id = kiro.application["appId"]
        patch(
            graph,
            kiro,
            {
                "displayName": "Renamed",
                "identifierUris": [f"api://{app_id}"],
                "tags": ["provisioner:kiro"],
                "publicClient": {"redirectUris": REDIRECTS},
            },
        )
        principal = graph.get(kiro.principal_url).json()
        assert principal["displayName"] == principal["appDisplayName"] == "Renamed"
        assert principal["servicePrincipalNames"] == [f"api://{app_id}", app_id]
        assert "provisioner:kiro" in principal["tags"]
        assert len(principal["tags"]) == 3
        assert principal["replyUrls"] == REDIRECTS

    def test_properties_of_the_application_cannot_be_changed(self, graph, kiro):
        status, code, message = error_of(graph.patch(kiro.principal_url, json={"appRoles": []}))
        assert (status, code) == (400, "Request_BadRequest")
        assert "does not match the application object" in message
        assert graph.patch(kiro.principal_url, json={"displayName": "Kiro-Entra"}).status_code == 204

    def test_own_settings(self, graph, kiro):
        assert graph.patch(kiro.principal_url, json={"appRoleAssignmentRequired": False}).status_code == 204
        assert graph.get(kiro.principal_url).json()["appRoleAssignmentRequired"] is False

    def test_own_tags_are_replaced_and_those_of_the_application_remain(self, graph, kiro):
        patch(graph, kiro, {"tags": ["from-app"]})
        assert graph.patch(kiro.principal_url, json={"tags": ["own"]}).status_code == 204
        assert graph.get(kiro.principal_url).json()["tags"] == ["own", "from-app"]
        patch(graph, kiro, {"tags": []})
        assert graph.get(kiro.principal_url).json()["tags"] == ["own"]

    def test_one_per_application(self, graph, kiro):
        response = graph.post("/servicePrincipals", json={"appId": kiro.application["appId"]})
        assert response.status_code == 409

    def test_needs_an_application(self, graph):
        status, code, message = error_of(graph.post("/servicePrincipals", json={"appId": str(uuid.uuid4())}))
        assert (status, code) == (400, "NoBackingApplicationObject")
        assert "does not reference a valid application object" in message

    def test_upsert_by_app_id(self, graph):
        app = graph.post("/applications", json={"displayName": "x"}).json()
        url = f"/servicePrincipals(appId='{app['appId']}')"
        upsert = {"Prefer": "create-if-missing"}
        created = graph.patch(url, json={"appRoleAssignmentRequired": True}, headers=upsert)
        assert (created.status_code, created.json()["appRoleAssignmentRequired"]) == (201, True)
        assert graph.patch(url, json={"notes": "n"}, headers=upsert).status_code == 204

    def test_created_with_the_tags_of_the_portal(self, graph):
        app = graph.post("/applications", json={"displayName": "x"}).json()
        tags = ["WindowsAzureActiveDirectoryIntegratedApp"]
        created = graph.post("/servicePrincipals", json={"appId": app["appId"], "tags": tags}).json()
        assert created["tags"] == tags
        assert created["appRoleAssignmentRequired"] is False


class TestPasswords:
    @pytest.mark.parametrize("where", ["app_url", "principal_url"])
    def test_returned_once_and_removable(self, graph, kiro, where):
        url = getattr(kiro, where)
        created = graph.post(f"{url}/addPassword", json={"passwordCredential": {"displayName": "p"}}).json()
        assert created["secretText"].startswith(created["hint"])
        [credential] = graph.get(url).json()["passwordCredentials"]
        assert (credential["keyId"], credential["secretText"]) == (created["keyId"], None)
        assert created["secretText"] not in graph.get(url).text
        assert graph.post(f"{url}/removePassword", json={"keyId": created["keyId"]}).status_code == 204
        assert graph.get(url).json()["passwordCredentials"] == []
        assert graph.post(f"{url}/removePassword", json={"keyId": created["keyId"]}).status_code == 400


class TestOwners:
    def test_add_list_remove(self, graph, kiro, sandbox):
        alice = graph.get("/users/alice@contoso.example").json()["id"]
        reference = {"@odata.id": f"{sandbox.url}/v1.0/directoryObjects/{alice}"}
        for url in (kiro.app_url, kiro.principal_url):
            assert graph.post(f"{url}/owners/$ref", json=reference).status_code == 204
            owner = next(o for o in graph.get(f"{url}/owners").json()["value"] if o["id"] == alice)
            assert owner["@odata.type"] == "#microsoft.graph.user"
            assert graph.post(f"{url}/owners/$ref", json=reference).status_code == 400
            assert graph.delete(f"{url}/owners/{alice}/$ref").status_code == 204
            assert graph.delete(f"{url}/owners/{alice}/$ref").status_code == 404

    def test_the_caller_owns_what_it_created(self, graph, kiro, sandbox):
        client_id = sandbox.directory.setting("client_id")
        owner = graph.get(f"/servicePrincipals(appId='{client_id}')").json()["id"]
        for url in (kiro.app_url, kiro.principal_url):
            assert [o["id"] for o in graph.get(f"{url}/owners").json()["value"]] == [owner]

    def test_groups_cannot_own(self, graph, kiro, group_id, sandbox):
        reference = {"@odata.id": f"{sandbox.url}/v1.0/groups/{group_id}"}
        assert error_of(graph.post(f"{kiro.app_url}/owners/$ref", json=reference))[2].endswith(
            "the 'owners' reference."
        )


class TestDeletedItems:
    def test_the_service_principal_is_deleted_too(self, graph, kiro):
        assert graph.delete(kiro.app_url).status_code == 204
        assert graph.get(kiro.app_url).status_code == 404
        assert graph.get(kiro.principal_url).status_code == 404
        for kind, key in (
            ("application", kiro.application["id"]),
            ("servicePrincipal", kiro.principal["id"]),
        ):
            listed = graph.get(f"/directory/deletedItems/microsoft.graph.{kind}").json()["value"]
            assert [item["id"] for item in listed] == [key]
            assert listed[0]["deletedDateTime"] is not None

    def test_filter_by_name(self, graph, kiro):
        graph.delete(kiro.app_url)
        url = "/directory/deletedItems/microsoft.graph.application"
        for name, count in (("Kiro-Entra", 1), ("other", 0)):
            assert (
                len(graph.get(url, params={"$filter": f"displayName eq '{name}'"}).json()["value"]) == count
            )

    def test_restore_restores_assignments(self, graph, kiro, group_id):
        body = {"principalId": group_id, "resourceId": kiro.principal["id"], "appRoleId": kiro.user_role}
        graph.post(f"{kiro.principal_url}/appRoleAssignedTo", json=body)
        graph.delete(kiro.app_url)
        assert graph.get(f"/groups/{group_id}/appRoleAssignments").json()["value"] == []
        for key in (kiro.application["id"], kiro.principal["id"]):
            restored = graph.post(f"/directory/deletedItems/{key}/restore")
            assert (restored.status_code, restored.json()["deletedDateTime"]) == (200, None)
        assert graph.get(kiro.app_url).status_code == 200
        [assignment] = graph.get(f"{kiro.principal_url}/appRoleAssignedTo").json()["value"]
        assert assignment["principalId"] == group_id

    def test_permanent_deletion(self, graph, kiro):
        graph.delete(kiro.app_url)
        url = f"/directory/deletedItems/{kiro.application['id']}"
        assert graph.get(url).json()["@odata.type"] == "#microsoft.graph.application"
        assert graph.delete(url).status_code == 204
        assert graph.get(url).status_code == 404
        assert graph.post(f"{url}/restore").status_code == 404

    def test_a_deleted_service_principal_leaves_its_application(self, graph, kiro):
        assert graph.delete(kiro.principal_url).status_code == 204
        assert graph.get(kiro.app_url).status_code == 200


def test_beta_serves_the_same_documents(client, kiro):
    beta = client(version="beta").get(kiro.app_url)
    assert beta.status_code == 200
    assert "/beta/$metadata#" in beta.json()["@odata.context"]
    assert beta.json()["id"] == kiro.application["id"]


def test_the_automation_client_is_a_registration_like_any_other(graph, sandbox: Sandbox):
    response = graph.get(f"/applications(appId='{sandbox.directory.setting('client_id')}')")
    assert response.status_code == 200
    assert sandbox.directory.setting("client_secret") not in response.text
