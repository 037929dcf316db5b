"""What ``--help`` tells: whole sentences, at the width of any terminal, in the order in which they are needed."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from provisioner.cli.app import cli


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


def test_the_first_command_is_the_one_that_everybody_begins_with():
    shown = helped(())
    assert shown.index("  init  ") < shown.index("  apply  ") < shown.index("  sandbox  ")
