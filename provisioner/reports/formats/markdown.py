"""Markdown for people in a pipeline: a step summary, a comment on a pull request, an issue.

The first line is an HTML comment, which is not shown. It names the command, so that a pipeline finds its own comment or issue
again and updates it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import Final

from provisioner.reports.entries import STATUSES, Entry, EntryList

from .entry_text import (
    difference_lines,
    entry_waiver,
    evidence_lines,
    headline,
    playbook_names,
    what_to_do,
    worst_first,
)

LIMIT: Final = 65_000
"""Most characters: a comment or issue on GitHub holds 65,536 (its API reports this limit), a step summary 1 MiB."""

VALUE_LIMIT: Final = 500
"""Most characters of one line of a difference or of evidence."""

_PUNCTUATION: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$^=:@%])")
_REFERENCE: Final = re.compile(
    r"(?<=[@#!~$%^&])(?=\w)|(?<=GH-)(?=\d)|(?<=:)(?=//|\w+:)|(?<=www)(?=\.)", re.IGNORECASE
)
"""Where a mention, a reference to an issue, a link or an emoji begins."""

_ZERO_WIDTH: Final = "\u200b"


def marker(command: str) -> str:
    """The first line, by which a pipeline finds its comment or issue about a command."""
    return f"<!-- provisioner:{command} -->"


def markdown_text(entry_list: EntryList, limit: int = LIMIT) -> str:
    """The failed, erroneous and waived entries by playbook, worst first; the others only as numbers.

    Args:
        entry_list: the entries.
        limit: most characters; entries that do not fit are left out and counted.
    """
    entries = [
        entry for entry in worst_first(entry_list.entries) if entry.status in ("fail", "error", "waived")
    ]
    lines = [marker(entry_list.command), *_head(entry_list)]
    room = limit - sum(len(line) + 1 for line in lines) - len(_omission(len(entries)))
    omitted = len(entries)
    for block, number in _blocks(entries):
        room -= len(block) + 1
        if room < 0:
            break
        lines.append(block)
        omitted -= number
    if omitted:
        lines.append(_omission(omitted))
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Markdown that shows exactly the text: no markup, HTML, link, mention or reference to an issue."""
    interrupted = _REFERENCE.sub(_ZERO_WIDTH, text)
    return _PUNCTUATION.sub(r"\\\1", escape(interrupted, quote=False)).replace(_ZERO_WIDTH, "&#8203;")


def code(text: str) -> str:
    """A code span that shows exactly the text."""
    fence = "`" * (_longest_run(text) + 1)
    padding = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) or not text else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def _head(entry_list: EntryList) -> Iterator[str]:
    yield f"## provisioner {entry_list.command}: {headline(entry_list)}"
    yield ""
    yield f"| Playbooks | {' | '.join(words.label for words in STATUSES.values())} |"
    yield f"| {' | '.join(['---:'] * (len(STATUSES) + 1))} |"
    counts = [len(playbook_names(entry_list)), *(entry_list.summary.get(status, 0) for status in STATUSES)]
    yield f"| {' | '.join(map(str, counts))} |"


def _blocks(entries: list[Entry]) -> Iterator[tuple[str, int]]:
    """Blocks of Markdown, each with its number of entries."""
    for status, with_status in groupby(entries, key=lambda entry: entry.status):
        yield f"\n### {STATUSES[status].label}", 0
        by_playbook: dict[str, list[Entry]] = {}
        for entry in with_status:
            by_playbook.setdefault(entry.playbook, []).append(entry)
        for playbook, in_playbook in by_playbook.items():
            yield _playbook_block(playbook, in_playbook[0]), 0
            previous_advice = ""
            for entry in in_playbook:
                advice = what_to_do(entry, escaped, code)
                # Advice is not repeated where the previous entry has the same.
                yield _entry_block(entry, "" if advice == previous_advice else advice), 1
                previous_advice = advice


def _playbook_block(playbook: str, entry: Entry) -> str:
    where = "sandbox" if entry.sandbox else entry.tenant
    about = ", ".join(escaped(part) for part in (entry.name, entry.provider, where) if part)
    return f"\n**{code(playbook)}**" + (f" ({about})" if about else "") + "\n"


def _entry_block(entry: Entry, advice: str) -> str:
    line = f" (line {entry.line})" if entry.line else ""
    address = f" {code(entry.address)}" if entry.address else ""
    lines = [
        f"- **{entry.severity}, {entry.category}**: {escaped(entry.message)}{line}  ",
        f"  {code(entry.rule)}{address}",
    ]
    if entry.fields:
        differences = [
            line for field in entry.fields for line in _difference_block(field.name, difference_lines(field))
        ]
        lines += _fenced(differences, "diff")
    if entry.evidence:
        lines += _fenced(evidence_lines(entry), "text")
    if waiver := entry_waiver(entry):
        lines += ["", f"  Waiver: {escaped(waiver)}"]
    if advice:
        lines += ["", f"  What to do: {advice}"]
    return "\n".join(lines)


def _difference_block(name: str, lines: list[tuple[str, str]]) -> list[str]:
    return [f"  {name}", *(f"{sign if sign in '+-' else ' '} {text}" for sign, text in lines)]


def _fenced(lines: list[str], language: str) -> list[str]:
    short = [line if len(line) <= VALUE_LIMIT else f"{line[:VALUE_LIMIT]}…" for line in lines]
    fence = "`" * max(3, _longest_run("\n".join(short)) + 1)
    return ["", f"  {fence}{language}", *(f"  {line}" for line in short), f"  {fence}"]


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _omission(number: int) -> str:
    return f"\n**{number} more are not shown here; the whole report has them.**"
