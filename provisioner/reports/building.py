"""Builds reports from plans, findings and handoff values. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from provisioner.core.check import Check, Finding, Status
from provisioner.core.drift import Category, drift_category
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Action, Change, Plan
from provisioner.core.provider import HandoffValue, Outcome, PermissionSummary, RequestCounts
from provisioner.core.waivers import Waiver, waiver_for, waiver_for_finding

from .models import (
    AppliedChange,
    ApplyReport,
    AuditReport,
    ChangeReport,
    DoctorReport,
    DriftReport,
    ErrorReport,
    FindingReport,
    Fix,
    HandoffReport,
    ManualStepReport,
    PermissionsReport,
    PlanReport,
    Target,
    WaiverReport,
    is_waived,
)


@dataclass(frozen=True)
class ReportContext:
    """What the playbook adds to a report.

    Attributes:
        waivers: the playbook's waivers.
        today: the day on which waivers are judged.
        line: the line of the playbook that describes a resource, by its address; None if there is none.
    """

    waivers: tuple[Waiver, ...] = ()
    today: date = date.min
    line: Callable[[str], int | None] = lambda _: None

    def waiver_report(self, waiver: Waiver | None) -> WaiverReport | None:
        """The waiver with whether it has expired; None for None."""
        if waiver is None:
            return None
        expired = waiver.expired(self.today)
        return WaiverReport(reason=waiver.reason, owner=waiver.owner, expires=waiver.expires, expired=expired)


NO_CONTEXT = ReportContext()


def plan_report(target: Target, plan: Plan, context: ReportContext = NO_CONTEXT) -> PlanReport:
    """The report of a plan."""
    return PlanReport(
        target=target,
        in_sync=not plan.pending and not plan.waiting and not plan.refusals,
        summary=plan.summary,
        changes=tuple(_change_report(change, context) for change in plan.changes),
        manual_steps=_manual_steps(plan),
        refusals=plan.refusals,
        warnings=plan.warnings,
        fingerprint=plan.fingerprint,
    )


def _change_report(change: Change, context: ReportContext) -> ChangeReport:
    differs = change.action is not Action.NOOP
    return ChangeReport(
        address=change.address,
        action=change.action,
        fields=change.fields,
        why=change.why,
        category=drift_category(change) if differs else None,
        line=context.line(change.address),
        waiver=context.waiver_report(waiver_for(context.waivers, change)) if differs else None,
    )


def _manual_steps(plan: Plan) -> tuple[ManualStepReport, ...]:
    return tuple(map(manual_step_report, plan.pending_steps))


def manual_step_report(step: ManualStep) -> ManualStepReport:
    """The report of a manual step; a reference that is not resolved becomes a description."""
    return ManualStepReport(
        address=step.address,
        title=step.title,
        location=step.location,
        instructions=tuple(map(str, step.instructions)),
        outputs=dict(step.outputs),
    )


def applied_changes(done: Iterable[tuple[Change, Outcome]]) -> tuple[AppliedChange, ...]:
    """The changes that were made."""
    return tuple(
        AppliedChange(address=change.address, action=change.action, note=outcome.note)
        for change, outcome in done
    )


def apply_report(
    target: Target,
    plan: Plan,
    done: Iterable[tuple[Change, Outcome]],
    *,
    after: Plan | None,
    requests: RequestCounts,
    seconds: float,
    command: Literal["apply", "destroy"] = "apply",
    handoff: tuple[HandoffValue, ...] = (),
    next_steps: tuple[str, ...] = (),
    error: str | None = None,
) -> ApplyReport:
    """The report of an applied plan; see :class:`ApplyReport` for further arguments.

    ``plan`` is the plan before the first write, ``after`` the plan that was made after the last one; None if it stopped.
    """
    return ApplyReport(
        target=target,
        command=command,
        summary=plan.summary,
        changes=plan_report(target, plan).changes,
        done=applied_changes(done),
        manual_steps=_manual_steps(after or plan),
        warnings=plan.warnings,
        requests=requests,
        seconds=round(seconds, 3),
        handoff=handoff,
        next_steps=next_steps,
        error=error,
    )


def handoff_report(target: Target, values: tuple[HandoffValue, ...], plan: Plan) -> HandoffReport:
    """The report of the values to copy between the consoles, with the manual steps that a plan waits for."""
    return HandoffReport(target=target, values=values, manual_steps=_manual_steps(plan))


def permissions_report(
    target: Target, summary: PermissionSummary, aws_policy: dict[str, Any]
) -> PermissionsReport:
    """The report of the permissions that a playbook needs, with the IAM policy for the admin of Kiro."""
    missing = tuple(task.purpose for task in summary.permissions if task.granted is False)
    return PermissionsReport(target=target, **dict(summary), missing=missing, aws_policy=aws_policy)


def audit_report(
    target: Target,
    findings: Sequence[Finding],
    fixed: tuple[AppliedChange, ...] = (),
    requests: RequestCounts | None = None,
    *,
    checks: Iterable[Check] = (),
    context: ReportContext = NO_CONTEXT,
) -> AuditReport:
    """The report of the audit of one playbook; see :class:`AuditReport` and :func:`finding_reports` for the arguments."""
    return AuditReport(
        target=target,
        summary=_status_counts(findings),
        findings=finding_reports(findings, checks, context),
        fixed=fixed,
        requests=requests or RequestCounts(),
    )


def doctor_report(
    audits: Iterable[AuditReport], errors: Iterable[ErrorReport] = (), shard: str | None = None
) -> DoctorReport:
    """The report of several audits, in the order of the playbooks' names; see :class:`DoctorReport` for the arguments."""
    ordered = tuple(sorted(audits, key=lambda audit: audit.target.playbook))
    findings = tuple(finding for audit in ordered for finding in audit.findings)
    return DoctorReport(
        summary=_status_counts(findings),
        findings=findings,
        audits=ordered,
        errors=_by_playbook(errors),
        shard=shard,
    )


