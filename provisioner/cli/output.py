"""Output of a command: its report goes to standard output, everything else to standard error."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from provisioner.cli.terminal import own_commands
from provisioner.core.errors import ProvisionerError
from provisioner.core.untrusted import plain
from provisioner.file_writing import write_text
from provisioner.settings import colour_allowed

if TYPE_CHECKING:
    from pydantic import BaseModel

    from provisioner.core.plan import Change
    from provisioner.core.provider import Outcome

_PRESENT: Final = {
    "create": "creating",
    "update": "updating",
    "replace": "replacing",
    "delete": "deleting",
}
_PAST: Final = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
}
_SHORTEST_TIME: Final = 0.1
"""Seconds; shorter times of a change are not printed."""


@dataclass
class Output:
    """Prints for one command. It is the engine's :class:`~provisioner.engine.ProgressListener`.

    Attributes:
        format_: of the report on standard output: ``text``, ``json`` or another format.
        colour: whether colours are allowed; without a terminal there are none.
        quiet: print no progress.
        verbose: print every wait, and what is in sync.
        files: more formats, each with the file that it is written into.
    """

    format_: str = "text"
    colour: bool = True
    quiet: bool = False
    verbose: bool = False
    files: tuple[tuple[str, Path], ...] = ()
    _started: dict[str, float] = field(default_factory=dict)
    _has_live_line: bool = False
    _last_progress: str = ""
    _printed_once: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_json(self) -> bool:
        return self.format_ == "json"

    def report(self, report: BaseModel, text: str, *, failed: bool = False) -> None:
        """Print a report in the requested format, and write it into the requested files.

        Args:
            report: the report as data.
            text: the report as text.
            failed: an error that follows contains the whole report; as text it is not printed twice.

        Raises:
            ProvisionerError: a file cannot be written; the others are.
        """
        self.clear_progress()
        errors: list[ProvisionerError] = []
        for format_, file in self.files:
            try:
                write_text(file, click.unstyle(self._render(report, text, format_)))
            except ProvisionerError as error:
                errors.append(error)
        if not (failed and self.format_ == "text"):
            with own_commands() if self.format_ == "github" else nullcontext():
                click.echo(self._render(report, text, self.format_), color=self._click_colour())
        if errors:
            raise errors[0]

    def write_json(self, report: BaseModel, file: Path) -> None:
        """Write a report into a file, as JSON.

        Raises:
            ProvisionerError: the file cannot be written.
        """
        from provisioner.reports.json import dumps  # noqa: PLC0415 - start-up time

        write_text(file, dumps(report) + "\n")

    def _render(self, report: BaseModel, text: str, format_: str) -> str:
        if format_ == "text":
            return text
        from provisioner.reports import formats  # noqa: PLC0415 - start-up time
        from provisioner.reports.json import dumps  # noqa: PLC0415

        if format_ == "json":
            return dumps(report)
        return formats.render(cast("Any", report), format_, root=Path.cwd())

    def message(self, text: str) -> None:
        """Print a message, unless quiet."""
        if not self.quiet:
            self.clear_progress()
            click.echo(text, err=True, color=self._click_colour())

    def message_once(self, text: str) -> None:
        """Print a message that applies to several playbooks only once."""
        if text not in self._printed_once:
            self._printed_once.add(text)
            self.message(text)

    def next_commands(self, *commands: str) -> None:
        """Print the commands to run next, one per line; nothing if there are none."""
        if commands:
            self.message("\n" + "\n".join(f"Next: {command}" for command in commands))

    def progress(self, text: str) -> None:
        """Print what the command waits for: on a terminal a line that is overwritten, elsewhere a line of its own."""
        line = f"  … {plain(text)}"
        if sys.stderr.isatty() and not self.verbose:
            self._print_live(line)
        elif line != self._last_progress:
            self.message(line)
        self._last_progress = line

    def clear_progress(self) -> None:
        """Erase the line that shows progress."""
        with self._lock:
            if self._has_live_line:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
                self._has_live_line = False

    def manual_step_done(self, address: str, summary: str) -> None:
        """Print that the sandbox simulated a manual step."""
        if not self.is_json:
            mark = click.style("✓", fg="cyan")
            simulated = click.style(f"  (simulated: {plain(summary)})", dim=True)
            self.message(f"  {mark} performed {plain(address)}{simulated}")

    # ProgressListener -------------------------------------------------------------------------------------

    def starting(self, change: Change) -> None:
        """A change begins."""
        self._started[change.address] = time.monotonic()
        self._print_live(f"  … {_PRESENT[change.action]} {plain(change.address)}")

    def finished(self, change: Change, _outcome: Outcome) -> None:
        """A change was made."""
        seconds = time.monotonic() - self._started.pop(change.address, time.monotonic())
        mark = click.style("✓", fg="green")
        duration = f"  {seconds:.1f} s" if seconds >= _SHORTEST_TIME else ""
        if not self.is_json:
            what = f"{_PAST[change.action]} {plain(change.address)}"
            self.message(f"  {mark} {what}{click.style(duration, dim=True)}")

    def waiting(self, reason: str) -> None:
        """The engine waits."""
        self.progress(reason)

    def _print_live(self, text: str) -> None:
        """Print one line that is overwritten; only on a terminal."""
        if self.quiet or not sys.stderr.isatty():
            return
        with self._lock:
            width = max(20, shutil.get_terminal_size().columns - 1)
            sys.stderr.write("\r\x1b[K" + text[:width])
            sys.stderr.flush()
            self._has_live_line = True

    def _click_colour(self) -> bool | None:
        """For click: False for no colours, None to decide by the stream."""
        return None if self.colour and colour_allowed() else False
