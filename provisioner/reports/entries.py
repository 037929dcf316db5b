"""Differences, findings and errors as one list of entries. Every format except text and JSON is made from it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from pydantic import Field

from provisioner.core.check import Evidence
from provisioner.core.diff import FieldChange
from provisioner.core.drift import Category
from provisioner.core.manual_step import ManualStep
from provisioner.core.plan import Action
from provisioner.core.untrusted import shell_argument

from .models import (
    ChangeReport,
    DoctorReport,
    DriftReport,
    ErrorReport,
    FindingReport,
    PlanReport,
    ReportModel,
    Severity,
    Target,
    WaiverReport,
    is_waived,
)
from .wording import REORDERED, plural, removed_and_added

Command = Literal["plan", "drift", "doctor"]
EntryStatus = Literal["fail", "error", "waived", "skip", "pass"]


class StatusWords(NamedTuple):
    """A status in words: its label in a report, and its meaning."""

    label: str
    meaning: str


STATUSES: Final[Mapping[EntryStatus, StatusWords]] = MappingProxyType(
    {
        "fail": StatusWords("Failed", "the tenant differs, or a check failed; the exit code is 3"),
        "error": StatusWords("Error", "it could not be read or checked; the exit code is 1"),
        "waived": StatusWords("Waived", "a waiver that has not expired covers it"),
        "skip": StatusWords(
            "Skipped", "a check that does not apply or lacks a permission; the message states which"
        ),
        "pass": StatusWords("Passed", "the tenant matches the playbook, or a check passed"),
    }
)
"""Every status, worst first."""

ERROR_RULE: Final = "playbook-error"
"""The rule of a playbook or tenant that could not be read."""

_DRIFT_RULE: Final = "drift"
_VALUE_LENGTH: Final = 160


class SuggestedCommand(ReportModel):
    """A command to run next."""

    purpose: str = Field(description="What it does, in one or two words.")
    command: str = Field(description="The command line.")


class Entry(ReportModel):
    """One difference, finding or error.

    Attributes:
        rule: id of the check, or ``drift-`` and the kind of resource; stable.
        title: what holds when the rule is met, in one sentence without a full stop.
        status: a key of :data:`STATUSES`.
        severity: of a finding; a difference that concerns security is high, any other medium.
        playbook: file name, as given.
        line: line of the playbook that describes the resource.
        name: name of the playbook.
        address: the resource.
        message: what is wrong, in one or two sentences.
        why: the cause; the same for all entries of a rule.
        evidence: what shows a finding.
        fields: the fields that differ.
        hint: what to do next, in words.
        commands: what to run next.
    """

    rule: str
    title: str
    status: EntryStatus
    severity: Severity = "medium"
    category: Category = Category.CONFIGURATION
    playbook: str
    line: int | None = None
    name: str = ""
    provider: str = ""
    tenant: str = ""
    sandbox: bool = False
    address: str = ""
    message: str = ""
    why: str = ""
    evidence: tuple[Evidence, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    hint: str = ""
    commands: tuple[SuggestedCommand, ...] = ()
    waiver: WaiverReport | None = None

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that stay the same for the same entry in another run."""
        message = "" if self.fields else self.message
        parts = (self.rule, self.name, self.playbook, self.address, message)
        return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]


class EntryList(ReportModel):
    """The entries of one report.

    Attributes:
        command: the command that wrote the report.
        targets: every playbook that was read.
        entries: in the order of the playbooks.
        summary: number of entries by status.
    """

    command: Command
    targets: tuple[Target, ...] = ()
    entries: tuple[Entry, ...] = ()
    summary: dict[str, int] = Field(default_factory=dict)


def collect_entries(report: PlanReport | DriftReport | DoctorReport) -> EntryList:
    """The entries of a report: what differs or failed, what passed, and what could not be read."""
    if isinstance(report, DoctorReport):
        entries = [
            _finding_entry(finding, audit.target) for audit in report.audits for finding in audit.findings
        ]
        return _entry_list("doctor", (audit.target for audit in report.audits), entries, report.errors)
    command: Command = "drift" if isinstance(report, DriftReport) else "plan"
    plans, errors = (report.plans, report.errors) if isinstance(report, DriftReport) else ((report,), ())
    entries = [entry for plan in plans for entry in _plan_entries(plan)]
    return _entry_list(command, (plan.target for plan in plans), entries, errors)


def rule_commands(rule: str) -> tuple[str, ...]:
    """What to run for any entry of a rule, with PLAYBOOK for the file name."""
    if rule == ERROR_RULE:
        return ("provisioner plan PLAYBOOK",)
    if rule == _DRIFT_RULE or rule.startswith(f"{_DRIFT_RULE}-"):
        return ("provisioner plan PLAYBOOK", "provisioner apply PLAYBOOK")
    return (f"provisioner checks show {rule}",)


