"""The hook for pre-commit: its definition is valid, it selects playbooks, and it reports their errors."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml
from pre_commit.clientlib import load_manifest

from provisioner.cli import main
from tests.pipelines.pipeline_cases import PLAYBOOKS

MANIFEST = Path(__file__).resolve().parents[2] / ".pre-commit-hooks.yaml"


@pytest.fixture
def hook():
    (only,) = load_manifest(MANIFEST)
    return only


def test_the_definition_is_valid_for_pre_commit(hook):
    assert hook["id"] == "provisioner-validate"
    assert hook["minimum_pre_commit_version"] != "0"
    assert yaml.safe_load(MANIFEST.read_text())[0]["description"]


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("playbooks/entra.yaml", True),
        ("identity/playbooks/okta.yml", True),
        ("playbooks/README.md", False),
        (".github/workflows/provisioner-plan.yml", False),
        ("notplaybooks/entra.yaml", False),
    ],
)
def test_it_is_about_files_in_a_folder_of_playbooks(hook, name, about):
    assert bool(re.search(hook["files"], name)) == about


@pytest.fixture
def run(hook):
    """Runs the hook on files as pre-commit does."""
    program, *arguments = shlex.split(hook["entry"])
    assert program == "provisioner"
    return lambda *files: main([*arguments, *hook["args"], *map(str, files)])


def test_shipped_playbooks_pass(run, tmp_path):
    shutil.copytree(PLAYBOOKS, tmp_path / "my playbooks")
    assert run(*sorted((tmp_path / "my playbooks").iterdir())) == 0


def test_an_error_is_reported_with_its_line(run, tmp_path, capsys):
    file = tmp_path / "entra.yaml"
    file.write_text((PLAYBOOKS / "entra.yaml").read_text().replace("groups:", "gruops:"))
    assert run(file) == 2
    assert re.search(r"entra\.yaml:\d+: .*did you mean 'groups'", capsys.readouterr().err)
