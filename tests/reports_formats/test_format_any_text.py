"""Every format: no text from outside can act on its reader, and no report is too small or too large."""

from __future__ import annotations

import unicodedata
from pathlib import PurePath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.core.diff import FieldChange
from provisioner.reports.formats import FORMATS, render
from provisioner.reports.formats.entry_text import difference_lines, headline, playbook_names, worst_first
from tests.reports_formats.sample_reports import (
    DOCTOR,
    DRIFT,
    EMPTY,
    HOSTILE,
    REPORTS,
    audited,
    entries_of,
    fleet,
    named,
    target,
)

every_format = pytest.mark.parametrize("format_", sorted(FORMATS))
LINE_ENDS = {"\n", "\r"}
"""Every format ends its own lines with these; those of the text are escaped before."""

ACTING = {"Cc", "Cs", "Zl", "Zp", "Cn", "Co"}
"""Controls, unpaired surrogates, line separators, and code points without a character."""

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)


def active_characters(text: str) -> set[str]:
    return {
        char
        for char in text
        if (unicodedata.category(char) in ACTING or char in BIDI) and char not in LINE_ENDS
    }


@every_format
def test_nothing_in_a_name_acts_on_the_reader(format_):
    active = {
        (make_report.__name__, name): active_characters(render(make_report(text), format_))
        for make_report in (named, audited)
        for name, text in HOSTILE.items()
    }
    assert {case: characters for case, characters in active.items() if characters} == {}


@every_format
@given(text=ANY_TEXT)
@settings(max_examples=30, deadline=None)
def test_nothing_in_any_text_acts_on_the_reader(format_, text):
    assert active_characters(render(named(text), format_)) == set()


@every_format
@pytest.mark.parametrize("report", REPORTS.values(), ids=list(REPORTS))
def test_the_same_report_gives_the_same_text(format_, report):
    text = render(report, format_)
    assert text == render(report, format_)
    assert not text.endswith("\n")


@every_format
def test_ten_thousand_entries_can_be_rendered(format_):
    assert "drift-entra-assignment" in render(fleet(10_000), format_)


def test_an_unknown_format_is_an_error():
    with pytest.raises(KeyError):
        render(DRIFT, "pdf")


class TestNamesOfPlaybooks:
    @pytest.mark.parametrize(
        ("playbook", "expected"),
        [
            ("playbooks/a.yaml", "playbooks/a.yaml"),
            ("./playbooks/a.yaml", "playbooks/a.yaml"),
            ("/repo/playbooks/a.yaml", "playbooks/a.yaml"),
            ("/elsewhere/a.yaml", "/elsewhere/a.yaml"),
            ("../a.yaml", "../a.yaml"),
            ("a\x1b.yaml", "a\\x1b.yaml"),
        ],
    )
    def test_they_are_relative_to_the_checkout(self, playbook, expected):
        report = DRIFT.model_copy(
            update={"plans": (DRIFT.plans[2].model_copy(update={"target": target(playbook=playbook)}),)}
        )
        text = render(report, "gitlab", root=PurePath("/repo")) + render(
            report, "csv", root=PurePath("/repo")
        )
        assert f",{expected}," in text

    def test_each_is_counted_once(self):
        assert len(playbook_names(entries_of(DRIFT))) == 5


class TestHeadline:
    @pytest.mark.parametrize(
        ("report", "expected"),
        [
            (DRIFT, "5 differences in 2 of 5 playbooks; 2 errors"),
            (DOCTOR, "2 findings in 1 of 2 playbooks; 2 errors"),
            (EMPTY, "No differences in 0 playbooks"),
            (fleet(2, 1), "1 difference in 1 of 1 playbook"),
            (DRIFT.plans[0], "3 changes in 1 of 1 playbook"),
            (DOCTOR.model_copy(update={"audits": ()}), "No findings in 0 playbooks; 1 error"),
        ],
    )
    def test_the_report_in_a_sentence(self, report, expected):
        assert headline(entries_of(report)) == expected


def test_the_worst_comes_first():
    order = [
        (entry.status, entry.severity, entry.category) for entry in worst_first(entries_of(DRIFT).entries)
    ]
    assert order == [
        ("fail", "high", "security"),
        ("fail", "high", "security"),
        ("fail", "medium", "configuration"),
        ("fail", "medium", "configuration"),
        ("fail", "medium", "configuration"),
        ("error", "high", "configuration"),
        ("error", "high", "configuration"),
        ("waived", "high", "security"),
        ("pass", "medium", "configuration"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("old", "new", [("-", "old"), ("+", "new")]),
        (None, 2, [("+", "2")]),
        (False, True, [("-", "false"), ("+", "true")]),
        (["a", "b"], ["b", "c"], [("-", "a"), ("+", "c")]),
        (["a", "b"], ["b", "a"], [("~", "different order")]),
        (["a"], [], [("-", "a")]),
        (None, [], [("~", "(none)")]),
        ([{"value": "s"}], [None], [("-", '{"value": "s"}'), ("+", "(none)")]),
        ("(secret)", "(secret, changed)", [("-", "(secret)"), ("+", "(secret, changed)")]),
    ],
)
def test_the_difference_of_a_field(before, after, lines):
    assert difference_lines(FieldChange(name="x", before=before, after=after)) == lines
