"""GitLab's code quality report: its documented fields, relative paths, one issue per fingerprint."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given, settings

from provisioner.reports.formats import rendered
from tests.reports_formats.found_items import DOCTOR, DRIFT, EMPTY, HOSTILE, named
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
"""What https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format asks for; GitLab publishes no schema of it."""


def issues_of(report) -> list[dict]:
    text = rendered(report, "gitlab")
    assert text.isascii()
    issues = json.loads(text)
    jsonschema.validate(issues, DOCUMENTED)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    return issues


def test_what_counts_and_what_could_not_be_looked_at():
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


def test_what_is_waived_skipped_or_passed_is_left_out():
    assert {issue["check_name"] for issue in issues_of(DOCTOR)} == {
        "entra-redirect-uris",
        "entra-token-version",
        "entra-users",
        "unreadable",
    }


def test_an_empty_report_is_an_empty_list():
    assert issues_of(EMPTY) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_text(name):
    assert len(issues_of(named(HOSTILE[name]))) == 3


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_any_text_keeps_the_form(text):
    assert len(issues_of(named(text))) == 3
