"""SARIF 2.1.0 (OASIS), for code scanning: results in the playbook files, at the line that asks for what deviates.

What GitHub reads of it, and how much: https://docs.github.com/code-security/reference/code-scanning/sarif-files/sarif-support.
Plain dictionaries, held to the published schema by the tests: the packages with models of SARIF take any member, so that they would
not notice a wrong one.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import quote

from provisioner import __version__
from provisioner.reports.entries import UNREADABLE, Entry, EntryList

from .markdown import escaped
from .wording import details, fingerprints, sentence, worst_first

MOST_RESULTS: Final = 25_000
"""GitHub refuses a run with more."""

_ACTIVE: Final = re.compile(r"\](?=\()|\{(?=\d+\})")
"""What a message would make a link or a placeholder (SARIF 2.1.0, 3.11.5 and 3.11.6); a blank after it breaks it."""

_LEVELS: Final = {"high": "error", "medium": "warning", "low": "note"}
_SCORES: Final = {"high": "8.0", "medium": "5.5", "low": "2.0"}


def sarif_log(found: EntryList, most: int = MOST_RESULTS) -> str:
    """A log with one run: a rule for every rule met, a result for what counts or is waived, worst first.

    What could not be looked at is a notification: the run tells of it, the file is not to blame.

    Args:
        found: what was found.
        most: results; what is more is left out and counted.
    """
    ordered = worst_first(found.items)
    results = [item for item in ordered if item.status in ("fail", "waived")]
    notes = [_notification(item) for item in ordered if item.status in ("error", "skip")]
    if len(results) > most:
        notes.append(_note("warning", f"{len(results) - most} more results were left out"))
    rules = _rules(found)
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "provisioner",
                "semanticVersion": __version__,
                "version": __version__,
                "rules": rules,
            }
        },
        "automationDetails": {"id": f"provisioner-{found.command}/"},
        "invocations": [
            {
                "executionSuccessful": all(item.status != "error" for item in ordered),
                "toolExecutionNotifications": notes,
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(item, fingerprint, index[item.rule]) for fingerprint, item in fingerprints(results[:most])
        ],
    }
    log = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, indent=1)


def _rules(found: EntryList) -> list[dict[str, Any]]:
    by_id: dict[str, list[Entry]] = {}
    for item in worst_first(found.items):
        by_id.setdefault(item.rule, []).append(item)
    return [_rule(items) for _, items in sorted(by_id.items())]


def _rule(items: list[Entry]) -> dict[str, Any]:
    worst = items[0]
    security = any(item.category == "security" for item in items)
    commands = _commands(worst.rule)
    told = " ".join(filter(None, (sentence(worst.title), worst.why)))
    # Code scanning takes a rule with a score for one about security.
    scored = {"security-severity": _SCORES[worst.severity]} if security else {}
    return {
        "id": worst.rule,
        "shortDescription": {"text": sentence(worst.title)},
        "fullDescription": {"text": told},
        "help": {
            "text": f"{told} What to do: {', then '.join(commands)}.",
            "markdown": f"{escaped(worst.why)}\n\nWhat to do: {', then '.join(f'`{one}`' for one in commands)}.".strip(),
        },
        "defaultConfiguration": {"level": _LEVELS[worst.severity]},
        "properties": {
            "precision": "very-high",
            "problem.severity": {"low": "recommendation", "medium": "warning"}.get(worst.severity, "error"),
            "tags": ["security" if security else "configuration", "identity"],
            **scored,
        },
    }


def _commands(rule: str) -> list[str]:
    if rule == UNREADABLE:
        return ["provisioner plan PLAYBOOK"]
    if rule.startswith("drift"):
        return ["provisioner plan PLAYBOOK", "provisioner apply PLAYBOOK"]
    return [f"provisioner checks show {rule}"]


def _result(item: Entry, fingerprint: str, rule: int) -> dict[str, Any]:
    waived = item.status == "waived" and item.waiver is not None
    reason = f"{item.waiver.reason} ({item.waiver.owner}, until {item.waiver.expires})" if item.waiver else ""
    return {
        "ruleId": item.rule,
        "ruleIndex": rule,
        "level": _LEVELS[item.severity],
        "message": _message("\n".join([sentence(item.message), *details(item)])),
        "locations": [_location(item)],
        # The first is the one by which GitHub tells alerts apart: several are about one line.
        "partialFingerprints": {
            "primaryLocationLineHash": fingerprint,
            "provisionerItem/v1": fingerprint,
        },
        # All results have this member or none: empty means "not suppressed".
        "suppressions": [{"kind": "external", "status": "accepted", "justification": reason}]
        if waived
        else [],
        "properties": {
            "category": item.category,
            "severity": item.severity,
            "playbook": item.name,
            "provider": item.provider,
            "tenant": item.tenant,
        },
    }


def _location(item: Entry) -> dict[str, Any]:
    physical = {
        "artifactLocation": {"uri": quote(item.playbook), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": item.line or 1},
    }
    logical = [{"fullyQualifiedName": item.address, "kind": "resource"}] if item.address else []
    return {"physicalLocation": physical, **({"logicalLocations": logical} if logical else {})}


def _notification(item: Entry) -> dict[str, Any]:
    text = "\n".join([f"{item.rule}: {item.message}", *details(item)])
    return _note("error" if item.status == "error" else "note", text) | {"locations": [_location(item)]}


def _note(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": _message(text)}


def _message(text: str) -> dict[str, str]:
    return {"text": _ACTIVE.sub(r"\g<0> ", text)}
