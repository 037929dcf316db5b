"""What is reported, as documented and versioned data. Every format is made from these.

A ``schema`` member names the shape and its version; members may be added to a version, never changed or removed.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Target(_Report):
    """What a report is about."""

    playbook: str = Field(description="File name of the playbook, as given.")
    name: str = Field(description="The playbook's name.")
    provider: str = Field(description="The identity provider.")
    title: str = Field(default="", description="The identity provider's name, for people.")
    tenant: str = Field(description="The tenant the playbook names.")
    sandbox: bool = Field(description="Whether the sandbox stood in for the real tenant.")


Category = Literal["security", "configuration"]


class WaiverReport(_Report):
    """Why something is let pass, by whom, and until when."""

    reason: str
    owner: str
    expires: date = Field(description="The last day on which it counts.")
    expired: bool = Field(default=False, description="It is over: what it covered counts again.")


class FailureReport(_Report):
    """A playbook or tenant that could not be read."""

    playbook: str = Field(
        description="File name of the playbook, as given; or the shard of which there is no report."
    )
    name: str = ""
    provider: str = ""
    tenant: str = ""
    line: int | None = Field(default=None, description="Line in the playbook, where the fault is there.")
    message: str
    hint: str = ""
    request_id: str = Field(default="", description="The vendor's, for its support.")


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
    category: Category | None = Field(
        default=None, description="What kind of deviation it is, where it is one: security or configuration."
    )
    line: int | None = Field(default=None, description="Line in the playbook that asks for it.")
    waiver: WaiverReport | None = Field(default=None, description="Why it is let pass, if it is.")


class StepReport(_Report):
    """A human step that waits."""

    address: str
    title: str
    location: str
    instructions: tuple[str, ...]
    outputs: dict[str, str] = Field(description="Environment variables to set afterwards, and with what.")


class RefusalReport(_Report):
    """Why a guard refuses the plan."""

    reason: str
    hint: str = ""
    candidates: tuple[str, ...] = ()


class EvidenceReport(_Report):
    """Where a fault is seen, in the vendor's own names."""

    path: str
    value: Any = None


Remedy = Literal["automatic", "manual", "unmanaged"]


class FindingReport(_Report):
    """The outcome of a check."""

    check: str
    status: Literal["pass", "fail", "skip", "error"]
    severity: Literal["low", "medium", "high"]
    address: str = ""
    message: str = ""
    evidence: tuple[EvidenceReport, ...] = ()
    fix: Remedy | None = Field(
        default=None,
        description="Whether --fix can repair it, or would if the playbook did not leave it alone; "
        "None when there is nothing to repair.",
    )
    permissions: tuple[str, ...] = Field(
        default=(), description="Permissions of which any one would let a skipped check run."
    )
    title: str = Field(default="", description="What the check says when nothing is wrong.")
    why: str = Field(
        default="", description="What is behind the fault, if there is one; from the check's page."
    )
    remedy: str = Field(default="", description="What to do about it; from the check's page.")
    category: Category | None = Field(default=None, description="Of the fault, if there is one.")
    line: int | None = Field(default=None, description="Line in the playbook that it is about.")
    waiver: WaiverReport | None = Field(default=None, description="Why it is let pass, if it is.")


class UnmanagedReport(_Report):
    """A field that is there, and that the playbook leaves alone."""

    address: str
    field: str
    value: Any = None


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
    requests: dict[str, int] = Field(
        default_factory=dict, description="Requests sent: read, write. Only in drift."
    )
    findings: tuple[FindingReport, ...] = Field(
        default=(), description="Faults of security that apply cannot take back. Only in drift."
    )
    unmanaged: tuple[UnmanagedReport, ...] = Field(
        default=(), description="What the playbook leaves alone. Only in drift, on request."
    )


class DoneReport(_Report):
    """A change that was made."""

    address: str
    action: str
    note: str = ""


class HandoffReport(_Report):
    """A value to carry to another console."""

    name: str
    value: str | None
    source: str
    destination: str


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
    next_steps: tuple[str, ...] = Field(
        default=(), description="What happens from now on without anybody doing anything."
    )
    error: str | None = Field(default=None, description="Why it stopped, if it did.")


_SHARD: Any = Field(
    default=None,
    pattern=r"^\d{1,5}/\d{1,5}$",
    description="Which part of a fleet this is, such as 2/8; absent: all of it.",
)


class DriftReport(_Report):
    """What ``drift`` prints."""

    schema_: Literal["provisioner.drift/1"] = Field(default="provisioner.drift/1", alias="schema")
    in_sync: bool = Field(description="Nothing deviates in any tenant that could be read, waived or not.")
    plans: tuple[PlanReport, ...]
    failures: tuple[FailureReport, ...] = Field(default=(), description="What could not be read.")
    summary: dict[str, int] = Field(
        default_factory=dict, description="Number of playbooks: in_sync, drifted, waived, unreadable."
    )
    shard: str | None = _SHARD


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
    failures: tuple[FailureReport, ...] = Field(default=(), description="What could not be read.")
    shard: str | None = _SHARD


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
    permissions: tuple[PermissionReport, ...]
    missing: tuple[str, ...] = Field(description="Purposes that nothing granted serves.")
    kind: str = Field(description="What the vendor calls its permissions.")
    role_holder: str = Field(description="Who needs the role besides.")
    role: str = Field(description="The role.")
    problem: str = Field(default="", description="Why the credentials could not be looked at, if so.")
    aws_policy: dict[str, Any] = Field(description="IAM policy for whoever administers Kiro.")


class HandoffSheet(_Report):
    """What ``handoff`` prints."""

    schema_: Literal["provisioner.handoff/1"] = Field(default="provisioner.handoff/1", alias="schema")
    target: Target
    values: tuple[HandoffReport, ...]
    steps: tuple[StepReport, ...] = Field(default=(), description="Human steps that wait.")
