"""docs/architecture.md says what it takes to add a check and a playbook key: its changes work in a copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CASES = "tests/providers/entra/test_checks.py"


@pytest.fixture
def project(tmp_path):
    """A copy of the project."""
    for name in ("provisioner", "tests", "docs", "playbooks", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make_changes(project: Path, headline: str) -> set[str]:
    """Make the changes of a section of the page, and return the names of the changed files."""
    section = re.split(r"^## ", PAGE.partition(f"## {headline}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    blocks = re.findall(r"^ *```diff\n(.*?)^ *```$", section, flags=re.MULTILINE | re.DOTALL)
    changes = re.split(r"^--- ", "".join(map(textwrap.dedent, blocks)), flags=re.MULTILINE)[1:]
    for change in changes:
        name, _, hunks = change.partition("\n")
        for hunk in re.split(r"^@@\n", hunks, flags=re.MULTILINE):
            if hunk:
                make_change(project / name, hunk.splitlines())
    return {change.partition("\n")[0] for change in changes}


def make_change(file: Path, hunk: list[str]) -> None:
    """Replace the lines that a hunk shows, which must be in the file once."""
    before = "".join(f"{line[1:]}\n" for line in hunk if line[0] != "+")
    after = "".join(f"{line[1:]}\n" for line in hunk if line[0] != "-")
    text = file.read_text(encoding="utf-8") if before else ""
    assert not before or text.count(before) == 1, f"{file.name}: expected once:\n{before}"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text.replace(before, after) if before else after, encoding="utf-8")


def run(project: Path, *arguments: str) -> None:
    """Run Python in the copy; its package precedes the installed one."""
    process = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, f"{process.stdout}{process.stderr}"


def test_a_check_is_one_function_its_misconfiguration_and_its_cases(project):
    assert make_changes(project, "How to add a check") == {
        "provisioner/providers/entra/checks/application.py",
        "provisioner/sandbox/entra/misconfigurations/application.py",
        "tests/providers/entra/cases/entra-renamed/fail.yaml",
        "tests/providers/entra/cases/entra-renamed/pass.yaml",
    }
    run(project, "docs/generate.py")
    assert "entra-renamed" in (project / "docs" / "reference" / "checks.md").read_text(encoding="utf-8")
    catalogue = "tests/e2e/test_catalogue.py::test_break_report_fix[entra-renamed]"
    run(project, "-m", "pytest", "-q", CASES, catalogue, "tests/architecture/test_public.py")


def test_a_playbook_key_is_a_resource_field_a_key_and_a_case(project):
    assert make_changes(project, "How to add a playbook key") == {
        "provisioner/providers/entra/resources.py",
        "provisioner/providers/entra/playbook.py",
        "tests/e2e/keys/entra-notes.yaml",
    }
    run(project, "docs/generate.py")
    assert "Internal notes" in (project / "docs" / "reference" / "playbook.md").read_text(encoding="utf-8")
    case = "tests/e2e/test_keys.py::test_a_changed_key_is_applied_once[entra-notes]"
    run(project, "-m", "pytest", "-q", case)
