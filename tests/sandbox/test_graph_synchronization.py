"""Synchronization jobs, secrets and schemas through Graph, provisioning to the emulated Kiro endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from provisioner.sandbox.entra.graph.scheduler import CycleScheduler, is_overdue
from provisioner.sandbox.entra.graph.throttling import LIMITS
from tests.sandbox.graph_fixtures import Kiro, Provisioned, error_of
from tests.sandboxes import Sandbox


@pytest.fixture
def provisioned(graph, sandbox, kiro, group_id) -> Provisioned:
    return Provisioned(graph, sandbox, kiro, group_id)


@pytest.fixture
def long_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """A throttling window that is longer than the test."""
    monkeypatch.setitem(LIMITS, "provisionOnDemand", (5, 3600.0))


@pytest.fixture
def base(kiro: Kiro) -> str:
    return f"{kiro.principal_url}/synchronization"


class TestJobs:
    def test_the_template_is_scim(self, graph, base, kiro):
        [template] = graph.get(f"{base}/templates").json()["value"]
        assert (template["id"], template["factoryTag"]) == ("scim", "scim")
        assert graph.get(f"{base}/templates/scim").json()["id"] == "scim"
        assert graph.get(f"{base}/templates/other").status_code == 404
        assert len(graph.get(f"{kiro.app_url}/synchronization/templates").json()["value"]) == 1

    def test_a_new_job_is_paused(self, graph, base, kiro, sandbox):
        created = graph.post(f"{base}/jobs", json={"templateId": "scim"})
        assert created.status_code == 201
        job = created.json()
        assert job["id"] == f"scim.{sandbox.tenant_id.replace('-', '')}.{kiro.application['appId']}"
        assert job["schedule"] == {"expiration": None, "interval": "PT40M", "state": "Disabled"}
        assert job["status"]["code"] == "Paused"
        assert job["status"]["lastExecution"] is None
        assert not [name for name in job if name.startswith("_")]
        assert [j["id"] for j in graph.get(f"{base}/jobs").json()["value"]] == [job["id"]]

    def test_only_known_templates(self, graph, base):
        assert graph.post(f"{base}/jobs", json={"templateId": "customappsso"}).status_code == 400
        assert graph.post(f"{base}/jobs", json={}).status_code == 400

    def test_a_second_job_has_its_own_id(self, graph, base):
        first, second = (
            graph.post(f"{base}/jobs", json={"templateId": "scim"}).json()["id"] for _ in range(2)
        )
        assert second.startswith(f"{first}.")
        assert graph.get(f"{base}/jobs/{second}/schema").status_code == 200

    def test_delete(self, graph, base):
        job = graph.post(f"{base}/jobs", json={"templateId": "scim"}).json()["id"]
        assert graph.delete(f"{base}/jobs/{job}").status_code == 204
        assert graph.get(f"{base}/jobs/{job}").status_code == 404
        assert graph.get(f"{base}/jobs").json()["value"] == []

    def test_only_settings_can_be_patched(self, graph, base):
        url = f"{base}/jobs/{graph.post(f'{base}/jobs', json={'templateId': 'scim'}).json()['id']}"
        setting = [{"name": "QuarantineTooManyDeletesThreshold", "value": "500"}]
        assert graph.patch(url, json={"synchronizationJobSettings": setting}).status_code == 204
        assert graph.get(url).json()["synchronizationJobSettings"] == setting
        assert graph.patch(url, json={"schedule": {"state": "Active"}}).status_code == 400

    def test_the_job_of_one_application_is_not_found_under_another(self, graph, base):
        job = graph.post(f"{base}/jobs", json={"templateId": "scim"}).json()["id"]
        other = Kiro(graph, "other")
        assert graph.get(f"{other.principal_url}/synchronization/jobs/{job}").status_code == 404

    def test_the_jobs_of_a_deleted_service_principal_are_deleted(self, graph, base, kiro, sandbox):
        graph.post(f"{base}/jobs", json={"templateId": "scim"})
        graph.delete(kiro.principal_url)
        assert sandbox.directory.all("synchronizationJob") == []
        assert sandbox.directory.all("synchronizationSchema") == []


class TestSecrets:
    def put(self, graph: httpx.Client, base: str, **values: str) -> httpx.Response:
        return graph.put(
            f"{base}/secrets", json={"value": [{"key": k, "value": v} for k, v in values.items()]}
        )

    def read(self, graph: httpx.Client, base: str) -> dict[str, str]:
        return {pair["key"]: pair["value"] for pair in graph.get(f"{base}/secrets").json()["value"]}

    def test_the_token_is_masked(self, graph, base):
        response = self.put(
            graph, base, BaseAddress="https://scim.example", SecretToken="hush-hush", SyncAll="false"
        )
        assert (response.status_code, response.content) == (204, b"")
        assert self.read(graph, base) == {
            "BaseAddress": "https://scim.example",
            "SecretToken": "*",
            "SyncAll": "false",
        }
        assert "hush-hush" not in graph.get(f"{base}/secrets").text

    def test_each_key_is_written_separately(self, graph, base):
        self.put(graph, base, BaseAddress="https://scim.example", SecretToken="t")
        self.put(graph, base, SyncAll="false")
        assert set(self.read(graph, base)) == {"BaseAddress", "SecretToken", "SyncAll"}
        self.put(graph, base, SecretToken="")
        assert set(self.read(graph, base)) == {"BaseAddress", "SyncAll"}

    def test_a_list_of_pairs_is_expected(self, graph, base):
        assert graph.put(f"{base}/secrets", json={"BaseAddress": "x"}).status_code == 400


class TestSchema:
    def test_put_replaces_the_schema_and_increments_the_version(self, graph, provisioned):
        schema = graph.get(f"{provisioned.url}/schema").json()
        mapping = schema["synchronizationRules"][0]["objectMappings"][0]
        mapping["attributeMappings"] = [
            a for a in mapping["attributeMappings"] if a["targetAttributeName"] != "members"
        ]
        assert graph.put(f"{provisioned.url}/schema", json=schema).status_code == 204
        stored = graph.get(f"{provisioned.url}/schema").json()
        assert stored["version"] != schema["version"]
        assert stored["synchronizationRules"] == schema["synchronizationRules"]
        assert stored["directories"] == schema["directories"]

    def test_a_schema_that_lost_members_is_refused(self, graph, provisioned):
        schema = graph.get(f"{provisioned.url}/schema").json()
        for mapping in schema["synchronizationRules"][0]["objectMappings"]:
            del mapping["flowTypes"]
        assert error_of(graph.put(f"{provisioned.url}/schema", json=schema))[0] == 400

    def test_the_schema_cannot_be_patched(self, graph, provisioned):
        assert error_of(graph.patch(f"{provisioned.url}/schema", json={}))[:2] == (405, "Request_BadRequest")

    def test_the_next_cycle_is_an_initial_one(self, graph, provisioned):
        provisioned.start()
        assert provisioned.sandbox.directory.get("synchronizationJob", provisioned.job_id)["_watermark"]
        schema = graph.get(f"{provisioned.url}/schema").json()
        graph.put(f"{provisioned.url}/schema", json=schema)
        assert "_watermark" not in provisioned.sandbox.directory.get("synchronizationJob", provisioned.job_id)

    def test_delete_restores_the_schema_of_the_template(self, graph, provisioned):
        assert graph.delete(f"{provisioned.url}/schema").status_code == 204
        schema = graph.get(f"{provisioned.url}/schema").json()
        mapping = next(
            m for m in schema["synchronizationRules"][0]["objectMappings"] if m["sourceObjectName"] == "User"
        )
        external = next(a for a in mapping["attributeMappings"] if a["targetAttributeName"] == "externalId")
        assert external["source"]["name"] == "mailNickname"


class TestCredentials:
    def body(self, sandbox: Sandbox, **changes: str) -> dict[str, Any]:
        variables = sandbox.variables()
        values = {
            "BaseAddress": variables["KIRO_SCIM_ENDPOINT"],
            "SecretToken": variables["KIRO_SCIM_TOKEN"],
            **changes,
        }
        return {"credentials": [{"key": key, "value": value} for key, value in values.items()]}

    def test_valid_credentials(self, graph, provisioned, sandbox):
        response = graph.post(f"{provisioned.url}/validateCredentials", json=self.body(sandbox))
        assert (response.status_code, response.content) == (204, b"")
        saved = graph.post(f"{provisioned.url}/validateCredentials", json={"useSavedCredentials": True})
        assert saved.status_code == 204

    def test_without_a_job(self, graph, base, sandbox):
        body = {"applicationIdentifier": "scim", "templateId": "scim", **self.body(sandbox)}
        assert graph.post(f"{base}/jobs/validateCredentials", json=body).status_code == 204

    def test_invalid_credentials_have_a_message(self, graph, provisioned, sandbox):
        response = graph.post(
            f"{provisioned.url}/validateCredentials", json=self.body(sandbox, SecretToken="wrong")
        )
        status, code, message = error_of(response)
        assert status == 400
        assert "InvalidCredentials" in code
        assert message

    def test_missing_credentials(self, graph, base):
        assert graph.post(f"{base}/jobs/validateCredentials", json={"credentials": []}).status_code == 400


class TestStartPauseRestart:
    def test_start_runs_a_cycle(self, graph, provisioned):
        job = provisioned.start()
        assert (job["schedule"]["state"], job["status"]["code"]) == ("Active", "Active")
        assert job["status"]["lastSuccessfulExecution"]["state"] == "Succeeded", job["status"]
        names = {user["userName"]: user["externalId"] for user in provisioned.users()}
        members = graph.get(f"/groups/{provisioned.group_id}/members").json()["value"]
        assert names == {m["userPrincipalName"]: m["id"] for m in members}
        assert len(names) == 3

    def test_the_log_lists_the_created_objects(self, graph, provisioned):
        provisioned.start()
        query = {"$filter": f"jobId eq '{provisioned.job_id}' and provisioningAction eq 'create'"}
        created = graph.get("/auditLogs/provisioning", params=query).json()["value"]
        kinds = sorted(entry["sourceIdentity"]["identityType"].lower() for entry in created)
        assert kinds == ["group", "user", "user", "user"]

    def test_pause(self, graph, provisioned):
        provisioned.start()
        assert graph.post(f"{provisioned.url}/pause").status_code == 204
        job = provisioned.job()
        assert (job["schedule"]["state"], job["status"]["code"]) == ("Paused", "Paused")

    def test_an_invalid_token_quarantines_the_job_and_a_valid_one_ends_it(self, graph, provisioned):
        provisioned.save_credentials(SecretToken="wrong")
        job = provisioned.start()
        assert job["status"]["code"] == "Quarantine"
        assert job["status"]["quarantine"]["reason"] == "EncounteredQuarantineException"
        provisioned.save_credentials()
        restarted = graph.post(
            f"{provisioned.url}/restart", json={"criteria": {"resetScope": "QuarantineState"}}
        )
        assert restarted.status_code == 204
        job = provisioned.after_cycle()
        assert (job["status"]["code"], job["status"]["quarantine"]) == ("Active", None)

    def test_restart_needs_known_scopes(self, graph, provisioned):
        url = f"{provisioned.url}/restart"
        assert graph.post(url, json={"criteria": {"resetScope": "Everything"}}).status_code == 400
        assert (
            graph.post(
                url, json={"criteria": {"resetScope": "Watermark, Escrows, QuarantineState"}}
            ).status_code
            == 204
        )
        assert graph.post(url, json={"criteria": {}}).status_code == 204

    def test_full_clears_the_links(self, graph, provisioned, sandbox):
        provisioned.start()
        before = sandbox.directory.get("synchronizationJob", provisioned.job_id)
        assert before["_links"]
        graph.post(f"{provisioned.url}/pause")
        graph.post(f"{provisioned.url}/restart", json={"criteria": {"resetScope": "Full"}})
        job = provisioned.after_cycle()
        assert job["status"]["lastExecution"]["state"] == "Succeeded"
        assert len(provisioned.users()) == 3


class TestOnDemand:
    def request(
        self, provisioned: Provisioned, graph: httpx.Client, key: str, kind: str = "User", **subject: Any
    ) -> httpx.Response:
        rule = graph.get(f"{provisioned.url}/schema").json()["synchronizationRules"][0]["id"]
        subjects = [{"objectId": key, "objectTypeName": kind, **subject}]
        body = {"parameters": [{"ruleId": rule, "subjects": subjects}]}
        return graph.post(f"{provisioned.url}/provisionOnDemand", json=body)

    def test_a_user(self, graph, provisioned):
        alice = graph.get("/users/alice@contoso.example").json()["id"]
        response = self.request(provisioned, graph, alice)
        assert response.status_code == 200
        assert json.loads(response.json()["key"])["result"] == "Success"
        assert isinstance(json.loads(response.json()["value"]), dict)
        assert [user["externalId"] for user in provisioned.users()] == [alice]

    def test_at_most_five_members(self, graph, provisioned):
        members = [{"objectId": f"{n}", "objectTypeName": "User"} for n in range(6)]
        response = self.request(provisioned, graph, provisioned.group_id, "Group", links={"members": members})
        assert error_of(response)[0] == 400

    def test_at_most_five_requests_in_the_window(self, graph, provisioned, long_window):
        dan = graph.get("/users/dan@contoso.example").json()["id"]
        for _ in range(5):
            assert self.request(provisioned, graph, dan).status_code == 200
        response = self.request(provisioned, graph, dan)
        assert error_of(response)[:2] == (429, "TooManyRequests")
        assert 1 <= int(response.headers["Retry-After"]) <= 3600


class TestOverdueJobs:
    def ago(self, minutes: float) -> str:
        return (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def age(self, provisioned: Provisioned, minutes: float, **private: Any) -> None:
        directory = provisioned.sandbox.directory
        job = directory.get("synchronizationJob", provisioned.job_id)
        job["status"]["lastExecution"] |= {"timeBegan": self.ago(minutes), "timeEnded": self.ago(minutes)}
        directory.put("synchronizationJob", provisioned.job_id, {**job, **private})

    def reopened(self, provisioned: Provisioned) -> dict[str, Any]:
        home = provisioned.sandbox.home
        provisioned.sandbox.close()
        with Sandbox(home).start() as again:
            return again.directory.get("synchronizationJob", provisioned.job_id)

    @pytest.mark.parametrize(
        ("minutes", "private", "runs"), [(60, {}, True), (20, {}, False), (60, {"_stalled": True}, False)]
    )
    def test_a_restarted_sandbox_runs_overdue_jobs(self, provisioned, minutes, private, runs):
        provisioned.start()
        self.age(provisioned, minutes, **private)
        began = self.reopened(provisioned)["status"]["lastExecution"]["timeBegan"]
        assert (began > self.ago(minutes - 1)) == runs

    def test_a_paused_job_stays_paused(self, graph, provisioned):
        provisioned.start()
        graph.post(f"{provisioned.url}/pause")
        self.age(provisioned, 500)
        assert self.reopened(provisioned)["status"]["lastExecution"]["timeBegan"] < self.ago(499)

    def test_reading_an_overdue_job_starts_a_cycle(self, provisioned):
        provisioned.start()
        self.age(provisioned, 60)
        provisioned.job()
        assert provisioned.after_cycle()["status"]["lastExecution"]["timeBegan"] > self.ago(59)

    def test_only_a_restart_ends_a_simulated_hang(self, graph, provisioned):
        provisioned.start()
        self.age(provisioned, 60, _stalled=True)
        schema = graph.get(f"{provisioned.url}/schema").json()
        assert graph.put(f"{provisioned.url}/schema", json=schema).status_code == 204
        assert provisioned.after_cycle()["status"]["lastExecution"]["timeBegan"] < self.ago(59)
        assert graph.post(f"{provisioned.url}/restart").status_code == 204
        assert provisioned.after_cycle()["status"]["lastExecution"]["timeBegan"] > self.ago(59)

    def test_quarantined_jobs_follow_their_next_attempt(self):
        job = {
            "schedule": {"state": "Active", "interval": "PT40M"},
            "status": {
                "code": "Quarantine",
                "quarantine": {"nextAttempt": self.ago(-60)},
                "lastExecution": {"timeBegan": self.ago(90)},
            },
        }
        assert not is_overdue(job, datetime.now(UTC))
        assert is_overdue(job, datetime.now(UTC) + timedelta(minutes=61))

    def test_a_job_with_the_never_interval_is_not_overdue(self):
        job = {
            "schedule": {"state": "Active", "interval": "P10675199DT2H48M5.4775807S"},
            "status": {"code": "Active", "lastExecution": {"timeBegan": self.ago(10_000)}},
        }
        assert not is_overdue(job, datetime.now(UTC))


class TestCycleScheduler:
    def scheduler(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, run: Callable[..., None]
    ) -> CycleScheduler:
        from provisioner.sandbox.entra import provisioning

        monkeypatch.setattr(provisioning, "run_cycle", run)
        return CycleScheduler(sandbox.directory)

    def test_one_cycle_at_a_time_and_one_more_after_it(self, sandbox, monkeypatch):
        import threading

        release, entered, runs, running = threading.Event(), threading.Event(), [], []

        def run(_directory: object, job_id: str) -> None:
            running.append(1)
            assert len(running) == 1
            runs.append(job_id)
            entered.set()
            assert release.wait(300)
            running.pop()

        scheduler = self.scheduler(sandbox, monkeypatch, run)
        scheduler.start("j")
        assert entered.wait(300)
        for _ in range(3):
            scheduler.start("j")
        release.set()
        assert scheduler.wait(300)
        assert runs == ["j", "j"]

    def test_after_close_nothing_starts(self, sandbox, monkeypatch):
        runs: list[str] = []
        scheduler = self.scheduler(sandbox, monkeypatch, lambda _directory, job: runs.append(job))
        scheduler.close()
        scheduler.start("j")
        assert scheduler.wait(300)
        assert runs == []
