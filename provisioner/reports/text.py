"""Reports as text for a terminal, with ANSI styles; whoever prints it strips them where they are not wanted.

Text from outside (display names, messages) goes through :func:`plain`, so that it cannot act on the terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from click import style

from .models import (
    ApplyReport,
    AuditReport,
    ChangeReport,
    DoctorReport,
    DriftReport,
    FailureReport,
    FieldReport,
    FindingReport,
    HandoffReport,
    HandoffSheet,
    PermissionsReport,
    PlanReport,
    StepReport,
    Target,
    WaiverReport,
)

_GLYPHS: Final = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "replace": ("±", "yellow"),
    "delete": ("-", "red"),
    "noop": ("=", "bright_black"),
    "waiting": ("…", "cyan"),
}
_MARKS: Final = {
    "pass": ("✓", "green"),
    "fail": ("✗", "red"),
    "skip": ("○", "bright_black"),
    "error": ("!", "magenta"),
}
_NONE: Final = "No playbook fell to this shard."
_PAST: Final = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
}


def plain(value: Any) -> str:
    """Any value as one line of harmless text."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def heading(target: Target, title: str) -> str:
    """One line that says where we are."""
    where = "sandbox" if target.sandbox else f"tenant {target.tenant}"
    return f"{style(plain(target.name), bold=True)}  {title}, {plain(where)}"


def plan_text(report: PlanReport, title: str, *, verbose: bool = False) -> str:
    """A plan: what would change, and what stays where ``verbose``."""
    lines = [heading(report.target, title), ""]
    shown = [change for change in report.changes if verbose or change.action != "noop"]
    lines += [line for change in shown for line in _change_lines(change)]
    lines += [""] if shown else []
    lines += [_summary(report.summary, otherwise=bool(report.refusals or report.findings))]
    lines += [f"{style('warning', fg='yellow')}  {plain(warning)}" for warning in report.warnings]
    for refusal in report.refusals:
        lines.append(f"{style('refused', fg='red', bold=True)}  {plain(refusal.reason)}")
        lines += [f"           {plain(candidate)}" for candidate in refusal.candidates]
        lines += [f"           {plain(refusal.hint)}"] if refusal.hint else []
    return "\n".join(lines)


def drift_text(report: DriftReport, *, verbose: bool = False) -> str:
    """Every playbook's plan, what could not be read, and how many there are of each."""
    parts = [_plan_of_drift(plan, verbose=verbose) for plan in report.plans]
    parts += [failure_text(failure) for failure in report.failures]
    if len(report.plans) + len(report.failures) > 1:
        words = {
            "in_sync": "in sync",
            "drifted": "drifted",
            "waived": "let pass",
            "unreadable": "not readable",
        }
        parts.append(", ".join(f"{report.summary[name]} {word}" for name, word in words.items()))
    return "\n\n".join(parts) or _NONE


def _plan_of_drift(plan: PlanReport, *, verbose: bool) -> str:
    lines = [plan_text(plan, plan.target.title, verbose=verbose)]
    for finding in plan.findings:
        lines += [*_finding_lines(finding, {})]
    for one in plan.unmanaged:
        lines.append(style(f"  left alone  {plain(one.address)} {one.field} = {plain(one.value)}", dim=True))
    return "\n".join(lines)


def doctor_text(report: DoctorReport, *, verbose: bool = False) -> str:
    """Every playbook's findings, and what could not be read."""
    titles = {finding.check: finding.title for finding in report.findings}
    parts = [audit_text(audit, titles, verbose=verbose) for audit in report.audits]
    parts += [failure_text(failure) for failure in report.failures]
    return "\n\n".join(parts) or _NONE


def failure_text(failure: FailureReport) -> str:
    """What could not be read, and what to do."""
    where = f"{failure.playbook}:{failure.line}" if failure.line else failure.playbook
    request = f" [request-id {failure.request_id}]" if failure.request_id else ""
    lines = [
        f"{style('not readable', fg='red', bold=True)}  {plain(where)}: {plain(failure.message)}{plain(request)}"
    ]
    lines += [f"    next: {plain(failure.hint)}"] if failure.hint else []
    return "\n".join(lines)


