"""One self-contained HTML page: a summary, filters, and every entry with its evidence and what to do.

The page sends no requests, and its content security policy forbids them: only the page's own script and style may run,
named by their digests. Entries are data in the page; the script shows them as text, 100 at a time.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from typing import Any, Final

from provisioner.reports.entries import STATUSES, Entry, EntryList
from provisioner.reports.models import SEVERITIES
from provisioner.templating import render

from .entry_text import difference_lines, entry_waiver, exact_text, headline, with_fingerprints, worst_first

_LABELS: Final = {status: words.label for status, words in STATUSES.items()}


def html_page(entry_list: EntryList) -> str:
    """A whole HTML document."""
    script, style = render("report.js.j2"), render("report.css.j2")
    page = render(
        "report.html.j2",
        command=entry_list.command,
        headline=headline(entry_list),
        statuses=[(status, label, entry_list.summary.get(status, 0)) for status, label in _LABELS.items()],
        playbooks=_playbooks(entry_list),
        total=len(entry_list.entries),
        entries=[
            _entry_data(entry, fingerprint)
            for fingerprint, entry in with_fingerprints(worst_first(entry_list.entries))
        ],
        labels=_LABELS,
        why={entry.rule: entry.why for entry in entry_list.entries if entry.why},
        options={name: _options(entry_list, name) for name in ("severity", "category", "provider", "tenant")},
        script=script,
        script_digest=_digest(script),
        style=style,
        style_digest=_digest(style),
    )
    return page.rstrip("\n")


def _digest(text: str) -> str:
    """The digest of a script or style, as a content security policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _entry_data(entry: Entry, fingerprint: str) -> dict[str, Any]:
    """An entry for the page's script, without empty members."""
    data = {
        **entry.model_dump(mode="json", exclude={"fields", "evidence", "waiver", "why"}),
        "id": fingerprint,
        "differences": [{"field": field.name, "lines": difference_lines(field)} for field in entry.fields],
        "evidence": [(evidence.path, exact_text(evidence.value)) for evidence in entry.evidence],
        "waiver": entry_waiver(entry),
    }
    return {name: value for name, value in data.items() if value}


def _playbooks(entry_list: EntryList) -> list[dict[str, Any]]:
    """Every playbook with its number of entries by status, worst first."""
    counts: dict[str, Counter[str]] = {target.playbook: Counter() for target in entry_list.targets}
    targets: dict[str, Any] = {target.playbook: target for target in entry_list.targets}
    for entry in entry_list.entries:
        counts.setdefault(entry.playbook, Counter())[entry.status] += 1
        targets.setdefault(entry.playbook, entry)
    rows = [
        {"playbook": playbook, "target": targets[playbook], "counts": by_status}
        for playbook, by_status in counts.items()
    ]
    return sorted(rows, key=lambda row: [-row["counts"][status] for status in ("fail", "error", "waived")])


def _options(entry_list: EntryList, name: str) -> list[str]:
    """The values of a filter; severities worst first, others in alphabetical order."""
    values = {getattr(entry, name) for entry in entry_list.entries} - {""}
    if name == "severity":
        return [severity for severity in SEVERITIES if severity in values]
    return sorted(values)
