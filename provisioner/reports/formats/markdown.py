"""Markdown for people in a pipeline: a step summary, a comment on a pull request, an issue.

The first line is a comment that is not shown and says what this is, so that a pipeline finds its own comment or issue again and
updates it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import Final

from provisioner.reports.entries import Entry, EntryList

from .wording import STATUSES, differences, playbooks, shown, verdict, waiver_told, worst_first

LIMIT: Final = 65_000
"""Most characters: a comment or issue on GitHub holds 65,536 (its API says so when there are more), a step summary 1 MiB."""

VALUE_LIMIT: Final = 500
"""Most characters of one line of a difference or of evidence."""

_PUNCTUATION: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$^=:@%])")
_COMMAND: Final = re.compile(r"(provisioner (?:plan|apply|doctor|checks) [^;]+)")
_REFERENCE: Final = re.compile(
    r"(?<=[@#!~$%^&])(?=\w)|(?<=GH-)(?=\d)|(?<=:)(?=//|\w+:)|(?<=www)(?=\.)", re.IGNORECASE
)
"""Where a mention, a reference to an issue, an address or an emoji would begin to mean something."""

_ZERO_WIDTH: Final = "\u200b"


def marker(command: str) -> str:
    """The line by which a pipeline finds the comment or issue that is about a command."""
    return f"<!-- provisioner:{command} -->"


def markdown_text(found: EntryList, limit: int = LIMIT) -> str:
    """What counts, what could not be looked at and what is waived, worst first, by playbook; the rest as numbers.

    Args:
        found: what was found.
        limit: most characters; what does not fit is left out and counted.
    """
    told = [item for item in worst_first(found.items) if item.status in ("fail", "error", "waived")]
    lines = [marker(found.command), *_head(found)]
    room = limit - sum(len(line) + 1 for line in lines) - len(_rest(len(told)))
    left_out = len(told)
    for line, items in _sections(told):
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
        left_out -= items
    if left_out:
        lines.append(_rest(left_out))
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Text as Markdown that shows just that: no markup, HTML, link, mention or reference to an issue."""
    broken = _REFERENCE.sub(_ZERO_WIDTH, text)
    return _PUNCTUATION.sub(r"\\\1", escape(broken, quote=False)).replace(_ZERO_WIDTH, "&#8203;")


def code(text: str) -> str:
    """Text as a code span."""
    fence = "`" * (_longest_run(text) + 1)
    padding = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) or not text else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def _head(found: EntryList) -> Iterator[str]:
    yield f"## provisioner {found.command}: {verdict(found)}"
    yield ""
    yield f"| Playbooks | {' | '.join(word.capitalize() for word in STATUSES.values())} |"
    yield f"| {' | '.join(['---:'] * (len(STATUSES) + 1))} |"
    yield f"| {len(playbooks(found))} | {' | '.join(str(found.summary.get(status, 0)) for status in STATUSES)} |"


def _sections(told: list[Entry]) -> Iterator[tuple[str, int]]:
    """Blocks of Markdown, each with the number of items in it."""
    for status, of_status in groupby(told, key=lambda item: item.status):
        yield f"\n### {STATUSES[status].capitalize()}", 0
        by_playbook: dict[str, list[Entry]] = {}
        for item in of_status:
            by_playbook.setdefault(item.playbook, []).append(item)
        for playbook, items in by_playbook.items():
            yield _playbook(playbook, items[0]), 0
            advised = ""
            for item in items:
                yield _block(item, advised), 1
                advised = item.advice


def _playbook(playbook: str, item: Entry) -> str:
    where = "sandbox" if item.sandbox else item.tenant
    about = ", ".join(escaped(part) for part in (item.name, item.provider, where) if part)
    return f"\n**{code(playbook)}**" + (f" ({about})" if about else "") + "\n"


def _block(item: Entry, advised: str) -> str:
    """An item of the list; advice is not repeated where the item before has the same."""
    line = f" (line {item.line})" if item.line else ""
    address = f" {code(item.address)}" if item.address else ""
    lines = [
        f"- **{item.severity}, {item.category}**: {escaped(item.message)}{line}  ",
        f"  {code(item.rule)}{address}",
    ]
    if item.fields:
        changed = [line for field in item.fields for line in _difference(field.name, differences(field))]
        lines += _fenced(changed, "diff")
    if item.evidence:
        lines += _fenced([f"{one.path} = {shown(one.value)}" for one in item.evidence], "text")
    if waiver := waiver_told(item):
        lines += ["", f"  Waiver: {escaped(waiver)}"]
    if item.advice and item.advice != advised:
        lines += ["", f"  What to do: {_advice(item.advice)}"]
    return "\n".join(lines)


def _advice(text: str) -> str:
    parts = enumerate(_COMMAND.split(text))
    return "".join(code(part) if number % 2 else escaped(part) for number, part in parts)


def _difference(name: str, lines: list[tuple[str, str]]) -> list[str]:
    return [f"  {name}", *(f"{sign if sign in '+-' else ' '} {text}" for sign, text in lines)]


def _fenced(lines: list[str], language: str) -> list[str]:
    short = [line if len(line) <= VALUE_LIMIT else f"{line[:VALUE_LIMIT]}…" for line in lines]
    fence = "`" * max(3, _longest_run("\n".join(short)) + 1)
    return ["", f"  {fence}{language}", *(f"  {line}" for line in short), f"  {fence}"]


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _rest(number: int) -> str:
    return f"\n**{number} more are not shown here; the whole report has them.**"
