"""Query options, batches, permissions, throttling and what every answer carries."""

from __future__ import annotations

import re
import uuid
from typing import Any

import httpx
import pytest
from graph_fixtures import NON_GALLERY, Kiro, error_of

from provisioner.sandbox import Exchange, faults
from provisioner.sandbox.graph.throttle import Throttle, resource_units

EVENTUAL = {"ConsistencyLevel": "eventual"}


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["displayName"] for item in answer.json()["value"]]


class TestFilter:
    @pytest.mark.parametrize(
        ("collection", "text", "expected"),
        [
            ("groups", "displayName eq 'Kiro-Users'", ["Kiro-Users"]),
            ("groups", "displayName eq 'kiro-users'", ["Kiro-Users"]),
            ("groups", "displayName in ('Sales','Engineering')", ["Engineering", "Sales"]),
            ("groups", "startswith(displayName, 'e')", ["Engineering", "External partners"]),
            (
                "groups",
                "startsWith(displayName,'E') and securityEnabled eq true",
                ["Engineering", "External partners"],
            ),
            ("groups", "displayName eq 'Sales' or displayName eq 'Engineering'", ["Engineering", "Sales"]),
            ("users", "accountEnabled eq false", ["Erin Evers"]),
            ("users", "userType eq 'Guest'", ["Gina Gast"]),
            ("users", "department eq 'Design'", ["Carol Castro"]),
            (
                "users",
                "identities/any(i:i/issuerAssignedId eq 'bob@contoso.example' and i/issuer eq 'contoso.example')",
                ["Bob Bakker"],
            ),
            ("users", "displayName eq 'O''Brien'", []),
            ("users", "assignedLicenses/any()", []),
            ("applications", "displayName eq 'Provisioner automation'", ["Provisioner automation"]),
        ],
    )
    def test_by_default(self, graph, collection, text, expected):
        assert names(graph.get(f"/{collection}", params={"$filter": text})) == expected

    def test_applications_by_their_keys(self, graph, kiro):
        graph.patch(
            kiro.app_url,
            json={"tags": ["provisioner:kiro"], "identifierUris": [f"api://{kiro.application['appId']}"]},
        )
        for text in (
            f"appId eq '{kiro.application['appId']}'",
            f"applicationTemplateId eq '{NON_GALLERY}' and displayName eq 'Kiro-Entra'",
            f"identifierUris/any(u:u eq 'api://{kiro.application['appId']}')",
            "tags/any(t:t eq 'provisioner:kiro')",
        ):
            assert names(graph.get("/applications", params={"$filter": text})) == ["Kiro-Entra"]

    @pytest.mark.parametrize(
        ("collection", "text", "operator"),
        [
            ("groups", "displayName ne 'Sales'", "ne"),
            ("groups", "not startsWith(displayName,'S')", "not"),
            ("users", "endsWith(mail,'.example')", "endsWith"),
            ("users", "department eq null", "eq"),
            ("users", "companyName eq 'Contoso'", "eq"),
            ("users", "assignedLicenses/$count eq 0", "$count"),
        ],
    )
    def test_advanced_queries(self, graph, collection, text, operator):
        query = {"$filter": text}
        status, code, message = error_of(graph.get(f"/{collection}", params=query))
        assert (status, code) == (400, "Request_UnsupportedQuery")
        assert message.startswith(
            f"Operator '{operator}' is not supported because the required parameters might be missing."
        )
        assert graph.get(f"/{collection}", params=query, headers=EVENTUAL).status_code == 400
        assert graph.get(f"/{collection}", params={**query, "$count": "true"}).status_code == 400
        assert (
            graph.get(f"/{collection}", params={**query, "$count": "true"}, headers=EVENTUAL).status_code
            == 200
        )

    @pytest.mark.parametrize(
        ("collection", "text", "resource"),
        [
            ("groups", "createdDateTime ge 2021-11-01", "Group"),
            ("applications", "uniqueName eq 'x'", "Application"),
            ("applications", "endsWith(displayName,'x')", "Application"),
            ("users", "contains(displayName,'a')", "User"),
        ],
    )
    def test_unsupported_even_then(self, graph, collection, text, resource):
        answer = graph.get(f"/{collection}", params={"$filter": text, "$count": "true"}, headers=EVENTUAL)
        status, code, message = error_of(answer)
        assert (status, code) == (400, "Request_UnsupportedQuery")
        assert message.startswith("Unsupported or invalid query filter clause specified for property '")
        assert message.endswith(f"of resource '{resource}'.")

    @pytest.mark.parametrize(
        "text",
        ["displayName", "displayName eq", "displayName eq 'x", "eq 'x'", "a b c", "", "(displayName eq 'x'"],
    )
    def test_malformed(self, graph, text):
        assert error_of(graph.get("/groups", params={"$filter": text}))[0] == 400

    def test_incompatible_types(self, graph):
        for text in ("accountEnabled eq 'true'", "displayName eq true"):
            message = error_of(graph.get("/users", params={"$filter": text}))[2]
            assert message.startswith("A binary operator with incompatible types was detected.")

    def test_logs_are_case_sensitive_and_know_dates(self, graph, sandbox):
        entry = {
            "id": "1",
            "activityDateTime": "2026-11-20T10:00:00Z",
            "jobId": "scim.A",
            "provisioningAction": "create",
            "provisioningStatusInfo": {"status": "failure"},
            "servicePrincipal": {"id": "sp"},
        }
        sandbox.directory.put("provisioningLog", "1", entry)
        sandbox.directory.set("throttling", False)
        for text, found in (
            ("jobId eq 'scim.A'", 1),
            ("jobId eq 'scim.a'", 0),
            ("contains(jobId,'A')", 1),
            ("activityDateTime gt 2026-11-20T00:00:00Z and provisioningStatusInfo/status eq 'failure'", 1),
            ("activityDateTime gt 2026-11-20T10:00:00.0000000Z", 0),
            ("activityDateTime ge 2026-11-20T11:00:00+01:00", 1),
            ("servicePrincipal/id eq 'sp'", 1),
        ):
            assert (
                len(graph.get("/auditLogs/provisioning", params={"$filter": text}).json()["value"]) == found
            ), text


