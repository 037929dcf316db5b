"""Deviations and findings as one kind of thing, so that every format is made from the same list. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Literal

from pydantic import Field

from .models import (
    AuditReport,
    Category,
    ChangeReport,
    DoctorReport,
    DriftReport,
    EvidenceReport,
    FailureReport,
    FieldReport,
    FindingReport,
    PlanReport,
    Target,
    WaiverReport,
    _Report,
)

Command = Literal["plan", "drift", "doctor"]
Status = Literal["fail", "waived", "error", "skip", "pass"]

MEANINGS: Final[Mapping[Status, str]] = MappingProxyType(
    {
        "fail": "it deviates, or is wrong: the exit code is 3",
        "waived": "let pass by a waiver that has not expired",
        "error": "it could not be looked at: the exit code is 1",
        "skip": "a check that lacked a permission, which is named",
        "pass": "it is as it should be",
    }
)
"""What each status says."""

_SHORT = 160

UNREADABLE = "unreadable"
"""The rule of what could not be read."""


class Entry(_Report):
    """One thing that a report tells.

    Attributes:
        rule: id of the check, or ``drift-`` and the kind of resource; stable.
        title: of the rule, one sentence without a full stop.
        status: a key of :data:`MEANINGS`.
        severity: of a finding; deviations of security are high, others medium.
        playbook: file name as given, with the line that it is about.
        address: the resource.
        message: what is wrong, one sentence or two.
        why: what is behind it, the same for all items of a rule.
        fields: what differs, for a deviation.
        advice: what to do next.
    """

    rule: str
    title: str
    status: Status
    severity: Literal["high", "medium", "low"]
    category: Category
    playbook: str
    line: int | None = None
    name: str = ""
    provider: str = ""
    tenant: str = ""
    sandbox: bool = False
    address: str = ""
    message: str = ""
    why: str = ""
    evidence: tuple[EvidenceReport, ...] = ()
    fields: tuple[FieldReport, ...] = ()
    advice: str = ""
    waiver: WaiverReport | None = None

    @property
    def fingerprint(self) -> str:
        """The same for the same thing in another run: 32 hexadecimal digits."""
        parts = (self.rule, self.name, self.playbook, self.address, self.message if not self.fields else "")
        return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]


class EntryList(_Report):
    """What one command found, for whoever writes it down.

    Attributes:
        command: that found it.
        targets: every playbook that was read.
        items: in the order of the playbooks.
    """

    command: Command
    targets: tuple[Target, ...] = ()
    items: tuple[Entry, ...] = ()
    summary: dict[str, int] = Field(default_factory=dict, description="Number of items by status.")


def collect_entries(report: PlanReport | DriftReport | DoctorReport) -> EntryList:
    """Everything that a report tells, as items."""
    if isinstance(report, DoctorReport):
        items = [item for audit in report.audits for item in _of_audit(audit)]
        return _counted("doctor", (audit.target for audit in report.audits), items, report.failures)
    command: Command = "drift" if isinstance(report, DriftReport) else "plan"
    plans, failures = (report.plans, report.failures) if isinstance(report, DriftReport) else ((report,), ())
    items = [item for plan in plans for item in _of_plan(plan)]
    return _counted(command, (plan.target for plan in plans), items, failures)


def _counted(
    command: Command, targets: Iterable[Target], items: list[Entry], failures: Iterable[FailureReport]
) -> EntryList:
    items += map(_unreadable, failures)
    counts = {status: sum(item.status == status for item in items) for status in MEANINGS}
    return EntryList(command=command, targets=tuple(targets), items=tuple(items), summary=counts)


def _of_plan(plan: PlanReport) -> Iterator[Entry]:
    deviating = [change for change in plan.changes if change.action != "noop"]
    for change in deviating:
        yield _deviation(change, plan.target)
    for finding in plan.findings:
        yield _finding(finding, plan.target)
    for refusal in plan.refusals:
        yield _about(
            plan.target,
            rule="drift-refused",
            title="The playbook can be applied",
            status="fail",
            severity="high",
            category="configuration",
            message=refusal.reason,
            advice=refusal.hint,
        )
    if not deviating and not plan.findings and not plan.refusals:
        yield _about(
            plan.target,
            rule="drift",
            title="The tenant is as the playbook says",
            status="pass",
            severity="medium",
            category="configuration",
            message=f"{plan.summary.get('noop', 0)} unchanged",
        )


def _deviation(change: ChangeReport, target: Target) -> Entry:
    kind, _, key = change.address.partition("/")
    words = {
        "create": "is missing",
        "delete": "is there, but should not be",
        "waiting": f"waits: {change.why}" if change.why else "waits for a person",
    }
    told = words.get(change.action) or f"differs: {'; '.join(map(_difference, change.fields))}"
    category: Category = change.category or "configuration"
    return _about(
        target,
        rule=f"drift-{kind}",
        title=f"{kind} is as the playbook says",
        status="waived" if change.waiver and not change.waiver.expired else "fail",
        severity="high" if category == "security" else "medium",
        category=category,
        line=change.line,
        address=change.address,
        message=f"{kind} {key} {told}",
        fields=change.fields,
        advice=f"look at it: {_command('plan', target)}; take it back: {_command('apply', target)}",
        waiver=change.waiver,
    )


def _difference(field: FieldReport) -> str:
    """What differs in a field, in short; the whole is in ``fields``."""
    if isinstance(field.before, list) and isinstance(field.after, list):
        extra = [element for element in field.before if element not in field.after]
        missing = [element for element in field.after if element not in field.before]
        told = [f"{word} {_short(found)}" for word, found in (("has", extra), ("lacks", missing)) if found]
        return f"{field.name} {' and '.join(told) or 'is in another order'}"
    return f"{field.name} is {_short(field.before)}, not {_short(field.after)}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."


def _of_audit(audit: AuditReport) -> Iterator[Entry]:
    for finding in audit.findings:
        yield _finding(finding, audit.target)


def _finding(finding: FindingReport, target: Target) -> Entry:
    automatic = finding.fix == "automatic"
    advice = f"repair it: {_command('doctor', target)} --fix" if automatic else ""
    if finding.fix == "unmanaged":
        advice = "the playbook leaves it alone: take it out of unmanaged, then repair it with --fix"
    if finding.fix == "manual":
        advice = f"{finding.remedy} More: provisioner checks show {finding.check}".strip()
    if finding.permissions:
        advice = f"needs {' or '.join(finding.permissions)}"
    waived = finding.waiver is not None and not finding.waiver.expired
    return _about(
        target,
        rule=finding.check,
        title=finding.title or finding.check,
        status="waived" if finding.status == "fail" and waived else finding.status,
        severity=finding.severity,
        category=finding.category or "configuration",
        line=finding.line,
        address=finding.address,
        message=finding.message,
        why=finding.why,
        evidence=finding.evidence,
        advice=advice,
        waiver=finding.waiver,
    )


def _unreadable(failure: FailureReport) -> Entry:
    told = f" (request {failure.request_id})" if failure.request_id else ""
    return Entry(
        rule=UNREADABLE,
        title="The tenant can be read",
        status="error",
        severity="high",
        category="configuration",
        playbook=failure.playbook,
        line=failure.line,
        name=failure.name,
        provider=failure.provider,
        tenant=failure.tenant,
        message=f"{failure.message}{told}",
        advice=failure.hint,
    )


def _command(name: str, target: Target) -> str:
    return f"provisioner {name} {target.playbook}{' --sandbox' if target.sandbox else ''}"


def _about(target: Target, **fields: object) -> Entry:
    return Entry.model_validate(
        {**target.model_dump(include={"playbook", "name", "provider", "tenant", "sandbox"}), **fields}
    )
