"""Query options: filter, select, count, order, search, pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.sandbox.graph_fixtures import NON_GALLERY, error_of, open_graph

EVENTUAL = {"ConsistencyLevel": "eventual"}


@pytest.fixture(scope="module")
def shared_graph(seeded_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Graph v1.0 for tests that only read."""
    with open_graph(seeded_home, tmp_path_factory.mktemp("queries")) as (graph, _):
        yield graph


def names(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [item["displayName"] for item in response.json()["value"]]


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
    def test_by_default(self, shared_graph, collection, text, expected):
        assert names(shared_graph.get(f"/{collection}", params={"$filter": text})) == expected

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
    def test_advanced_queries(self, shared_graph, collection, text, operator):
        query = {"$filter": text}
        status, code, message = error_of(shared_graph.get(f"/{collection}", params=query))
        assert (status, code) == (400, "Request_UnsupportedQuery")
        assert message.startswith(
            f"Operator '{operator}' is not supported because the required parameters might be missing."
        )
        assert shared_graph.get(f"/{collection}", params=query, headers=EVENTUAL).status_code == 400
        assert shared_graph.get(f"/{collection}", params={**query, "$count": "true"}).status_code == 400
        assert (
            shared_graph.get(
                f"/{collection}", params={**query, "$count": "true"}, headers=EVENTUAL
            ).status_code
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
    def test_unsupported_even_in_advanced_queries(self, shared_graph, collection, text, resource):
        response = shared_graph.get(
            f"/{collection}", params={"$filter": text, "$count": "true"}, headers=EVENTUAL
        )
        status, code, message = error_of(response)
        assert (status, code) == (400, "Request_UnsupportedQuery")
        assert message.startswith("Unsupported or invalid query filter clause specified for property '")
        assert message.endswith(f"of resource '{resource}'.")

    @pytest.mark.parametrize(
        "text",
        ["displayName", "displayName eq", "displayName eq 'x", "eq 'x'", "a b c", "", "(displayName eq 'x'"],
    )
    def test_malformed(self, shared_graph, text):
        assert error_of(shared_graph.get("/groups", params={"$filter": text}))[0] == 400

    def test_incompatible_types(self, shared_graph):
        for text in ("accountEnabled eq 'true'", "displayName eq true"):
            message = error_of(shared_graph.get("/users", params={"$filter": text}))[2]
            assert message.startswith("A binary operator with incompatible types was detected.")

    def test_logs_are_case_sensitive_and_compare_dates(self, graph, sandbox):
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
        for text, count in (
            ("jobId eq 'scim.A'", 1),
            ("jobId eq 'scim.a'", 0),
            ("contains(jobId,'A')", 1),
            ("activityDateTime gt 2026-11-20T00:00:00Z and provisioningStatusInfo/status eq 'failure'", 1),
            ("activityDateTime gt 2026-11-20T10:00:00.0000000Z", 0),
            ("activityDateTime ge 2026-11-20T11:00:00+01:00", 1),
            ("servicePrincipal/id eq 'sp'", 1),
        ):
            assert (
                len(graph.get("/auditLogs/provisioning", params={"$filter": text}).json()["value"]) == count
            ), text


class TestSelectCountSortSearch:
    def test_select(self, graph, kiro):
        response = graph.get(kiro.app_url, params={"$select": "id,APPID"}).json()
        assert response == {
            "@odata.context": response["@odata.context"],
            "id": kiro.application["id"],
            "appId": kiro.application["appId"],
        }
        assert response["@odata.context"].endswith("/v1.0/$metadata#applications(id,appId)/$entity")

    def test_select_of_an_unknown_property(self, shared_graph):
        status, _, message = error_of(shared_graph.get("/groups", params={"$select": "id,colour"}))
        assert (status, "'colour'" in message) == (400, True)

    def test_selected_but_not_stored_is_null(self, graph, group_id):
        assert (
            graph.get(f"/groups/{group_id}", params={"$select": "welcomeMessageEnabled"}).json()[
                "welcomeMessageEnabled"
            ]
            is None
        )

    def test_count_needs_the_header(self, shared_graph):
        assert shared_graph.get("/groups/$count", headers=EVENTUAL).text == "4"
        assert error_of(shared_graph.get("/groups/$count")) == (
            400,
            "Request_BadRequest",
            "$count is not currently supported.",
        )
        assert "@odata.count" not in shared_graph.get("/groups", params={"$count": "true"}).json()
        counted = shared_graph.get("/groups", params={"$count": "true", "$top": "1"}, headers=EVENTUAL).json()
        assert (counted["@odata.count"], len(counted["value"])) == (4, 1)
        filtered = shared_graph.get(
            "/groups/$count", params={"$filter": "displayName ne 'Sales'"}, headers=EVENTUAL
        )
        assert filtered.text == "3"

    def test_order(self, graph, kiro):
        ordered = names(graph.get("/groups", params={"$orderby": "displayName desc"}))
        assert ordered == ["Sales", "Kiro-Users", "External partners", "Engineering"]
        query = {"$orderby": "displayName", "$filter": "startsWith(displayName,'E')"}
        assert graph.get("/groups", params=query).status_code == 400
        assert graph.get("/groups", params={**query, "$count": "true"}, headers=EVENTUAL).status_code == 200
        assert graph.get("/applications", params={"$orderby": "displayName"}).status_code == 400
        assert graph.get("/groups", params={"$orderby": "mail"}).status_code == 400

    def test_search(self, shared_graph):
        query = {"$search": '"displayName:kiro"'}
        assert error_of(shared_graph.get("/groups", params=query))[2].startswith(
            "Request with $search query parameter only works"
        )
        assert names(shared_graph.get("/groups", params=query, headers=EVENTUAL)) == ["Kiro-Users"]
        either = {"$search": '"displayName:sales" OR "displayName:partners"'}
        assert names(shared_graph.get("/groups", params=either, headers=EVENTUAL)) == [
            "Sales",
            "External partners",
        ]
        assert shared_graph.get("/groups", params={"$search": '"id:1"'}, headers=EVENTUAL).status_code == 400

    def test_options_without_the_dollar_and_in_any_case(self, shared_graph):
        assert names(shared_graph.get("/groups", params={"FILTER": "displayName eq 'Sales'"})) == ["Sales"]

    def test_resource_names_in_any_case(self, shared_graph):
        assert shared_graph.get("/serviceprincipals", params={"$top": "1"}).status_code == 200


class TestPaging:
    def test_pages_are_complete_and_do_not_overlap(self, shared_graph):
        url, seen = "/users?$top=2&$select=id", []
        while url:
            page = shared_graph.get(url).json()
            assert 1 <= len(page["value"]) <= 2
            seen += [item["id"] for item in page["value"]]
            url = page.get("@odata.nextLink", "")
        assert len(seen) == len(set(seen)) == 6

    def test_an_object_deleted_between_pages_hides_no_object(self, graph):
        first = graph.get("/users?$top=2").json()
        graph.delete(f"/users/{first['value'][0]['id']}")
        rest = graph.get(first["@odata.nextLink"]).json()["value"]
        assert rest[0]["userPrincipalName"] == "carol@contoso.example"

    def test_the_next_link_keeps_filter_and_quotes(self, graph):
        for number in range(3):
            graph.post("/applications", json={"displayName": f"it's {number}"})
        page = graph.get(
            "/applications", params={"$filter": "startsWith(displayName,'it''s')", "$top": "2"}
        ).json()
        assert names(graph.get(page["@odata.nextLink"])) == ["it's 2"]

    @pytest.mark.parametrize(
        "query", [{"$top": "0"}, {"$top": "1000"}, {"$top": "x"}, {"$skip": "1"}, {"$skiptoken": "%%%"}]
    )
    def test_refused(self, shared_graph, query):
        assert error_of(shared_graph.get("/users", params=query))[0] == 400
