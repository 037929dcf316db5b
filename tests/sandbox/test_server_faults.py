"""Injected HTTP faults."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading

import httpx
import pytest

from provisioner.sandbox import Exchange, faults
from provisioner.sandbox.store import Store
from tests.sandbox.graph_fixtures import NON_GALLERY, error_of

APPLICATIONS = "POST /v1.0/applications"
MINUTES = 300.0  # for another process, on a busy machine


def create(graph: httpx.Client) -> httpx.Response:
    return graph.post("/applications", json={"displayName": "x"})


def created(sandbox) -> int:
    return len([app for app in sandbox.directory.all("application") if app["displayName"] == "x"])


@pytest.mark.parametrize("status", faults.STATUSES)
def test_a_status_in_graph_s_shape(graph, sandbox, status):
    faults.add(sandbox.store, {"on": APPLICATIONS, "effect": "status", "status": status, "retry_after": 2})
    answer = create(graph)
    assert error_of(answer)[0] == status
    assert created(sandbox) == 0
    if status in (429, 503):
        assert answer.headers["Retry-After"] == "2"
    assert create(graph).status_code == 201


def test_429_without_retry_after(graph, sandbox):
    faults.add(sandbox.store, {"on": APPLICATIONS, "effect": "status", "status": 429})
    assert "Retry-After" not in create(graph).headers


def test_404_although_the_application_was_created(graph, sandbox):
    faults.add(sandbox.store, {"on": "POST /v1.0/applicationTemplates/*", "effect": "404-after"})
    answer = graph.post(f"/applicationTemplates/{NON_GALLERY}/instantiate", json={"displayName": "x"})
    assert error_of(answer)[:2] == (404, "Request_ResourceNotFound")
    assert created(sandbox) == 1


@pytest.mark.parametrize(("effect", "count"), [("drop-before", 0), ("drop-after", 1)])
def test_a_dropped_connection(graph, sandbox, exchanges: list[Exchange], effect, count):
    faults.add(sandbox.store, {"on": APPLICATIONS, "effect": effect})
    exchanges.clear()
    with pytest.raises(httpx.RemoteProtocolError):
        create(graph)
    assert created(sandbox) == count
    assert [(exchange.method, exchange.status, exchange.response) for exchange in exchanges] == [
        ("POST", 0, None)
    ]
    assert create(graph).status_code == 201


def test_nth_and_times(graph, sandbox):
    faults.add(sandbox.store, {"on": APPLICATIONS, "effect": "status", "nth": 3, "times": 2})
    assert [create(graph).status_code for _ in range(6)] == [201, 201, 503, 503, 201, 201]


def test_every(graph, sandbox):
    faults.add(sandbox.store, {"on": "*", "effect": "status", "every": 2, "times": None})
    assert [graph.get("/organization").status_code for _ in range(6)] == [200, 503] * 3


def test_only_matching_requests_fail(graph, sandbox):
    faults.add(sandbox.store, {"on": "GET /v1.0/groups*", "effect": "status"})
    assert graph.get("/users").status_code == 200
    assert create(graph).status_code == 201
    assert graph.get("/groups/x").status_code == 503


def test_the_count_starts_when_the_rule_is_added(graph, sandbox):
    create(graph)
    faults.add(sandbox.store, {"on": APPLICATIONS, "effect": "status", "nth": 1})
    assert create(graph).status_code == 503


def test_list_and_clear(graph, sandbox):
    faults.add(sandbox.store, faults.Rule(on=APPLICATIONS, effect="status"))
    create(graph)
    [entry] = faults.rules(sandbox.store)
    assert (entry["rule"]["on"], entry["matched"], entry["injected"]) == (APPLICATIONS, 1, 1)
    faults.clear(sandbox.store)
    assert faults.rules(sandbox.store) == []


def test_counting_is_exact_under_concurrency(client, sandbox):
    faults.add(sandbox.store, {"on": "GET /v1.0/organization", "effect": "status", "every": 3, "times": None})
    statuses: list[int] = []

    def read(graph: httpx.Client) -> None:
        statuses.extend(graph.get("/organization").status_code for _ in range(15))

    threads = [threading.Thread(target=read, args=(client(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses.count(503), statuses.count(200)) == (20, 40)


def test_another_process_can_add_one(graph, sandbox):
    code = f"""
        from pathlib import Path
        from provisioner.sandbox import faults
        from provisioner.sandbox.store import Store
        faults.add(Store(Path({str(sandbox.store.path)!r})), {{"on": {APPLICATIONS!r}, "effect": "status", "status": 500}})
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=MINUTES)
    assert create(graph).status_code == 500


def test_scim_and_tokens_can_fail_too(sandbox):
    faults.add(sandbox.store, {"on": "GET /scim/*", "effect": "status", "status": 429, "retry_after": 1})
    endpoint = sandbox.variables()["KIRO_SCIM_ENDPOINT"]
    answer = httpx.get(f"{endpoint.rstrip('/')}/Users")
    assert (answer.status_code, answer.json()["status"], answer.headers["Retry-After"]) == (429, "429", "1")
    faults.add(sandbox.store, {"on": "POST /*/oauth2/v2.0/token", "effect": "status", "status": 503})
    answer = httpx.post(f"{sandbox.url}/{sandbox.tenant_id}/oauth2/v2.0/token", data={})
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


@pytest.mark.parametrize(("effect", "count"), [("kill-before", 0), ("kill-after", 1)])
def test_a_killed_sandbox_keeps_what_was_finished(home, effect, count):
    code = f"""
        import httpx
        from pathlib import Path
        from provisioner.sandbox import Sandbox, faults
        sandbox = Sandbox(Path({str(home)!r})).start()
        faults.add(sandbox.store, {{"on": {APPLICATIONS!r}, "effect": {effect!r}}})
        headers = {{"Authorization": "Bearer " + sandbox.vendors["entra"].admin_token()}}
        httpx.post(sandbox.url + "/v1.0/applications", json={{"displayName": "x"}}, headers=headers)
        print("survived")
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, timeout=MINUTES, check=False
    )
    assert (ended.returncode, ended.stdout) == (-9, b"")
    store = Store(home / "entra.db")
    assert len([app for app in store.all("application") if app["displayName"] == "x"]) == count
    store.close()


def test_another_process_can_be_the_victim(graph, sandbox):
    victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    faults.add(sandbox.store, {"on": APPLICATIONS, "effect": "kill-after", "pid": victim.pid})
    assert create(graph).status_code == 201
    assert victim.wait(MINUTES) == -9
    assert victim.stdin is not None
    victim.stdin.close()


@pytest.mark.parametrize(
    "rule",
    [
        {"on": "*", "effect": "explode"},
        {"on": "*", "effect": "status", "status": 418},
        {"on": "*", "effect": "status", "nth": 0},
        {"on": "*", "effect": "status", "every": 0},
        {"on": "*", "effect": "status", "times": 0},
        {"on": "*", "effect": "drop-after", "inner": True},
        {"on": "*", "effect": "status", "colour": "red"},
    ],
)
def test_invalid_rules_are_refused(home, rule):
    store = Store(home / "sandbox.db")
    with pytest.raises(ValueError):
        faults.add(store, rule)
    assert faults.rules(store) == []
    store.close()
