"""Characters that a terminal's encoding lacks."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from provisioner.cli.terminal import replace_unencodable


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        ("latin-1", "✓ done … a → b ± c é", "+ done ... a -> b ± c é"),
        ("ascii", "✗ ○ ± é 中", "x o +- \\xe9 \\u4e2d"),
        ("utf-8", "✓ 中", "✓ 中"),
    ],
)
def test_unencodable_characters_are_replaced(monkeypatch, encoding, text, shown):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    replace_unencodable()
    print(text, end="", flush=True)
    assert raw.getvalue().decode(encoding) == shown


def test_a_stream_without_reconfigure_is_unchanged(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    replace_unencodable()
    print("✓", end="")
    assert sys.stdout.getvalue() == "✓"


@pytest.mark.parametrize("command", ["checks list", "schema", "--help"])
def test_a_closed_pipe_prints_no_traceback(command):
    with subprocess.Popen(
        [sys.executable, "-m", "provisioner", *command.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
