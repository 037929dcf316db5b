"""What the formats share: entries with harmless text, in order, and the texts of an entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import Any, Final

from provisioner.core.diff import FieldChange
from provisioner.core.redaction import redact
from provisioner.core.untrusted import plain
from provisioner.reports.entries import STATUSES, Entry, EntryList
from provisioner.reports.models import SEVERITIES
from provisioner.reports.wording import NO_VALUE, REORDERED, plural, waiver_text

_STATUS_ORDER: Final = list(STATUSES)
_NOUNS: Final = {"plan": "change", "drift": "difference", "doctor": "finding"}
"""What a failed entry is called, by command."""


def harmless(entry_list: EntryList, root: PurePath | None = None) -> EntryList:
    """The same entries with no secret, and no text that could act on a reader.

    Control characters (ANSI escapes and line breaks included), bidirectional controls and unpaired surrogates become
    visible escapes such as ``\\x1b``. An entry without a message gets its title as the message.

    Args:
        entry_list: the entries.
        root: the root of the checkout. Names of playbooks below it become relative to it; all get forward slashes.
    """
    data: dict[str, Any] = entry_list.model_dump()
    for part in (*data["targets"], *data["entries"]):
        part["playbook"] = _relative(part["playbook"], root)
    for entry in data["entries"]:
        entry["message"] = entry["message"] or entry["title"]
    return EntryList.model_validate(_harmless(data))


def worst_first(entries: Iterable[Entry]) -> list[Entry]:
    """Sorted by status, severity and category; otherwise in the order given."""
    return sorted(
        entries,
        key=lambda entry: (
            _STATUS_ORDER.index(entry.status),
            SEVERITIES.index(entry.severity),
            entry.category != "security",
        ),
    )


def with_fingerprints(entries: Iterable[Entry]) -> Iterator[tuple[str, Entry]]:
    """Every entry with a unique fingerprint: of entries with equal ones, readers show only one."""
    numbers: Counter[str] = Counter()
    for entry in entries:
        fingerprint = entry.fingerprint
        numbers[fingerprint] += 1
        number = numbers[fingerprint]
        yield (fingerprint if number == 1 else f"{fingerprint}-{number}"), entry


def playbook_names(entry_list: EntryList) -> list[str]:
    """The file name of every playbook, read or not, once."""
    read = (target.playbook for target in entry_list.targets)
    return list(dict.fromkeys((*read, *(entry.playbook for entry in entry_list.entries))))


def headline(entry_list: EntryList) -> str:
    """The report in one sentence, without a full stop."""
    noun = _NOUNS[entry_list.command]
    failed = [entry for entry in entry_list.entries if entry.status == "fail"]
    if failed:
        playbooks = len({entry.playbook for entry in failed})
        total = plural(len(playbook_names(entry_list)), "playbook")
        result = f"{plural(len(failed), noun)} in {playbooks:,} of {total}"
    else:
        result = f"No {noun}s in {plural(len(entry_list.targets), 'playbook')}"
    errors = sum(entry.status == "error" for entry in entry_list.entries)
    return f"{result}; {plural(errors, 'error')}" if errors else result


def counts_text(entry_list: EntryList) -> str:
    """The entries in numbers: ``1 failed, 2 errors, 0 waived, 0 skipped, 9 passed``."""
    counts = {status: entry_list.summary.get(status, 0) for status in STATUSES}
    return ", ".join(
        plural(count, "error") if status == "error" else f"{count:,} {STATUSES[status].label.lower()}"
        for status, count in counts.items()
    )


def exact_text(value: Any) -> str:
    """A value on one line, without loss."""
    if value is None:
        return NO_VALUE
    return _line(value) if isinstance(value, str) else plain(value)


def difference_lines(field: FieldChange) -> list[tuple[str, str]]:
    """The difference of a field, one value per line.

    Returns:
        pairs of a sign and a text: ``-`` is in the tenant, ``+`` is in the playbook, ``~`` is a remark.
    """
    before, after = _element_texts(field.before), _element_texts(field.after)
    lines = [("-", text) for text in before if text not in set(after)]
    lines += [("+", text) for text in after if text not in set(before)]
    return lines or [("~", REORDERED if before else NO_VALUE)]


def evidence_lines(entry: Entry) -> list[str]:
    """The evidence of a finding, one line for each value."""
    return [f"{evidence.path} = {exact_text(evidence.value)}" for evidence in entry.evidence]


def sentence(text: str) -> str:
    """The text with a full stop, unless it ends with punctuation."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def entry_waiver(entry: Entry) -> str:
    """The waiver of an entry in words; empty without one."""
    return waiver_text(entry.waiver) if entry.waiver else ""


def what_to_do(entry: Entry, escape: Callable[[str], str] = str, code: Callable[[str], str] = str) -> str:
    """The hint and the commands of an entry in one line; empty without any.

    Args:
        entry: the entry.
        escape: escapes the hint for the format.
        code: formats a command as code.
    """
    commands = "; ".join(f"{suggested.purpose}: {code(suggested.command)}" for suggested in entry.commands)
    return f"{escape(entry.hint)} {commands}".strip()


def detail_lines(entry: Entry) -> list[str]:
    """Everything in addition to the message, as lines of plain text."""
    lines = []
    for field in entry.fields:
        lines += [f"{field.name}:", *(f"  {sign} {text}" for sign, text in difference_lines(field))]
    lines += evidence_lines(entry)
    return [line for line in (*lines, entry_waiver(entry), what_to_do(entry)) if line]


def _relative(playbook: str, root: PurePath | None) -> str:
    path = PurePath(playbook)
    if root is not None and path.is_relative_to(root):
        path = path.relative_to(root)
    return path.as_posix()


def _harmless(value: Any) -> Any:
    match value:
        case str():
            return _line(value)
        case dict():
            return {_harmless(key): _harmless(element) for key, element in value.items()}
        case list() | tuple():
            return [_harmless(element) for element in value]
        case _:
            return value


def _line(text: str) -> str:
    return plain(redact(text))


def _element_texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [exact_text(element) for element in (value if isinstance(value, list | tuple) else [value])]
