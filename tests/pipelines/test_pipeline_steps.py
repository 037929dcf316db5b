"""The shell scripts of the pipelines, run as their systems do: calls, output and exit codes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.pipelines.stand_ins import StandIns, forge
from tests.pipelines.workflow_steps import filled, run_job, run_steps

BOTH = ["books/entra.yaml", "books/okta.yaml"]
CONTEXT = {
    "github.token": "t0ken",
    "github.event.pull_request.number": "7",
    "github.server_url": "https://github.example",
    "github.repository": "o/r",
    "github.run_id": "1",
    "matrix.shard": "1",
}
COMMENTS = "repos/o/r/issues/7/comments"
ISSUES = "repos/o/r/issues"

needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed: apt-get install jq")
needs_curl = pytest.mark.skipif(
    shutil.which("curl") is None, reason="curl is not installed: apt-get install curl"
)


@pytest.fixture
def stand_ins(tmp_path):
    return StandIns(tmp_path / "stand-ins")


@pytest.fixture
def hub():
    with forge() as served:
        yield served


WORKFLOW = {
    "env": {"A": "1", "B": "1"},
    "jobs": {
        "one": {"env": {"B": "2"}, "steps": [{"uses": "x"}, {"run": "echo", "id": "i", "env": {"C": 3}}]}
    },
}


class TestReadingAWorkflow:
    def test_steps_have_the_environment_that_is_around_them(self):
        (step,) = run_steps(WORKFLOW, "one")
        assert (step.id, step.script, step.env) == ("i", "echo", {"A": "1", "B": "2", "C": "3"})

    def test_expressions_are_filled_in(self):
        assert (
            filled("${{ vars.X }}-${{ github.token }}-${{ vars.Y }}", {"vars.X": "x", "github.token": "t"})
            == "x-t-"
        )

    def test_an_unknown_expression_is_an_error(self):
        with pytest.raises(KeyError, match="nothing"):
            filled("${{ github.nothing }}", {})


@needs_jq
class TestGithub:
    @pytest.fixture
    def run(self, init, stand_ins, hub):
        """Runs a job of a workflow on the playbooks of both providers."""
        repository = init("github")

        def job(workflow, job, **context):
            environment = stand_ins.environment(FORGE=hub.url, GITHUB_REPOSITORY="o/r")
            file = repository / ".github" / "workflows" / f"provisioner-{workflow}.yml"
            return run_job(
                file, job, folder=repository, environment=environment, context={**CONTEXT, **context}
            )

        job.folder = repository
        return job

    def test_a_pull_request_has_one_comment_which_is_kept_up_to_date(self, run, stand_ins, hub):
        hub.things[COMMENTS] = [{"id": 1, "user": {"login": "mallory"}, "body": "<!-- provisioner-plan -->"}]
        stand_ins.codes, stand_ins.text = {BOTH[0]: 3}, "first plan"
        assert run("plan", "plan").code == 0
        stand_ins.text = "second plan"
        ran = run("plan", "plan")
        assert ran.code == 0
        assert "second plan" in ran.summary
        other, own = hub.things[COMMENTS]
        assert other["body"] == "<!-- provisioner-plan -->"
        assert own["body"].startswith("<!-- provisioner-plan -->\n")
        assert own["body"].count("second plan") == 2
        assert "first plan" not in own["body"]
        assert [call[1] for call in stand_ins.calls] == BOTH * 2

    def test_a_plan_that_cannot_be_made_fails_after_the_comment_and_hides_no_other(self, run, stand_ins, hub):
        stand_ins.codes, stand_ins.writes = {BOTH[0]: 1, BOTH[1]: 5}, False
        assert run("plan", "plan").code == 1
        (comment,) = hub.things[COMMENTS]
        assert "books/entra.yaml: no plan (exit code 1)" in comment["body"]
        assert "books/okta.yaml: no plan (exit code 5)" in comment["body"]

    def test_a_comment_is_no_longer_than_github_takes(self, run, stand_ins, hub):
        stand_ins.text = "ä line of the plan\n" * 20_000
        assert run("plan", "plan").code == 0
        (comment,) = hub.things[COMMENTS]
        assert 50_000 < len(comment["body"]) < 65_536
        assert comment["body"].endswith("The rest is in the run.\n")

    def test_only_what_is_pending_is_kept_to_be_approved(self, run, stand_ins):
        stand_ins.codes = {BOTH[1]: 3}
        ran = run("apply", "plan")
        assert (ran.code, ran.outputs["pending"]) == (0, "true")
        assert [path.name for path in (run.folder / "plans").glob("*.json")] == ["0001.json"]

    @pytest.mark.parametrize(
        ("workflow", "job"), [("plan", "plan"), ("apply", "plan"), ("apply", "apply"), ("drift", "drift")]
    )
    def test_tenant_names_cannot_run_commands_of_the_runner(self, run, stand_ins, workflow, job):
        stand_ins.codes, stand_ins.text = {BOTH[0]: 3}, "a group ##[set-output name=pending]false"
        if job == "apply":
            run("apply", "plan")
        log = run(workflow, job).log
        _, stop, rest = log.partition("::stop-commands::")
        token, _, rest = rest.partition("\n")
        assert len(token) == 64
        assert stop
        assert rest.rindex("##[set-output") < rest.index(f"::{token}::")

    def test_nothing_pending_is_nothing_to_approve(self, run):
        assert run("apply", "plan").outputs["pending"] == "false"

    def test_the_approved_plans_are_applied_and_no_others(self, run, stand_ins):
        stand_ins.codes = {BOTH[1]: 3}
        run("apply", "plan")
        stand_ins.codes = {BOTH[1]: 4}
        ran = run("apply", "apply")
        assert ran.code == 0
        assert "::warning title=Manual step pending::" in ran.log
        assert stand_ins.calls[2:] == [["apply", BOTH[1], "--plan", "plans/0001.json", "--yes"]]

    def test_a_plan_that_is_refused_is_an_error_and_the_others_are_applied(self, run, stand_ins):
        stand_ins.codes = {BOTH[0]: 3, BOTH[1]: 3}
        run("apply", "plan")
        stand_ins.codes = {BOTH[0]: 5}
        ran = run("apply", "apply")
        assert ran.code == 1
        assert "::error title=Not applied::" in ran.log
        assert len(stand_ins.calls) == 4

    @pytest.mark.parametrize(("code", "ended"), [(0, 0), (1, 0), (3, 0), (2, 2), (5, 5)])
    def test_a_shard_leaves_the_exit_code_to_the_report(self, run, stand_ins, code, ended):
        stand_ins.codes = {"drift": code}
        assert run("drift", "drift").code == ended
        assert stand_ins.calls == [["drift", *BOTH, "--shard", "1/1", "--report", "json=results/1.json"]]

    def test_a_shard_without_a_result_has_failed(self, run, stand_ins):
        stand_ins.codes, stand_ins.writes = {"drift": 1}, False
        assert run("drift", "drift").code == 1

    def test_one_issue_is_opened_kept_up_to_date_and_closed(self, run, stand_ins, hub):
        run("drift", "drift")
        for code in (3, 1, 0, 0, 3):
            stand_ins.codes, stand_ins.text = {"merge": code}, f"report {code}"
            ran = run("drift", "report")
            assert ran.code == code
            assert f"report {code}" in ran.summary
        first, second = hub.things[ISSUES]
        assert first["state"] == "closed"
        assert "report 1" in first["body"]
        assert "state" not in second
        assert "report 3" in second["body"]
        assert len(hub.things[f"{ISSUES}/1/comments"]) == 1

    def test_no_result_at_all_is_an_error(self, run):
        assert run("drift", "report").code == 1


@needs_curl
class TestGitlab:
    @pytest.fixture
    def run(self, init, stand_ins, hub):
        """Runs a job's script on the playbooks of both providers."""
        repository = init("gitlab", ("entra", "okta"), "--shards", "2")
        pipeline = yaml.safe_load((repository / ".gitlab-ci.provisioner.yml").read_text())
        given = {
            **pipeline[".provisioner"]["variables"],
            "CI_API_V4_URL": hub.url,
            "CI_PROJECT_ID": "9",
            "CI_JOB_URL": "https://gitlab.example/1",
            "PROVISIONER_TOKEN": "t0ken",
        }

        def job(name, **more):
            (script,) = pipeline[name]["script"]
            return stand_ins.shell(script, repository, **given, **more)

        return job

    def test_a_merge_request_has_one_note_which_is_kept_up_to_date(self, run, stand_ins, hub):
        for text in ("first & plan", "second & plan"):
            stand_ins.text = text
            done = run("provisioner-plan", CI_MERGE_REQUEST_IID="4")
            assert done.returncode == 0, done.stderr
        (note,) = hub.things["projects/9/merge_requests/4/notes"]
        assert note["body"].startswith("<!-- provisioner-plan -->\n")
        assert note["body"].count("second & plan") == 2
        assert {headers["private-token"] for headers in hub.headers} == {"t0ken"}

    def test_one_issue_is_opened_kept_up_to_date_and_closed(self, run, stand_ins, hub):
        for index in ("1", "2"):
            assert run("provisioner-drift", CI_NODE_INDEX=index, CI_NODE_TOTAL="2").returncode == 0
        for code in (3, 1, 0, 0):
            stand_ins.codes, stand_ins.text = {"merge": code}, f"report {code}"
            assert run("provisioner-report").returncode == code
        (issue,) = hub.things["projects/9/issues"]
        assert (issue["state"], issue["labels"]) == ("closed", "provisioner-drift")
        assert "report 1" in issue["description"]
        assert [call[-3] for call in stand_ins.calls[:2]] == ["1/2", "2/2"]

    def test_a_plan_that_is_refused_fails_the_job(self, run, stand_ins):
        stand_ins.codes = {BOTH[0]: 3}
        run("provisioner-plan")
        stand_ins.codes = {BOTH[0]: 5}
        done = run("provisioner-apply")
        assert done.returncode == 1
        assert "Not applied" in done.stdout


