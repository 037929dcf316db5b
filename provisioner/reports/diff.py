"""The report of ``diff``: two playbooks, snapshots or tenants compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

from click import style
from pydantic import Field

from provisioner.core.comparison import Difference
from provisioner.core.diff import FieldChange
from provisioner.core.untrusted import plain

from .models import ReportModel
from .wording import plural, removed_and_added, value_text


class SideReport(ReportModel):
    """One side of a comparison."""

    file: str = Field(description="File name, as given.")
    source: Literal["playbook", "snapshot", "tenant"] = Field(description="What was read.")
    name: str = Field(description="Name of the playbook.")
    provider: str = Field(description="The identity provider, such as entra.")
    tenant: str = Field(description="The tenant that the playbook or the snapshot names.")


class DiffReport(ReportModel):
    """Output of ``diff``."""

    schema_: Literal["provisioner.diff/1"] = Field(default="provisioner.diff/1", alias="schema")
    left: SideReport
    right: SideReport
    same: bool = Field(description="Whether there is no difference.")
    differences: tuple[Difference, ...] = Field(default=(), description="The resources that differ.")


def diff_report(left: SideReport, right: SideReport, differences: Iterable[Difference]) -> DiffReport:
    """The report of a comparison."""
    differences = tuple(differences)
    return DiffReport(left=left, right=right, same=not differences, differences=differences)


_SIGNS: Final = {"left": ("-", "red"), "right": ("+", "green"), "both": ("~", "yellow")}


def diff_text(report: DiffReport) -> str:
    """A comparison for people: ``-`` exists only on the left side, ``+`` only on the right, ``~`` differs."""
    sides = {"left": report.left, "right": report.right}
    lines = [_side_line(where, side) for where, side in sides.items()] + [""]
    for difference in report.differences:
        sign, colour = _SIGNS[difference.where]
        head = f"  {style(f'{sign} {plain(difference.address)}', fg=colour)}"
        if difference.where == "both":
            lines += [head, *(line for field in difference.fields for line in _field_lines(field))]
        else:
            lines.append(head + style(f"  only in {plain(sides[difference.where].file)}", dim=True))
    lines += [""] if report.differences else []
    lines.append("No differences." if report.same else f"{plural(len(report.differences), 'difference')}.")
    return "\n".join(lines)


def _side_line(where: str, side: SideReport) -> str:
    sign, colour = _SIGNS[where]
    text = f"{side.file}  ({side.source} of {side.name}, {side.provider}, {side.tenant})"
    return f"{style(sign, fg=colour)} {plain(text)}"


def _field_lines(field: FieldChange) -> Iterator[str]:
    if elements := removed_and_added(field.before, field.after):
        removed, added = elements
        yield f"      {field.name}"
        yield from (f"        - {value_text(element)}" for element in removed)
        yield from (f"        + {value_text(element)}" for element in added)
    else:
        yield f"      {field.name}  {_scalar_text(field.before)} → {_scalar_text(field.after)}"


def _scalar_text(value: Any) -> str:
    return "(not set)" if value is None else plain(value)
