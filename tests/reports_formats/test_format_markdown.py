"""Markdown: parsed as GitHub does, it shows the text and nothing else; and it fits where it goes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt

from provisioner.reports.formats import rendered
from provisioner.reports.formats.markdown import LIMIT, VALUE_LIMIT, code, escaped, markdown_text, marker
from provisioner.reports.formats.wording import shown
from provisioner.reports.models import EvidenceReport
from tests.reports_formats.found_items import (
    DOCTOR,
    DRIFT,
    EMPTY,
    FINDINGS,
    HOSTILE,
    audited,
    fleet,
    named,
    written,
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
"""What the report itself is made of."""


def tags_of(text: str) -> set[str]:
    return set(re.findall(r"<(\w+)", PARSER.render(text).split("\n", 1)[1]))


def text_of(paragraph: str) -> str:
    """What a reader sees of an inline text, without the blanks of no width."""
    (token,) = [token for token in PARSER.parse(paragraph) if token.type == "inline"]
    return "".join(child.content for child in token.children).replace("\u200b", "")


def test_the_first_line_is_by_what_a_pipeline_finds_it():
    assert rendered(DRIFT, "markdown").startswith("<!-- provisioner:drift -->\n## ")
    assert rendered(DOCTOR, "markdown").startswith(marker("doctor") + "\n")


def test_what_it_shows():
    page = PARSER.render(rendered(DRIFT, "markdown"))
    assert "<h2>provisioner drift: 5 deviations in 2 of 5 playbooks; 2 could not be looked at</h2>" in page
    assert '<td style="text-align:right">5</td>' in page
    assert "-&#32;" not in page
    assert (
        '<pre><code class="language-diff">  redirect_uris\n- https://evil.example/callback\n+ kiro://kiro.oauth/callback\n'
        in page
    )
    assert page.index("Failed</h3>") < page.index("Could not be looked at</h3>") < page.index("Waived</h3>")


def test_advice_is_not_repeated():
    told = "What to do: look at it\\: `provisioner plan playbooks/entra-1.yaml`; take it back\\: `provisioner apply"
    assert rendered(DRIFT, "markdown").count(told) == 2


def test_what_a_person_has_to_do_is_told():
    assert (
        "What to do: name two people who will answer for it\\. More\\: `provisioner checks show entra-owners`"
        in rendered(DOCTOR, "markdown")
    )


def test_what_passed_is_only_counted():
    assert "entra-scim-mapping" not in rendered(DOCTOR, "markdown")


def test_an_empty_report_says_so():
    assert "Nothing deviates in 0 playbooks" in rendered(EMPTY, "markdown")


@pytest.mark.parametrize("items", [1, 100, 1000, 10_000])
def test_it_fits_into_a_comment_and_counts_what_is_left_out(items):
    report = fleet(items, 5)
    text = rendered(report, "markdown")
    told = text.count("`drift-entra-assignment`")
    left = re.search(r"\*\*(\d+) more are not shown here", text)
    assert len(text) <= LIMIT < 65_536
    assert told + (int(left[1]) if left else 0) == items
    assert len(text) > LIMIT * 0.9 or not left


@pytest.mark.parametrize("limit", [600, 1500, 3000])
def test_any_limit_is_kept(limit):
    assert len(markdown_text(written(DRIFT), limit)) <= limit


def test_a_long_value_is_cut():
    long = FINDINGS[0].model_copy(update={"evidence": (EvidenceReport(path="x", value="y" * 10_000),)})
    report = DOCTOR.model_copy(
        update={"audits": (DOCTOR.audits[0].model_copy(update={"findings": (long,)}),), "failures": ()}
    )
    assert f"x = {'y' * (VALUE_LIMIT - 4)}…" in rendered(report, "markdown")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("made", [named, audited])
def test_a_hostile_name_makes_no_markup(name, made):
    assert tags_of(rendered(made(HOSTILE[name]), "markdown")) <= TAGS


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
    """A reader that looks for such things in the text that is shown finds a blank of no width in it."""
    (token,) = [token for token in PARSER.parse(escaped(text)) if token.type == "inline"]
    seen = "".join(child.content for child in token.children)
    assert text not in seen
    assert seen.replace("\u200b", "") == text


@given(text=ANY_TEXT)
@settings(max_examples=200, deadline=None)
def test_any_text_is_shown_as_it_is(text):
    harmless = shown(text)
    assert text_of("x " + escaped(harmless) + " y").split() == ["x", *harmless.split(), "y"]
    assert text_of("x " + code(harmless) + " y").replace(" ", "") == f"x{harmless}y".replace(" ", "")


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_any_text_makes_no_markup(text):
    assert tags_of(rendered(named(text), "markdown")) <= TAGS
