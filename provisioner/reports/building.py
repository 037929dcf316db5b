"""From plans and findings to reports. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from provisioner.core.check import Check, Finding, Status
from provisioner.core.drift import drift_category
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Action, Change, Plan
from provisioner.core.provider import HandoffValue, Outcome, RequestCounts
from provisioner.core.waivers import Waiver, waiver_for, waiver_for_finding

from .models import (
    ApplyReport,
    AuditReport,
    ChangeReport,
    DoctorReport,
    DoneReport,
    EvidenceReport,
    FailureReport,
    FieldReport,
    FindingReport,
    HandoffReport,
    PlanReport,
    RefusalReport,
    Remedy,
    StepReport,
    Target,
    WaiverReport,
)


@dataclass(frozen=True)
class ReportContext:
    """What a playbook says besides, for whoever reports on it.

    Attributes:
        today: the day from which a waiver's end counts.
        line: the line that asks for a resource, by its address.
    """

    waivers: tuple[Waiver, ...] = ()
    today: date = date.min
    line: Callable[[str], int | None] = lambda _: None

    def waiver(self, found: Waiver | None) -> WaiverReport | None:
        """A waiver as it is reported."""
        if found is None:
            return None
        return WaiverReport(
            reason=found.reason,
            owner=found.owner,
            expires=found.expires,
            expired=found.expired(self.today),
        )


NOWHERE = ReportContext()


def change_reports(plan: Plan, context: ReportContext = NOWHERE) -> tuple[ChangeReport, ...]:
    """The nodes of a plan."""
    return tuple(_change(change, context) for change in plan.changes)


def _change(change: Change, context: ReportContext) -> ChangeReport:
    deviates = change.action is not Action.NOOP
    return ChangeReport(
        address=change.address,
        action=change.action.value,
        fields=tuple(
            FieldReport(name=field.name, before=field.before, after=field.after) for field in change.fields
        ),
        why=change.why,
        category=drift_category(change).value if deviates else None,
        line=context.line(change.address),
        waiver=context.waiver(waiver_for(context.waivers, change)) if deviates else None,
    )


def step_report(step: ManualStep) -> StepReport:
    """A human step, its references resolved as far as they are known."""
    return StepReport(
        address=step.address,
        title=step.title,
        location=step.location,
        instructions=tuple(map(str, step.instructions)),
        outputs=dict(step.outputs),
    )


def plan_report(target: Target, plan: Plan, context: ReportContext = NOWHERE) -> PlanReport:
    """A plan as it is reported."""
    return PlanReport(
        target=target,
        in_sync=not plan.pending and not plan.waiting and not plan.refusals,
        summary=plan.summary,
        changes=change_reports(plan, context),
        steps=tuple(map(step_report, plan.pending_steps)),
        refusals=tuple(
            RefusalReport(reason=refusal.reason, hint=refusal.hint, candidates=refusal.candidates)
            for refusal in plan.refusals
        ),
        warnings=plan.warnings,
        fingerprint=plan.fingerprint,
    )


def done_reports(done: list[tuple[Change, Outcome]]) -> tuple[DoneReport, ...]:
    """Changes that were made."""
    return tuple(
        DoneReport(address=change.address, action=change.action.value, note=outcome.note)
        for change, outcome in done
    )


def handoff_reports(values: tuple[HandoffValue, ...]) -> tuple[HandoffReport, ...]:
    """Values to carry."""
    return tuple(HandoffReport(**value.model_dump()) for value in values)


def apply_report(
    target: Target,
    plan: Plan,
    done: list[tuple[Change, Outcome]],
    *,
    after: Plan | None,
    requests: RequestCounts,
    seconds: float,
    handoff: tuple[HandoffValue, ...] = (),
    next_steps: tuple[str, ...] = (),
    error: str | None = None,
) -> ApplyReport:
    """What came of applying a plan."""
    return ApplyReport(
        target=target,
        summary=plan.summary,
        changes=change_reports(plan),
        done=done_reports(done),
        steps=tuple(map(step_report, (after or plan).pending_steps)),
        warnings=plan.warnings,
        requests=requests.model_dump(),
        seconds=round(seconds, 3),
        handoff=handoff_reports(handoff),
        next_steps=next_steps,
        error=error,
    )


def audit_report(
    target: Target,
    findings: Sequence[Finding],
    fixed: tuple[DoneReport, ...] = (),
    requests: RequestCounts | None = None,
    *,
    checks: Iterable[Check] = (),
    context: ReportContext = NOWHERE,
) -> AuditReport:
    """The findings of an audit."""
    return AuditReport(
        target=target,
        summary=_counts(findings),
        findings=finding_reports(findings, checks, context),
        fixed=fixed,
        requests=(requests or RequestCounts()).model_dump(),
    )


def doctor_report(
    audits: Iterable[AuditReport], failures: Iterable[FailureReport] = (), shard: str | None = None
) -> DoctorReport:
    """Several audits as one report, in the order of the playbooks' names; as :func:`.drift.drift_report`."""
    ordered = tuple(sorted(audits, key=lambda audit: audit.target.playbook))
    failed = tuple(sorted(failures, key=lambda failure: failure.playbook))
    findings = tuple(finding for audit in ordered for finding in audit.findings)
    return DoctorReport(
        summary=_counts(findings), findings=findings, audits=ordered, failures=failed, shard=shard
    )


def _counts(findings: Sequence[Finding | FindingReport]) -> dict[str, int]:
    return {status.value: sum(finding.status == status.value for finding in findings) for status in Status}


def finding_reports(
    findings: Iterable[Finding], checks: Iterable[Check] = (), context: ReportContext = NOWHERE
) -> tuple[FindingReport, ...]:
    """Findings as they are reported.

    Args:
        findings: of any checks.
        checks: those checks, for their titles.
        context: of the playbook.
    """
    known = {check.id: check for check in checks}
    return tuple(_finding(finding, known.get(finding.check), context) for finding in findings)


def _finding(finding: Finding, check: Check | None, context: ReportContext) -> FindingReport:
    failed = finding.status is Status.FAIL
    page = check.sections if check and failed else {}
    return FindingReport(
        check=finding.check,
        status=finding.status.value,
        severity=finding.severity.label,
        address=finding.address,
        message=finding.message,
        evidence=tuple(EvidenceReport(path=found.path, value=found.value) for found in finding.evidence),
        fix=_remedy(finding) if failed else None,
        permissions=finding.permissions,
        title=check.title if check else "",
        why=page.get("Why", ""),
        remedy=page.get("Fix", ""),
        category=("security" if check and check.security else "configuration") if failed else None,
        line=context.line(finding.address),
        waiver=context.waiver(waiver_for_finding(context.waivers, finding.check, finding.address))
        if failed
        else None,
    )


def _remedy(finding: Finding) -> Remedy:
    if finding.unmanaged:
        return "unmanaged"
    return "automatic" if finding.fix else "manual"
