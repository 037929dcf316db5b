"""The output of ``--help``: whole sentences that fit any terminal, commands in the order in which they are needed."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from provisioner.cli.app import cli
from provisioner.providers import PROVIDERS


def groups(group: click.Group, path: tuple[str, ...] = ()):
    yield pytest.param(path, id=" ".join(path) or "provisioner")
    for name, inner in group.commands.items():
        if isinstance(inner, click.Group):
            yield from groups(inner, (*path, name))


def helped(path: tuple[str, ...]) -> str:
    done = CliRunner().invoke(cli, [*path, "--help"], terminal_width=80)
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("path", [*groups(cli)])
def test_no_summary_is_cut_short_and_no_line_is_too_long(path):
    lines = helped(path).splitlines()
    listed = lines[lines.index("Commands:") + 1 :]
    assert not [line for line in listed if line.endswith("...")]
    assert not [line for line in lines if len(line) > 80]


def test_commands_are_listed_in_the_order_of_their_use():
    shown = helped(())
    assert shown.index("  init  ") < shown.index("  apply  ") < shown.index("  sandbox  ")


@pytest.mark.parametrize("path", [("init",), ("schema",), ("export",), ("checks", "list")], ids=" ".join)
def test_a_provider_that_is_registered_later_is_accepted(path, monkeypatch):
    refused = CliRunner().invoke(cli, [*path, "--provider", "acme"])
    assert "'acme' is not one of 'entra', 'okta'" in refused.output
    monkeypatch.setitem(PROVIDERS, "acme", "tests.acme")
    assert "entra|okta|acme" in helped(path)
    accepted = CliRunner().invoke(cli, [*path, "--provider", "acme"])
    assert "is not one of" not in accepted.output
