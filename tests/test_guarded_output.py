"""What the program prints runs no command of a CI system and no escape sequence, whatever a tenant is called."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from xml.etree import ElementTree as ET

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.cli.output import Output
from provisioner.cli.terminal import guarded_output
from provisioner.core import redaction
from provisioner.reports import formats
from provisioner.reports.models import DriftReport, ErrorReport
from provisioner.reports.text import drift_text

COMMANDS = [
    "##vso[task.setvariable variable=a]b",
    "###vso[task.setvariable variable=a]b",
    "#####[group]x",
    "##[add-mask]x",
    "::error::x",
    " \t ::set-env name=a::b",
    "\u00a0::stop-commands::x",
    "a\n::error::x",
    "a\r::error::x",
    "a\u2028::error::x",
    "a\x85::error::x",
    "\x1b[2K\r##vso[task.complete]",
    "##vs\no[",
]
MACHINE_FORMATS = ("json", "ndjson", "sarif", "gitlab")
TEXTS = st.one_of(
    st.sampled_from(COMMANDS), st.text(st.sampled_from("#:[]vso\r\n\t \x1b\u2028ab"), max_size=30)
)


def acts(printed: str) -> bool:
    """Whether a runner would find a command, as azure-pipelines-agent and actions/runner look for one."""
    lines = re.split(r"\r\n|\r|\n|\x85|\u2028|\u2029|\x0b|\x0c", printed)
    return any(line.lstrip().startswith("::") or re.search(r"##\w*\[", line) for line in lines)


def printed(work) -> tuple[str, str]:
    """What some work prints."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = io.StringIO(newline=""), io.StringIO(newline="")
    try:
        with guarded_output():
            work()
        return sys.stdout.getvalue(), sys.stderr.getvalue()
    finally:
        sys.stdout, sys.stderr = before


def report(text: str) -> DriftReport:
    error = ErrorReport(playbook=f"{text}.yaml", message=text, hint=text, request_id=text)
    return DriftReport(
        in_sync=False,
        plans=(),
        summary={"in_sync": 0, "drifted": 0, "waived": 0, "errors": 1},
        errors=(error,),
    )


def test_the_test_knows_commands():
    assert all(acts(command) for command in COMMANDS[:-1])


@pytest.mark.parametrize("format_", ["text", "json", *formats.FORMATS])
@given(text=TEXTS)
def test_no_report_has_a_command(format_, text):
    shown = report(text)
    output = Output(format_=format_)
    out, err = printed(lambda: output.report(shown, drift_text(shown, verbose=True)))
    if format_ == "github":  # its own annotations are commands
        *own, last = out.splitlines()
        assert all(line.startswith("::error file=") for line in own)
        assert len(own) == 1
        out = last
    assert not acts(out)
    assert err == ""


@given(text=TEXTS)
def test_nothing_on_either_stream_has_a_command(text):
    def work():
        print(text, file=sys.stderr)
        print("a", text, "b", sep="")
        click.echo(text)
        click.echo(text, err=True, nl=False)
        sys.stderr.write(text)
        Output(verbose=True).progress(text)
        Output().message(text)

    out, err = printed(work)
    assert not acts(out)
    assert not acts(err)


@pytest.mark.parametrize("format_", MACHINE_FORMATS)
@pytest.mark.parametrize("command", ["##vso[task.complete]", "###vso[a]", "#####[x]", "::error::x"])
def test_machine_formats_lose_nothing(format_, command):
    out, _ = printed(lambda: Output(format_=format_).report(report(command), ""))
    documents = [json.loads(line) for line in out.splitlines()] if format_ == "ndjson" else json.loads(out)
    assert json.dumps(command)[1:-1] in json.dumps(documents)


@pytest.mark.parametrize("command", ["##vso[task.complete]", "###vso[a]", "::error::x"])
def test_junit_and_csv_stay_valid(command):
    out, _ = printed(lambda: Output(format_="junit").report(report(command), ""))
    assert command in "".join(ET.fromstring(out).itertext())
    out, _ = printed(lambda: Output(format_="csv").report(report(command), ""))
    names, row = csv.reader(io.StringIO(out))
    assert len(names) == len(row)


def test_colours_and_progress_of_the_program_stay():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    sys.stderr, before = Terminal(), sys.stderr
    try:
        with guarded_output():
            Output()._print_live("reading")
            Output().clear_progress()
            click.echo(click.style("red", fg="red"), err=True, color=True)
            click.echo("\x1b]0;title\x07\x1b[5A\u202e", err=True, color=True)
        shown = sys.stderr.getvalue()
    finally:
        sys.stderr = before
    assert "\x1b[31mred\x1b[0m" in shown
    assert r"\x1b]0;title\x07\x1b[5A\u202e" in shown


def test_no_stream_prints_a_secret(monkeypatch):
    monkeypatch.setattr(redaction, "_registry", redaction.SecretRegistry())
    redaction.remember("canary-4f0d2c9a")

    def work():
        print("print", "canary-4f0d2c9a")
        print("in two", "can", "ary-4f0d2c9a", sep="")
        click.echo("echo canary-4f0d2c9a", err=True)
        sys.stderr.write("canary-")
        sys.stderr.write("4f0d2c9a")

    out, err = printed(work)
    assert "canary" not in out + err
    assert (out + err).count(redaction.MASK) == 3 + 1
