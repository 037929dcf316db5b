"""Who may call what, how often, and what every answer carries."""

from __future__ import annotations

import re
import uuid

import httpx
import pytest

from provisioner.sandbox.entra.graph.throttling import Throttle, resource_units
from tests.sandbox.graph_fixtures import Kiro, error_of

EVENTUAL = {"ConsistencyLevel": "eventual"}


class TestPermissions:
    def test_no_token_or_a_strange_one(self, sandbox):
        for headers in (
            {},
            {"Authorization": "Bearer x"},
            {"Authorization": "Basic eDp5"},
            {"Authorization": "Bearer"},
        ):
            answer = httpx.get(f"{sandbox.url}/v1.0/organization", headers=headers)
            assert error_of(answer)[:2] == (401, "InvalidAuthenticationToken")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    @pytest.mark.parametrize(
        ("method", "path", "enough"),
        [
            ("GET", "/applications", "Application.Read.All"),
            ("GET", "/groups", "GroupMember.Read.All"),
            ("GET", "/users", "User.Read.All"),
            ("GET", "/policies/authorizationPolicy", "Policy.Read.All"),
            ("GET", "/identity/conditionalAccess/policies", "Policy.Read.ConditionalAccess"),
            ("GET", "/auditLogs/provisioning", "ProvisioningLog.Read.All"),
            ("GET", "/auditLogs/signIns", "AuditLog.Read.All"),
            ("GET", "/oauth2PermissionGrants", "Directory.Read.All"),
            ("GET", "/subscribedSkus", "LicenseAssignment.Read.All"),
        ],
    )
    def test_any_listed_permission_is_enough_and_none_is_not(self, client, method, path, enough):
        status, code, message = error_of(client(permissions=["Mail.Read"]).request(method, path))
        assert (status, code, message) == (
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
        assert client(permissions=[enough]).request(method, path).status_code == 200

    def test_reading_does_not_include_writing(self, client, kiro):
        reader = client(
            permissions=["Application.Read.All", "Synchronization.Read.All", "GroupMember.Read.All"]
        )
        assert reader.patch(kiro.app_url, json={"notes": "x"}).status_code == 403
        assert reader.get(f"{kiro.principal_url}/synchronization/jobs").status_code == 200
        assert (
            reader.post(f"{kiro.principal_url}/synchronization/jobs", json={"templateId": "scim"}).status_code
            == 403
        )
        assert reader.post(f"{kiro.principal_url}/appRoleAssignedTo", json={}).status_code == 403

    def test_owned_by_reaches_what_the_client_made(self, client, graph, sandbox):
        owner = client(permissions=["Application.ReadWrite.OwnedBy"])
        mine = Kiro(owner, "mine")
        assert owner.patch(mine.app_url, json={"notes": "x"}).status_code == 204
        assert (
            owner.post(f"{mine.principal_url}/synchronization/jobs", json={"templateId": "scim"}).status_code
            == 201
        )
        assert owner.get(mine.app_url).status_code == 200
        client_id = sandbox.directory.setting("client_id")
        me = graph.get(f"/servicePrincipals(appId='{client_id}')").json()["id"]
        for url in (mine.app_url, mine.principal_url):
            assert graph.delete(f"{url}/owners/{me}/$ref").status_code == 204
        assert owner.patch(mine.app_url, json={"notes": "y"}).status_code == 403
        assert (
            owner.post(f"{mine.principal_url}/synchronization/jobs", json={"templateId": "scim"}).status_code
            == 403
        )

    def test_the_setting_decides_what_the_automation_client_has(self, sandbox, client):
        sandbox.directory.set("permissions", ["Group.Read.All"])
        assert client().get("/groups").status_code == 200
        assert client().get("/applications").status_code == 403


class TestThrottling:
    def test_reports(self, graph):
        for _ in range(5):
            assert graph.get("/auditLogs/provisioning").status_code == 200
        answer = graph.get("/auditLogs/directoryAudits")
        assert error_of(answer)[:2] == (429, "TooManyRequests")
        assert 1 <= int(answer.headers["Retry-After"]) <= 10

    def test_can_be_switched_off(self, graph, sandbox):
        sandbox.directory.set("throttling", False)
        assert {graph.get("/auditLogs/provisioning").status_code for _ in range(8)} == {200}

    def test_the_window_slides(self):
        throttle = Throttle()
        assert [throttle.retry_after("reports", "a", now) for now in (0, 1, 2, 3, 4)] == [None] * 5
        assert throttle.retry_after("reports", "a", 4) == 6
        assert throttle.retry_after("reports", "b", 4) is None
        assert throttle.retry_after("reports", "a", 9.5) == 1
        assert throttle.retry_after("reports", "a", 10.5) is None

    @pytest.mark.parametrize(
        ("method", "path", "options", "units"),
        [
            ("GET", "/applications", {}, 2),
            ("GET", "/applications", {"select": "id"}, 1),
            ("GET", "/groups/1/members", {}, 3),
            ("GET", "/groups/1/transitiveMembers", {"expand": "x"}, 6),
            ("GET", "/users", {"select": "id", "top": "5"}, 1),
            ("POST", "/applications", {}, 1),
        ],
    )
    def test_resource_units(self, method, path, options, units):
        assert resource_units(method, path, options) == units


class TestEveryAnswer:
    def test_carries_ids(self, graph):
        mine = str(uuid.uuid4())
        answer = graph.get("/organization", headers={"client-request-id": mine})
        assert answer.headers["client-request-id"] == mine
        assert uuid.UUID(answer.headers["request-id"])
        assert answer.headers["Date"].endswith("GMT")
        assert answer.headers["x-ms-resource-unit"] == "1"
        assert answer.headers["Content-Type"].startswith("application/json;odata.metadata=minimal")
        refused = graph.get("/nope", headers={"client-request-id": mine})
        inner = refused.json()["error"]["innerError"]
        assert (inner["client-request-id"], inner["request-id"]) == (mine, refused.headers["request-id"])

    def test_unknown_segments_and_methods(self, graph):
        assert error_of(graph.get("/colours")) == (
            400,
            "BadRequest",
            "Resource not found for the segment 'colours'.",
        )
        expected = (405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
        assert error_of(graph.delete("/organization")) == expected

    def test_me_needs_a_person(self, graph):
        assert (
            error_of(graph.get("/me"))[2] == "/me request is only valid with delegated authentication flow."
        )

    def test_private_members_never_show(self, graph, kiro, group_id):
        graph.post(f"{kiro.app_url}/addPassword", json={})
        for path in (
            "/applications",
            "/servicePrincipals",
            "/groups?$expand=members",
            "/users",
            f"/groups/{group_id}/members",
        ):
            assert not re.search(r'"_\w*":', graph.get(path).text)
