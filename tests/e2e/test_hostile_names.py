"""The name of a playbook acts on nothing: not on the screen, not on a CI system, not in a suggested command."""

from __future__ import annotations

import re
import subprocess

import pytest

from provisioner.cli.options import FORMATS

NAMES = [
    "a;touch PWNED;#.yaml",
    "a\n::error::x\n##vso[task.complete]\n.yaml",
    "a\x1b]0;owned\x07\x1b[2J.yaml",
    "a' $(touch PWNED) `touch PWNED`.yaml",
    "###vso[task.setvariable variable=a]b.yaml",
]
COMMANDS = [
    ("validate",),
    ("plan", "--sandbox"),
    ("drift", "--sandbox"),
    ("doctor", "--sandbox"),
    ("apply", "--sandbox"),
    ("handoff", "--sandbox"),
    ("destroy", "--sandbox", "--yes"),
    ("init", "--force"),
]


def assert_harmless(text: str, folder) -> None:
    for line in re.split(r"[\r\n\x85\u2028]+", text):
        assert not line.lstrip().startswith("::")
        assert not re.search(r"##\w*\[", line)
        assert "\x1b" not in line
        assert "\x07" not in line
        for command in re.findall(r"(?:Next|To restore it): (provisioner .*)", line):
            script = f"provisioner() {{ :; }}; {command}"
            subprocess.run(["bash", "-c", script], cwd=folder, check=True, capture_output=True)
            assert not (folder / "PWNED").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_acts_on_nothing(product, tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    playbook = product.variant(tmp_path / name, domains=None)
    for command, *options in COMMANDS:
        for format_ in FORMATS if command in ("drift", "doctor") else ("text", "json"):
            chosen = () if command == "init" else ("--format", format_)
            result = (
                product(command, playbook, *options, *chosen, "-v")
                if chosen
                else product(command, f"{playbook}2", *options)
            )
            assert "bug" not in result.err
            out = result.out
            if format_ == "github":
                out = "\n".join(
                    line
                    for line in out.splitlines()
                    if not re.match("::(error|warning|notice) (file|title)=", line)
                )
            assert_harmless(out + "\n" + result.err, tmp_path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", ["", "version: 9", "provider: entra\nx: {", "a: [", None])
def test_a_name_in_an_error_acts_on_nothing(product, tmp_path, name, content):
    file = tmp_path / name
    if content is not None:
        file.write_text(content)
    for command in ("validate", "plan", "apply", "drift", "doctor", "diff", "report"):
        arguments = (
            [str(file)] * 2
            if command == "diff"
            else ["merge", str(file)]
            if command == "report"
            else [str(file)]
        )
        result = product(command, *arguments)
        assert result.code == 2
        assert_harmless(result.out + result.err, tmp_path)
        assert len(result.err.splitlines()) <= 8
