"""Arguments and options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from provisioner.providers import PROVIDERS

if TYPE_CHECKING:
    from provisioner.cli.fleet import Shard

F = TypeVar("F", bound=Callable[..., Any])

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
"""The formats of the reports of drift and doctor."""


class PlaybookPath(click.Path):
    """A file. ``playbooks/NAME`` also names a playbook that comes with the product, as in a checkout."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.exists() or path.parent.name != "playbooks":
            return path
        from provisioner.templating import shipped_folder  # noqa: PLC0415 - start-up time

        shipped = shipped_folder("playbooks") / path.name
        return shipped if shipped.exists() else path


DEFAULT_PROVIDER = next(iter(PROVIDERS))

PLAYBOOK = PlaybookPath(path_type=Path, dir_okay=False)
PLAYBOOKS = PlaybookPath(path_type=Path)


class ProviderName(click.Choice):  # type: ignore[type-arg]  # click 8.1 has no type argument
    """The name of a provider, read from the register when the command line is parsed."""

    case_sensitive = True

    def __init__(self, *others: str) -> None:
        """Accept the names of all providers.

        Args:
            others: more accepted names.
        """
        self._others = others

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*PROVIDERS, *self._others)


def playbook_argument(command: F) -> F:
    """One playbook."""
    return click.argument("playbook", type=PLAYBOOK)(command)


def playbooks_argument(command: F) -> F:
    """Any number of files, folders and glob patterns; see :func:`provisioner.cli.files.find_playbooks`."""
    return click.argument("playbooks", metavar="[PLAYBOOK]...", type=PLAYBOOKS, nargs=-1)(command)


def sandbox_option(command: F) -> F:
    """--sandbox."""
    return click.option(
        "--sandbox", is_flag=True, help="Use the built-in sandbox. Nothing real is touched, nothing is asked."
    )(command)


def yes_option(command: F) -> F:
    """--yes."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")(command)


def no_wait_option(command: F) -> F:
    """--no-wait."""
    return click.option(
        "--no-wait",
        is_flag=True,
        help="Do not wait until every name server returns the TXT records that were created.",
    )(command)


def max_removals_option(command: F) -> F:
    """--max-removals, as a number from 0 to 1."""
    return click.option(
        "--max-removals",
        callback=_parse_share,
        metavar="SHARE",
        help="Allow the removal of up to this share of the existing assignments, such as 100%.",
    )(command)


def new_profile_option(command: F) -> F:
    """--new-profile, as a flag."""
    return click.option(
        "--new-profile",
        is_flag=True,
        help="Allow another SCIM endpoint than before: the users then reach another Kiro profile.",
    )(command)


def _parse_share(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """A share such as ``30%`` or ``0.3``."""
    if value is None:
        return None
    try:
        share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        raise click.BadParameter("expected a share such as 50% or 0.5") from None
    if not 0 <= share <= 1:
        raise click.BadParameter("expected a share from 0% to 100%")
    return share


def shard_option(command: F) -> F:
    """--shard, as a :class:`~provisioner.cli.fleet.Shard`."""

    def parse(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Shard | None:
        from provisioner.cli.fleet import Shard  # noqa: PLC0415 - start-up time

        return None if value is None else Shard.parse(value)

    return click.option(
        "--shard",
        callback=parse,
        metavar="I/N",
        help="Read only the I-th of N parts of the playbooks. Run all N parts to cover every playbook.",
    )(command)


def concurrency_option(command: F) -> F:
    """--concurrency."""
    return click.option(
        "--concurrency",
        type=click.IntRange(1, 256),
        default=16,
        show_default=True,
        help="How many playbooks to read at once; at most two per tenant.",
    )(command)


def snapshot_options(command: F) -> F:
    """--save-snapshot, --from-snapshot, --scrub-names, as :class:`~provisioner.cli.fleet.SnapshotFiles`."""

    @click.option(
        "--save-snapshot",
        "save",
        type=click.Path(path_type=Path),
        help="Also write what was read into this file, without secrets; for several playbooks, a folder.",
    )
    @click.option(
        "--scrub-names", is_flag=True, help="With --save-snapshot: replace people's names by pseudonyms."
    )
    @click.option(
        "--from-snapshot",
        "source",
        type=click.Path(path_type=Path, exists=True),
        help="Read a saved snapshot, or a folder of them, instead of the tenants.",
    )
    @wraps(command)
    def with_snapshots(
        *args: Any, save: Path | None, source: Path | None, scrub_names: bool, **options: Any
    ) -> Any:
        from provisioner.cli.fleet import SnapshotFiles  # noqa: PLC0415 - start-up time

        if save and source:
            raise click.UsageError("--save-snapshot and --from-snapshot exclude each other")
        return command(*args, snapshots=SnapshotFiles(save, source, scrub_names), **options)

    return cast("F", with_snapshots)


def report_options(command: F) -> F:
    """--format with all formats, --report, and the other options of :func:`output_options`."""
    return _output_options(FORMATS, report_files=True)(command)


def output_options(command: F) -> F:
    """--format, --no-color, --quiet, --verbose, as an :class:`~provisioner.cli.output.Output`."""
    return _output_options(("text", "json"), report_files=False)(command)


def _output_options(formats: Sequence[str], *, report_files: bool) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        @click.option(
            "--format",
            "format_",
            type=click.Choice(formats),
            default="text",
            show_default=True,
            help="Format of the report on standard output.",
        )
        @click.option("--no-color", is_flag=True, help="Print no colors; NO_COLOR does the same.")
        @click.option("-q", "--quiet", is_flag=True, help="Print no progress on standard error.")
        @click.option("-v", "--verbose", is_flag=True, help="Also print what is in sync, and every wait.")
        @wraps(command)
        def with_output(
            *args: Any,
            no_color: bool,
            quiet: bool,
            verbose: bool,
            format_: str,
            report: tuple[tuple[str, Path], ...] = (),
            **options: Any,
        ) -> Any:
            from provisioner.cli.output import Output  # noqa: PLC0415 - start-up time

            output = Output(format_=format_, colour=not no_color, quiet=quiet, verbose=verbose, files=report)
            return command(*args, output=output, **options)

        if report_files:
            with_output = click.option(
                "--report",
                multiple=True,
                callback=_parse_report_files,
                metavar="FORMAT=FILE",
                help=f"Also write the report into a file; may be repeated. Formats: {', '.join(formats)}.",
            )(with_output)
        return cast("F", with_output)

    return decorate


def _parse_report_files(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, Path], ...]:
    """Formats and files of values such as ``sarif=drift.sarif``."""
    return tuple(map(_parse_report_file, values))


def _parse_report_file(value: str) -> tuple[str, Path]:
    name, _, file = value.partition("=")
    if not file or name not in FORMATS:
        raise click.BadParameter(f"expected FORMAT=FILE, with one of {', '.join(FORMATS)}")
    return name, Path(file)