class TestSelectCountSortSearch:
    def test_select(self, graph, kiro):
        answer = graph.get(kiro.app_url, params={"$select": "id,APPID"}).json()
        assert answer == {
            "@odata.context": answer["@odata.context"],
            "id": kiro.application["id"],
            "appId": kiro.application["appId"],
        }
        assert answer["@odata.context"].endswith("/v1.0/$metadata#applications(id,appId)/$entity")

    def test_select_of_nothing_known(self, graph):
        status, _, message = error_of(graph.get("/groups", params={"$select": "id,colour"}))
        assert (status, "'colour'" in message) == (400, True)

    def test_selected_but_not_stored_is_null(self, graph, group_id):
        assert (
            graph.get(f"/groups/{group_id}", params={"$select": "welcomeMessageEnabled"}).json()[
                "welcomeMessageEnabled"
            ]
            is None
        )

    def test_count_needs_the_header(self, graph):
        assert graph.get("/groups/$count", headers=EVENTUAL).text == "4"
        assert error_of(graph.get("/groups/$count")) == (
            400,
            "Request_BadRequest",
            "$count is not currently supported.",
        )
        assert "@odata.count" not in graph.get("/groups", params={"$count": "true"}).json()
        counted = graph.get("/groups", params={"$count": "true", "$top": "1"}, headers=EVENTUAL).json()
        assert (counted["@odata.count"], len(counted["value"])) == (4, 1)
        filtered = graph.get("/groups/$count", params={"$filter": "displayName ne 'Sales'"}, headers=EVENTUAL)
        assert filtered.text == "3"

    def test_order(self, graph, kiro):
        ordered = names(graph.get("/groups", params={"$orderby": "displayName desc"}))
        assert ordered == ["Sales", "Kiro-Users", "External partners", "Engineering"]
        query = {"$orderby": "displayName", "$filter": "startsWith(displayName,'E')"}
        assert graph.get("/groups", params=query).status_code == 400
        assert graph.get("/groups", params={**query, "$count": "true"}, headers=EVENTUAL).status_code == 200
        assert graph.get("/applications", params={"$orderby": "displayName"}).status_code == 400
        assert graph.get("/groups", params={"$orderby": "mail"}).status_code == 400

    def test_search(self, graph):
        query = {"$search": '"displayName:kiro"'}
        assert error_of(graph.get("/groups", params=query))[2].startswith(
            "Request with $search query parameter only works"
        )
        assert names(graph.get("/groups", params=query, headers=EVENTUAL)) == ["Kiro-Users"]
        either = {"$search": '"displayName:sales" OR "displayName:partners"'}
        assert names(graph.get("/groups", params=either, headers=EVENTUAL)) == ["Sales", "External partners"]
        assert graph.get("/groups", params={"$search": '"id:1"'}, headers=EVENTUAL).status_code == 400

    def test_options_without_the_dollar_and_in_any_case(self, graph):
        assert names(graph.get("/groups", params={"FILTER": "displayName eq 'Sales'"})) == ["Sales"]

    def test_resource_names_in_any_case(self, graph):
        assert graph.get("/serviceprincipals", params={"$top": "1"}).status_code == 200


