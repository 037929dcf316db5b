"""Annotations of GitHub Actions: workflow commands on standard output.

The form and the escapes are those of the runner's ``ActionCommand``
(https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands). Of each level the runner shows ten in a
step (https://docs.github.com/actions/reference/limits), so where there are more, the tenth says how many.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provisioner.reports.entries import Entry, EntryList

from .wording import waiver_told, worst_first

SHOWN: Final = 10
"""Annotations of one level that are shown in a step."""

_LEVELS: Final = {"high": "error", "medium": "warning", "low": "notice"}
_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def github_commands(found: EntryList) -> str:
    """Annotations of what counts and of what could not be looked at, worst first, and a line of plain text with the numbers."""
    levels: dict[str, list[Entry]] = {level: [] for level in _LEVELS.values()}
    for item in worst_first(found.items):
        if item.status in ("fail", "error"):
            levels["error" if item.status == "error" else _LEVELS[item.severity]].append(item)
    lines = [line for level, items in levels.items() for line in _annotations(level, items)]
    counts = ", ".join(f"{number} {status}" for status, number in found.summary.items())
    return "\n".join([*lines, f"provisioner {found.command}: {counts}"])


def _annotations(level: str, items: list[Entry]) -> Iterator[str]:
    fits = len(items) <= SHOWN
    for item in items if fits else items[: SHOWN - 1]:
        where = {"file": item.playbook, "line": str(item.line or 1), "title": _title(item)}
        properties = ",".join(f"{name}={value.translate(_PROPERTY)}" for name, value in where.items())
        told = "\n".join(line for line in (item.message, waiver_told(item), item.advice) if line)
        yield f"::{level} {properties}::{told.translate(_DATA)}"
    if not fits:
        more = len(items) - SHOWN + 1
        yield f"::{level} title=provisioner::{more} more are not shown here; the whole report has them"


def _title(item: Entry) -> str:
    subject = f" of {item.name}" if item.name else ""
    return f"{item.rule}{subject} ({item.category})"
