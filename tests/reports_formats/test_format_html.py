"""The HTML page as a document: its data, its content security policy, and text that stays text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from provisioner import templating
from provisioner.reports.formats import rendered
from provisioner.templating import render
from tests.reports_formats.found_items import DOCTOR, DRIFT, EMPTY, HOSTILE, fleet, named, target, written
from tests.reports_formats.test_format_any_text import ANY_TEXT


class Page(HTMLParser):
    """What a browser would make of a page: elements, attributes, texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.content: dict[str, list[str]] = {}
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._open = tag
        self.content.setdefault(tag, []).append("")

    def handle_data(self, data):
        if self._open:
            self.content[self._open][-1] += data

    def handle_endtag(self, tag):
        self._open = ""

    @property
    def data(self) -> dict:
        return json.loads(self.content["script"][0])

    @property
    def policy(self) -> str:
        (policy,) = [
            value for tag, name, value in self.attributes if tag == "meta" and "default-src" in value
        ]
        return policy


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_items_are_data_in_the_page():
    items = Page(rendered(DRIFT, "html")).data["items"]
    assert len(items) == 9
    assert items[0]["differences"] == [
        {
            "field": "redirect_uris",
            "lines": [["-", "https://evil.example/callback"], ["+", "kiro://kiro.oauth/callback"]],
        }
    ]
    assert Page(rendered(DOCTOR, "html")).data["items"][1]["evidence"] == [
        ["api.requestedAccessTokenVersion", "(none)"]
    ]


def test_the_policy_allows_only_the_script_and_the_style_of_the_page():
    page = Page(rendered(DRIFT, "html"))
    assert page.policy == (
        f"default-src 'none'; script-src 'sha256-{digest(page.content['script'][1])}'; "
        f"style-src 'sha256-{digest(page.content['style'][0])}'; base-uri 'none'; form-action 'none'"
    )


def test_it_names_nothing_outside_itself():
    page = Page(rendered(DRIFT, "html"))
    assert not page.tags.keys() & {"link", "img", "iframe", "object", "embed", "base", "audio", "video"}
    assert not [value for _, name, value in page.attributes if name in ("src", "srcset", "style", "action")]
    assert {value[0] for _, name, value in page.attributes if name == "href"} == {"#"}
    assert not re.search(r"url\(|@import", page.content["style"][0])


def test_an_empty_report_is_a_page_too():
    page = Page(rendered(EMPTY, "html"))
    assert page.data["items"] == []
    assert "Nothing deviates in 0 playbooks" in rendered(EMPTY, "html")


def test_the_numbers_are_there_without_the_script():
    text = rendered(fleet(10_000), "html")
    assert '<span class="number">9,000</span>' in text
    assert "9,000 deviations in 45 of 50 playbooks" in text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_makes_no_element_or_attribute(name):
    usual, hostile = (
        Page(rendered(two(named("x")), "html")),
        Page(rendered(two(named(HOSTILE[name])), "html")),
    )
    assert hostile.tags == usual.tags
    assert [one[:2] for one in hostile.attributes] == [one[:2] for one in usual.attributes]
    assert hostile.policy == usual.policy


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_any_text_can_be_read_back(text):
    report = named(text)
    told = {item["message"] for item in Page(rendered(report, "html")).data["items"]}
    assert told == {item.message for item in written(report).items}


def test_values_are_escaped_in_templates_of_html_and_nowhere_else(tmp_path, monkeypatch):
    package = tmp_path / "provisioner"
    (tmp_path / "templates").mkdir()
    for name in ("page.html.j2", "page.txt.j2"):
        (tmp_path / "templates" / name).write_text("{{ value }}")
    monkeypatch.setattr(templating, "_PACKAGE", package)
    assert render("page.html.j2", value="<b>") == "&lt;b&gt;"
    assert render("page.txt.j2", value="<b>") == "<b>"


def two(report):
    """The same with a second playbook, so that the page has a table of them."""
    other = DRIFT.plans[2].model_copy(update={"target": target(3)})
    return report.model_copy(update={"plans": (*report.plans, other)})
