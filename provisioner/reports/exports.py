"""What export tells besides the playbook, and how diff compares, as data and as text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from glob import escape
from typing import Any, Final, Literal

from click import style
from pydantic import Field

from provisioner.core.comparison import Difference
from provisioner.core.plan import Action, Change, Plan
from provisioner.core.resource import IMMUTABLE

from .building import plan_report
from .models import ChangeReport, RefusalReport, Target, _Report
from .text import plain, shown_value


class LeftAloneReport(_Report):
    """Something that the exported playbook leaves alone, since it is not as a playbook can say."""

    address: str
    field: str = Field(default="", description="Empty: all of it.")
    otherwise: str = Field(description="What apply would do if it were not left alone.")


class ExportReport(_Report):
    """What ``export`` prints."""

    schema_: Literal["provisioner.export/1"] = Field(default="provisioner.export/1", alias="schema")
    target: Target
    client_id: str = Field(description="Of the application that was exported.")
    playbook: str = Field(description="The text of the playbook.")
    in_sync: bool = Field(description="Plan on this playbook is empty.")
    unmanaged: tuple[LeftAloneReport, ...] = Field(
        default=(), description="What stands under unmanaged: in the playbook."
    )
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
    unmanaged: tuple[LeftAloneReport, ...],
    left_alone: tuple[str, ...],
    unread: tuple[str, ...],
) -> ExportReport:
    """An export with what a plan on it says.

    Args:
        target: what was exported.
        playbook: its text.
        plan: made from it.
        client_id: of the application.
        unmanaged: what the playbook leaves alone.
        left_alone: what a playbook cannot say.
        unread: what could not be read.
    """
    planned = plan_report(target, plan)
    return ExportReport(
        target=target,
        client_id=client_id,
        playbook=playbook,
        in_sync=planned.in_sync,
        unmanaged=unmanaged,
        changes=tuple(change for change in planned.changes if change.action != "noop"),
        refusals=planned.refusals,
        left_alone=left_alone,
        unread=unread,
    )


def deviating(plan: Plan, known: Iterable[LeftAloneReport] = ()) -> tuple[LeftAloneReport, ...]:
    """What a playbook must leave alone for its plan to be empty: fields of what is there, and all of anything else.

    Args:
        plan: made on the playbook.
        known: what it leaves alone already.
    """
    told = {(one.address, one.field) for one in known}
    found = (one for change in plan.changes for one in _deviating(change))
    return tuple(one for one in found if (one.address, one.field) not in told)


def _deviating(change: Change) -> Iterator[LeftAloneReport]:
    if change.before is not None and change.action is not Action.DELETE:
        managed = change.before.managed_fields()
        for field in change.fields:
            fixed = change.action is Action.REPLACE and IMMUTABLE in managed[field.name].metadata
            otherwise = f"{_turned(field.before, field.after)}{', which cannot be: apply would refuse' if fixed else ''}"
            yield LeftAloneReport(address=change.address, field=field.name, otherwise=otherwise)
    elif change.action is not Action.NOOP:
        why = f" ({change.why})" if change.why else ""
        yield LeftAloneReport(address=change.address, otherwise=f"{_VERBS[change.action]}{why}")


_VERBS: Final = {
    Action.CREATE: "would be created",
    Action.DELETE: "would be removed",
    Action.WAITING: "would wait for a person",
}


def _turned(before: Any, after: Any) -> str:
    if isinstance(before, list) and isinstance(after, list):
        gone = [f"without {shown_value(element)}" for element in before if element not in after]
        new = [f"with {shown_value(element)}" for element in after if element not in before]
        return ", ".join([*gone, *new]) or "in another order"
    return f"{shown_value(before)} becomes {shown_value(after)}"


def unmanaged_keys(
    left_alone: Iterable[LeftAloneReport],
) -> tuple[list[dict[str, Any]], dict[tuple[str | int, ...], str]]:
    """The key ``unmanaged`` of a playbook, and what to say beside its entries.

    Returns:
        an entry for each resource, and remarks by path.
    """
    entries: dict[str, list[str]] = {}
    remarks: dict[tuple[str | int, ...], str] = {
        ("unmanaged",): "what apply would do if an entry were not here stands beside it"
    }
    for one in left_alone:
        fields = entries.setdefault(one.address, [])
        where = ("unmanaged", [*entries].index(one.address))
        remarks[(*where, "fields", len(fields)) if one.field else (*where, "resource")] = one.otherwise
        fields += [one.field] if one.field else []
    keys = (
        {"resource": escape(on)} | ({"fields": fields} if fields else {}) for on, fields in entries.items()
    )
    return list(keys), remarks


def export_lines(report: ExportReport, *, detailed: bool = True) -> Iterator[str]:
    """What a person should know of an export, for the top of the playbook and for standard error.

    Args:
        report: of the export.
        detailed: also what stands under ``unmanaged`` in the playbook.
    """
    if report.in_sync:
        yield "plan on it is empty: apply would change nothing."
    for change in report.changes:
        yield f"apply would touch it all the same: {change.address}"
    for refusal in report.refusals:
        yield f"apply would refuse: {refusal.reason}"
        yield from (f"  - {candidate}" for candidate in refusal.candidates)
    if report.unmanaged and detailed:
        yield "Not as this playbook would have it, and so under unmanaged. Without that, apply would change it:"
        for one in report.unmanaged:
            yield f"  - {one.address}: {f'{one.field}: ' if one.field else ''}{one.otherwise}"
    elif report.unmanaged:
        yield "Not all is as this playbook would have it: see unmanaged."
    if report.left_alone:
        yield "Not taken over: a playbook cannot say it. apply leaves it alone:"
        yield from (f"  - {line}" for line in report.left_alone)
    if report.unread:
        yield "Not read, and so not in the playbook:"
        yield from (f"  - {line}" for line in report.unread)


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
