"""Every format: text from outside cannot act on whoever reads it, whatever it is, and no report is too small or too large."""

from __future__ import annotations

import unicodedata
from pathlib import PurePath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.reports.formats import FORMATS, rendered
from provisioner.reports.formats.wording import differences, playbooks, verdict, worst_first
from provisioner.reports.models import FieldReport
from tests.reports_formats.found_items import (
    DOCTOR,
    DRIFT,
    EMPTY,
    HOSTILE,
    REPORTS,
    audited,
    fleet,
    named,
    target,
    written,
)

every_format = pytest.mark.parametrize("format_", sorted(FORMATS))
LINE_ENDS = {"\n", "\r"}
"""Every format has lines of its own; what the text had is gone by then."""

ACTING = {"Cc", "Cs", "Zl", "Zp", "Cn", "Co"}
"""Controls, halves of surrogate pairs, line separators, and what is no character."""

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)


def acting(text: str) -> set[str]:
    return {
        char
        for char in text
        if (unicodedata.category(char) in ACTING or char in BIDI) and char not in LINE_ENDS
    }


@every_format
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("made", [named, audited])
def test_nothing_in_a_name_acts_on_the_reader(format_, name, made):
    assert acting(rendered(made(HOSTILE[name]), format_)) == set()


@every_format
@given(text=ANY_TEXT)
@settings(max_examples=30, deadline=None)
def test_nothing_in_any_text_acts_on_the_reader(format_, text):
    assert acting(rendered(named(text), format_)) == set()


@every_format
@pytest.mark.parametrize("report", REPORTS.values(), ids=list(REPORTS))
def test_the_same_report_is_written_the_same(format_, report):
    text = rendered(report, format_)
    assert text == rendered(report, format_)
    assert not text.endswith("\n")


@every_format
def test_ten_thousand_items_can_be_written(format_):
    assert "drift-entra-assignment" in rendered(fleet(10_000), format_)


def test_an_unknown_format_is_an_error():
    with pytest.raises(KeyError):
        rendered(DRIFT, "pdf")


class TestNamesOfPlaybooks:
    @pytest.mark.parametrize(
        ("given_", "told"),
        [
            ("playbooks/a.yaml", "playbooks/a.yaml"),
            ("./playbooks/a.yaml", "playbooks/a.yaml"),
            ("/repo/playbooks/a.yaml", "playbooks/a.yaml"),
            ("/elsewhere/a.yaml", "/elsewhere/a.yaml"),
            ("../a.yaml", "../a.yaml"),
            ("a\x1b.yaml", "a\\x1b.yaml"),
        ],
    )
    def test_they_are_relative_to_the_checkout(self, given_, told):
        report = DRIFT.model_copy(
            update={"plans": (DRIFT.plans[2].model_copy(update={"target": target(playbook=given_)}),)}
        )
        text = rendered(report, "gitlab", root=PurePath("/repo")) + rendered(
            report, "csv", root=PurePath("/repo")
        )
        assert f",{told}," in text

    def test_each_is_counted_once(self):
        assert len(playbooks(written(DRIFT))) == 5


class TestVerdict:
    @pytest.mark.parametrize(
        ("report", "told"),
        [
            (DRIFT, "5 deviations in 2 of 5 playbooks; 2 could not be looked at"),
            (DOCTOR, "2 findings in 1 of 2 playbooks; 2 could not be looked at"),
            (EMPTY, "Nothing deviates in 0 playbooks"),
            (fleet(2, 1), "1 deviation in 1 of 1 playbook"),
            (DOCTOR.model_copy(update={"audits": (), "failures": ()}), "Nothing is wrong in 0 playbooks"),
        ],
    )
    def test_the_report_in_a_sentence(self, report, told):
        assert verdict(written(report)) == told


def test_the_worst_comes_first():
    order = [(item.status, item.severity, item.category) for item in worst_first(written(DRIFT).items)]
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
        (["a", "b"], ["b", "a"], [("~", "in another order")]),
        (["a"], [], [("-", "a")]),
        (None, [], [("~", "(none)")]),
        ([{"value": "s"}], [None], [("-", '{"value": "s"}'), ("+", "(none)")]),
        ("(secret)", "(secret, changed)", [("-", "(secret)"), ("+", "(secret, changed)")]),
    ],
)
def test_what_differs_in_a_field(before, after, lines):
    assert differences(FieldReport(name="x", before=before, after=after)) == lines
