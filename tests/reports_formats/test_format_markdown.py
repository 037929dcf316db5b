"""Markdown: parsed as GitHub parses it, it shows only the text; and it fits into a comment."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt

from provisioner.core.check import Evidence
from provisioner.reports.formats import render
from provisioner.reports.formats.entry_text import exact_text
from provisioner.reports.formats.markdown import LIMIT, VALUE_LIMIT, code, escaped, markdown_text, marker
from tests.reports_formats.sample_reports import (
    DOCTOR,
    DRIFT,
    EMPTY,
    FINDINGS,
    HOSTILE,
    audited,
    entries_of,
    fleet,
    named,
)
from tests.reports_formats.test_format_any_text import ANY_TEXT

PARSER = MarkdownIt("gfm-like", {"linkify": False})
TAGS = {
    "h2",
    "h3",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "p",
    "ul",
    "li",
    "strong",
    "code",
    "pre",
    "br",
}
"""The elements of the report itself."""


def tags_of(text: str) -> set[str]:
    return set(re.findall(r"<(\w+)", PARSER.render(text).split("\n", 1)[1]))


def text_of(paragraph: str) -> str:
    """The visible text of a paragraph, without zero-width spaces."""
    (token,) = [token for token in PARSER.parse(paragraph) if token.type == "inline"]
    return "".join(child.content for child in token.children).replace("\u200b", "")


def test_the_first_line_identifies_the_comment():
    assert render(DRIFT, "markdown").startswith("<!-- provisioner:drift -->\n## ")
    assert render(DOCTOR, "markdown").startswith(marker("doctor") + "\n")


def test_the_page_shows_headline_numbers_and_differences():
    page = PARSER.render(render(DRIFT, "markdown"))
    assert "<h2>provisioner drift: 5 differences in 2 of 5 playbooks; 2 errors</h2>" in page
    assert '<td style="text-align:right">5</td>' in page
    assert "-&#32;" not in page
    assert (
        '<pre><code class="language-diff">  redirect_uris\n- https://evil.example/callback\n+ kiro://kiro.oauth/callback\n'
        in page
    )
    assert page.index("Failed</h3>") < page.index("Error</h3>") < page.index("Waived</h3>")


def test_advice_is_not_repeated():
    advice = "What to do: Show: `provisioner plan playbooks/entra-1.yaml`; Revert: `provisioner apply"
    assert render(DRIFT, "markdown").count(advice) == 2


def test_a_manual_fix_is_described():
    assert "What to do: Name two owners\\. Details: `provisioner checks show entra-owners`" in render(
        DOCTOR, "markdown"
    )


def test_passed_checks_are_only_counted():
    assert "entra-scim-mapping" not in render(DOCTOR, "markdown")


def test_an_empty_report_has_a_headline():
    assert "No differences in 0 playbooks" in render(EMPTY, "markdown")


@pytest.mark.parametrize("entries", [1, 100, 1000, 10_000])
def test_it_fits_into_a_comment_and_counts_what_is_left_out(entries):
    report = fleet(entries, 5)
    text = render(report, "markdown")
    shown = text.count("`drift-entra-assignment`")
    omission = re.search(r"\*\*(\d+) more are not shown here", text)
    assert len(text) <= LIMIT < 65_536
    assert shown + (int(omission[1]) if omission else 0) == entries
    assert len(text) > LIMIT * 0.9 or not omission


@pytest.mark.parametrize("limit", [600, 1500, 3000])
def test_no_limit_is_exceeded(limit):
    assert len(markdown_text(entries_of(DRIFT), limit)) <= limit


def test_a_long_value_is_cut():
    long = FINDINGS[0].model_copy(update={"evidence": (Evidence(path="x", value="y" * 10_000),)})
    report = DOCTOR.model_copy(
        update={"audits": (DOCTOR.audits[0].model_copy(update={"findings": (long,)}),), "failures": ()}
    )
    assert f"x = {'y' * (VALUE_LIMIT - 4)}…" in render(report, "markdown")


def test_a_hostile_name_makes_no_markup():
    foreign_tags = {
        (make_report.__name__, name): tags_of(render(make_report(text), "markdown")) - TAGS
        for make_report in (named, audited)
        for name, text in HOSTILE.items()
    }
    assert {case: tags for case, tags in foreign_tags.items() if tags} == {}


@pytest.mark.parametrize(
    "text",
    [
        "@octocat",
        "x@example.com",
        "#123",
        "org/repo#1",
        "GH-12",
        "https://evil.example",
        "www.evil.example",
        "!7",
        "~label",
        "%2",
        "&5",
        ":tada:",
        "$x$",
    ],
)
def test_nothing_is_mentioned_referred_to_or_linked(text):
    """A reader that searches the visible text for references finds a zero-width space inside them."""
    (token,) = [token for token in PARSER.parse(escaped(text)) if token.type == "inline"]
    visible = "".join(child.content for child in token.children)
    assert text not in visible
    assert visible.replace("\u200b", "") == text


@given(text=ANY_TEXT)
@settings(max_examples=200, deadline=None)
def test_any_text_is_shown_as_it_is(text):
    harmless = exact_text(text)
    assert text_of("x " + escaped(harmless) + " y").split() == ["x", *harmless.split(), "y"]
    assert text_of("x " + code(harmless) + " y").replace(" ", "") == f"x{harmless}y".replace(" ", "")


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_any_text_makes_no_markup(text):
    assert tags_of(render(named(text), "markdown")) <= TAGS
