"""The words of reports: values, numbers, and the sentences that several formats share. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from provisioner.core.untrusted import plain

from .models import WaiverReport

PAST_TENSE: Final[Mapping[str, str]] = MappingProxyType(
    {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}
)
"""What a change has done, by its action."""

NO_VALUE: Final = "(none)"
REORDERED: Final = "different order"


def plural(count: int, noun: str) -> str:
    """``1 change``, ``2 changes``, ``10,000 changes``; the noun forms its plural with an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def value_text(value: Any) -> str:
    """A value for people: a keyed model by its key and what is unusual about it."""
    if value is None:
        return NO_VALUE
    if isinstance(value, dict) and "value" in value:
        name = value.get("display_name", value["value"])
        remarks = ["disabled"] if value.get("enabled") is False else []
        remarks += ["admins only"] if value.get("type") == "Admin" else []
        remarks += [f"named {name!r}"] if name != value["value"] else []
        return plain(value["value"]) + (f" ({', '.join(remarks)})" if remarks else "")
    return plain(value)


def removed_and_added(before: Any, after: Any) -> tuple[list[Any], list[Any]] | None:
    """The elements that only the first and only the second list contains; None unless both are lists."""
    if not isinstance(before, list) or not isinstance(after, list):
        return None
    return [element for element in before if element not in after], [
        element for element in after if element not in before
    ]


def waiver_text(waiver: WaiverReport) -> str:
    """Who waives something until when, and why."""
    state = "waiver expired on" if waiver.expired else "waived until"
    return f"{state} {waiver.expires}: {waiver.reason} ({waiver.owner})"


def plan_counts(summary: Mapping[str, int], *, in_sync: bool) -> str:
    """A plan in numbers, as a sentence.

    Args:
        summary: number of changes by action.
        in_sync: there is nothing to change and nothing else to report.
    """
    unchanged = f"{summary.get('noop', 0):,} unchanged"
    if in_sync:
        return f"In sync: {unchanged}."
    counts = [f"{summary[action]:,} to {action}" for action in PAST_TENSE if summary.get(action)]
    if waiting := summary.get("waiting"):
        counts.append(f"{waiting:,} waiting for {'a manual step' if waiting == 1 else 'manual steps'}")
    return f"Plan: {', '.join([*counts, unchanged])}."


def drift_counts(summary: Mapping[str, int]) -> str:
    """The playbooks of a drift report in numbers: ``1 in sync, 1 drifted, 0 waived, 0 errors``."""
    parts = [f"{summary[state]:,} {state.replace('_', ' ')}" for state in ("in_sync", "drifted", "waived")]
    return ", ".join([*parts, plural(summary["errors"], "error")])


def audit_counts(summary: Mapping[str, int]) -> str:
    """The findings of an audit in numbers: ``3 passed, 1 failed, 0 skipped, 0 errors``."""
    words = {"pass": "passed", "fail": "failed", "skip": "skipped"}
    parts = [f"{summary[status]:,} {word}" for status, word in words.items()]
    return ", ".join([*parts, plural(summary["error"], "error")])
