"""NDJSON: one JSON object per line, for log collectors and ``jq``.

Every line has ``schema`` (``provisioner.events/1``) and ``event``:

- ``target``: a playbook that was read: ``playbook``, ``name``, ``provider``, ``tenant``, ``sandbox``;
- ``item``: one thing that was found: the members of :class:`~provisioner.reports.entries.Item`, and ``fingerprint``, the same for
  the same thing in another run;
- ``summary``, the last line: ``command``, ``targets`` (their number), and ``items`` (their number by status).

Members may be added to a version, never changed or removed. ASCII only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from provisioner.reports.entries import EntryList

from .wording import fingerprints

SCHEMA: Final = "provisioner.events/1"


def ndjson_lines(found: EntryList) -> str:
    """Targets, items, summary, as lines."""
    return "\n".join(json.dumps({"schema": SCHEMA, **event}) for event in _events(found))


def _events(found: EntryList) -> Iterator[dict[str, Any]]:
    for target in found.targets:
        yield {"event": "target", **target.model_dump(mode="json")}
    for fingerprint, item in fingerprints(found.items):
        yield {"event": "item", "fingerprint": fingerprint, **item.model_dump(mode="json")}
    yield {
        "event": "summary",
        "command": found.command,
        "targets": len(found.targets),
        "items": found.summary,
    }
