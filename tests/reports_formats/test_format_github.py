"""Annotations: read as the runner of GitHub Actions reads them, at most ten of each level."""

from __future__ import annotations

import re

from hypothesis import given, settings

from provisioner.reports.formats import render
from tests.reports_formats.sample_reports import (
    DOCTOR,
    DRIFT,
    EMPTY,
    HOSTILE,
    WORST,
    entries_of,
    fleet,
    named,
)
from tests.reports_formats.test_format_any_text import ANY_TEXT

COMMAND = re.compile(r"^::(error|warning|notice) ([^:]*)::(.*)$")


def unescaped(text: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def annotations_of(report) -> list[tuple[str, dict[str, str], str]]:
    """Level, properties and message of each annotation; only the last line is none and has the numbers."""
    *lines, last = render(report, "github").split("\n")
    assert re.fullmatch(
        r"provisioner (drift|doctor): [\d,]+ failed, [\d,]+ errors?, [\d,]+ waived, [\d,]+ skipped, [\d,]+ passed",
        last,
    )
    annotations = []
    for line in lines:
        level, properties, message = COMMAND.match(line).groups()
        pairs = dict(pair.split("=", 1) for pair in properties.split(","))
        values = {name: unescaped(value) for name, value in pairs.items()}
        annotations.append((level, values, unescaped(message)))
    return annotations


def test_an_annotation_stands_at_the_line_of_the_playbook():
    level, properties, message = annotations_of(DRIFT)[0]
    assert level == "error"
    assert properties == {
        "file": "playbooks/entra-1.yaml",
        "line": "8",
        "title": "drift-entra-application of kiro-entra-1 (security)",
    }
    assert message.splitlines()[0] == WORST


def test_the_level_is_that_of_the_severity_and_an_error_is_one():
    assert [level for level, _, _ in annotations_of(DRIFT)] == ["error"] * 4 + ["warning"] * 3
    assert [level for level, _, _ in annotations_of(DOCTOR)] == ["error", "error", "error", "warning"]


def test_an_expired_waiver_is_shown():
    assert "waiver expired on 2026-03-31: only for the pilot (bob@example.com)" in render(DRIFT, "github")


def test_at_most_ten_of_a_level_are_shown_and_the_last_states_how_many_more():
    annotations = annotations_of(fleet(1000))
    # Of 1000, 100 are waived, and of each five in a row one is about security.
    assert [level for level, _, _ in annotations] == ["error"] * 10 + ["warning"] * 10
    assert annotations[9][2].startswith("91 more")
    assert annotations[19][2].startswith("791 more")


def test_exactly_ten_are_all_shown():
    annotations = annotations_of(fleet(13))
    assert [level for level, _, _ in annotations] == ["error"] + ["warning"] * 10
    assert not [message for _, _, message in annotations if "more" in message]


def test_an_empty_report_has_no_annotation():
    assert annotations_of(EMPTY) == []


def test_a_hostile_name_is_no_command():
    numbers = {name: len(annotations_of(named(text))) for name, text in HOSTILE.items()}
    assert numbers == dict.fromkeys(HOSTILE, 3)


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_any_text_can_be_read_back(text):
    report = named(text)
    messages = {entry.message for entry in entries_of(report).entries if entry.status != "waived"}
    assert {message.split("\n")[0] for _, _, message in annotations_of(report)} == {
        message.split("\n")[0] for message in messages
    }
