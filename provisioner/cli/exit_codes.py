"""The exit codes of drift and doctor, and of report merge, which exits as they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.core.errors import ExitCode

if TYPE_CHECKING:
    from provisioner.reports.models import DoctorReport, DriftReport, FindingReport

SEVERITIES = ("low", "medium", "high")


def drift_exit_code(report: DriftReport, fail_on: str) -> ExitCode:
    """One exit code for all tenants. An error outweighs drift.

    Args:
        report: of drift.
        fail_on: ``security`` for security drift only, ``never``, or anything else for any drift.
    """
    from provisioner.reports.building import has_drift  # noqa: PLC0415 - start-up time

    if report.errors:
        return ExitCode.ERROR
    fails = fail_on != "never" and has_drift(report, only_security=fail_on == "security")
    return ExitCode.FINDINGS if fails else ExitCode.DONE


def doctor_exit_code(report: DoctorReport, fail_on: str) -> ExitCode:
    """One exit code for all tenants. An error outweighs findings.

    Args:
        report: of doctor.
        fail_on: the lowest severity that fails, ``security`` for security findings only, or ``never``.
    """
    if report.errors or report.summary["error"]:
        return ExitCode.ERROR
    fails = any(_fails(finding, fail_on) for finding in report.findings)
    return ExitCode.FINDINGS if fails else ExitCode.DONE


def _fails(finding: FindingReport, fail_on: str) -> bool:
    from provisioner.reports.models import is_waived  # noqa: PLC0415 - start-up time

    if finding.status != "fail" or is_waived(finding):
        return False
    if fail_on == "security":
        return finding.category == "security"
    return fail_on != "never" and finding.severity in SEVERITIES[SEVERITIES.index(fail_on) :]
