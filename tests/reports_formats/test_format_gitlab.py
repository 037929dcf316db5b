"""GitLab's code quality report: its documented fields, relative paths, one issue per fingerprint."""

from __future__ import annotations

import json

import jsonschema
from hypothesis import given, settings

from provisioner.reports.formats import render
from tests.reports_formats.sample_reports import DOCTOR, DRIFT, EMPTY, HOSTILE, named
from tests.reports_formats.test_format_any_text import ANY_TEXT

DOCUMENTED = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "minLength": 1, "pattern": r"^(?!\./)"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}
"""What https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format requires; GitLab publishes no schema."""


def issues_of(report) -> list[dict]:
    text = render(report, "gitlab")
    assert text.isascii()
    issues = json.loads(text)
    jsonschema.validate(issues, DOCUMENTED)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    return issues


def test_an_issue_for_each_failure_and_error():
    assert [
        (issue["severity"], issue["location"]["path"], issue["location"]["lines"]["begin"])
        for issue in issues_of(DRIFT)
    ] == [
        ("critical", "playbooks/entra-1.yaml", 8),
        ("critical", "playbooks/okta-2.yaml", 3),
        ("major", "playbooks/entra-1.yaml", 5),
        ("major", "playbooks/entra-1.yaml", 5),
        ("major", "playbooks/okta-2.yaml", 9),
        ("critical", "playbooks/okta-4.yaml", 1),
        ("critical", "playbooks/broken.yaml", 3),
    ]


def test_no_issue_for_what_is_waived_skipped_or_passed():
    assert {issue["check_name"] for issue in issues_of(DOCTOR)} == {
        "entra-redirect-uris",
        "entra-token-version",
        "entra-users",
        "playbook-error",
    }


def test_an_empty_report_is_an_empty_list():
    assert issues_of(EMPTY) == []


def test_a_hostile_name_is_only_text():
    numbers = {name: len(issues_of(named(text))) for name, text in HOSTILE.items()}
    assert numbers == dict.fromkeys(HOSTILE, 3)


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_any_text_gives_a_valid_report(text):
    assert len(issues_of(named(text))) == 3