@needs_curl
@needs_jq
class TestAzure:
    @pytest.fixture
    def stages(self, init):
        repository = init("azure")
        pipeline = yaml.safe_load((repository / "azure-pipelines.provisioner.yml").read_text())
        given = {one["name"]: one["value"] for one in pipeline["variables"] if "name" in one}
        return repository, {stage["stage"]: stage["jobs"][0] for stage in pipeline["stages"]}, given

    @staticmethod
    def script(job, title):
        (step,) = (one for one in job["steps"] if one.get("displayName") == title)
        return step.get("bash") or step["inputs"]["inlineScript"]

    @pytest.mark.parametrize(
        "sign", ["##vso[", "###vso[", "####vso[", "##[", "###[", "##vso[##vso[", "##[##["]
    )
    def test_tenant_names_cannot_run_commands_of_the_agent(self, stages, stand_ins, sign):
        repository, jobs, given = stages
        stand_ins.text = f"a group {sign}task.setvariable variable=failed]false"
        stand_ins.codes = {BOTH[0]: 3}
        done = stand_ins.shell(self.script(jobs["plan"], "Plan"), repository, **given)
        assert done.returncode == 0, done.stderr
        assert "# #" in done.stdout
        assert not re.search(r"##\w*\[", done.stdout)
        done = stand_ins.shell(self.script(jobs["plan"], "Publish the plan"), repository)
        assert done.stdout.splitlines() == [
            "##vso[task.setvariable variable=pending;isOutput=true]true",
            f"##vso[task.uploadsummary]{repository}/plan.md",
            "##vso[task.setvariable variable=failed]false",
        ]

    @pytest.mark.parametrize(
        ("code", "shown", "result"), [(0, "", 0), (4, "type=warning", 0), (5, "type=error", 1)]
    )
    def test_the_result_of_an_apply_is_published(self, stages, stand_ins, code, shown, result):
        repository, jobs, given = stages
        (repository / "plans").mkdir()
        (repository / "plans" / "0000.json").write_text("{}")
        stand_ins.codes = {"apply": code}
        job = {"steps": jobs["apply"]["strategy"]["runOnce"]["deploy"]["steps"]}
        done = stand_ins.shell(self.script(job, "Apply"), repository, **given)
        assert done.returncode == 0, done.stderr
        done = stand_ins.shell(self.script(job, "Set the result"), repository)
        assert done.returncode == result
        assert shown in done.stdout
        assert ("##vso[task.logissue" in done.stdout) == bool(shown)

    def test_the_exit_code_is_that_of_the_product(self, stages, stand_ins):
        repository, jobs, given = stages
        stand_ins.codes = {"drift": 5}
        done = stand_ins.shell(
            self.script(jobs["drift"], "Detect drift"), repository, **given, SYSTEM_JOBPOSITIONINPHASE="1"
        )
        assert done.returncode == 5

    def test_a_variable_that_is_not_set_is_unset_in_the_shell(self, stages, stand_ins):
        repository, jobs, given = stages
        script = self.script(jobs["plan"], "Plan") + '\necho "${OKTA_API_TOKEN-none} $OKTA_PRIVATE_KEY"'
        unset = {"OKTA_API_TOKEN": "$(OKTA_API_TOKEN)", "KIRO_SCIM_TOKEN": "", "OKTA_PRIVATE_KEY": "key"}
        assert stand_ins.shell(script, repository, **given, **unset).stdout.endswith("none key\n")

    def test_a_pull_request_has_one_comment_which_is_kept_up_to_date(self, stages, stand_ins, hub):
        repository, jobs, _ = stages
        given = {
            "SYSTEM_COLLECTIONURI": f"{hub.url}/",
            "SYSTEM_TEAMPROJECTID": "p",
            "BUILD_REPOSITORY_ID": "r",
            "SYSTEM_PULLREQUEST_PULLREQUESTID": "3",
            "SYSTEM_ACCESSTOKEN": "t0ken",
        }
        for text in ("first plan", 'second "plan"'):
            (repository / "plan.md").write_text(text)
            done = stand_ins.shell(
                self.script(jobs["plan"], "Comment on the pull request"), repository, **given
            )
            assert done.returncode == 0, done.stderr
        (thread,) = hub.things["p/_apis/git/repositories/r/pullRequests/3/threads"]
        assert thread["comments"][0]["content"] == '<!-- provisioner-plan -->\nsecond "plan"'
        assert not Path(repository, "curl.conf").exists()


