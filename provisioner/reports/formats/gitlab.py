"""GitLab's code quality report, shown in merge requests.

The fields are those of https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format; of issues with equal
fingerprints GitLab shows one.
"""

from __future__ import annotations

import json
from typing import Final

from provisioner.reports.entries import EntryList

from .wording import fingerprints, sentence, worst_first

_SEVERITIES: Final = {"high": "critical", "medium": "major", "low": "minor"}


def gitlab_issues(found: EntryList) -> str:
    """A list of what counts and of what could not be looked at, worst first; what is waived or passed is left out."""
    counts = [item for item in worst_first(found.items) if item.status in ("fail", "error")]
    issues = [
        {
            "description": f"{sentence(item.message)} {item.advice}".rstrip(),
            "check_name": item.rule,
            "fingerprint": fingerprint,
            "severity": _SEVERITIES[item.severity],
            "location": {"path": item.playbook, "lines": {"begin": item.line or 1}},
        }
        for fingerprint, item in fingerprints(counts)
    ]
    return json.dumps(issues, indent=2)
