"""What a person is told when something fails. Secrets have no way in: only our own messages and frames are shown."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path

import click

from provisioner.core.errors import PlaybookError, ProvisionerError


def report_error(error: ProvisionerError) -> None:
    """Print an error, further faults of the same file, and what to do next."""
    from provisioner.reports.wording import plain  # noqa: PLC0415 - start-up time

    faults: tuple[ProvisionerError, ...] = (error,)
    if isinstance(error, PlaybookError):
        faults += error.others
    for fault in faults:
        first, *rest = str(fault).splitlines() or [""]
        click.echo(f"{click.style('error', fg='red', bold=True)}: {plain(first)}", err=True)
        for line in rest:
            click.echo(plain(line), err=True)
        if fault.hint:
            click.echo(f"  next: {plain(fault.hint)}", err=True)


def report_bug(error: Exception) -> None:
    """Say that this is our fault, and keep where it happened: places in our code, no values."""
    bug = as_bug(error)
    click.echo(f"error: {bug.message}", err=True)
    click.echo(f"  next: {bug.hint}", err=True)


class BugLog(logging.Handler):
    """What the sandbox logs of its own defects, as every bug is told: no traceback reaches a user."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line; where it happened is kept in a file."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception):
            click.echo(f"error: {record.getMessage()}: {as_bug(error).message}", err=True)
        else:
            click.echo(f"{record.levelname.lower()}: {record.getMessage()}", err=True)


def as_bug(error: Exception) -> ProvisionerError:
    """Our fault as an error for people; where it happened is kept in a file."""
    places = [
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    where = places[-1] if places else "unknown place"
    kept = _kept(type(error).__name__, places)
    return ProvisionerError(
        f"this is a bug in provisioner: {type(error).__name__} at {where}",
        hint=f"report it{f' with {kept}, which holds no values' if kept else ''}",
    )


def _kept(name: str, places: list[str]) -> Path | None:
    from provisioner.settings import state_dir  # noqa: PLC0415 - start-up time

    path = state_dir() / "crashes" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text("\n".join([name, *places]) + "\n", encoding="utf-8")
    except OSError:
        return None
    return path
