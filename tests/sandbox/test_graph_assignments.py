"""App role assignments and delegated permission grants."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from tests.sandbox.graph_fixtures import UNKNOWN_ID, Kiro, error_of

SECURITY_GROUP = {"displayName": "G", "mailEnabled": False, "mailNickname": "g", "securityEnabled": True}


def user(graph: httpx.Client, name: str) -> str:
    return str(graph.get(f"/users/{name}@contoso.example").json()["id"])


class TestAssignments:
    def body(self, kiro: Kiro, principal: str, **changes: Any) -> dict[str, Any]:
        return {
            "principalId": principal,
            "resourceId": kiro.principal["id"],
            "appRoleId": kiro.user_role,
            **changes,
        }

    def test_of_a_group(self, graph, kiro, group_id):
        response = graph.post(f"{kiro.principal_url}/appRoleAssignedTo", json=self.body(kiro, group_id))
        assert response.status_code == 201
        assert response.json()["principalType"] == "Group"
        assert response.json()["principalDisplayName"] == "Kiro-Users"
        assert response.json()["resourceDisplayName"] == "Kiro-Entra"
        listed = graph.get(f"{kiro.principal_url}/appRoleAssignedTo").json()["value"]
        assert [a["id"] for a in listed] == [response.json()["id"]]
        assert graph.get(f"/groups/{group_id}/appRoleAssignments").json()["value"] == listed

    def test_duplicates(self, graph, kiro, group_id):
        url, body = f"{kiro.principal_url}/appRoleAssignedTo", self.body(kiro, group_id)
        graph.post(url, json=body)
        expected = (400, "Request_BadRequest", "Permission being assigned already exists on the object")
        assert error_of(graph.post(url, json=body)) == expected

    @pytest.mark.parametrize("role", [UNKNOWN_ID, "00000000-0000-0000-0000-000000000000"])
    def test_the_role_must_be_declared(self, graph, kiro, group_id, role):
        response = graph.post(
            f"{kiro.principal_url}/appRoleAssignedTo", json=self.body(kiro, group_id, appRoleId=role)
        )
        assert error_of(response)[:2] == (400, "Request_BadRequest")

    def test_the_zero_role_fits_resources_without_roles(self, graph, group_id):
        app = graph.post("/applications", json={"displayName": "plain"}).json()
        principal = graph.post("/servicePrincipals", json={"appId": app["appId"]}).json()["id"]
        body = {
            "principalId": group_id,
            "resourceId": principal,
            "appRoleId": "00000000-0000-0000-0000-000000000000",
        }
        assert graph.post(f"/servicePrincipals/{principal}/appRoleAssignedTo", json=body).status_code == 201

    def test_a_disabled_role_cannot_be_given(self, graph, kiro, group_id):
        roles = [{**r, "isEnabled": r["id"] != kiro.user_role} for r in kiro.application["appRoles"]]
        graph.patch(kiro.app_url, json={"appRoles": roles})
        assert (
            graph.post(f"{kiro.principal_url}/appRoleAssignedTo", json=self.body(kiro, group_id)).status_code
            == 400
        )

    def test_principals_must_exist_and_be_security_enabled(self, graph, kiro):
        url = f"{kiro.principal_url}/appRoleAssignedTo"
        unknown = graph.post(url, json=self.body(kiro, str(uuid.uuid4())))
        assert error_of(unknown)[2] == "Not a valid reference update."
        unified = {**SECURITY_GROUP, "groupTypes": ["Unified"], "mailEnabled": True, "securityEnabled": False}
        group = graph.post("/groups", json=unified).json()["id"]
        assert graph.post(url, json=self.body(kiro, group)).status_code == 400

    def test_the_path_and_the_body_agree(self, graph, kiro, group_id):
        other = Kiro(graph, "other")
        response = graph.post(f"{other.principal_url}/appRoleAssignedTo", json=self.body(kiro, group_id))
        assert response.status_code == 400

    def test_remove(self, graph, kiro, group_id):
        url = f"{kiro.principal_url}/appRoleAssignedTo"
        assignment_id = graph.post(url, json=self.body(kiro, group_id)).json()["id"]
        assert (
            graph.delete(
                f"{Kiro(graph, 'other').principal_url}/appRoleAssignedTo/{assignment_id}"
            ).status_code
            == 404
        )
        assert graph.delete(f"{url}/{assignment_id}").status_code == 204
        assert graph.delete(f"{url}/{assignment_id}").status_code == 404

    def test_filters(self, graph, kiro, group_id):
        url = f"{kiro.principal_url}/appRoleAssignedTo"
        graph.post(url, json=self.body(kiro, group_id))
        for text, count in (
            ("principalDisplayName eq 'Kiro-Users'", 1),
            ("startsWith(principalDisplayName,'X')", 0),
        ):
            assert len(graph.get(url, params={"$filter": text}).json()["value"]) == count


class TestGrants:
    def consent(self, kiro: Kiro, **changes: Any) -> dict[str, Any]:
        key = kiro.principal["id"]
        return {"clientId": key, "consentType": "AllPrincipals", "resourceId": key, "scope": "a b", **changes}

    def test_lifecycle(self, graph, kiro):
        created = graph.post("/oauth2PermissionGrants", json=self.consent(kiro))
        assert (created.status_code, created.json()["principalId"]) == (201, None)
        url = f"/oauth2PermissionGrants/{created.json()['id']}"
        assert graph.patch(url, json={"scope": "a"}).status_code == 204
        assert graph.get(url).json()["scope"] == "a"
        assert graph.patch(url, json={"consentType": "Principal"}).status_code == 400
        query = {"$filter": f"clientId eq '{kiro.principal['id']}' and consentType eq 'AllPrincipals'"}
        assert len(graph.get("/oauth2PermissionGrants", params=query).json()["value"]) == 1
        assert graph.delete(url).status_code == 204
        assert graph.get(url).status_code == 404

    def test_one_per_client_resource_and_principal(self, graph, kiro):
        graph.post("/oauth2PermissionGrants", json=self.consent(kiro))
        assert graph.post("/oauth2PermissionGrants", json=self.consent(kiro)).status_code == 409
        consent = self.consent(kiro, consentType="Principal", principalId=user(graph, "alice"))
        assert graph.post("/oauth2PermissionGrants", json=consent).status_code == 201

    @pytest.mark.parametrize(
        "change",
        [
            {"consentType": "Everyone"},
            {"consentType": "Principal"},
            {"clientId": UNKNOWN_ID},
            {"principalId": UNKNOWN_ID},
        ],
    )
    def test_refused(self, graph, kiro, change):
        assert graph.post("/oauth2PermissionGrants", json=self.consent(kiro, **change)).status_code == 400
