"""JSON batching: several requests in one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from provisioner.sandbox import Exchange, faults
from provisioner.sandbox.entra.graph.throttling import LIMITS
from tests.sandbox.graph_fixtures import error_of

EVENTUAL = {"ConsistencyLevel": "eventual"}


class TestBatch:
    def run(self, graph: httpx.Client, *requests: dict[str, Any]) -> dict[str, dict[str, Any]]:
        response = graph.post("/$batch", json={"requests": list(requests)})
        assert response.status_code == 200, response.text
        return {part["id"]: part for part in response.json()["responses"]}

    def test_requests_are_independent(self, graph, group_id):
        parts = self.run(
            graph,
            {"id": "a", "method": "GET", "url": f"/groups/{group_id}?$select=id"},
            {"id": "b", "method": "GET", "url": "users/unknown@contoso.example"},
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

    def test_responses_are_not_in_the_order_of_the_requests(self, graph):
        requests = [{"id": str(n), "method": "GET", "url": "/organization"} for n in range(5)]
        responses = graph.post("/$batch", json={"requests": requests}).json()["responses"]
        assert [part["id"] for part in responses] != [request["id"] for request in requests]
        assert {part["id"] for part in responses} == {request["id"] for request in requests}

    def test_requests_run_after_their_dependencies_and_fail_with_them(self, graph, group_id):
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

    def test_nothing_runs_when_requests_depend_on_each_other_in_a_circle(self, graph, exchanges):
        exchanges.clear()
        requests = [
            {"id": "1", "method": "GET", "url": "/organization"},
            {"id": "a", "method": "GET", "url": "/organization", "dependsOn": ["B"]},
            {"id": "b", "method": "GET", "url": "/organization", "dependsOn": ["A"]},
        ]
        assert error_of(graph.post("/$batch", json={"requests": requests}))[0] == 400
        assert [exchange.path for exchange in exchanges] == ["/v1.0/$batch"]

    def test_a_batch_cannot_be_nested_or_read(self, graph):
        assert graph.get("/$batch").status_code == 405
        nested = {
            "id": "1",
            "method": "POST",
            "url": "/$batch",
            "body": {"requests": []},
            "headers": {"Content-Type": "application/json"},
        }
        assert self.run(graph, nested)["1"]["status"] == 405

    def test_every_request_is_recorded(self, graph, exchanges: list[Exchange]):
        exchanges.clear()
        self.run(graph, {"id": "1", "method": "GET", "url": "/groups?$top=1"})
        assert [(e.path, e.inner) for e in exchanges] == [
            ("/v1.0/groups?$top=1", True),
            ("/v1.0/$batch", False),
        ]

    def test_every_request_counts_for_throttling(self, graph, monkeypatch):
        monkeypatch.setitem(LIMITS, "reports", (5, 3600.0))
        requests = [{"id": str(n), "method": "GET", "url": "/auditLogs/signIns"} for n in range(6)]
        parts = self.run(graph, *requests)
        assert sorted(part["status"] for part in parts.values()) == [200] * 5 + [429]
        assert next(p for p in parts.values() if p["status"] == 429)["headers"]["Retry-After"]

    def test_faults_inside_a_batch(self, graph, sandbox):
        faults.add(
            sandbox.store,
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
