"""Annotations of GitHub Actions: workflow commands on standard output.

The syntax and the escapes are those of the runner's ``ActionCommand``
(https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands). A step shows ten annotations of each
level (https://docs.github.com/actions/reference/limits); if there are more, the tenth states their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provisioner.reports.entries import Entry, EntryList

from .entry_text import counts_text, entry_waiver, what_to_do, worst_first

MOST_ANNOTATIONS: Final = 10
"""Annotations of one level that a step shows."""

_LEVELS: Final = {"high": "error", "medium": "warning", "low": "notice"}
_DATA: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def github_commands(entry_list: EntryList) -> str:
    """An annotation for each entry that failed or is an error, worst first; then a line with the numbers."""
    levels: dict[str, list[Entry]] = {level: [] for level in _LEVELS.values()}
    for entry in worst_first(entry_list.entries):
        if entry.status in ("fail", "error"):
            levels["error" if entry.status == "error" else _LEVELS[entry.severity]].append(entry)
    lines = [line for level, entries in levels.items() for line in _annotations(level, entries)]
    return "\n".join([*lines, f"provisioner {entry_list.command}: {counts_text(entry_list)}"])


def _annotations(level: str, entries: list[Entry]) -> Iterator[str]:
    all_fit = len(entries) <= MOST_ANNOTATIONS
    for entry in entries if all_fit else entries[: MOST_ANNOTATIONS - 1]:
        values = {"file": entry.playbook, "line": str(entry.line or 1), "title": _title(entry)}
        properties = ",".join(f"{name}={value.translate(_PROPERTY)}" for name, value in values.items())
        message = "\n".join(filter(None, (entry.message, entry_waiver(entry), what_to_do(entry))))
        yield f"::{level} {properties}::{message.translate(_DATA)}"
    if not all_fit:
        more = len(entries) - MOST_ANNOTATIONS + 1
        yield f"::{level} title=provisioner::{more} more are not shown here; the whole report has them"


def _title(entry: Entry) -> str:
    playbook = f" of {entry.name}" if entry.name else ""
    return f"{entry.rule}{playbook} ({entry.category})"
