"""The reports of the commands as versioned JSON documents. Every other format is made from them.

The member ``schema`` names the document and its version. A version may gain members; it never loses or changes one.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final, Literal

from pydantic import ConfigDict, Field

from provisioner.core.check import Evidence, Status
from provisioner.core.diff import FieldChange
from provisioner.core.drift import Category, UnmanagedValue
from provisioner.core.guards import Refusal
from provisioner.core.plan import Action
from provisioner.core.provider import HandoffValue, PermissionSummary, RequestCounts
from provisioner.core.resource import Model

Severity = Literal["high", "medium", "low"]
SEVERITIES: Final[tuple[Severity, ...]] = ("high", "medium", "low")
Fix = Literal["automatic", "manual", "unmanaged"]


class ReportModel(Model):
    """A part of a report."""

    model_config = ConfigDict(populate_by_name=True)


class Target(ReportModel):
    """The playbook and the tenant that a report is about."""

    playbook: str = Field(description="File name of the playbook, as given.")
    name: str = Field(description="Name of the playbook.")
    provider: str = Field(description="The identity provider, such as entra.")
    title: str = Field(default="", description="Display name of the identity provider.")
    tenant: str = Field(description="The tenant that the playbook names.")
    sandbox: bool = Field(description="Whether the sandbox replaced the tenant.")


class WaiverReport(ReportModel):
    """The waiver that covers a change or a finding."""

    reason: str = Field(description="Why it is waived.")
    owner: str = Field(description="Who is responsible for the waiver.")
    expires: date = Field(description="The last day of the waiver.")
    expired: bool = Field(default=False, description="Whether that day has passed.")


class ErrorReport(ReportModel):
    """A playbook or tenant that could not be read."""

    playbook: str = Field(description="File name of the playbook, as given; or the shard that has no report.")
    line: int | None = Field(default=None, description="Line in the playbook that is wrong.")
    message: str = Field(description="What happened.")
    hint: str = Field(default="", description="What to do next.")
    request_id: str = Field(default="", description="The vendor's request id, for its support.")


class ChangeReport(ReportModel):
    """One change of the plan."""

    address: str = Field(description="The resource.")
    action: Action
    fields: tuple[FieldChange, ...] = Field(default=(), description="The fields that differ.")
    why: str = Field(default="", description="The reason, where the fields do not show it.")
    category: Category | None = Field(default=None, description="What it concerns; null for noop.")
    line: int | None = Field(default=None, description="Line in the playbook that describes the resource.")
    waiver: WaiverReport | None = Field(default=None, description="The waiver that covers it, if any.")


class ManualStepReport(ReportModel):
    """A manual step that is pending."""

    address: str = Field(description="The step's address in the plan.")
    title: str = Field(description="What to do, in a few words.")
    location: str = Field(description="The console and the page in it.")
    instructions: tuple[str, ...] = Field(description="What to click and enter, in order.")
    outputs: dict[str, str] = Field(description="Environment variables to set, each with its content.")


class FindingReport(ReportModel):
    """The result of a check."""

    check: str = Field(description="Id of the check.")
    status: Status
    severity: Severity = Field(description="How urgent it is.")
    address: str = Field(default="", description="The resource, if it is about one.")
    message: str = Field(default="", description="What is wrong, or why the check was skipped.")
    evidence: tuple[Evidence, ...] = Field(default=(), description="What shows it.")
    fix: Fix | None = Field(
        default=None,
        description="How to fix it: automatic (with --fix), manual, or unmanaged (the playbook excludes what the "
        "fix would change); null unless the check failed.",
    )
    permissions: tuple[str, ...] = Field(default=(), description="A skipped check needs any one of them.")
    title: str = Field(default="", description="What holds when the check passes.")
    why: str = Field(default="", description="The cause, if the check failed.")
    remedy: str = Field(default="", description="What to do, if the check failed.")
    category: Category | None = Field(default=None, description="What it concerns, if the check failed.")
    line: int | None = Field(default=None, description="Line in the playbook that describes the resource.")
    waiver: WaiverReport | None = Field(default=None, description="The waiver that covers it, if any.")


def is_waived(reported: ChangeReport | FindingReport) -> bool:
    """Whether a waiver that has not expired covers it."""
    return reported.waiver is not None and not reported.waiver.expired


class PlaybookReport(ReportModel):
    """A report about one playbook."""

    schema_: str = Field(alias="schema")
    target: Target


class PlanReport(PlaybookReport):
    """Output of ``plan``; a drift report contains one for each playbook."""

    schema_: Literal["provisioner.plan/1"] = Field(default="provisioner.plan/1", alias="schema")
    in_sync: bool = Field(description="Whether no change and no manual step is pending.")
    summary: dict[str, int] = Field(description="Number of changes by action.")
    changes: tuple[ChangeReport, ...] = Field(description="Every change, no-ops included.")
    manual_steps: tuple[ManualStepReport, ...] = Field(default=(), description="Pending manual steps.")
    refusals: tuple[Refusal, ...] = Field(default=(), description="Why a guard refuses the plan.")
    warnings: tuple[str, ...] = Field(default=(), description="What the admin should know in addition.")
    fingerprint: str = Field(description="Digest of what apply would write.")
    requests: RequestCounts | None = Field(default=None, description="Requests sent. Only in drift.")
    findings: tuple[FindingReport, ...] = Field(
        default=(), description="Failed security checks that apply cannot fix. Only in drift."
    )
    unmanaged: tuple[UnmanagedValue, ...] = Field(
        default=(),
        description="Existing values that the playbook does not manage. Only in drift, on request.",
    )


class AppliedChange(ReportModel):
    """A change that was made."""

    address: str = Field(description="The resource.")
    action: Action
    note: str = Field(default="", description="What the admin should know about it.")


class ApplyReport(PlaybookReport):
    """Output of ``apply`` and ``destroy``."""

    schema_: Literal["provisioner.apply/1"] = Field(default="provisioner.apply/1", alias="schema")
    command: Literal["apply", "destroy"] = Field(default="apply", description="The command.")
    summary: dict[str, int] = Field(description="Number of planned changes by action.")
    changes: tuple[ChangeReport, ...] = Field(description="The plan before the first write.")
    done: tuple[AppliedChange, ...] = Field(description="The changes that were made, in order.")
    manual_steps: tuple[ManualStepReport, ...] = Field(default=(), description="Pending manual steps.")
    warnings: tuple[str, ...] = Field(default=(), description="What the admin should know in addition.")
    requests: RequestCounts = Field(description="Requests sent.")
    seconds: float = Field(description="Duration, without the time that you took to confirm.")
    handoff: tuple[HandoffValue, ...] = Field(default=(), description="Values to copy between consoles.")
    next_steps: tuple[str, ...] = Field(
        default=(), description="What happens next without any action of yours."
    )
    error: str | None = Field(default=None, description="Why it stopped, if it did.")


_SHARD: Any = Field(
    default=None,
    pattern=r"^\d{1,5}/\d{1,5}$",
    description="The part of the fleet that it covers, such as 2/8; null for the whole fleet.",
)


class DriftReport(ReportModel):
    """Output of ``drift``."""

    schema_: Literal["provisioner.drift/1"] = Field(default="provisioner.drift/1", alias="schema")
    in_sync: bool = Field(description="Whether no tenant that could be read differs, waived or not.")
    plans: tuple[PlanReport, ...] = Field(description="One plan for each playbook.")
    errors: tuple[ErrorReport, ...] = Field(default=(), description="What could not be read.")
    summary: dict[str, int] = Field(
        default_factory=dict, description="Number of playbooks: in_sync, drifted, waived, errors."
    )
    shard: str | None = _SHARD


class AuditReport(ReportModel):
    """The findings for one playbook."""

    target: Target
    summary: dict[str, int] = Field(description="Number of findings by status.")
    findings: tuple[FindingReport, ...] = Field(description="The result of every check.")
    fixed: tuple[AppliedChange, ...] = Field(default=(), description="The changes that --fix made.")
    requests: RequestCounts = Field(description="Requests sent.")


class DoctorReport(ReportModel):
    """Output of ``doctor``."""

    schema_: Literal["provisioner.doctor/1"] = Field(default="provisioner.doctor/1", alias="schema")
    summary: dict[str, int] = Field(description="Number of findings by status, over all playbooks.")
    findings: tuple[FindingReport, ...] = Field(description="The findings of all playbooks.")
    audits: tuple[AuditReport, ...] = Field(description="The findings by playbook.")
    errors: tuple[ErrorReport, ...] = Field(default=(), description="What could not be read.")
    shard: str | None = _SHARD


class PermissionsReport(PermissionSummary, PlaybookReport):
    """Output of ``permissions``."""

    schema_: Literal["provisioner.permissions/1"] = Field(default="provisioner.permissions/1", alias="schema")
    missing: tuple[str, ...] = Field(description="The tasks for which no permission is granted.")
    aws_policy: dict[str, Any] = Field(description="IAM policy for the admin of Kiro.")


class HandoffReport(PlaybookReport):
    """Output of ``handoff``."""

    schema_: Literal["provisioner.handoff/1"] = Field(default="provisioner.handoff/1", alias="schema")
    values: tuple[HandoffValue, ...] = Field(description="The values to copy between the consoles.")
    manual_steps: tuple[ManualStepReport, ...] = Field(default=(), description="Pending manual steps.")
