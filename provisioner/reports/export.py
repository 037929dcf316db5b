"""The report of ``export``, and the ``unmanaged:`` list that the exported playbook needs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from glob import escape
from typing import Any, Final, Literal

from pydantic import Field

from provisioner.core.guards import Refusal
from provisioner.core.plan import Action, Change, Plan
from provisioner.core.resource import IMMUTABLE

from .building import plan_report
from .models import ChangeReport, PlaybookReport, ReportModel, Target
from .wording import REORDERED, removed_and_added, value_text


class UnmanagedDifference(ReportModel):
    """A difference between the tenant and the exported playbook, listed under its key unmanaged."""

    address: str = Field(description="The resource.")
    field: str = Field(default="", description="The field; empty for the whole resource.")
    effect: str = Field(description="What apply would do if the playbook did not list it under unmanaged.")


class ExportReport(PlaybookReport):
    """Output of ``export``."""

    schema_: Literal["provisioner.export/1"] = Field(default="provisioner.export/1", alias="schema")
    client_id: str = Field(description="Client id of the exported application.")
    playbook: str = Field(description="The text of the playbook.")
    in_sync: bool = Field(description="Whether the plan of this playbook is empty.")
    unmanaged: tuple[UnmanagedDifference, ...] = Field(default=(), description="What unmanaged lists.")
    changes: tuple[ChangeReport, ...] = Field(description="What apply would change.")
    refusals: tuple[Refusal, ...] = Field(default=(), description="Why apply would refuse.")
    not_exported: tuple[str, ...] = Field(default=(), description="Settings without a playbook key.")
    unread: tuple[str, ...] = Field(default=(), description="What could not be read, and why.")


def export_report(
    target: Target,
    playbook: str,
    plan: Plan,
    *,
    client_id: str,
    unmanaged: tuple[UnmanagedDifference, ...],
    not_exported: tuple[str, ...],
    unread: tuple[str, ...],
) -> ExportReport:
    """The report of an export, given the plan of the exported playbook; see :class:`ExportReport` for the arguments."""
    report = plan_report(target, plan)
    return ExportReport(
        target=target,
        client_id=client_id,
        playbook=playbook,
        in_sync=report.in_sync,
        unmanaged=unmanaged,
        changes=tuple(change for change in report.changes if change.action is not Action.NOOP),
        refusals=report.refusals,
        not_exported=not_exported,
        unread=unread,
    )


def export_lines(report: ExportReport, *, detailed: bool = True) -> Iterator[str]:
    """What the admin should know of an export: for the head of the playbook, and for standard error.

    Args:
        report: the export.
        detailed: whether to list what the playbook has under unmanaged.
    """
    if report.in_sync:
        yield "The plan of this playbook is empty: apply would change nothing."
    for change in report.changes:
        yield f"apply would change it nevertheless: {change.address}"
    for refusal in report.refusals:
        yield f"apply would refuse: {refusal.reason}"
        yield from (f"  - {candidate}" for candidate in refusal.candidates)
    if report.unmanaged and detailed:
        yield "The tenant differs from this playbook. The playbook lists under unmanaged what apply would change:"
        for difference in report.unmanaged:
            field = f"{difference.field}: " if difference.field else ""
            yield f"  - {difference.address}: {field}{difference.effect}"
    elif report.unmanaged:
        yield "The tenant differs from this playbook: see unmanaged."
    if report.not_exported:
        yield "Not exported, because there is no playbook key for it. apply does not change it:"
        yield from (f"  - {setting}" for setting in report.not_exported)
    if report.unread:
        yield "Not read, so not in the playbook:"
        yield from (f"  - {line}" for line in report.unread)


def unmanaged_differences(
    plan: Plan, known: Iterable[UnmanagedDifference] = ()
) -> tuple[UnmanagedDifference, ...]:
    """What a playbook must list under unmanaged so that its plan becomes empty.

    Args:
        plan: the plan of the playbook.
        known: what the playbook lists already.

    Returns:
        single fields of resources that exist, and whole resources otherwise.
    """
    listed = {(difference.address, difference.field) for difference in known}
    differences = (difference for change in plan.changes for difference in _differences(change))
    return tuple(
        difference for difference in differences if (difference.address, difference.field) not in listed
    )


_EFFECTS: Final = {
    Action.CREATE: "would be created",
    Action.DELETE: "would be deleted",
    Action.WAITING: "would wait for a manual step",
}


def _differences(change: Change) -> Iterator[UnmanagedDifference]:
    if change.before is not None and change.action is not Action.DELETE:
        managed = change.before.writable_fields()
        for field in change.fields:
            is_refused = change.action is Action.REPLACE and IMMUTABLE in managed[field.name].metadata
            refusal = ", but cannot be changed: apply would refuse" if is_refused else ""
            effect = f"{_field_effect(field.before, field.after)}{refusal}"
            yield UnmanagedDifference(address=change.address, field=field.name, effect=effect)
    elif change.action is not Action.NOOP:
        why = f" ({change.why})" if change.why else ""
        yield UnmanagedDifference(address=change.address, effect=f"{_EFFECTS[change.action]}{why}")


def _field_effect(before: Any, after: Any) -> str:
    if not (difference := removed_and_added(before, after)):
        return f"{value_text(before)} becomes {value_text(after)}"
    removed, added = difference
    effects = [f"removes {value_text(element)}" for element in removed]
    effects += [f"adds {value_text(element)}" for element in added]
    return ", ".join(effects) or REORDERED


def unmanaged_section(
    differences: Iterable[UnmanagedDifference],
) -> tuple[list[dict[str, Any]], dict[tuple[str | int, ...], str]]:
    """The value of the playbook key ``unmanaged``, and its comments.

    Returns:
        one entry per resource, with ``resource`` and perhaps ``fields``; and the comments by path in the playbook.
    """
    entries: dict[str, list[str]] = {}
    comments: dict[tuple[str | int, ...], str] = {
        ("unmanaged",): "each comment states what apply would do without the entry"
    }
    for difference in differences:
        fields = entries.setdefault(difference.address, [])
        path: tuple[str | int, ...] = ("unmanaged", [*entries].index(difference.address))
        path += ("fields", len(fields)) if difference.field else ("resource",)
        comments[path] = difference.effect
        fields += [difference.field] if difference.field else []
    section = [
        {"resource": escape(address)} | ({"fields": fields} if fields else {})
        for address, fields in entries.items()
    ]
    return section, comments
