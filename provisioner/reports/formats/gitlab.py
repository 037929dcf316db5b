"""GitLab's code quality report, shown in merge requests.

The fields are those of https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format; of issues with equal
fingerprints GitLab shows one.
"""

from __future__ import annotations

from typing import Final

from provisioner.reports.entries import EntryList
from provisioner.reports.json import harmless_json

from .entry_text import sentence, what_to_do, with_fingerprints, worst_first

_SEVERITIES: Final = {"high": "critical", "medium": "major", "low": "minor"}


def gitlab_issues(entry_list: EntryList) -> str:
    """An issue for each entry that failed or is an error, worst first."""
    entries = [entry for entry in worst_first(entry_list.entries) if entry.status in ("fail", "error")]
    issues = [
        {
            "description": f"{sentence(entry.message)} {what_to_do(entry)}".rstrip(),
            "check_name": entry.rule,
            "fingerprint": fingerprint,
            "severity": _SEVERITIES[entry.severity],
            "location": {"path": entry.playbook, "lines": {"begin": entry.line or 1}},
        }
        for fingerprint, entry in with_fingerprints(entries)
    ]
    return harmless_json(issues, indent=2)
