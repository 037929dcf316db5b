"""provisioner report: merge JSON reports, and convert them into another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.exit_codes import SEVERITIES, doctor_exit_code, drift_exit_code
from provisioner.cli.options import report_options
from provisioner.core.errors import UsageError
from provisioner.file_reading import MAX_REPORT_BYTES, read_bytes

if TYPE_CHECKING:
    from provisioner.cli.output import Output
    from provisioner.reports.models import DoctorReport, DriftReport

# Modules that load pydantic or an SDK are imported inside the commands: --help must be quick.
# ruff: noqa: PLC0415


@click.group()
def report() -> None:
    """Merge and convert JSON reports of drift or doctor."""


@report.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--fail-on",
    type=click.Choice(["any", *SEVERITIES, "security", "never"]),
    default="any",
    show_default=True,
    help="Exit 3 as drift or doctor does.",
)
@report_options
def merge(files: tuple[Path, ...], fail_on: str, output: Output) -> int:
    """Merge the reports of several runs, such as the shards of a fleet.

    The result is the report of one run of drift or doctor over all playbooks. A missing shard counts as an error. Exits as the
    command does: 1 when a tenant could not be read, 3 for drift or findings.

    \b
    Examples:
      provisioner report merge drift-*.json --format json > drift.json
      provisioner report merge drift.json --format html > drift.html
    """
    from provisioner.reports.merging import merge_doctor, merge_drift
    from provisioner.reports.models import DriftReport
    from provisioner.reports.text import doctor_text, drift_text

    reports = {str(file): _read_report(file) for file in files}
    drift_reports = {file: loaded for file, loaded in reports.items() if isinstance(loaded, DriftReport)}
    doctor_reports = {file: loaded for file, loaded in reports.items() if not isinstance(loaded, DriftReport)}
    if drift_reports and doctor_reports:
        raise UsageError("reports of drift and of doctor cannot be merged")
    if drift_reports:
        drift = merge_drift(drift_reports)
        output.report(drift, drift_text(drift, verbose=output.verbose))
        return drift_exit_code(drift, fail_on)
    doctor = merge_doctor(doctor_reports)
    output.report(doctor, doctor_text(doctor, verbose=output.verbose))
    return doctor_exit_code(doctor, SEVERITIES[0] if fail_on == "any" else fail_on)


def _read_report(file: Path) -> DriftReport | DoctorReport:
    from pydantic import TypeAdapter, ValidationError

    from provisioner.reports.models import DoctorReport, DriftReport

    data = read_bytes(file, MAX_REPORT_BYTES)
    try:
        return TypeAdapter[DriftReport | DoctorReport](DriftReport | DoctorReport).validate_json(data)
    except ValidationError as error:
        hint = "write one: provisioner drift --format json > FILE"
        raise UsageError(f"{file} is not a JSON report of drift or doctor", hint=hint) from error
