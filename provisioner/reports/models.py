"""What is reported, as documented and versioned data. Every format is made from these.

A ``schema`` member names the shape and its version; members may be added to a version, never changed or removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from provisioner.core.check import Finding, Status
from provisioner.core.plan import Change, Plan
from provisioner.core.provider import HandoffValue, Outcome, Requests
from provisioner.core.step import ManualStep


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Target(_Report):
    """What a report is about."""

    playbook: str = Field(description="File name of the playbook, as given.")
    name: str = Field(description="The playbook's name.")
    provider: str = Field(description="The identity provider.")
    tenant: str = Field(description="The tenant the playbook names.")
    sandbox: bool = Field(description="Whether the sandbox stood in for the real tenant.")


class FieldReport(_Report):
    """A field that differs. A secret's value is never shown."""

    name: str
    before: Any = None
    after: Any = None


class ChangeReport(_Report):
    """A node of the plan."""

    address: str
    action: Literal["create", "update", "replace", "delete", "noop", "waiting"]
    fields: tuple[FieldReport, ...] = ()
    why: str = ""


class StepReport(_Report):
    """A human step that waits."""

    address: str
    title: str
    where: str
    instructions: tuple[str, ...]
    brings: dict[str, str] = Field(description="Environment variables to set afterwards, and with what.")


class RefusalReport(_Report):
    """Why a guard refuses the plan."""

    reason: str
    hint: str = ""
    candidates: tuple[str, ...] = ()


class PlanReport(_Report):
    """What ``plan`` prints, and ``drift`` for each playbook."""

    schema_: Literal["provisioner.plan/1"] = Field(default="provisioner.plan/1", alias="schema")
    target: Target
    in_sync: bool = Field(description="Nothing is pending and nothing waits.")
    summary: dict[str, int] = Field(
        description="Number of changes by action: create, update, replace, delete, noop, waiting."
    )
    changes: tuple[ChangeReport, ...]
    steps: tuple[StepReport, ...] = ()
    refusals: tuple[RefusalReport, ...] = ()
    warnings: tuple[str, ...] = ()
    fingerprint: str = Field(description="Digest of what would be written.")


class DoneReport(_Report):
    """A change that was made."""

    address: str
    action: str
    note: str = ""


class HandoffReport(_Report):
    """A value to carry to another console."""

    name: str
    value: str | None
    comes_from: str
    goes_to: str


class ApplyReport(_Report):
    """What ``apply`` and ``destroy`` print."""

    schema_: Literal["provisioner.apply/1"] = Field(default="provisioner.apply/1", alias="schema")
    target: Target
    summary: dict[str, int] = Field(description="Number of changes by action, as planned.")
    changes: tuple[ChangeReport, ...] = Field(description="The plan as it was.")
    done: tuple[DoneReport, ...] = Field(description="What was made, in order.")
    steps: tuple[StepReport, ...] = Field(default=(), description="Human steps that wait.")
    warnings: tuple[str, ...] = ()
    requests: dict[str, int] = Field(description="Requests sent: read, write.")
    seconds: float
    handoff: tuple[HandoffReport, ...] = ()
    outlook: tuple[str, ...] = Field(
        default=(), description="What happens from now on without anybody doing anything."
    )
    error: str | None = Field(default=None, description="Why it stopped, if it did.")


class DriftReport(_Report):
    """What ``drift`` prints."""

    schema_: Literal["provisioner.drift/1"] = Field(default="provisioner.drift/1", alias="schema")
    in_sync: bool
    plans: tuple[PlanReport, ...]


class EvidenceReport(_Report):
    """Where a fault is seen, in the vendor's own names."""

    path: str
    value: Any = None


class FindingReport(_Report):
    """The outcome of a check."""

    check: str
    status: Literal["pass", "fail", "skip", "error"]
    severity: Literal["low", "medium", "high"]
    address: str = ""
    message: str = ""
    evidence: tuple[EvidenceReport, ...] = ()
    fix: Literal["automatic", "manual"] | None = Field(
        default=None, description="Whether --fix can repair it; None when there is nothing to repair."
    )
    needs: tuple[str, ...] = Field(
        default=(), description="Permissions of which any one would let a skipped check run."
    )


class AuditReport(_Report):
    """The findings for one playbook."""

    target: Target
    summary: dict[str, int] = Field(description="Number of findings by status.")
    findings: tuple[FindingReport, ...]
    fixed: tuple[DoneReport, ...] = Field(default=(), description="What --fix changed.")
    requests: dict[str, int] = Field(description="Requests sent: read, write.")