class TestPaging:
    def test_pages_are_complete_and_do_not_overlap(self, graph):
        url, seen = "/users?$top=2&$select=id", []
        while url:
            page = graph.get(url).json()
            assert 1 <= len(page["value"]) <= 2
            seen += [item["id"] for item in page["value"]]
            url = page.get("@odata.nextLink", "")
        assert len(seen) == len(set(seen)) == 6

    def test_an_object_deleted_between_pages_hides_no_other(self, graph):
        first = graph.get("/users?$top=2").json()
        graph.delete(f"/users/{first['value'][0]['id']}")
        rest = graph.get(first["@odata.nextLink"]).json()["value"]
        assert rest[0]["userPrincipalName"] == "carol@contoso.example"

    def test_a_link_keeps_filter_and_quotes(self, graph):
        for number in range(3):
            graph.post("/applications", json={"displayName": f"it's {number}"})
        page = graph.get(
            "/applications", params={"$filter": "startsWith(displayName,'it''s')", "$top": "2"}
        ).json()
        assert names(graph.get(page["@odata.nextLink"])) == ["it's 2"]

    @pytest.mark.parametrize(
        "query", [{"$top": "0"}, {"$top": "1000"}, {"$top": "x"}, {"$skip": "1"}, {"$skiptoken": "%%%"}]
    )
    def test_refused(self, graph, query):
        assert error_of(graph.get("/users", params=query))[0] == 400


