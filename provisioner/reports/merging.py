"""Merges the reports of a fleet's shards into the report that one run would have written. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from provisioner.core.errors import UsageError

from .building import doctor_report, drift_report
from .models import DoctorReport, DriftReport, ErrorReport, Target

_HINT = "give the report of every shard once, all from the same run"


def merge_drift(reports: Mapping[str, DriftReport]) -> DriftReport:
    """The drift report of the whole fleet.

    Args:
        reports: one report per shard, by file name.

    Raises:
        UsageError: two reports contain the same playbook or shard, or the shards belong to different runs.
    """
    _refuse_duplicates({file: [plan.target for plan in report.plans] for file, report in reports.items()})
    plans = [plan for report in reports.values() for plan in report.plans]
    return drift_report(plans, _errors(reports))


def merge_doctor(reports: Mapping[str, DoctorReport]) -> DoctorReport:
    """The doctor report of the whole fleet; arguments and errors as for :func:`merge_drift`."""
    _refuse_duplicates({file: [audit.target for audit in report.audits] for file, report in reports.items()})
    audits = [audit for report in reports.values() for audit in report.audits]
    return doctor_report(audits, _errors(reports))


def _errors(reports: Mapping[str, DriftReport | DoctorReport]) -> Iterator[ErrorReport]:
    """The errors of all reports, and one for each shard without a report."""
    for report in reports.values():
        yield from report.errors
    for shard in _missing_shards({file: report.shard for file, report in reports.items() if report.shard}):
        yield ErrorReport(
            playbook=f"shard {shard}",
            message="the report of this shard is missing, so the state of its playbooks is unknown",
            hint="check the log of the machine that ran it, and run it again",
        )


def _missing_shards(shards: Mapping[str, str]) -> Iterator[str]:
    """The shards without a report.

    Args:
        shards: the shard of each report, such as ``2/8``, by file name.
    """
    files: dict[str, str] = {}
    for file, shard in shards.items():
        if shard in files:
            raise UsageError(f"{files[shard]} and {file} are both reports of shard {shard}", hint=_HINT)
        files[shard] = file
    totals = {shard.partition("/")[2] for shard in files}
    if len(totals) > 1:
        raise UsageError(f"these shards belong to different runs: {', '.join(files)}", hint=_HINT)
    for total in totals:
        expected = (f"{number}/{total}" for number in range(1, int(total) + 1))
        yield from (shard for shard in expected if shard not in files)


def _refuse_duplicates(targets: Mapping[str, Iterable[Target]]) -> None:
    files: dict[tuple[str, str, str], str] = {}
    for file, in_file in targets.items():
        for target in in_file:
            key = (target.playbook, target.name, target.tenant)
            if key in files:
                raise UsageError(f"{files[key]} and {file} both contain {target.playbook}", hint=_HINT)
            files[key] = file
