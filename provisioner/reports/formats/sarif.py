"""SARIF 2.1.0 (OASIS), for code scanning: results in the playbook files, at the line that describes the resource.

What GitHub reads of it, and its limits: https://docs.github.com/code-security/reference/code-scanning/sarif-files/sarif-support.
Plain dictionaries, validated against the published schema by the tests: packages with models of SARIF accept any member, so they
would not notice a wrong one.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from provisioner import __version__
from provisioner.reports.entries import Entry, EntryList, rule_commands
from provisioner.reports.json import harmless_json

from .entry_text import detail_lines, entry_waiver, sentence, with_fingerprints, worst_first
from .markdown import escaped

MOST_RESULTS: Final = 25_000
"""GitHub refuses a run with more."""

_ACTIVE: Final = re.compile(r"\](?=\()|\{(?=\d+\})")
"""What makes a link or a placeholder of a message (SARIF 2.1.0, 3.11.5 and 3.11.6); a space after it prevents that."""

_LEVELS: Final = {"high": "error", "medium": "warning", "low": "note"}
_SCORES: Final = {"high": "8.0", "medium": "5.5", "low": "2.0"}


def sarif_log(entry_list: EntryList, most: int = MOST_RESULTS) -> str:
    """A log with one run: its rules, and a result for each failed or waived entry, worst first.

    An error is a notification of the run, not a result: the file is not the cause.

    Args:
        entry_list: the entries.
        most: the largest number of results; further ones are left out and counted.
    """
    ordered = worst_first(entry_list.entries)
    results = [entry for entry in ordered if entry.status in ("fail", "waived")]
    notifications = [_entry_notification(entry) for entry in ordered if entry.status in ("error", "skip")]
    if len(results) > most:
        notifications.append(_notification("warning", f"{len(results) - most} more results were left out"))
    rules = _rules(ordered)
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
        "automationDetails": {"id": f"provisioner-{entry_list.command}/"},
        "invocations": [
            {
                "executionSuccessful": all(entry.status != "error" for entry in ordered),
                "toolExecutionNotifications": notifications,
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(entry, fingerprint, index[entry.rule])
            for fingerprint, entry in with_fingerprints(results[:most])
        ],
    }
    log = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return harmless_json(log, indent=1)


def _rules(ordered: list[Entry]) -> list[dict[str, Any]]:
    by_id: dict[str, list[Entry]] = {}
    for entry in ordered:
        by_id.setdefault(entry.rule, []).append(entry)
    return [_rule(entries) for _, entries in sorted(by_id.items())]


def _rule(entries: list[Entry]) -> dict[str, Any]:
    worst = entries[0]
    is_security = any(entry.category == "security" for entry in entries)
    commands = rule_commands(worst.rule)
    description = " ".join(filter(None, (sentence(worst.title), worst.why)))
    # Code scanning shows a rule with a score as a security rule.
    score = {"security-severity": _SCORES[worst.severity]} if is_security else {}
    markdown_commands = ", then ".join(f"`{command}`" for command in commands)
    return {
        "id": worst.rule,
        "shortDescription": {"text": sentence(worst.title)},
        "fullDescription": {"text": description},
        "help": {
            "text": f"{description} What to do: {', then '.join(commands)}.",
            "markdown": f"{escaped(worst.why)}\n\nWhat to do: {markdown_commands}.".strip(),
        },
        "defaultConfiguration": {"level": _LEVELS[worst.severity]},
        "properties": {
            "precision": "very-high",
            "problem.severity": {"low": "recommendation", "medium": "warning"}.get(worst.severity, "error"),
            "tags": ["security" if is_security else "configuration", "identity"],
            **score,
        },
    }


def _result(entry: Entry, fingerprint: str, rule_index: int) -> dict[str, Any]:
    suppression = {"kind": "external", "status": "accepted", "justification": entry_waiver(entry)}
    return {
        "ruleId": entry.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[entry.severity],
        "message": _message("\n".join([sentence(entry.message), *detail_lines(entry)])),
        "locations": [_location(entry)],
        # GitHub distinguishes alerts by the first, even if several are about one line.
        "partialFingerprints": {
            "primaryLocationLineHash": fingerprint,
            "provisionerEntry/v1": fingerprint,
        },
        # All results need this member, or none; an empty list means "not suppressed".
        "suppressions": [suppression] if entry.status == "waived" else [],
        "properties": {
            "category": entry.category,
            "severity": entry.severity,
            "playbook": entry.name,
            "provider": entry.provider,
            "tenant": entry.tenant,
        },
    }


def _location(entry: Entry) -> dict[str, Any]:
    physical = {
        "artifactLocation": {"uri": quote(entry.playbook), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": entry.line or 1},
    }
    logical = [{"fullyQualifiedName": entry.address, "kind": "resource"}] if entry.address else []
    return {"physicalLocation": physical, **({"logicalLocations": logical} if logical else {})}


def _entry_notification(entry: Entry) -> dict[str, Any]:
    text = "\n".join([f"{entry.rule}: {entry.message}", *detail_lines(entry)])
    level = "error" if entry.status == "error" else "note"
    return _notification(level, text) | {"locations": [_location(entry)]}


def _notification(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": _message(text)}


def _message(text: str) -> dict[str, str]:
    return {"text": _ACTIVE.sub(r"\g<0> ", text)}
