"""Annotations: read as the runner of GitHub Actions reads them, and no more of a level than it shows."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from provisioner.reports.formats import rendered
from tests.reports_formats.found_items import DOCTOR, DRIFT, EMPTY, HOSTILE, WORST, fleet, named, written
from tests.reports_formats.test_format_any_text import ANY_TEXT

COMMAND = re.compile(r"^::(error|warning|notice) ([^:]*)::(.*)$")


def unescaped(text: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def annotations_of(report) -> list[tuple[str, dict[str, str], str]]:
    """Level, properties and message of each; what is no command must be the one line of numbers at the end."""
    *lines, last = rendered(report, "github").split("\n")
    assert re.fullmatch(
        r"provisioner (drift|doctor): \d+ fail, \d+ waived, \d+ error, \d+ skip, \d+ pass", last
    )
    found = []
    for line in lines:
        level, properties, message = COMMAND.match(line).groups()
        pairs = dict(pair.split("=", 1) for pair in properties.split(","))
        found.append((level, {name: unescaped(value) for name, value in pairs.items()}, unescaped(message)))
    return found


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


def test_an_ended_waiver_is_told():
    assert "the waiver of bob@example.com ended" in rendered(DRIFT, "github")


def test_ten_of_a_level_are_shown_and_the_last_tells_how_many_more():
    found = annotations_of(fleet(1000))
    # Of 1000, 100 are waived; of each five in a row one is about security.
    assert [level for level, _, _ in found] == ["error"] * 10 + ["warning"] * 10
    assert found[9][2].startswith("91 more")
    assert found[19][2].startswith("791 more")


def test_exactly_ten_are_shown_whole():
    found = annotations_of(fleet(13))
    assert [level for level, _, _ in found] == ["error"] + ["warning"] * 10
    assert not [message for _, _, message in found if "more" in message]


def test_an_empty_report_has_no_annotation():
    assert annotations_of(EMPTY) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_makes_no_command_of_its_own(name):
    assert len(annotations_of(named(HOSTILE[name]))) == 3


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_any_text_can_be_read_back(text):
    report = named(text)
    told = {item.message for item in written(report).items if item.status != "waived"}
    assert {message.split("\n")[0] for _, _, message in annotations_of(report)} == {
        message.split("\n")[0] for message in told
    }