class TestBatch:
    def run(self, graph: httpx.Client, *requests: dict[str, Any]) -> dict[str, dict[str, Any]]:
        answer = graph.post("/$batch", json={"requests": list(requests)})
        assert answer.status_code == 200, answer.text
        return {part["id"]: part for part in answer.json()["responses"]}

    def test_parts_are_independent(self, graph, group_id):
        parts = self.run(
            graph,
            {"id": "a", "method": "GET", "url": f"/groups/{group_id}?$select=id"},
            {"id": "b", "method": "GET", "url": "users/nobody@contoso.example"},
            {
                "id": "c",
                "method": "PATCH",
                "url": f"/groups/{group_id}",
                "body": {"description": "d"},
                "headers": {"Content-Type": "application/json"},
            },
            {
                "id": "d",
                "method": "GET",
                "url": "/users?$filter=department ne 'x'&$count=true",
                "headers": EVENTUAL,
            },
        )
        assert parts["a"]["body"]["id"] == group_id
        assert (parts["b"]["status"], parts["b"]["body"]["error"]["code"]) == (
            404,
            "Request_ResourceNotFound",
        )
        assert (parts["c"]["status"], "body" in parts["c"]) == (204, False)
        assert parts["d"]["body"]["@odata.count"] == 6

    def test_answers_come_in_an_order_of_their_own(self, graph):
        requests = [{"id": str(n), "method": "GET", "url": "/organization"} for n in range(5)]
        responses = graph.post("/$batch", json={"requests": requests}).json()["responses"]
        assert [part["id"] for part in responses] != [request["id"] for request in requests]
        assert {part["id"] for part in responses} == {request["id"] for request in requests}

    def test_dependencies_run_first_and_fail_along(self, graph, group_id):
        json_type = {"Content-Type": "application/json"}
        parts = self.run(
            graph,
            {"id": "3", "method": "GET", "url": f"/groups/{group_id}", "dependsOn": ["2"]},
            {
                "id": "2",
                "method": "PATCH",
                "url": f"/groups/{group_id}",
                "body": {"description": "new"},
                "headers": json_type,
            },
            {"id": "4", "method": "GET", "url": "/nope"},
            {"id": "5", "method": "DELETE", "url": f"/groups/{group_id}", "dependsOn": ["4"]},
        )
        assert parts["3"]["body"]["description"] == "new"
        assert parts["5"]["status"] == 424
        assert graph.get(f"/groups/{group_id}").status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"requests": {}},
            {"requests": [{"id": str(n), "method": "GET", "url": "/me"} for n in range(21)]},
            {
                "requests": [
                    {"id": "a", "method": "GET", "url": "/me"},
                    {"id": "A", "method": "GET", "url": "/me"},
                ]
            },
            {"requests": [{"id": "a", "method": "GET"}]},
            {"requests": [{"id": "a", "method": "GET", "url": "/me", "dependsOn": ["b"]}]},
            {"requests": [{"id": "a", "method": "GET", "url": "/me", "dependsOn": ["a"]}]},
            {"requests": [{"id": "a", "method": "POST", "url": "/groups", "body": {}}]},
        ],
    )
    def test_malformed(self, graph, body):
        assert error_of(graph.post("/$batch", json=body))[0] == 400

    def test_not_inside_another_and_not_by_get(self, graph):
        assert graph.get("/$batch").status_code == 405
        nested = {
            "id": "1",
            "method": "POST",
            "url": "/$batch",
            "body": {"requests": []},
            "headers": {"Content-Type": "application/json"},
        }
        assert self.run(graph, nested)["1"]["status"] == 405

    def test_each_part_is_recorded(self, graph, exchanges: list[Exchange]):
        exchanges.clear()
        self.run(graph, {"id": "1", "method": "GET", "url": "/groups?$top=1"})
        assert [(e.path, e.inner) for e in exchanges] == [
            ("/v1.0/groups?$top=1", True),
            ("/v1.0/$batch", False),
        ]

    def test_parts_are_throttled_one_by_one(self, graph):
        requests = [{"id": str(n), "method": "GET", "url": "/auditLogs/signIns"} for n in range(6)]
        parts = self.run(graph, *requests)
        assert sorted(part["status"] for part in parts.values()) == [200] * 5 + [429]
        assert next(p for p in parts.values() if p["status"] == 429)["headers"]["Retry-After"]

    def test_faults_inside(self, graph, sandbox):
        faults.add(
            sandbox.directory,
            {
                "on": "GET /v1.0/organization",
                "effect": "status",
                "status": 503,
                "inner": True,
                "retry_after": 3,
            },
        )
        assert graph.get("/organization").status_code == 200
        parts = self.run(graph, *({"id": str(n), "method": "GET", "url": "/organization"} for n in range(2)))
        assert sorted(part["status"] for part in parts.values()) == [200, 503]


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
        assert [throttle.delay("reports", "a", now) for now in (0, 1, 2, 3, 4)] == [None] * 5
        assert throttle.delay("reports", "a", 4) == 6
        assert throttle.delay("reports", "b", 4) is None
        assert throttle.delay("reports", "a", 9.5) == 1
        assert throttle.delay("reports", "a", 10.5) is None

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
