"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from provisioner.fleet import Shard

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


FORMATS = (
    "text",
    "json",
    "ndjson",
    "markdown",
    "sarif",
    "junit",
    "github",
    "gitlab",
    "csv",
    "html",
)
"""In which a report of drift or doctor can be written."""

PLAYBOOK = _Playbook(path_type=Path, dir_okay=False)
PLAYBOOKS = _Playbook(path_type=Path)


def playbook_argument(command: F) -> F:
    """One playbook."""
    return click.argument("playbook", type=PLAYBOOK)(command)


def playbooks_argument(command: F) -> F:
    """Any number of files, folders and patterns; none means every playbook in ./playbooks, or here."""
    return click.argument("playbook", type=PLAYBOOKS, nargs=-1)(command)


def sandbox_option(command: F) -> F:
    """--sandbox."""
    return click.option(
        "--sandbox", is_flag=True, help="Use the built-in sandbox: nothing real is touched, nothing is asked."
    )(command)


def shard_option(command: F) -> F:
    """--shard, parsed."""

    def parsed(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Shard | None:
        from provisioner.fleet import Shard  # noqa: PLC0415 - start-up time

        return None if value is None else Shard.parsed(value)

    return click.option(
        "--shard",
        callback=parsed,
        metavar="I/N",
        help="Only the I-th of N parts; together they are all of it.",
    )(command)


def at_once_option(command: F) -> F:
    """--concurrency."""
    return click.option(
        "--concurrency",
        "at_once",
        type=click.IntRange(1, 256),
        default=16,
        show_default=True,
        help="Playbooks under way at the same time; two at most of one tenant.",
    )(command)


@dataclass(frozen=True)
class SnapshotFiles:
    """Where snapshots are written to, or read from.

    Attributes:
        save: a file, or a folder with one for each playbook.
        source: the same, to read from instead of the tenants.
        scrub_names: leave people's names out.
    """

    save: Path | None = None
    source: Path | None = None
    scrub_names: bool = False


def snapshot_options(command: F) -> F:
    """--save-snapshot, --from-snapshot, --scrub-names."""

    @click.option(
        "--save-snapshot",
        "save",
        type=click.Path(path_type=Path),
        help="Also write what was read into this file, without secrets; for several playbooks, a folder.",
    )
    @click.option("--scrub-names", is_flag=True, help="With --save-snapshot: pseudonyms for people.")
    @click.option(
        "--from-snapshot",
        "source",
        type=click.Path(path_type=Path, exists=True),
        help="Look at a saved snapshot, or a folder of them, instead of the tenants.",
    )
    @wraps(command)
    def with_snapshots(
        *args: Any, save: Path | None, source: Path | None, scrub_names: bool, **options: Any
    ) -> Any:
        if save and source:
            raise click.UsageError("--save-snapshot and --from-snapshot exclude each other")
        return command(*args, snapshots=SnapshotFiles(save, source, scrub_names), **options)

    return with_snapshots  # type: ignore[return-value]


def report_options(command: F) -> F:
    """--format and --report, for commands whose report has many formats; and those of output_options."""
    return _printing(FORMATS, reports=True)(command)


def output_options(command: F) -> F:
    """--format, --no-color, --quiet, --verbose, the last three for whoever prints."""
    return _printing(("text", "json"), reports=False)(command)


def _printing(formats: Sequence[str], *, reports: bool) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        @click.option(
            "--format",
            "format_",
            type=click.Choice(formats),
            default="text",
            show_default=True,
            help="What the report on standard output looks like.",
        )
        @click.option("--no-color", is_flag=True, help="No colours; NO_COLOR does the same.")
        @click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
        @click.option("-v", "--verbose", is_flag=True, help="Also what is as it should be, and every wait.")
        @wraps(command)
        def with_options(
            *args: Any,
            no_color: bool,
            quiet: bool,
            verbose: bool,
            format_: str,
            report: tuple[tuple[str, Path], ...] = (),
            **options: Any,
        ) -> Any:
            from provisioner.cli.printing import Printer  # noqa: PLC0415 - start-up time

            printer = Printer(
                format_=format_, colour=not no_color, quiet=quiet, verbose=verbose, files=report
            )
            return command(*args, printer=printer, **options)

        if reports:
            with_options = click.option(
                "--report",
                multiple=True,
                callback=_report_files,
                metavar="FORMAT=FILE",
                help=f"Also write the report into a file; may be repeated. Formats: {', '.join(formats)}.",
            )(with_options)
        return with_options  # type: ignore[return-value]

    return decorate


def _report_files(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, Path], ...]:
    """``sarif=drift.sarif`` and the like."""
    found = []
    for value in values:
        name, equals, file = value.partition("=")
        if not equals or not file or name not in FORMATS:
            raise click.BadParameter(f"expected FORMAT=FILE, with one of {', '.join(FORMATS)}")
        found.append((name, Path(file)))
    return tuple(found)
