"""What the formats have in common: harmless text, the order of items, and what is told of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any, Final

from provisioner.reports.entries import Entry, EntryList, Status
from provisioner.reports.models import FieldReport
from provisioner.reports.text import plain

STATUSES: Final[dict[Status, str]] = {
    "fail": "failed",
    "error": "could not be looked at",
    "waived": "waived",
    "skip": "skipped",
    "pass": "passed",
}
"""Every status in words, worst first."""

_STATUS_RANK: Final = {status: rank for rank, status in enumerate(STATUSES)}
_SEVERITY_RANK: Final = {"high": 0, "medium": 1, "low": 2}


def harmless(found: EntryList, root: PurePath | None = None) -> EntryList:
    """The same, with nothing in any text that could act on a reader.

    Control characters (ANSI escapes and line breaks among them), bidirectional controls, and halves of surrogate pairs become
    visible escapes such as ``\\x1b``. Names of playbooks get forward slashes, and are made relative where they are below
    ``root``. Where there is no message, the title stands for it.
    """
    told: dict[str, Any] = found.model_dump()
    for one in (*told["targets"], *told["items"]):
        one["playbook"] = _relative(one["playbook"], root)
    for item in told["items"]:
        item["message"] = item["message"] or item["title"]
    return EntryList.model_validate(_harmless(told))


def worst_first(items: Iterable[Entry]) -> list[Entry]:
    """By status, severity and category, otherwise in the order given."""
    return sorted(
        items,
        key=lambda item: (
            _STATUS_RANK[item.status],
            _SEVERITY_RANK[item.severity],
            item.category != "security",
        ),
    )


def fingerprints(items: Iterable[Entry]) -> Iterator[tuple[str, Entry]]:
    """Every item with a fingerprint that no other has: readers keep only one of those that are equal."""
    seen: Counter[str] = Counter()
    for item in items:
        digest = item.fingerprint
        seen[digest] += 1
        yield (digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"), item


def playbooks(found: EntryList) -> list[str]:
    """Every playbook that was read or could not be, once."""
    named = (*(target.playbook for target in found.targets), *(item.playbook for item in found.items))
    return list(dict.fromkeys(named))


def verdict(found: EntryList) -> str:
    """The report in a sentence, without a full stop."""
    failed = [item for item in found.items if item.status == "fail"]
    nothing, what = ("is wrong", "finding") if found.command == "doctor" else ("deviates", "deviation")
    told = f"Nothing {nothing} in {_counted(len(found.targets), 'playbook')}"
    if failed:
        where = (
            f"{len({item.playbook for item in failed}):,} of {_counted(len(playbooks(found)), 'playbook')}"
        )
        told = f"{_counted(len(failed), what)} in {where}"
    errors = sum(item.status == "error" for item in found.items)
    return f"{told}; {errors:,} could not be looked at" if errors else told


def shown(value: Any) -> str:
    """A value on one line."""
    return "(none)" if value is None else _line(value) if isinstance(value, str) else plain(value)


def differences(field: FieldReport) -> list[tuple[str, str]]:
    """What differs in a field, one line each: ``-`` was there, ``+`` should be, ``~`` is a remark."""
    before, after = _elements(field.before), _elements(field.after)
    lines = [("-", text) for text in before if text not in set(after)]
    lines += [("+", text) for text in after if text not in set(before)]
    return lines or [("~", "in another order" if before else "(none)")]


def sentence(text: str) -> str:
    """The same with a full stop, if it has no end yet."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def waiver_told(item: Entry) -> str:
    """Why it is let pass, or no longer is; empty without a waiver."""
    if (waiver := item.waiver) is None:
        return ""
    if waiver.expired:
        return f"the waiver of {waiver.owner} ended on {waiver.expires}: {waiver.reason}"
    return f"let pass by {waiver.owner} until {waiver.expires}: {waiver.reason}"


def details(item: Entry) -> list[str]:
    """What is told of an item besides its message, in lines of plain text."""
    lines = []
    for field in item.fields:
        lines += [f"{field.name}:", *(f"  {sign} {text}" for sign, text in differences(field))]
    lines += [f"{found.path} = {shown(found.value)}" for found in item.evidence]
    return [line for line in (*lines, waiver_told(item), item.advice) if line]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number:,} {what}s"


def _relative(playbook: str, root: PurePath | None) -> str:
    path = PurePath(playbook)
    below = root is not None and path.is_relative_to(root)
    return (path.relative_to(root) if root is not None and below else path).as_posix()


def _harmless(value: Any) -> Any:
    match value:
        case str():
            return _line(value)
        case dict():
            return {_harmless(key): _harmless(one) for key, one in value.items()}
        case list() | tuple():
            return [_harmless(one) for one in value]
        case _:
            return value


def _line(text: str) -> str:
    return text if text.isprintable() else plain(text)


def _elements(value: Any) -> list[str]:
    if value is None:
        return []
    return [shown(one) for one in (value if isinstance(value, list | tuple) else [value])]
