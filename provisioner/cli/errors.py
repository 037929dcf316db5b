"""Errors on the terminal: messages, hints, and bugs without values, so that no secret can appear."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path

import click

from provisioner.core.errors import PlaybookError, ProvisionerError
from provisioner.core.untrusted import plain
from provisioner.file_writing import write_text


def report_error(error: ProvisionerError) -> None:
    """Print an error and what to do next, and the other errors of the same playbook."""
    _print_error(error)
    if isinstance(error, PlaybookError):
        for other in error.others:
            _print_error(other)


def _print_error(error: ProvisionerError) -> None:
    click.echo(f"{click.style('error', fg='red', bold=True)}: {plain(error.title)}", err=True)
    for detail in error.details:
        click.echo(f"    {plain(detail)}", err=True)
    if error.hint:
        click.echo(f"  next: {plain(error.hint)}", err=True)


def report_usage_error(error: click.ClickException) -> None:
    """Print an error of the command line, which may quote the name of a file."""
    if isinstance(error, click.MissingParameter):  # its message has several lines, and quotes nothing
        error.show()
    elif isinstance(error, click.UsageError):
        click.UsageError(plain(error.format_message()), error.ctx).show()
    else:
        click.ClickException(plain(error.format_message())).show()


def report_bug(error: Exception) -> None:
    """Print that this is a bug of the tool, and where the stack was saved."""
    bug = bug_error(error)
    click.echo(f"error: {bug.message}", err=True)
    click.echo(f"  next: {bug.hint}", err=True)


class BugLog(logging.Handler):
    """Prints what the sandbox logs about its own bugs in one line, without a traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line; the stack is saved in a file."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception):
            click.echo(f"error: {record.getMessage()}: {bug_error(error).message}", err=True)
        else:
            click.echo(f"{record.levelname.lower()}: {record.getMessage()}", err=True)


def bug_error(error: Exception) -> ProvisionerError:
    """A bug as an error with a message and a hint. Its stack is saved in a file: places in the code, no values."""
    stack = [
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    name = type(error).__name__
    file = _save_stack(name, stack)
    return ProvisionerError(
        f"this is a bug in provisioner: {name} at {stack[-1] if stack else 'unknown place'}",
        hint=f"report it{f' with {file}, which holds no values' if file else ''}",
    )


def _save_stack(name: str, stack: list[str]) -> Path | None:
    """Write a stack into the state directory; None if it cannot be written."""
    from provisioner.settings import state_dir  # noqa: PLC0415 - start-up time

    path = state_dir() / "crashes" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.txt"
    try:
        write_text(path, "\n".join([name, *stack]) + "\n", private=True)
    except ProvisionerError:
        return None
    return path