def finding_reports(
    findings: Iterable[Finding], checks: Iterable[Check] = (), context: ReportContext = NO_CONTEXT
) -> tuple[FindingReport, ...]:
    """The reports of findings.

    Args:
        findings: the results of the checks.
        checks: the checks, for their titles and documentation.
        context: what the playbook adds.
    """
    by_id = {check.id: check for check in checks}
    return tuple(_finding_report(finding, by_id.get(finding.check), context) for finding in findings)


def _finding_report(finding: Finding, check: Check | None, context: ReportContext) -> FindingReport:
    report = FindingReport(
        check=finding.check,
        status=finding.status,
        severity=finding.severity.label,
        address=finding.address,
        message=finding.message,
        evidence=finding.evidence,
        permissions=finding.permissions,
        title=check.title if check else "",
        line=context.line(finding.address),
    )
    if finding.status is not Status.FAIL:
        return report
    sections = check.sections if check else {}
    waiver = waiver_for_finding(context.waivers, finding.check, finding.address)
    failure = {
        "fix": _fix(finding),
        "why": sections.get("Why", ""),
        "remedy": sections.get("Fix", ""),
        "category": Category.SECURITY if check and check.security else Category.CONFIGURATION,
        "waiver": context.waiver_report(waiver),
    }
    return report.model_copy(update=failure)


def _fix(finding: Finding) -> Fix:
    if finding.unmanaged:
        return "unmanaged"
    return "automatic" if finding.fix else "manual"


def _status_counts(findings: Sequence[Finding | FindingReport]) -> dict[str, int]:
    counts = Counter(finding.status for finding in findings)
    return {status.value: counts[status] for status in Status}


def drift_report(
    plans: Iterable[PlanReport], errors: Iterable[ErrorReport], shard: str | None = None
) -> DriftReport:
    """The report of several plans, in the order of the playbooks' names; see :class:`DriftReport` for the arguments."""
    ordered = tuple(sorted(plans, key=lambda plan: plan.target.playbook))
    unread = _by_playbook(errors)
    states = Counter(map(_drift_state, ordered))
    summary = {state: states[state] for state in ("in_sync", "drifted", "waived")}
    return DriftReport(
        in_sync=states["in_sync"] == len(ordered),
        plans=ordered,
        errors=unread,
        summary={**summary, "errors": len(unread)},
        shard=shard,
    )


def has_drift(report: DriftReport, *, only_security: bool) -> bool:
    """Whether any tenant differs from its playbook in a way that no waiver covers."""
    drift = [drifted for plan in report.plans for drifted in _drift(plan) if not is_waived(drifted)]
    if only_security:
        return any(drifted.category is Category.SECURITY for drifted in drift)
    return bool(drift) or any(plan.refusals for plan in report.plans)


def _drift_state(plan: PlanReport) -> Literal["in_sync", "drifted", "waived"]:
    drift = list(_drift(plan))
    if plan.refusals or not all(map(is_waived, drift)):
        return "drifted"
    return "waived" if drift else "in_sync"


def _drift(plan: PlanReport) -> Iterator[ChangeReport | FindingReport]:
    """What differs from the playbook, waived or not."""
    yield from (change for change in plan.changes if change.action is not Action.NOOP)
    yield from plan.findings


def _by_playbook(errors: Iterable[ErrorReport]) -> tuple[ErrorReport, ...]:
    return tuple(sorted(errors, key=lambda error: error.playbook))