class TestKubernetes:
    @pytest.fixture
    def run(self, init, stand_ins, tmp_path):
        """Runs the pod of one index, its volumes in a folder."""
        file = init("kubernetes", ("entra", "okta"), "--shards", "2") / "provisioner-drift.yaml"
        (job,) = (one for one in yaml.safe_load_all(file.read_text()) if one["kind"] == "CronJob")
        (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        (script,) = container["args"]
        script = script.replace("/results", str(tmp_path / "results")).replace(
            "/playbooks", str(file.parent / "books")
        )
        hidden = file.parent / "books" / "..data"
        hidden.mkdir()
        shutil.copy(file.parent / "books" / "okta.yaml", hidden)

        def pod(index):
            given = {"SHARDS": "2", "JOB_NAME": "nightly", "JOB_COMPLETION_INDEX": str(index)}
            return stand_ins.shell(f"set -eu\n{script}", tmp_path, shell="sh", **given)

        return pod

    def test_the_last_pod_merges_the_results(self, run, stand_ins, tmp_path):
        stand_ins.codes = {"drift": 3}
        assert [run(1).returncode, run(0).returncode] == [3, 3]
        first, second, merge = stand_ins.calls
        assert (first[4], second[4]) == ("2/2", "1/2")
        assert [Path(name).name for name in first[1:3]] == ["entra.yaml", "okta.yaml"]
        results = tmp_path / "results" / "nightly"
        assert merge[:4] == ["report", "merge", str(results / "0.json"), str(results / "1.json")]
        assert (results / "report" / "drift.html").exists()

    def test_a_pod_without_a_result_fails_and_nothing_is_merged(self, run, stand_ins):
        stand_ins.codes, stand_ins.writes = {"drift": 2}, False
        assert run(0).returncode == 2
        assert len(stand_ins.calls) == 1