def _entry_list(
    command: Command, targets: Iterable[Target], entries: list[Entry], errors: Iterable[ErrorReport]
) -> EntryList:
    entries = [*entries, *map(_error_entry, errors)]
    counts = Counter(entry.status for entry in entries)
    summary: dict[str, int] = {status: counts[status] for status in STATUSES}
    return EntryList(command=command, targets=tuple(targets), entries=tuple(entries), summary=summary)


def _plan_entries(plan: PlanReport) -> Iterator[Entry]:
    changes = [change for change in plan.changes if change.action is not Action.NOOP]
    yield from (_change_entry(change, plan.target) for change in changes)
    yield from (_finding_entry(finding, plan.target) for finding in plan.findings)
    for refusal in plan.refusals:
        yield _entry(
            plan.target,
            rule=f"{_DRIFT_RULE}-refused",
            title="The playbook can be applied",
            status="fail",
            severity="high",
            message=refusal.reason,
            hint=refusal.hint,
        )
    if not changes and not plan.findings and not plan.refusals:
        yield _entry(
            plan.target,
            rule=_DRIFT_RULE,
            title="The tenant matches the playbook",
            status="pass",
            message=f"{plural(plan.summary.get('noop', 0), 'resource')} unchanged",
        )


def _change_entry(change: ChangeReport, target: Target) -> Entry:
    kind = change.address.partition("/")[0]
    category = change.category or Category.CONFIGURATION
    return _entry(
        target,
        rule=f"{_DRIFT_RULE}-{kind}",
        title=f"{kind} matches the playbook",
        status="waived" if is_waived(change) else "fail",
        severity="high" if category is Category.SECURITY else "medium",
        category=category,
        line=change.line,
        address=change.address,
        message=_change_message(change),
        fields=change.fields,
        commands=(_command("Show", "plan", target), _command("Revert", "apply", target)),
        waiver=change.waiver,
    )


def _change_message(change: ChangeReport) -> str:
    kind, _, key = change.address.partition("/")
    if change.action is Action.WAITING and kind == ManualStep.kind:
        return f"Manual step pending: {change.why or key}"
    states = {
        Action.CREATE: "is missing",
        Action.DELETE: f"will be deleted: {change.why}" if change.why else "will be deleted",
        Action.WAITING: change.why or "waits for a manual step",
    }
    differences = "; ".join(map(_field_difference, change.fields))
    return f"{kind} {key} {states.get(change.action) or f'differs: {differences}'}"


def _field_difference(field: FieldChange) -> str:
    """The difference of one field, shortened; the entry's fields have all of it."""
    if not (difference := removed_and_added(field.before, field.after)):
        return f"{field.name} is {_short(field.before)}, expected {_short(field.after)}"
    parts = [
        f"{verb} {_short(elements)}"
        for verb, elements in zip(("has", "lacks"), difference, strict=True)
        if elements
    ]
    return f"{field.name} {' and '.join(parts) or f'has a {REORDERED}'}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE_LENGTH else f"{text[:_VALUE_LENGTH]}..."


def _finding_entry(finding: FindingReport, target: Target) -> Entry:
    hint, commands = _finding_advice(finding, target)
    return _entry(
        target,
        rule=finding.check,
        title=finding.title or finding.check,
        status="waived" if finding.status == "fail" and is_waived(finding) else finding.status.value,
        severity=finding.severity,
        category=finding.category or Category.CONFIGURATION,
        line=finding.line,
        address=finding.address,
        message=finding.message,
        why=finding.why,
        evidence=finding.evidence,
        hint=hint,
        commands=commands,
        waiver=finding.waiver,
    )


def _finding_advice(finding: FindingReport, target: Target) -> tuple[str, tuple[SuggestedCommand, ...]]:
    """What to do about a finding: a hint, and commands."""
    if finding.permissions:
        return f"needs {' or '.join(finding.permissions)}", ()
    if finding.fix == "unmanaged":
        return "the playbook lists it under unmanaged: remove it there, then run doctor with --fix", ()
    if finding.fix == "automatic":
        return "", (_command("Fix", "doctor", target, " --fix"),)
    if finding.fix == "manual":
        details = SuggestedCommand(purpose="Details", command=f"provisioner checks show {finding.check}")
        return finding.remedy, (details,)
    return "", ()


def _error_entry(error: ErrorReport) -> Entry:
    request = f" (request {error.request_id})" if error.request_id else ""
    return Entry(
        rule=ERROR_RULE,
        title="The playbook and its tenant can be read",
        status="error",
        severity="high",
        playbook=error.playbook,
        line=error.line,
        message=f"{error.message}{request}",
        hint=error.hint,
    )


def _command(purpose: str, name: str, target: Target, options: str = "") -> SuggestedCommand:
    sandbox = " --sandbox" if target.sandbox else ""
    return SuggestedCommand(
        purpose=purpose, command=f"provisioner {name} {shell_argument(target.playbook)}{sandbox}{options}"
    )


def _entry(target: Target, **fields: object) -> Entry:
    about = target.model_dump(include={"playbook", "name", "provider", "tenant", "sandbox"})
    return Entry.model_validate({**about, **fields})
