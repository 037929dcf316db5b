"""A repository made by ``ci init github`` with a shipped playbook: its workflows' steps, run as GitHub would, against a served sandbox."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from provisioner.cli import main
from provisioner.sandbox import control, faults
from tests.pipelines.workflow_steps import run_job
from tests.sandboxes import Sandbox

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = {
    "github.token": "t0ken",
    "github.server_url": "https://github.example",
    "github.repository": "o/r",
    "github.run_id": "1",
    "matrix.shard": "1",
    "vars.KIRO_DOMAIN": "contoso.example",
}
WITHOUT = ("Install provisioner", "Open, update or close the issue")
PROGRAM = """\
#!/usr/bin/env bash
# The product, with the sandbox in the place of the tenant.
case $1 in plan | apply | drift) set -- "$@" --sandbox ;; esac
exec {python} -m provisioner "$@"
"""


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copy(ROOT / "playbooks" / "entra.yaml", folder)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "provisioner"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    assert main(["ci", "init", "github", str(folder / "entra.yaml"), "--dir", str(folder)]) == 0
    return folder


@pytest.fixture
def sandbox(tmp_path):
    with Sandbox(tmp_path / "state" / "sandbox").start(shared=True) as sandbox:
        yield sandbox


@pytest.fixture
def job(repository, sandbox, tmp_path):
    """Runs a job of a workflow."""
    environment = {
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PROVISIONER_STATE_DIR": str(tmp_path / "state"),
        "GITHUB_REPOSITORY": "o/r",
    }

    def run(workflow, name):
        file = repository / ".github" / "workflows" / f"provisioner-{workflow}.yml"
        return run_job(
            file, name, folder=repository, environment=environment, context=CONTEXT, without=WITHOUT
        )

    return run


def nightly(job):
    """The two jobs of the nightly workflow."""
    compared = job("drift", "drift")
    assert compared.code == 0, compared.log
    return job("drift", "report")


def merged(job, repository):
    """What was merged is planned, approved and applied."""
    planned = job("apply", "plan")
    assert planned.code == 0, planned.log
    assert planned.outputs["pending"] == "true"
    assert (repository / "plans" / "0000.json").exists()
    return planned


def test_from_an_empty_tenant_to_a_clean_night(job, repository):
    before = nightly(job)
    assert before.code == 3
    planned = merged(job, repository)
    assert "entra-application" in planned.summary
    applied = job("apply", "apply")
    assert applied.code == 0, applied.log
    assert "Verified: the tenant matches the playbook." in applied.log
    clean = nightly(job)
    assert clean.code == 0, clean.log
    assert "::error" not in clean.log


def test_drift_is_in_annotations_summary_and_sarif(job, repository, sandbox):
    merged(job, repository)
    assert job("apply", "apply").code == 0
    control.misconfigure(sandbox, "entra-redirect-uri-extra")
    night = nightly(job)
    assert night.code == 3
    assert "::error file=entra.yaml,line=" in night.log
    assert "attacker.example" in night.summary
    (result,) = json.loads((repository / "drift.sarif").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "entra.yaml"
    line = (repository / "entra.yaml").read_text().splitlines()[place["region"]["startLine"] - 1]
    assert line == "application:"
    assert "attacker.example" in (repository / "drift.html").read_text()


def test_a_tenant_that_cannot_be_read_is_not_reported_as_drift(job, sandbox):
    faults.add(sandbox.store, {"on": "*", "effect": "status", "status": 403, "times": None})
    night = nightly(job)
    assert night.code == 1
    assert "1 error" in night.summary


def test_a_stale_plan_is_refused_and_nothing_is_written(job, repository, sandbox):
    merged(job, repository)
    assert job("apply", "apply").code == 0
    control.misconfigure(sandbox, "entra-token-version")
    merged(job, repository)
    control.misconfigure(sandbox, "entra-redirect-uri-extra")
    refused = job("apply", "apply")
    assert refused.code != 0
    assert "changed since the plan was made" in refused.log
    assert "::error title=Not applied::" in refused.log
    assert nightly(job).code == 3
