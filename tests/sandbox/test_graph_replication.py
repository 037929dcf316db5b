"""Eventual consistency: a lagging replica, and the errors that it causes."""

from __future__ import annotations

import itertools
import threading
import uuid

import httpx
import pytest

from provisioner.sandbox.entra import seed
from tests.sandbox.graph_fixtures import NON_GALLERY, Kiro, error_of


@pytest.fixture
def lag(sandbox) -> float:
    """A lag that is longer than the test."""
    sandbox.store.set("lag_seconds", 3600)
    return 3600.0


def statuses(graph: httpx.Client, method: str, path: str, times: int = 4, **arguments: object) -> list[int]:
    return [graph.request(method, path, **arguments).status_code for _ in range(times)]


def test_without_a_lag_new_objects_are_visible(graph):
    kiro = Kiro(graph)
    assert statuses(graph, "GET", kiro.app_url) == [200] * 4


def test_reads_alternate_between_replicas(graph, lag):
    kiro = Kiro(graph)
    reads = statuses(graph, "GET", kiro.app_url, 6)
    assert sorted(set(reads)) == [200, 404]
    assert all(first != second for first, second in itertools.pairwise(reads))
    counts = [
        len(graph.get("/applications", params={"$filter": "displayName eq 'Kiro-Entra'"}).json()["value"])
        for _ in range(4)
    ]
    assert sorted(counts) == [0, 0, 1, 1]


def test_older_objects_stay_visible(graph, lag, group_id):
    assert statuses(graph, "GET", f"/groups/{group_id}") == [200] * 4


def test_the_lagging_replica_shows_the_older_version(graph, kiro, sandbox, lag):
    sandbox.directory.settle()
    while graph.patch(kiro.app_url, json={"displayName": "New"}).status_code != 204:
        pass
    names = {graph.get(kiro.app_url).json()["displayName"] for _ in range(4)}
    assert names == {"Kiro-Entra", "New"}


def test_no_accepted_write_is_lost(graph, kiro, sandbox, lag):
    """Two writes, one of them on the lagging replica, both take effect."""
    sandbox.directory.settle()
    assert statuses(graph, "PATCH", kiro.app_url, 2, json={"notes": "n"}) == [204, 204]
    assert statuses(graph, "PATCH", kiro.app_url, 2, json={"description": "d"}) == [204, 204]
    stored = sandbox.directory.get("application", kiro.application["id"])
    assert (stored["notes"], stored["description"]) == ("n", "d")


def test_a_write_to_a_new_object_is_not_found_on_the_lagging_replica(graph, lag):
    kiro = Kiro(graph)
    writes = statuses(graph, "PATCH", kiro.app_url, 4, json={"notes": "n"})
    assert sorted(set(writes)) == [204, 404]
    assert (
        error_of(next(a for a in (graph.delete(kiro.app_url) for _ in range(2)) if a.status_code == 404))[1]
        == "Request_ResourceNotFound"
    )


def test_a_service_principal_for_a_new_application(graph, lag):
    app = graph.post("/applications", json={"displayName": "x"}).json()
    responses = [graph.post("/servicePrincipals", json={"appId": app["appId"]}) for _ in range(2)]
    refused = next(a for a in responses if a.status_code == 400)
    assert "does not reference a valid application object" in error_of(refused)[2]
    assert 201 in [a.status_code for a in responses]


def test_an_assignment_to_a_new_service_principal(graph, lag, group_id):
    kiro = Kiro(graph)
    body = {"principalId": group_id, "resourceId": kiro.principal["id"], "appRoleId": kiro.user_role}
    writes = statuses(graph, "POST", f"{kiro.principal_url}/appRoleAssignedTo", 2, json=body)
    assert sorted(writes) == [201, 404]


def test_an_assignment_of_a_new_group(graph, kiro, sandbox, lag):
    sandbox.directory.settle()
    group = graph.post(
        "/groups",
        json={"displayName": "G", "mailEnabled": False, "mailNickname": "g", "securityEnabled": True},
    ).json()["id"]
    body = {"principalId": group, "resourceId": kiro.principal["id"], "appRoleId": kiro.user_role}
    responses = [graph.post(f"{kiro.principal_url}/appRoleAssignedTo", json=body) for _ in range(2)]
    refused = next(a for a in responses if a.status_code == 400)
    assert error_of(refused)[2] == "Not a valid reference update."
    assert 201 in [a.status_code for a in responses]


def test_synchronization_right_after_creation(graph, lag):
    kiro = Kiro(graph)
    base = f"{kiro.principal_url}/synchronization"
    responses = [graph.post(f"{base}/jobs", json={"templateId": "scim"}) for _ in range(2)]
    assert sorted(a.status_code for a in responses) == [201, 409]
    job = next(a for a in responses if a.status_code == 201).json()["id"]
    assert 409 in statuses(graph, "PUT", f"{base}/secrets", 2, json={"value": []})
    assert statuses(graph, "POST", f"{base}/jobs/{job}/pause", 4).count(204) == 2


def test_a_new_job_of_a_known_principal(graph, kiro, sandbox, lag):
    sandbox.directory.settle()
    base = f"{kiro.principal_url}/synchronization/jobs"
    job = graph.post(base, json={"templateId": "scim"}).json()["id"]
    assert sorted(set(statuses(graph, "POST", f"{base}/{job}/pause", 4))) == [204, 403]


def test_an_unknown_object_is_not_found_on_either_replica(graph, lag):
    assert statuses(graph, "DELETE", f"/applications/{uuid.uuid4()}") == [404] * 4


def test_objects_older_than_the_lag_are_visible_on_both_replicas(graph, sandbox, lag):
    kiro = Kiro(graph)
    assert 404 in statuses(graph, "GET", kiro.app_url, 2)
    sandbox.store.set("lag_seconds", 1e-6)
    assert statuses(graph, "GET", kiro.app_url, 2) == [200, 200]


def test_an_upsert_creates_one_object_on_either_replica(graph, lag, sandbox):
    """Uniqueness is checked on the current state, so a lag cannot create duplicates."""
    body = {"displayName": "A"}
    responses = [
        graph.patch(
            "/applications(uniqueName='app-1')", json=body, headers={"Prefer": "create-if-missing"}
        ).status_code
        for _ in range(4)
    ]
    assert responses == [201, 204, 204, 204]
    assert len([a for a in sandbox.directory.all("application") if a["uniqueName"] == "app-1"]) == 1


def test_concurrent_changes_of_one_group_are_all_kept(client, sandbox, group_id):
    """Adding a member reads and writes the whole list; no write may overwrite another."""
    seed.populate(sandbox.directory, users=40)
    added = [u["id"] for u in sandbox.directory.all("user") if u["displayName"].startswith("User")]
    results: list[int] = []

    def add(graph: httpx.Client, keys: list[str]) -> None:
        for key in keys:
            reference = {"@odata.id": f"{sandbox.url}/v1.0/directoryObjects/{key}"}
            results.append(graph.post(f"/groups/{group_id}/members/$ref", json=reference).status_code)

    threads = [threading.Thread(target=add, args=(client(), added[first::4])) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [204] * len(added)
    assert set(added) < set(sandbox.directory.get("group", group_id)["_members"])


def test_the_template_is_on_both_replicas(graph, lag):
    assert statuses(graph, "GET", f"/applicationTemplates/{NON_GALLERY}") == [200] * 4
