"""Drift over many playbooks: put together, counted, judged. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .models import ChangeReport, DriftReport, FailureReport, FindingReport, PlanReport


def drift_report(plans: Iterable[PlanReport], failures: Iterable[FailureReport]) -> DriftReport:
    """One report of several plans, in the order of the playbooks' names: shards together are what one run would be."""
    ordered = tuple(sorted(plans, key=lambda plan: plan.target.playbook))
    failed = tuple(sorted(failures, key=lambda failure: failure.playbook))
    drifted = [plan for plan in ordered if any(_counting(plan))]
    waived = [plan for plan in ordered if not plan.in_sync and plan not in drifted]
    summary = {
        "in_sync": len(ordered) - len(drifted) - len(waived),
        "drifted": len(drifted),
        "waived": len(waived),
        "unreadable": len(failed),
    }
    in_sync = all(plan.in_sync for plan in ordered)
    return DriftReport(in_sync=in_sync, plans=ordered, failures=failed, summary=summary)


def merged(reports: Iterable[DriftReport]) -> DriftReport:
    """Several reports as one."""
    reports = tuple(reports)
    plans = [plan for report in reports for plan in report.plans]
    return drift_report(plans, [failure for report in reports for failure in report.failures])


def deviates(report: DriftReport, *, only_security: bool) -> bool:
    """Whether anything deviates that nobody lets pass."""
    found = (one for plan in report.plans for one in _counting(plan))
    if not only_security:
        return any(True for _ in found) or any(plan.refusals for plan in report.plans)
    return any(one.category == "security" for one in found)


def _counting(plan: PlanReport) -> Iterator[ChangeReport | FindingReport]:
    """What deviates and is not let pass."""
    found: list[ChangeReport | FindingReport] = [change for change in plan.changes if change.action != "noop"]
    for one in found + list(plan.findings):
        if one.waiver is None or one.waiver.expired:
            yield one
