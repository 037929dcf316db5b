"""The documentation matches the product: reference pages are generated, commands are executed, links have targets."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from provisioner.cli.app import cli
from provisioner.providers.entra.playbook import EntraPlaybook

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_reference_pages_match_the_code():
    process = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, f"{process.stdout}{process.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_have_targets(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_ci_runs_the_commands_of_the_readme():
    commands = re.findall(r"```sh\n(.+)\n```", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert "provisioner apply playbooks/entra.yaml --sandbox" in commands[0]
    assert "pytest" in commands[1]
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def blocks(page: Path) -> list[tuple[str, list[str]]]:
    """The commands of a page, each with the lines of its expected output."""
    steps: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], []))
            else:
                steps[-1][1].append(line)
    return steps


def matches(expected: list[str], printed: str) -> bool:
    """Whether the output matches. A line ``...`` matches any lines, and ``...`` in a line matches any text.

    A duration at the end of a line is optional: it depends on the machine. The number of checks that pass is any number:
    it grows with every new check.
    """
    line_end = r"(?:  \d+\.\d s)?[ ]*\n"
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(re.escape("..."), ".*") + line_end
        for line in expected
    )
    pattern = re.sub(r"\d+(?=\\ passed)", r"\\d+", pattern)
    return (
        re.fullmatch(pattern, printed if printed.endswith("\n") or not printed else printed + "\n")
        is not None
    )


EXECUTED = [page for page in PAGES if "```console" in page.read_text(encoding="utf-8")]


def test_tutorials_and_pipeline_guides_are_executed():
    guides = {f"ci{system}.md" for system in ("", "-github", "-gitlab", "-azure", "-kubernetes")}
    tutorials = {"tutorial.md", "tutorial-okta.md", "tutorial-domains.md", "drift.md"}
    assert {page.name for page in EXECUTED} >= guides | tutorials


@pytest.mark.parametrize("page", EXECUTED, ids=lambda page: page.name)
def test_the_commands_of_a_page_print_its_output(tmp_path, page):
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("KIRO_", "ENTRA_", "AZURE_", "OKTA_"))
        },
        "PROVISIONER_STATE_DIR": str(tmp_path / "state"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "NO_COLOR": "1",
    }
    script = []
    steps = blocks(page)
    for number, (command, _) in enumerate(steps):
        script.append(
            f"{command} > {number}.out 2>&1" if command != "echo $?" else f"echo $code > {number}.out"
        )
        if command != "echo $?":
            script.append("code=$?")
    subprocess.run(["bash", "-c", "\n".join(script)], cwd=tmp_path, env=environment, check=True, timeout=1200)
    for number, (command, expected) in enumerate(steps):
        printed = (tmp_path / f"{number}.out").read_text(encoding="utf-8")
        assert matches(expected, printed), f"$ {command}\n{printed}"


def test_output_matches_its_pattern_and_nothing_else():
    assert matches(["a", "...", "d ... f"], "a\nb\nc\nd e f\n")
    assert matches(["a"], "a  4.3 s\n")
    assert matches(["44 passed, 1 failed"], "45 passed, 1 failed\n")
    assert not matches(["44 passed, 1 failed"], "44 passed, 2 failed\n")
    assert not matches(["a", "b"], "a\nc\n")
    assert not matches(["a"], "a\nb\n")


def commands_on(page: Path) -> list[str]:
    """The commands of provisioner in a page's blocks and sentences, without the name of the program."""
    text = page.read_text(encoding="utf-8")
    blocks_of_commands = re.findall(r"^```(?:sh|text)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks_of_commands for line in block.splitlines()]
    inline = re.findall(r"`(provisioner [^`]+)`", text)
    return [command.partition("provisioner ")[2] for command in (*lines, *inline) if USE.match(command)]


USE = re.compile(r"(?:\S*/)?provisioner (?!\[|COMMAND)[a-z-]")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_on_a_page_have_known_options(page):
    for written in commands_on(page):
        command, words = cli, shlex.split(written, comments=True)
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            name, *words = words
            assert name in command.commands, written
            command = command.commands[name]
        command.make_parser(click.Context(command)).parse_args(words)


def playbook_keys() -> list[tuple[str, dict[str, Any]]]:
    """The playbooks, and the parts of playbooks, that pages show."""
    sections = EntraPlaybook.model_fields.keys()
    found = []
    for page in PAGES:
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            keys = yaml.safe_load(textwrap.dedent(block))
            if "dns" in keys:  # a part of a domain
                keys = {"domains": [{"name": "example.com", **keys}]}
            if keys.keys() <= sections:
                found.append((page.name, keys))
    return found


@pytest.mark.parametrize(
    ("page", "keys"), playbook_keys(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_playbooks_on_a_page_are_valid(page, keys, tmp_path, monkeypatch):
    shown = yaml.safe_dump(keys)
    for variable in re.findall(r"\$\{(\w+)\}", shown):
        monkeypatch.setenv(
            variable, "https://scim.example.com/v2" if "ENDPOINT" in variable else "contoso.com"
        )
    smallest = {"version": 1, "name": "kiro", "provider": "entra", "connection": {"tenant": "contoso.com"}}
    file = tmp_path / "kiro.yaml"
    file.write_text(yaml.safe_dump({**smallest, **keys}), encoding="utf-8")
    done = CliRunner().invoke(cli, ["validate", str(file)])
    assert done.exit_code == 0, done.output


def test_pages_show_playbooks():
    assert {page for page, _ in playbook_keys()} == {"README.md", "domains.md", "drift.md", "export.md"}