class DoctorReport(_Report):
    """What ``doctor`` prints."""

    schema_: Literal["provisioner.doctor/1"] = Field(default="provisioner.doctor/1", alias="schema")
    summary: dict[str, int] = Field(description="Number of findings by status, over all playbooks.")
    findings: tuple[FindingReport, ...] = Field(description="Over all playbooks.")
    audits: tuple[AuditReport, ...] = Field(description="The same by playbook.")


class PermissionReport(_Report):
    """Something the product does, and the permissions of which any one lets it."""

    purpose: str
    any_of: tuple[str, ...]
    commands: tuple[str, ...]
    granted: bool | None = Field(description="None when the credentials do not tell.")


class PermissionsReport(_Report):
    """What ``permissions`` prints."""

    schema_: Literal["provisioner.permissions/1"] = Field(default="provisioner.permissions/1", alias="schema")
    target: Target
    needs: tuple[PermissionReport, ...]
    missing: tuple[str, ...] = Field(description="Purposes that nothing granted serves.")
    kind: str = Field(description="What the vendor calls its permissions.")
    who: str = Field(description="Who needs the role besides.")
    role: str = Field(description="The role.")
    problem: str = Field(default="", description="Why the credentials could not be looked at, if so.")
    aws_policy: dict[str, Any] = Field(description="IAM policy for whoever administers Kiro.")


class HandoffSheet(_Report):
    """What ``handoff`` prints."""

    schema_: Literal["provisioner.handoff/1"] = Field(default="provisioner.handoff/1", alias="schema")
    target: Target
    values: tuple[HandoffReport, ...]
    steps: tuple[StepReport, ...] = Field(default=(), description="Human steps that wait.")


REPORTS: dict[str, type[_Report]] = {
    "plan": PlanReport,
    "apply": ApplyReport,
    "drift": DriftReport,
    "doctor": DoctorReport,
    "permissions": PermissionsReport,
    "handoff": HandoffSheet,
}
"""Every report by the command that prints it."""


def change_reports(plan: Plan) -> tuple[ChangeReport, ...]:
    """The nodes of a plan."""
    return tuple(map(_change, plan.changes))


def _change(change: Change) -> ChangeReport:
    return ChangeReport(
        address=change.address,
        action=change.action.value,
        fields=tuple(
            FieldReport(name=field.name, before=field.before, after=field.after) for field in change.fields
        ),
        why=change.why,
    )


def step_report(step: ManualStep) -> StepReport:
    """A human step, its references resolved as far as they are known."""
    return StepReport(
        address=step.address,
        title=step.title,
        where=step.where,
        instructions=tuple(map(str, step.instructions)),
        brings=dict(step.brings),
    )


def plan_report(target: Target, plan: Plan) -> PlanReport:
    """A plan as it is reported."""
    return PlanReport(
        target=target,
        in_sync=not plan.pending and not plan.waiting and not plan.refusals,
        summary=plan.summary,
        changes=change_reports(plan),
        steps=tuple(map(step_report, plan.open_steps)),
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
    requests: Requests,
    seconds: float,
    handoff: tuple[HandoffValue, ...] = (),
    outlook: tuple[str, ...] = (),
    error: str | None = None,
) -> ApplyReport:
    """What came of applying a plan."""
    return ApplyReport(
        target=target,
        summary=plan.summary,
        changes=change_reports(plan),
        done=done_reports(done),
        steps=tuple(map(step_report, (after or plan).open_steps)),
        warnings=plan.warnings,
        requests=requests.model_dump(),
        seconds=round(seconds, 3),
        handoff=handoff_reports(handoff),
        outlook=outlook,
        error=error,
    )


def audit_report(
    target: Target,
    findings: list[Finding],
    fixed: tuple[DoneReport, ...] = (),
    requests: Requests | None = None,
) -> AuditReport:
    """The findings of an audit."""
    return AuditReport(
        target=target,
        summary=_counts(findings),
        findings=tuple(map(_finding, findings)),
        fixed=fixed,
        requests=(requests or Requests()).model_dump(),
    )


def doctor_report(audits: tuple[AuditReport, ...]) -> DoctorReport:
    """Several audits as one report."""
    findings = tuple(finding for audit in audits for finding in audit.findings)
    return DoctorReport(summary=_counts(findings), findings=findings, audits=audits)


def _counts(findings: Sequence[Finding | FindingReport]) -> dict[str, int]:
    return {status.value: sum(finding.status == status.value for finding in findings) for status in Status}


def _finding(finding: Finding) -> FindingReport:
    failed = finding.status is Status.FAIL
    return FindingReport(
        check=finding.check,
        status=finding.status.value,
        severity=finding.severity.label,
        address=finding.address,
        message=finding.message,
        evidence=tuple(EvidenceReport(path=found.path, value=found.value) for found in finding.evidence),
        fix=("automatic" if finding.fix else "manual") if failed else None,
        needs=finding.needs,
    )
