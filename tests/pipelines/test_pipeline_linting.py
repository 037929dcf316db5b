"""The linters of these systems accept the written pipelines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.pipelines.pipeline_cases import PROVIDERS, SYSTEMS

BIN = Path(sys.executable).parent

YAML_STYLE = """
extends: default
rules:
  braces: {max-spaces-inside: 0}
  comments: {min-spaces-from-content: 1}
  document-start: disable
  line-length: disable
  truthy: {check-keys: false}
"""

cases = pytest.mark.parametrize("providers", PROVIDERS, ids="-".join)
shards = pytest.mark.parametrize("shards", ["1", "3"])


def lint(tool: str, *arguments: str | Path) -> str:
    """The messages of a linter; empty if it accepts the files."""
    done = subprocess.run([BIN / tool, *arguments], capture_output=True, text=True, check=False, timeout=600)
    return "" if done.returncode == 0 else f"{done.stdout}\n{done.stderr}"


def scripts(node: Any) -> Iterator[str]:
    """Every shell script in a pipeline's tree."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("run", "bash", "inlineScript") and isinstance(value, str):
                yield value
            elif key in ("before_script", "script", "args"):
                yield from value
            else:
                yield from scripts(value)
    elif isinstance(node, list):
        for element in node:
            yield from scripts(element)


@cases
@shards
def test_github(init, providers, shards):
    folder = init("github", providers, "--shards", shards) / ".github" / "workflows"
    files = sorted(folder.glob("*.yml"))
    assert len(files) == 3
    assert lint("actionlint", "-shellcheck", BIN / "shellcheck", "-pyflakes", "", *files) == ""
    assert lint("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files) == ""
    assert (
        lint("check-jsonschema", "--builtin-schema", "custom.github-workflows-require-timeout", *files) == ""
    )
    assert lint("zizmor", "--offline", "--no-progress", "--quiet", *files) == ""


@cases
@shards
def test_gitlab(init, providers, shards):
    file = init("gitlab", providers, "--shards", shards) / ".gitlab-ci.provisioner.yml"
    arguments = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    assert lint("check-jsonschema", *arguments, file) == ""


@cases
@shards
def test_azure(init, providers, shards, tmp_path):
    file = init("azure", providers, "--shards", shards) / "azure-pipelines.provisioner.yml"
    strings = tmp_path / "strings.json"  # to Azure, every scalar is a string
    pipeline = yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader)
    for step in azure_steps(pipeline):
        step.pop(
            "target", None
        )  # documented, but not in this schema: learn.microsoft.com, YAML schema, target
    strings.write_text(json.dumps(pipeline))
    arguments = ("--builtin-schema", "vendor.azure-pipelines", "--regex-variant", "nonunicode")
    assert lint("check-jsonschema", *arguments, strings) == ""


@cases
@shards
def test_steps_of_azure_that_print_tenant_names_can_run_no_command(init, providers, shards):
    """Only those: the others run the pipeline's own commands."""
    file = init("azure", providers, "--shards", shards) / "azure-pipelines.provisioner.yml"
    found = 0
    for step in azure_steps(yaml.safe_load(file.read_text(encoding="utf-8"))):
        script = step.get("bash") or step.get("inputs", {}).get("inlineScript", "")
        runs_provisioner = re.search(r"^ *provisioner \w+", script, re.MULTILINE) is not None
        restricted = {"commands": "restricted", "settableVariables": "none"}
        assert step.get("target") == (restricted if runs_provisioner else None)
        assert not (runs_provisioner and "##vso[" in script)
        found += runs_provisioner
    assert found == 4


def azure_steps(tree):
    """The steps of all jobs."""
    if isinstance(tree, dict):
        yield from tree.get("steps", ())
    for inner in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from azure_steps(inner)


@cases
@shards
def test_kubernetes(init, providers, shards):
    file = init("kubernetes", providers, "--shards", shards) / "provisioner-drift.yaml"
    kinds = []
    for resource in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)
        kinds.append(resource["kind"])
    assert kinds == ["ServiceAccount", "PersistentVolumeClaim", "CronJob"]


@pytest.mark.parametrize("system", SYSTEMS)
@cases
def test_the_style_of_the_yaml(init, system, providers):
    repository = init(system, providers)
    files = [path for path in repository.rglob("*.y*ml") if path.parent.name != "books"]
    assert lint("yamllint", "--strict", "-d", YAML_STYLE, *files) == ""


@pytest.mark.parametrize("system", ["gitlab", "azure", "kubernetes"])
@cases
def test_the_shell_of_every_step(init, system, providers, tmp_path):
    repository = init(system, providers, "--shards", "2")
    (file,) = (path for path in repository.iterdir() if path.is_file())
    dialect = "sh" if system == "kubernetes" else "bash"
    found = [one for tree in yaml.safe_load_all(file.read_text(encoding="utf-8")) for one in scripts(tree)]
    assert found
    for number, script in enumerate(found):
        step = tmp_path / f"{number}.sh"
        step.write_text(script)
        # variables come from the system, and go to its next step
        assert lint("shellcheck", "--shell", dialect, "--exclude", "SC2034,SC2154", step) == ""


@pytest.mark.parametrize(
    ("tool", "arguments", "mistake"),
    [
        (
            "actionlint",
            (),
            "on: push\njobs: {a: {runs-on: ubuntu-24.04, steps: [{run: 'echo ${{ github.nothing }}'}]}}\n",
        ),
        (
            "zizmor",
            ("--offline", "--quiet"),
            "on: push\njobs: {a: {runs-on: x, steps: [{uses: a/b@main}]}}\n",
        ),
        ("shellcheck", ("--shell", "bash"), "rm $1/*\n"),
        ("yamllint", ("--strict",), "a:   b\n"),
        ("check-jsonschema", ("--builtin-schema", "vendor.gitlab-ci"), "a: {script: {}}\n"),
        (
            "check-jsonschema",
            ("--builtin-schema", "vendor.azure-pipelines", "--regex-variant", "nonunicode"),
            "stages: 3\n",
        ),
    ],
)
def test_every_linter_detects_a_mistake(tmp_path, tool, arguments, mistake):
    file = tmp_path / "mistake.yml"
    file.write_text(mistake)
    assert lint(tool, *arguments, file) != ""
