"""NDJSON: one JSON object per line, for log collectors and ``jq``.

Every line has ``schema`` (``provisioner.events/1``) and ``event``:

- ``target``: a playbook that was read: ``playbook``, ``name``, ``provider``, ``tenant``, ``sandbox``;
- ``entry``: one difference, finding or error: the members of :class:`~provisioner.reports.entries.Entry`, and ``fingerprint``,
  which stays the same for the same entry in another run;
- ``summary``, the last line: ``command``, ``targets`` (their number), and ``entries`` (their number by status).

A version may gain members; it never loses or changes one. ASCII only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from provisioner.reports.entries import EntryList
from provisioner.reports.json import harmless_json

from .entry_text import with_fingerprints

SCHEMA: Final = "provisioner.events/1"


def ndjson_lines(entry_list: EntryList) -> str:
    """The targets, the entries, and the summary, one line each."""
    return "\n".join(harmless_json({"schema": SCHEMA, **event}) for event in _events(entry_list))


def _events(entry_list: EntryList) -> Iterator[dict[str, Any]]:
    for target in entry_list.targets:
        yield {"event": "target", **target.model_dump(mode="json")}
    for fingerprint, entry in with_fingerprints(entry_list.entries):
        yield {"event": "entry", "fingerprint": fingerprint, **entry.model_dump(mode="json")}
    yield {
        "event": "summary",
        "command": entry_list.command,
        "targets": len(entry_list.targets),
        "entries": entry_list.summary,
    }
