"""Reports of several runs put together: nothing is told twice, and no shard is missing unsaid. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from provisioner.core.errors import UsageError

from .building import doctor_report
from .drift import drift_report
from .models import DoctorReport, DriftReport, FailureReport, Target

_HINT = "give the report of every shard once, and of one run only"


def merged_drift(reports: Mapping[str, DriftReport]) -> DriftReport:
    """What one run of ``drift`` would have reported.

    Args:
        reports: by file name.

    Raises:
        UsageError: a playbook or a shard is there twice, or the shards are of different runs.
    """
    _refuse_doubles({file: [plan.target for plan in one.plans] for file, one in reports.items()})
    plans = [plan for one in reports.values() for plan in one.plans]
    return drift_report(plans, _failures(reports))


def merged_doctor(reports: Mapping[str, DoctorReport]) -> DoctorReport:
    """What one run of ``doctor`` would have reported; else as :func:`merged_drift`."""
    _refuse_doubles({file: [audit.target for audit in one.audits] for file, one in reports.items()})
    audits = [audit for one in reports.values() for audit in one.audits]
    return doctor_report(audits, _failures(reports))


def _failures(reports: Mapping[str, DriftReport | DoctorReport]) -> Iterator[FailureReport]:
    """What could not be read, and the shards of which there is no report."""
    for one in reports.values():
        yield from one.failures
    for shard in _missing({file: one.shard for file, one in reports.items() if one.shard}):
        yield FailureReport(
            playbook=f"shard {shard}",
            message="there is no report of it; what it was to look at is not known",
            hint="look at what that machine logged, and run it again",
        )


def _missing(shards: Mapping[str, str]) -> Iterator[str]:
    """The shards that no file is of.

    Args:
        shards: such as ``2/8``, by file name.
    """
    files: dict[str, str] = {}
    for file, shard in shards.items():
        if shard in files:
            raise UsageError(f"{files[shard]} and {file} are both of shard {shard}", hint=_HINT)
        files[shard] = file
    numbers = {shard.partition("/")[2] for shard in files}
    if len(numbers) > 1:
        raise UsageError(f"these are shards of different runs: {', '.join(files)}", hint=_HINT)
    for of in numbers:
        yield from (f"{n}/{of}" for n in range(1, int(of) + 1) if f"{n}/{of}" not in files)


def _refuse_doubles(targets: Mapping[str, Iterable[Target]]) -> None:
    files: dict[tuple[str, str, str], str] = {}
    for file, found in targets.items():
        for target in found:
            key = (target.playbook, target.name, target.tenant)
            if key in files:
                raise UsageError(f"{files[key]} and {file} both tell of {target.playbook}", hint=_HINT)
            files[key] = file
