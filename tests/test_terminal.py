"""What a terminal cannot show becomes the nearest that it can."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from provisioner.cli.terminal import make_legible


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        ("latin-1", "✓ done … a → b ± c é", "+ done ... a -> b ± c é"),
        ("ascii", "✗ ○ ± é 中", "x o +- \\xe9 \\u4e2d"),
        ("utf-8", "✓ 中", "✓ 中"),
    ],
)
def test_signs_and_everything_else(monkeypatch, encoding, text, shown):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    make_legible()
    print(text, end="", flush=True)
    assert raw.getvalue().decode(encoding) == shown


def test_a_stream_that_takes_no_settings_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    make_legible()
    print("✓", end="")
    assert sys.stdout.getvalue() == "✓"


@pytest.mark.parametrize("command", ["checks list", "schema", "--help"])
def test_whoever_stops_reading_is_not_shown_a_traceback(command):
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
