"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class _Playbook(click.Path):
    """A file, or one of the playbooks that come with the product, by the path it has in a checkout."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.exists() or path.parent.name != "playbooks":
            return path
        from provisioner.templating import shipped  # noqa: PLC0415 - start-up time

        known = shipped("playbooks") / path.name
        return known if known.exists() else path


PLAYBOOK = _Playbook(path_type=Path, dir_okay=False)


def playbook_argument(command: F) -> F:
    """One playbook."""
    return click.argument("playbook", type=PLAYBOOK)(command)


def playbooks_argument(command: F) -> F:
    """Any number of playbooks; none means every one in ./playbooks, or here."""
    return click.argument("playbook", type=PLAYBOOK, nargs=-1)(command)


def sandbox_option(command: F) -> F:
    """--sandbox."""
    return click.option(
        "--sandbox", is_flag=True, help="Use the built-in sandbox: nothing real is touched, nothing is asked."
    )(command)


def output_options(command: F) -> F:
    """--format, --no-color, --quiet, --verbose, the last three for whoever prints."""

    @click.option(
        "--format",
        "format_",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="What the report on standard output looks like.",
    )
    @click.option("--no-color", is_flag=True, help="No colours; NO_COLOR does the same.")
    @click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
    @click.option("-v", "--verbose", is_flag=True, help="Also what is as it should be, and every wait.")
    @wraps(command)
    def with_options(
        *args: Any, no_color: bool, quiet: bool, verbose: bool, format_: str, **options: Any
    ) -> Any:
        from provisioner.cli.printing import Printer  # noqa: PLC0415 - start-up time

        printer = Printer(format_=format_, colour=not no_color, quiet=quiet, verbose=verbose)
        return command(*args, printer=printer, **options)

    return with_options  # type: ignore[return-value]
