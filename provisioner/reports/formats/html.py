"""One self-contained HTML page: summary, filters, every item with its evidence and what to do.

The page asks the network for nothing, and its content security policy forbids it: only the script and the style that it holds
may act, named by their digests. Items are data in the page; the script shows them as text, a part at a time.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from typing import Any, Final

from provisioner.reports.entries import Entry, EntryList
from provisioner.templating import render

from .wording import STATUSES, differences, fingerprints, shown, verdict, waiver_told, worst_first

_LABELS: Final = {
    "fail": "Failed",
    "error": "Not looked at",
    "waived": "Waived",
    "skip": "Skipped",
    "pass": "Passed",
}


def html_page(found: EntryList) -> str:
    """A whole HTML document."""
    script, style = render("report.js.j2"), render("report.css.j2")
    page = render(
        "report.html.j2",
        command=found.command,
        verdict=verdict(found),
        statuses=[(status, _LABELS[status], found.summary.get(status, 0)) for status in STATUSES],
        playbooks=_playbooks(found),
        total=len(found.items),
        items=[_row(item, fingerprint) for fingerprint, item in fingerprints(worst_first(found.items))],
        labels=_LABELS,
        why={item.rule: item.why for item in found.items if item.why},
        options={name: _values(found, name) for name in ("severity", "category", "provider", "tenant")},
        script=script,
        script_digest=_digest(script),
        style=style,
        style_digest=_digest(style),
    )
    return page.rstrip("\n")


def _digest(text: str) -> str:
    """As in a content security policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _row(item: Entry, fingerprint: str) -> dict[str, Any]:
    """An item as the page's script takes it; what is empty is left out."""
    whole = {
        **item.model_dump(
            mode="json", exclude={"fields", "evidence", "waiver", "sandbox", "why"}, exclude_defaults=True
        ),
        "id": fingerprint,
        "sandbox": item.sandbox,
        "differences": [{"field": field.name, "lines": differences(field)} for field in item.fields],
        "evidence": [(found.path, shown(found.value)) for found in item.evidence],
        "waiver": waiver_told(item),
    }
    return {name: value for name, value in whole.items() if value}


def _playbooks(found: EntryList) -> list[dict[str, Any]]:
    """Every playbook with the number of its items by status, the worst first."""
    counts: dict[str, Counter[str]] = {target.playbook: Counter() for target in found.targets}
    about: dict[str, Any] = {target.playbook: target for target in found.targets}
    for item in found.items:
        counts.setdefault(item.playbook, Counter())[item.status] += 1
        about.setdefault(item.playbook, item)
    rows = [
        {"playbook": playbook, "about": about[playbook], "counts": number}
        for playbook, number in counts.items()
    ]
    return sorted(rows, key=lambda row: [-row["counts"][status] for status in ("fail", "error", "waived")])


def _values(found: EntryList, name: str) -> list[str]:
    present = {getattr(item, name) for item in found.items} - {""}
    order = ["high", "medium", "low"]
    return sorted(present, key=lambda value: (order.index(value) if value in order else 0, value))
