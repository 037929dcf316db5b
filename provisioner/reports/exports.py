"""What export tells besides the playbook, and how diff compares, as data and as text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

from click import style
from pydantic import Field

from provisioner.core.comparison import Difference
from provisioner.core.plan import Plan

from .making import plan_report
from .models import ChangeReport, RefusalReport, Target, _Report
from .text import plain, shown_value


class ExportReport(_Report):
    """What ``export`` prints."""

    schema_: Literal["provisioner.export/1"] = Field(default="provisioner.export/1", alias="schema")
    target: Target
    client_id: str = Field(description="Of the application that was exported.")
    playbook: str = Field(description="The text of the playbook.")
    in_sync: bool = Field(description="Plan on this playbook is empty.")
    claims: bool = Field(description="All that apply would do is to mark the application as its own.")
    changes: tuple[ChangeReport, ...] = Field(description="What plan on this playbook would change.")
    refusals: tuple[RefusalReport, ...] = Field(default=(), description="Why apply would refuse.")
    left_alone: tuple[str, ...] = Field(
        default=(), description="What is there, cannot be said in a playbook, and is not touched by apply."
    )
    unread: tuple[str, ...] = Field(default=(), description="What could not be read, with what is missing.")


class SideReport(_Report):
    """One of the two that are compared."""

    file: str = Field(description="As given.")
    what: Literal["playbook", "snapshot", "tenant"]
    name: str = Field(description="The integration's.")
    provider: str
    tenant: str


class FieldDifference(_Report):
    """A field that is not the same. A secret's value is never shown."""

    name: str
    left: Any = None
    right: Any = None


class DifferenceReport(_Report):
    """A resource that is not the same on both sides."""

    address: str
    where: Literal["left", "right", "both"] = Field(description="On which side it is.")
    fields: tuple[FieldDifference, ...] = ()


class DiffReport(_Report):
    """What ``diff`` prints."""

    schema_: Literal["provisioner.diff/1"] = Field(default="provisioner.diff/1", alias="schema")
    left: SideReport
    right: SideReport
    same: bool
    differences: tuple[DifferenceReport, ...] = ()


def export_report(
    target: Target,
    playbook: str,
    plan: Plan,
    *,
    client_id: str,
    claim: frozenset[tuple[str, str]],
    left_alone: tuple[str, ...],
    unread: tuple[str, ...],
) -> ExportReport:
    """An export with what a plan on it says.

    Args:
        target: what was exported.
        playbook: its text.
        plan: made from it.
        client_id: of the application.
        claim: kinds and fields that are written only to mark the application.
        left_alone: what a playbook cannot say.
        unread: what could not be read.
    """
    planned = plan_report(target, plan)
    changes = tuple(change for change in planned.changes if change.action != "noop")
    written = {
        (change.address.partition("/")[0], field.name) for change in changes for field in change.fields
    }
    only_updates = all(change.action == "update" for change in changes)
    return ExportReport(
        target=target,
        client_id=client_id,
        playbook=playbook,
        in_sync=planned.in_sync,
        claims=bool(changes) and only_updates and not plan.refusals and written <= claim,
        changes=changes,
        refusals=planned.refusals,
        left_alone=left_alone,
        unread=unread,
    )


def export_lines(report: ExportReport) -> Iterator[str]:
    """What a person should know of an export, for the top of the playbook and for standard error."""
    if report.in_sync:
        yield "plan on it is empty: apply would change nothing."
    elif report.claims:
        yield "apply will mark the application as this playbook's own, and change nothing else."
    elif report.changes or report.refusals:
        yield "Not as this playbook says. What apply would do:"
        yield from (f"  - {line}" for change in report.changes for line in _told(change))
    for refusal in report.refusals:
        yield f"apply would refuse: {refusal.reason}"
        yield from (f"  - {candidate}" for candidate in refusal.candidates)
    if report.left_alone:
        yield "Not taken over: a playbook cannot say it. apply leaves it alone:"
        yield from (f"  - {line}" for line in report.left_alone)
    if report.unread:
        yield "Not read, and so not in the playbook:"
        yield from (f"  - {line}" for line in report.unread)


def _told(change: ChangeReport) -> Iterator[str]:
    """A pending change in a line for each field."""
    if change.action == "update":
        for field in change.fields:
            yield f"{change.address}: {field.name}: {_turned(field.before, field.after)}"
    else:
        verbs = {
            "create": "would be created",
            "delete": "would be removed",
            "replace": "would have to be replaced",
            "waiting": "waits for a person",
        }
        yield f"{change.address}: {verbs[change.action]}{f' ({change.why})' if change.why else ''}"


def _turned(before: Any, after: Any) -> str:
    if isinstance(before, list) and isinstance(after, list):
        gone = [f"without {shown_value(element)}" for element in before if element not in after]
        new = [f"with {shown_value(element)}" for element in after if element not in before]
        return ", ".join([*gone, *new]) or "in another order"
    return f"{shown_value(before)} becomes {shown_value(after)}"


_SIDES: Final = {
    "left": ("-", "red", "only in"),
    "right": ("+", "green", "only in"),
    "both": ("~", "yellow", ""),
}


def diff_report(left: SideReport, right: SideReport, differences: Iterable[Difference]) -> DiffReport:
    """A comparison as it is reported."""
    found = tuple(
        DifferenceReport(
            address=one.address,
            where=one.where,
            fields=tuple(
                FieldDifference(name=field.name, left=field.before, right=field.after) for field in one.fields
            ),
        )
        for one in differences
    )
    return DiffReport(left=left, right=right, same=not found, differences=found)


def diff_text(report: DiffReport) -> str:
    """A comparison for people: ``-`` is only in the first, ``+`` only in the second."""
    lines = [
        f"{style('-', fg='red')} {_side(report.left)}",
        f"{style('+', fg='green')} {_side(report.right)}",
        "",
    ]
    for one in report.differences:
        sign, colour, only = _SIDES[one.where]
        file = report.left.file if one.where == "left" else report.right.file
        where = style(f"  {only} {plain(file)}", dim=True) if only else ""
        lines.append(f"  {style(f'{sign} {plain(one.address)}', fg=colour)}{where}")
        if one.where == "both":
            lines += [line for field in one.fields for line in _field_lines(field)]
    lines += [""] if report.differences else []
    count = len(report.differences)
    lines.append("The same." if report.same else f"{count} {'difference' if count == 1 else 'differences'}.")
    return "\n".join(lines)


def _side(side: SideReport) -> str:
    return plain(f"{side.file}  ({side.what} of {side.name}, {side.provider}, {side.tenant})")


def _field_lines(field: FieldDifference) -> Iterator[str]:
    if isinstance(field.left, list) and isinstance(field.right, list):
        yield f"      {field.name}"
        gone = (element for element in field.left if element not in field.right)
        new = (element for element in field.right if element not in field.left)
        yield from (f"        - {shown_value(element)}" for element in gone)
        yield from (f"        + {shown_value(element)}" for element in new)
    else:
        yield f"      {field.name}  {_shown(field.left)} → {_shown(field.right)}"


def _shown(value: Any) -> str:
    return "(not said)" if value is None else plain(value)
