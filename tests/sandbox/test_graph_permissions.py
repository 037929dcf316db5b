"""Permissions, throttling, and the members of every response."""

from __future__ import annotations

import re
import uuid

import httpx
import pytest

from provisioner.sandbox.entra.graph.throttling import LIMITS, Throttle, resource_units
from tests.sandbox.graph_fixtures import Kiro, error_of

EVENTUAL = {"ConsistencyLevel": "eventual"}


class TestPermissions:
    def test_a_missing_or_invalid_token(self, sandbox):
        for headers in (
            {},
            {"Authorization": "Bearer x"},
            {"Authorization": "Basic eDp5"},
            {"Authorization": "Bearer"},
        ):
            response = httpx.get(f"{sandbox.url}/v1.0/organization", headers=headers)
            assert error_of(response)[:2] == (401, "InvalidAuthenticationToken")
            assert response.headers["WWW-Authenticate"].startswith("Bearer")

    @pytest.mark.parametrize(
        ("method", "path", "permission"),
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
    def test_one_permission_is_sufficient_and_none_is_not(self, client, method, path, permission):
        status, code, message = error_of(client(permissions=["Mail.Read"]).request(method, path))
        assert (status, code, message) == (
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
        assert client(permissions=[permission]).request(method, path).status_code == 200

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

    def test_owned_by_covers_what_the_client_created(self, client, graph, sandbox):
        owner = client(permissions=["Application.ReadWrite.OwnedBy"])
        owned = Kiro(owner, "owned")
        assert owner.patch(owned.app_url, json={"notes": "x"}).status_code == 204
        assert (
            owner.post(f"{owned.principal_url}/synchronization/jobs", json={"templateId": "scim"}).status_code
            == 201
        )
        assert owner.get(owned.app_url).status_code == 200
        client_id = sandbox.directory.setting("client_id")
        me = graph.get(f"/servicePrincipals(appId='{client_id}')").json()["id"]
        for url in (owned.app_url, owned.principal_url):
            assert graph.delete(f"{url}/owners/{me}/$ref").status_code == 204
        assert owner.patch(owned.app_url, json={"notes": "y"}).status_code == 403
        assert (
            owner.post(f"{owned.principal_url}/synchronization/jobs", json={"templateId": "scim"}).status_code
            == 403
        )

    def test_the_setting_determines_the_permissions_of_the_automation_client(self, sandbox, client):
        sandbox.directory.set("permissions", ["Group.Read.All"])
        assert client().get("/groups").status_code == 200
        assert client().get("/applications").status_code == 403


class TestThrottling:
    def test_reports(self, graph, monkeypatch):
        monkeypatch.setitem(LIMITS, "reports", (5, 3600.0))
        for _ in range(5):
            assert graph.get("/auditLogs/provisioning").status_code == 200
        response = graph.get("/auditLogs/directoryAudits")
        assert error_of(response)[:2] == (429, "TooManyRequests")
        assert 1 <= int(response.headers["Retry-After"]) <= 3600

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


class TestEveryResponse:
    def test_has_request_ids(self, graph):
        request_id = str(uuid.uuid4())
        response = graph.get("/organization", headers={"client-request-id": request_id})
        assert response.headers["client-request-id"] == request_id
        assert uuid.UUID(response.headers["request-id"])
        assert response.headers["Date"].endswith("GMT")
        assert response.headers["x-ms-resource-unit"] == "1"
        assert response.headers["Content-Type"].startswith("application/json;odata.metadata=minimal")
        refused = graph.get("/nope", headers={"client-request-id": request_id})
        inner = refused.json()["error"]["innerError"]
        assert (inner["client-request-id"], inner["request-id"]) == (
            request_id,
            refused.headers["request-id"],
        )

    def test_unknown_segments_and_methods(self, graph):
        assert error_of(graph.get("/colours")) == (
            400,
            "BadRequest",
            "Resource not found for the segment 'colours'.",
        )
        expected = (405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
        assert error_of(graph.delete("/organization")) == expected

    def test_me_needs_a_signed_in_user(self, graph):
        assert (
            error_of(graph.get("/me"))[2] == "/me request is only valid with delegated authentication flow."
        )

    def test_private_members_are_never_returned(self, graph, kiro, group_id):
        graph.post(f"{kiro.app_url}/addPassword", json={})
        for path in (
            "/applications",
            "/servicePrincipals",
            "/groups?$expand=members",
            "/users",
            f"/groups/{group_id}/members",
        ):
            assert not re.search(r'"_\w*":', graph.get(path).text)
