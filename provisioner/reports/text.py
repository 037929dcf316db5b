"""Reports as text for a terminal, with ANSI styles; the printer removes the styles where they are not allowed.

Text from outside (display names, messages) passes :func:`.wording.plain`, so that it cannot act on the terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from click import style

from provisioner.core.diff import FieldChange
from provisioner.core.plan import Action
from provisioner.core.provider import HandoffValue
from provisioner.core.untrusted import plain

from .models import (
    SEVERITIES,
    ApplyReport,
    AuditReport,
    ChangeReport,
    DoctorReport,
    DriftReport,
    ErrorReport,
    FindingReport,
    HandoffReport,
    ManualStepReport,
    PermissionsReport,
    PlanReport,
    Target,
    WaiverReport,
)
from .wording import (
    NO_VALUE,
    PAST_TENSE,
    REORDERED,
    audit_counts,
    drift_counts,
    plan_counts,
    plural,
    removed_and_added,
    value_text,
    waiver_text,
)

_ACTION_COLOURS: Final = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "yellow",
    Action.DELETE: "red",
    Action.NOOP: "bright_black",
    Action.WAITING: "cyan",
}
_STATUS_MARKS: Final = {
    "fail": ("✗", "red"),
    "error": ("!", "magenta"),
    "skip": ("○", "bright_black"),
    "pass": ("✓", "green"),
}
"""Worst first."""

_EMPTY_SHARD: Final = "This shard contains no playbooks."


def plan_text(report: PlanReport, *, verbose: bool = False) -> str:
    """The changes of a plan, with no-ops if ``verbose``; then its numbers, warnings and refusals."""
    lines = [_heading(report.target, report.target.title), ""]
    changes = [change for change in report.changes if verbose or change.action is not Action.NOOP]
    lines += [line for change in changes for line in _change_lines(change)]
    lines += [""] if changes else []
    in_sync = report.in_sync and not report.findings
    lines += [plan_counts(report.summary, in_sync=in_sync)]
    lines += [f"{style('warning', fg='yellow')}  {plain(warning)}" for warning in report.warnings]
    for refusal in report.refusals:
        lines.append(f"{style('refused', fg='red', bold=True)}  {plain(refusal.reason)}")
        lines += [f"           {plain(candidate)}" for candidate in refusal.candidates]
        lines += [f"           {plain(refusal.hint)}"] if refusal.hint else []
    return "\n".join(lines)


def drift_text(report: DriftReport, *, verbose: bool = False) -> str:
    """The plan of every playbook, what could not be read, and the number of playbooks in each state."""
    parts = [_drift_plan_text(plan, verbose=verbose) for plan in report.plans]
    parts += map(_error_text, report.errors)
    if len(parts) > 1:
        parts.append(drift_counts(report.summary))
    return "\n\n".join(parts) or _EMPTY_SHARD


def _drift_plan_text(plan: PlanReport, *, verbose: bool) -> str:
    lines = [plan_text(plan, verbose=verbose)]
    for finding in plan.findings:
        lines += _finding_lines(finding)
    for unmanaged in plan.unmanaged:
        value = f"{plain(unmanaged.address)} {unmanaged.field} = {plain(unmanaged.value)}"
        lines.append(style(f"  unmanaged  {value}", dim=True))
    return "\n".join(lines)


def doctor_text(report: DoctorReport, *, verbose: bool = False) -> str:
    """The findings of every playbook, and what could not be read."""
    parts = [_audit_text(audit, verbose=verbose) for audit in report.audits]
    parts += map(_error_text, report.errors)
    return "\n\n".join(parts) or _EMPTY_SHARD


def _audit_text(report: AuditReport, *, verbose: bool) -> str:
    """The findings, worst first, with passed checks if ``verbose``; then their numbers and what was fixed."""
    statuses = list(_STATUS_MARKS)
    ordered = sorted(
        report.findings,
        key=lambda finding: (statuses.index(finding.status), SEVERITIES.index(finding.severity)),
    )
    findings = [finding for finding in ordered if verbose or finding.status != "pass"]
    lines = [_heading(report.target, "doctor"), ""]
    lines += [line for finding in findings for line in _finding_lines(finding)]
    lines += [""] if findings else []
    lines.append(audit_counts(report.summary))
    lines += [f"fixed  {plain(change.address)} {PAST_TENSE[change.action]}" for change in report.fixed]
    return "\n".join(lines)


def apply_text(report: ApplyReport) -> str:
    """The result, the pending manual steps, the values to copy, and what happens next."""
    lines = [_result_line(report)]
    if report.error:
        lines += [f"  {PAST_TENSE[change.action]} {plain(change.address)}" for change in report.done]
    lines += [
        f"  note  {plain(change.address)}: {plain(change.note)}" for change in report.done if change.note
    ]
    lines += _manual_step_lines(report.manual_steps)
    if report.handoff:
        lines += ["", *_handoff_lines(report.handoff)]
    lines += ["", *map(plain, report.next_steps)] if report.next_steps else []
    return "\n".join(lines)


def permissions_text(report: PermissionsReport) -> str:
    """The permissions of every task, whether they are granted, the admin role, and the AWS policy."""
    words = {True: ("granted", "green"), False: ("missing", "red"), None: ("unknown", "bright_black")}
    width = max(len(task.purpose) for task in report.permissions)
    lines = [
        _heading(report.target, report.target.title),
        "",
        style(f"{report.kind}, any one of each line", bold=True),
    ]
    for task in report.permissions:
        word, colour = words[task.granted]
        commands = "" if "apply" in task.commands else f"  (only {', '.join(task.commands)})"
        lines.append(
            f"  {style(word, fg=colour)}  {task.purpose:<{width}}  {' | '.join(task.any_of)}{commands}"
        )
    lines += ["", f"{report.role_holder} {report.role}."]
    if report.problem:
        lines += [f"The granted permissions are unknown: {plain(report.problem)}"]
    lines += ["", style("AWS IAM policy for the admin of Kiro", bold=True)]
    lines += [json.dumps(report.aws_policy, indent=2)]
    return "\n".join(lines)


def handoff_text(report: HandoffReport) -> str:
    """The values to copy, the consoles that show and ask for each, and the pending manual steps."""
    lines = [_heading(report.target, report.target.title), "", *_handoff_lines(report.values)]
    for value in report.values:
        lines += ["", style(value.name, bold=True), f"  from  {value.source}", f"  to    {value.destination}"]
    lines += _manual_step_lines(report.manual_steps)
    return "\n".join(lines)


# -- parts -------------------------------------------------------------------------------------------------


def _heading(target: Target, title: str) -> str:
    where = "sandbox" if target.sandbox else f"tenant {target.tenant}"
    return f"{style(plain(target.name), bold=True)}  {title}, {plain(where)}"


def _error_text(error: ErrorReport) -> str:
    where = f"{error.playbook}:{error.line}" if error.line else error.playbook
    request = f" [request-id {error.request_id}]" if error.request_id else ""
    line = f"{style('error', fg='red', bold=True)}  {plain(where)}: {plain(error.message)}{plain(request)}"
    return f"{line}\n    next: {plain(error.hint)}" if error.hint else line


def _result_line(report: ApplyReport) -> str:
    requests = f"{plural(report.requests.read, 'read')}, {plural(report.requests.write, 'write')}, {report.seconds:.1f} s"
    counts = {
        verb: sum(change.action == action for change in report.done) for action, verb in PAST_TENSE.items()
    }
    changes = ", ".join(f"{count:,} {verb}" for verb, count in counts.items() if count)
    if report.error:
        return f"{style('Stopped', fg='red', bold=True)}: {changes or 'nothing was written'} ({requests})."
    if not report.done and not report.manual_steps:
        state = "the tenant matches the playbook" if report.command == "apply" else "it is destroyed already"
        return f"{style('Nothing to do', bold=True)}: {state} ({requests})."
    pending = plural(len(report.manual_steps), "manual step")
    result = ", ".join(filter(None, [changes, f"{pending} pending" if report.manual_steps else ""]))
    line = f"{style('Done', fg='green', bold=True)}: {result} ({requests})."
    return f"{line} {_verification(report)}" if report.done else line


def _verification(report: ApplyReport) -> str:
    """What the reads after the last write proved."""
    if report.manual_steps:
        return "Verified: the changes are in place."
    if report.command == "destroy":
        return "Verified: the integration is destroyed."
    return "Verified: the tenant matches the playbook."


def _manual_step_lines(steps: Iterable[ManualStepReport]) -> Iterator[str]:
    for number, step in enumerate(steps, start=1):
        title = style(f"Manual step {number}", fg="cyan", bold=True)
        yield from ("", f"{title}: {step.title}  ({step.location})")
        yield from (f"    {plain(instruction)}" for instruction in step.instructions)
        yield from (f"    export {name}=…   # {content}" for name, content in step.outputs.items())


def _handoff_lines(values: tuple[HandoffValue, ...]) -> Iterator[str]:
    width = max((len(value.name) for value in values), default=0)
    yield style("Values to copy between the consoles", bold=True)
    for value in values:
        text = plain(value.value) if value.value else "(not known yet: run apply first)"
        yield f"  {value.name:<{width}}  {style(text, bold=bool(value.value))}"


def _finding_lines(finding: FindingReport) -> Iterator[str]:
    mark, colour = _STATUS_MARKS[finding.status]
    severity = f"  {finding.severity}" if finding.status == "fail" else ""
    yield f"{style(mark, fg=colour)} {style(finding.check, bold=finding.status == 'fail')}{severity}"
    if finding.status == "pass":
        return
    yield f"    {plain(finding.message or finding.title)}"
    for evidence in finding.evidence:
        yield style(f"    {plain(evidence.path)} = {plain(evidence.value)}", dim=True)
    if finding.waiver:
        yield f"    {_styled_waiver(finding.waiver)}"
    if finding.permissions:
        yield f"    needs {plain(' or '.join(finding.permissions))}"
    if finding.fix == "automatic":
        yield "    can be fixed with --fix"
    elif finding.fix == "unmanaged":
        yield "    cannot be fixed with --fix: the playbook lists it under unmanaged"
    elif finding.fix == "manual":
        yield f"    needs a manual fix: provisioner checks show {finding.check}"


def _change_lines(change: ChangeReport) -> Iterator[str]:
    title = f"{change.action.glyph} {plain(change.address)}"
    why = f"  {plain(change.why)}" if change.why else ""
    if change.category == "security" and change.action is not Action.WAITING:
        why += style("  security", fg="red")
    if change.waiver:
        why += f"  {_styled_waiver(change.waiver)}"
    yield f"  {style(title, fg=_ACTION_COLOURS[change.action])}{style(why, dim=True)}"
    if change.action in (Action.CREATE, Action.UPDATE, Action.REPLACE):
        width = max((len(field.name) for field in change.fields), default=0)
        for field in change.fields:
            yield from _field_lines(field, width, is_new=change.action is Action.CREATE)


def _styled_waiver(waiver: WaiverReport) -> str:
    return style(plain(waiver_text(waiver)), fg="red" if waiver.expired else "cyan")


def _field_lines(field: FieldChange, width: int, *, is_new: bool) -> Iterator[str]:
    """One line for each value: the name of the field in the first, aligned to ``width``."""
    if is_new:
        values = field.after if isinstance(field.after, list) else [field.after]
        texts = [value_text(value) for value in values] or [NO_VALUE]
    elif difference := removed_and_added(field.before or [], field.after):
        removed, added = difference
        texts = [f"- {value_text(element)}" for element in removed]
        texts += [f"+ {value_text(element)}" for element in added]
        texts = texts or [REORDERED]
    else:
        texts = [f"{value_text(field.before)} → {value_text(field.after)}"]
    for number, text in enumerate(texts):
        yield f"      {'' if number else field.name:<{width}}  {text}"
