"""Printing: the report goes to standard output, everything else to standard error."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from provisioner.cli.files import write_file
from provisioner.core.errors import UsageError
from provisioner.settings import colour_wanted

if TYPE_CHECKING:
    from pydantic import BaseModel

    from provisioner.core.plan import Change
    from provisioner.core.provider import Outcome

_DOING: Final = {
    "create": "creating",
    "update": "updating",
    "replace": "replacing",
    "delete": "deleting",
}
_DONE: Final = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
}


@dataclass
class Printer:
    """How one command talks.

    Attributes:
        format_: of what goes to standard output: ``text``, ``json`` or another one.
        files: further formats, each with the file it is written into.
        colour: whether styles are allowed at all; without a terminal they are left out anyway.
    """

    format_: str = "text"
    colour: bool = True
    quiet: bool = False
    verbose: bool = False
    files: tuple[tuple[str, Path], ...] = ()
    _started: dict[str, float] = field(default_factory=dict)
    _live: bool = False
    _noted: str = ""
    _remarked: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def wants_json(self) -> bool:
        return self.format_ == "json"

    def report(self, report: BaseModel, text: str, *, failed: bool = False) -> None:
        """Print a report in the format that was asked for, and write it into files.

        Args:
            report: as data.
            text: the same for people.
            failed: an error that is told besides says it all: a person need not read it twice.

        Raises:
            UsageError: a file cannot be written.
        """
        self.clear()
        unwritten: list[UsageError] = []
        for format_, file in self.files:
            try:
                write_file(file, click.unstyle(self._rendered(report, text, format_)))
            except UsageError as error:
                unwritten.append(error)
        if not (failed and self.format_ == "text"):
            click.echo(self._rendered(report, text, self.format_), color=self._colour())
        if unwritten:
            raise unwritten[0]

    def write(self, report: BaseModel, file: Path) -> None:
        """Write a report into a file, as JSON.

        Raises:
            UsageError: it cannot be written.
        """
        from provisioner.reports.json import dumps  # noqa: PLC0415 - start-up time

        write_file(file, dumps(report) + "\n")

    def _rendered(self, report: BaseModel, text: str, format_: str) -> str:
        if format_ == "text":
            return text
        from provisioner.reports import formats  # noqa: PLC0415 - start-up time
        from provisioner.reports.json import dumps  # noqa: PLC0415

        if format_ == "json":
            return dumps(report)
        return formats.render(cast("Any", report), format_, root=Path.cwd())

    def say(self, text: str) -> None:
        """Tell the person something beside the report."""
        if not self.quiet:
            self.clear()
            click.echo(text, err=True, color=self._colour())

    def remark(self, text: str) -> None:
        """Tell something that is the same for several playbooks, once."""
        if text not in self._remarked:
            self._remarked.add(text)
            self.say(text)

    def next(self, *commands: str) -> None:
        """What to run now, one command a line; nothing when there is nothing to do."""
        if commands:
            self.say("\n" + "\n".join(f"Next: {command}" for command in commands))

    def note(self, text: str) -> None:
        """Tell what is being waited for: a passing line on a terminal, a lasting one elsewhere, each once."""
        from provisioner.reports.wording import plain  # noqa: PLC0415 - start-up time

        line = f"  … {plain(text)}"
        if sys.stderr.isatty() and not self.verbose:
            self._show_live(line)
        elif line != self._noted:
            self.say(line)
        self._noted = line

    # A watcher for the engine -----------------------------------------------------------------------------

    def starting(self, change: Change) -> None:
        """A change is about to be made."""
        self._started[change.address] = time.monotonic()
        self._show_live(f"  … {_DOING[change.action]} {change.address}")

    def finished(self, change: Change, _outcome: Outcome) -> None:
        """A change was made."""
        seconds = time.monotonic() - self._started.pop(change.address, time.monotonic())
        mark = click.style("✓", fg="green")
        took = f"  {seconds:.1f} s" if seconds >= 0.1 else ""
        if not self.wants_json:
            self.say(f"  {mark} {_DONE[change.action]} {change.address}{click.style(took, dim=True)}")

    def acted(self, address: str, what: str) -> None:
        """The sandbox's simulated person did a human step."""
        if not self.wants_json:
            mark = click.style("✓", fg="cyan")
            self.say(f"  {mark} by hand {address}{click.style(f'  (simulated: {what})', dim=True)}")

    def waiting(self, reason: str) -> None:
        """Nothing happens for the moment, and why."""
        self.note(reason)

    def clear(self) -> None:
        """Take back the line that shows what goes on."""
        with self._lock:
            if self._live:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
                self._live = False

    def _show_live(self, text: str) -> None:
        """One line that is overwritten; only on a terminal."""
        if self.quiet or not sys.stderr.isatty():
            return
        with self._lock:
            width = max(20, _columns() - 1)
            sys.stderr.write("\r\x1b[K" + text[:width])
            sys.stderr.flush()
            self._live = True

    def _colour(self) -> bool | None:
        """None lets click decide by whether the stream is a terminal."""
        return None if self.colour and colour_wanted() else False


def _columns() -> int:
    import shutil  # noqa: PLC0415 - start-up time

    return shutil.get_terminal_size().columns
