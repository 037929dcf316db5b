"""The distribution's name: nothing installs the name that belongs to another project on the public index."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from provisioner.cli import main
from provisioner.installation import command_for, install_command
from tests.pipelines.pipeline_cases import PLAYBOOKS, SYSTEMS

ROOT = Path(__file__).resolve().parents[2]
NAME = "kiro-provisioner"

REQUIREMENT = r"(?<![\w./@:-])provisioner(?:\[[^\]\s]*\]|\s*(?:==|~=|>=|<=|!=|@\s*(?:https?|file):)|(?=['\"]?(?:\s|$|[`;&|])))"
"""The bare name as a requirement: alone, with extras, with a version or an address."""
INSTALLS = re.compile(
    r"(?:\bpip3?\s+(?:install|download|wheel)|\buv\s+(?:add|pip\s+install|tool\s+(?:install|run)|run\s+--with)|\buvx"
    r"|\bpipx\s+(?:install|run|inject|upgrade)|\bpoetry\s+add|\bpdm\s+add|\bconda\s+install)\b[^\n;&|]*?"
    + REQUIREMENT
)
WITH_EXTRA_OR_VERSION = re.compile(
    r"(?<![\w./@:-])provisioner(?:\[[a-z0-9,]+\]|\s?(?:==|~=|>=)\s?[\d{*$][\w.*]*|\s@\s(?:https?|file):)"
)


def is_violation(line: str) -> bool:
    return bool(INSTALLS.search(line) or WITH_EXTRA_OR_VERSION.search(line))


def shipped_texts() -> dict[str, str]:
    """Every text file of the project except tests and recorded traffic."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    names = listed or [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file()]
    texts = {}
    for name in names:
        if name.startswith("tests/") or not (ROOT / name).is_file():
            continue
        try:
            texts[name] = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return texts


@pytest.mark.parametrize(
    "line",
    [
        "pip install provisioner",
        "hint=f\"pip install 'provisioner[{vendor}]'\"",
        "pip install --quiet 'provisioner[route53]'",
        "pip install -U provisioner; echo",
        "RUN pip3 install --no-cache-dir provisioner==1.0",
        "uv tool install provisioner",
        "uvx provisioner apply",
        "uv pip install `provisioner`",
        "pipx install provisioner",
        "pipx inject provisioner boto3",
        "provisioner==1.0.0 --hash=sha256:00",
        "provisioner @ https://example.com/a.whl",
        "poetry add provisioner",
    ],
)
def test_the_pattern_detects_what_installs_the_bare_name(line):
    assert is_violation(line)


@pytest.mark.parametrize(
    "line",
    [
        "pip install kiro-provisioner==1.0",
        "pip install .",
        "pip install boto3 && provisioner apply",
        "kiro-provisioner @ https://example.com/a.whl",
        "python -m pip install --require-hashes --requirement provisioner-requirements.txt",
        "pipx inject kiro-provisioner boto3",
        ".venv/bin/pip install -q . && .venv/bin/provisioner apply",
        "provisioner apply entra.yaml",
    ],
)
def test_the_pattern_accepts_the_rest(line):
    assert not is_violation(line)


def test_no_page_template_or_message_installs_the_bare_name():
    texts = shipped_texts()
    assert {"README.md", "pyproject.toml", "templates/ci/install.sh.j2", "docs/how-to/ci.md"} <= {*texts}
    found = [
        f"{name}: {line.strip()}"
        for name, text in texts.items()
        for line in text.replace("\\\n", " ").splitlines()
        if is_violation(line)
    ]
    assert found == []


def test_the_distribution_has_the_name_and_the_command_keeps_its_own():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == NAME
    assert project["scripts"] == {"provisioner": "provisioner.cli:main"}


@pytest.mark.parametrize(
    ("prefix", "has_pip", "command"),
    [
        ("/home/a/.venv", True, "/p -m pip install boto3 'a b'"),
        ("/usr", True, "/p -m pip install boto3 'a b'"),
        ("/home/a/.venv", False, "uv pip install --python /p boto3 'a b'"),
        (f"/home/a/.local/share/uv/tools/{NAME}", False, "uv pip install --python /p boto3 'a b'"),
        (f"/home/a/.local/share/uv/tools/{NAME}", True, "uv pip install --python /p boto3 'a b'"),
        (f"/home/a/.local/pipx/venvs/{NAME}", False, f"pipx inject {NAME} boto3 'a b'"),
        (f"/opt/pipx/venvs/{NAME}-1", True, f"pipx inject {NAME}-1 boto3 'a b'"),
        ("/home/pipx/venvs/x/deeper", True, "/p -m pip install boto3 'a b'"),
    ],
)
def test_a_library_is_added_with_the_tool_of_the_installation(prefix, has_pip, command):
    assert command_for(["boto3", "a b"], Path(prefix), "/p", has_pip=has_pip) == command


def test_this_installation_s_command_names_the_library():
    assert install_command("boto3").endswith(" boto3")
    assert "provisioner[" not in install_command("boto3")


@pytest.mark.parametrize("system", SYSTEMS)
def test_pipelines_install_only_what_is_pinned_by_hash(tmp_path, monkeypatch, capsys, system):
    monkeypatch.chdir(tmp_path)
    Path("okta.yaml").write_text((PLAYBOOKS / "okta.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["ci", "init", system, "okta.yaml"]) == 0
    assert "provisioner-requirements.txt" in capsys.readouterr().err
    files = [
        path for path in tmp_path.rglob("*.y*ml") if path.name != "okta.yaml" and "state" not in path.parts
    ]
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert not [line for line in text.splitlines() if is_violation(line)]
        installs = re.findall(r"\bpip install\b.*", text)
        assert bool(installs) == (system != "kubernetes")
        assert all("--require-hashes" in line for line in installs)
        assert [*yaml.safe_load_all(text)]