def apply_text(report: ApplyReport, there: str = "the tenant is as the playbook says") -> str:
    """What came of it, the human steps that wait, and the values to carry on.

    Args:
        report: what was made.
        there: why there may have been nothing to do.
    """
    lines = [_result(report, there)]
    if report.error:
        lines += [f"  {_PAST.get(done.action, done.action)} {plain(done.address)}" for done in report.done]
    lines += [f"  note  {plain(done.address)}: {plain(done.note)}" for done in report.done if done.note]
    for number, step in enumerate(report.steps, start=1):
        lines += ["", *_step_lines(number, step)]
    if report.handoff:
        lines += ["", *handoff_lines(report.handoff)]
    lines += ["", *map(plain, report.next_steps)] if report.next_steps else []
    return "\n".join(lines)


def handoff_lines(values: Iterable[HandoffReport]) -> Iterator[str]:
    """Values to carry to the other console, aligned."""
    values = tuple(values)
    width = max((len(value.name) for value in values), default=0)
    yield style("Values to carry between the consoles", bold=True)
    for value in values:
        shown = plain(value.value) if value.value else "(not known yet: run apply first)"
        yield f"  {value.name:<{width}}  {style(shown, bold=bool(value.value))}"


def audit_text(report: AuditReport, titles: dict[str, str], *, verbose: bool = False) -> str:
    """Findings, worst first; what passed is counted, and listed where ``verbose``.

    Args:
        report: the findings.
        titles: the title of every check, by id.
        verbose: list what passed too.
    """
    order = {"fail": 0, "error": 1, "skip": 2, "pass": 3}
    severities = {"high": 0, "medium": 1, "low": 2}
    found = sorted(report.findings, key=lambda one: (order[one.status], severities[one.severity]))
    shown = [one for one in found if verbose or one.status != "pass"]
    lines = [heading(report.target, "doctor"), ""]
    lines += [line for one in shown for line in _finding_lines(one, titles)]
    lines += [""] if shown else []
    counts = report.summary
    lines.append(
        f"{counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped, {counts['error']} broken"
    )
    lines += [f"fixed  {plain(done.address)} {_PAST.get(done.action, done.action)}" for done in report.fixed]
    return "\n".join(lines)


def permissions_text(report: PermissionsReport, title: str) -> str:
    """What is needed, granted and missing, and the AWS policy."""
    words = {True: ("granted", "green"), False: ("missing", "red"), None: ("unknown", "bright_black")}
    width = max(len(need.purpose) for need in report.permissions)
    lines = [
        heading(report.target, title),
        "",
        style(f"{report.kind}, any one of each line", bold=True),
    ]
    for need in report.permissions:
        word, colour = words[need.granted]
        used = "" if "apply" in need.commands else f"  (only {', '.join(need.commands)})"
        lines.append(f"  {style(word, fg=colour)}  {need.purpose:<{width}}  {' | '.join(need.any_of)}{used}")
    lines += ["", f"{report.role_holder} {report.role}."]
    if report.problem:
        lines += [f"What is granted is unknown: {plain(report.problem)}"]
    lines += ["", style("AWS IAM policy for whoever administers Kiro", bold=True)]
    lines += [json.dumps(report.aws_policy, indent=2)]
    return "\n".join(lines)


def handoff_text(report: HandoffSheet, title: str) -> str:
    """The values to carry, where each goes, and what to bring back."""
    lines = [heading(report.target, title), "", *handoff_lines(report.values)]
    for value in report.values:
        lines += ["", style(value.name, bold=True), f"  from  {value.source}", f"  to    {value.destination}"]
    for number, step in enumerate(report.steps, start=1):
        lines += ["", *_step_lines(number, step)]
    return "\n".join(lines)


def _finding_lines(finding: FindingReport, titles: dict[str, str]) -> Iterator[str]:
    mark, colour = _MARKS[finding.status]
    severity = f"  {finding.severity}" if finding.status == "fail" else ""
    yield f"{style(mark, fg=colour)} {style(finding.check, bold=finding.status == 'fail')}{severity}"
    if finding.status == "pass":
        return
    yield f"    {plain(finding.message or titles.get(finding.check, ''))}"
    for evidence in finding.evidence:
        yield style(f"    {plain(evidence.path)} = {plain(evidence.value)}", dim=True)
    if finding.waiver:
        yield f"    {_waiver(finding.waiver)}"
    if finding.permissions:
        yield f"    needs {plain(' or '.join(finding.permissions))}"
    if finding.fix == "automatic":
        yield "    can be fixed with --fix"
    elif finding.fix == "unmanaged":
        yield "    is left alone: the playbook has it under unmanaged"
    elif finding.fix == "manual":
        yield f"    needs a person: provisioner checks show {finding.check}"


