"""Drift over many playbooks: put together, counted, judged. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from .models import ChangeReport, DriftReport, FailureReport, FindingReport, PlanReport


def drift_report(
    plans: Iterable[PlanReport], failures: Iterable[FailureReport], shard: str | None = None
) -> DriftReport:
    """One report of several plans, in the order of the playbooks' names: shards together are what one run would be.

    Args:
        plans: of the playbooks.
        failures: what could not be read.
        shard: which part of a fleet this is, such as ``2/8``; None: all of it.
    """
    ordered = tuple(sorted(plans, key=lambda plan: plan.target.playbook))
    failed = tuple(sorted(failures, key=lambda failure: failure.playbook))
    states = Counter(map(_state, ordered))
    summary = {state: states[state] for state in ("in_sync", "drifted", "waived")} | {
        "unreadable": len(failed)
    }
    in_sync = states["in_sync"] == len(ordered)
    return DriftReport(in_sync=in_sync, plans=ordered, failures=failed, summary=summary, shard=shard)


def deviates(report: DriftReport, *, only_security: bool) -> bool:
    """Whether anything deviates that nobody lets pass."""
    found = (one for plan in report.plans for one in _counting(plan))
    if not only_security:
        return any(True for _ in found) or any(plan.refusals for plan in report.plans)
    return any(one.category == "security" for one in found)


def _state(plan: PlanReport) -> str:
    """What a tenant counts as."""
    if plan.refusals or any(True for _ in _counting(plan)):
        return "drifted"
    return "waived" if any(True for _ in _deviating(plan)) else "in_sync"


def _counting(plan: PlanReport) -> Iterator[ChangeReport | FindingReport]:
    """What deviates and is not let pass."""
    return (one for one in _deviating(plan) if one.waiver is None or one.waiver.expired)


def _deviating(plan: PlanReport) -> Iterator[ChangeReport | FindingReport]:
    yield from (change for change in plan.changes if change.action != "noop")
    yield from plan.findings
