"""report: JSON reports put together, and written in another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.options import report_options
from provisioner.core.errors import UsageError

if TYPE_CHECKING:
    from provisioner.cli.printing import Printer
    from provisioner.reports.models import DoctorReport, DriftReport

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.group()
def report() -> None:
    """Reports that drift or doctor wrote as JSON."""


@report.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--fail-on",
    type=click.Choice(["any", "low", "medium", "high", "security", "never"]),
    default="any",
    show_default=True,
    help="Exit 3 as drift or doctor would have.",
)
@report_options
def merge(files: tuple[Path, ...], fail_on: str, printer: Printer) -> int:
    """Put reports together, those of a fleet's shards say.

    Together they are what one run of drift, or of doctor, would have reported; a shard of which there is no report counts as
    unreadable. Exits as the command would have: 1 when a tenant could not be read, 3 when something deviates or was found.

    \b
    Examples:
      provisioner report merge drift-*.json --format json > drift.json
      provisioner report merge drift.json --format html > drift.html
    """
    from provisioner.cli import auditing, surveying
    from provisioner.reports.merging import merge_doctor, merge_drift
    from provisioner.reports.models import DriftReport
    from provisioner.reports.text import doctor_text, drift_text

    found = {str(file): _read(file) for file in files}
    drifts = {file: one for file, one in found.items() if isinstance(one, DriftReport)}
    doctors = {file: one for file, one in found.items() if not isinstance(one, DriftReport)}
    if drifts and doctors:
        raise UsageError("reports of drift and of doctor cannot be put together")
    if drifts:
        whole = merge_drift(drifts)
        printer.report(whole, drift_text(whole, verbose=printer.verbose))
        return surveying.verdict(whole, fail_on)
    audited = merge_doctor(doctors)
    printer.report(audited, doctor_text(audited, verbose=printer.verbose))
    return auditing.verdict(audited, "low" if fail_on == "any" else fail_on)


def _read(file: Path) -> DriftReport | DoctorReport:
    from pydantic import TypeAdapter, ValidationError

    from provisioner.reports.models import DoctorReport, DriftReport

    try:
        return TypeAdapter[DriftReport | DoctorReport](DriftReport | DoctorReport).validate_json(
            file.read_bytes()
        )
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    except ValidationError as error:
        hint = "write one: provisioner drift --format json > FILE"
        raise UsageError(f"{file} is no JSON report of drift or doctor", hint=hint) from error