def _change_lines(change: ChangeReport) -> Iterator[str]:
    glyph, colour = _GLYPHS[change.action]
    why = f"  {plain(change.why)}" if change.why else ""
    if change.category == "security" and change.action != "waiting":
        why += style("  security", fg="red")
    if change.waiver:
        why += f"  {_waiver(change.waiver)}"
    yield f"  {style(f'{glyph} {plain(change.address)}', fg=colour)}{style(why, dim=True)}"
    if change.action in ("create", "update", "replace"):
        width = max((len(field.name) for field in change.fields), default=0)
        for field in change.fields:
            yield from _field_lines(field, width, update=change.action != "create")


def _waiver(waiver: WaiverReport) -> str:
    """Why something is let pass, and until when."""
    until = "expired on" if waiver.expired else "let pass until"
    return style(
        f"{until} {waiver.expires}: {plain(waiver.reason)} ({plain(waiver.owner)})",
        fg="red" if waiver.expired else "cyan",
    )


def _field_lines(field: FieldReport, width: int, *, update: bool) -> Iterator[str]:
    indent = " " * (width + 8)
    if isinstance(field.after, list) and (update or len(field.after) != 1):
        before = field.before if isinstance(field.before, list) else []
        gone = [f"- {shown_value(element)}" for element in before if element not in field.after]
        new = [f"+ {shown_value(element)}" for element in field.after if element not in before]
        entries = (
            (gone + new or ["in another order"])
            if update
            else [shown_value(element) for element in field.after]
        )
    elif update:
        entries = [f"{shown_value(field.before)} → {shown_value(field.after)}"]
    else:
        element = field.after[0] if isinstance(field.after, list) else field.after
        entries = [shown_value(element)]
    yield f"      {field.name:<{width}}  {entries[0] if entries else '(none)'}"
    for entry in entries[1:]:
        yield f"{indent}{entry}"


def shown_value(value: Any) -> str:
    """A value for people: a keyed model by its key with what is particular about it."""
    if value is None:
        return "(none)"
    if isinstance(value, dict) and "value" in value:
        particular = [
            word
            for word in (
                "disabled" if value.get("enabled") is False else "",
                "admins only" if value.get("type") == "Admin" else "",
                ""
                if value.get("display_name", value["value"]) == value["value"]
                else f"named {value['display_name']!r}",
            )
            if word
        ]
        return plain(value["value"]) + (f" ({', '.join(particular)})" if particular else "")
    return plain(value)


def _summary(summary: dict[str, int], *, otherwise: bool) -> str:
    """A plan in numbers.

    Args:
        summary: number of changes by action.
        otherwise: something that is no change keeps it from being in sync.
    """
    words = {
        "create": "to create",
        "update": "to update",
        "replace": "to replace",
        "delete": "to delete",
        "waiting": "waiting for a person",
    }
    parts = [f"{summary[action]} {text}" for action, text in words.items() if summary.get(action)]
    unchanged = f"{summary.get('noop', 0)} unchanged"
    if not parts and not otherwise:
        return f"In sync: {unchanged}."
    return f"Plan: {', '.join([*parts, unchanged])}."


def _result(report: ApplyReport, there: str) -> str:
    requests = f"{report.requests['read']} reads, {report.requests['write']} writes, {report.seconds:.1f} s"
    counts = [
        f"{number} {text}"
        for action, text in _PAST.items()
        if (number := sum(done.action == action for done in report.done))
    ]
    if report.error:
        made = ", ".join(counts) or "nothing was written"
        return f"{style('Stopped', fg='red', bold=True)}: {made} ({requests})."
    if not counts and not report.steps:
        return f"{style('Nothing to do', bold=True)}: {there} ({requests})."
    made = ", ".join(counts) or "nothing left to do without you"
    proof = "Read again: as it should be." if report.done else ""
    return f"{style('Done', fg='green', bold=True)}: {made} ({requests}). {proof}".rstrip()


def _step_lines(number: int, step: StepReport) -> Iterator[str]:
    yield f"{style(f'Step {number} for you', fg='cyan', bold=True)}: {step.title}  ({step.location})"
    for instruction in step.instructions:
        yield f"    {plain(instruction)}"
    for name, what in step.outputs.items():
        yield f"    export {name}=…   # {what}"
