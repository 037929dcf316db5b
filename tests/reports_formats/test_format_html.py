"""The HTML page as a document: its data, its content security policy, and text that remains text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser

from hypothesis import given, settings

from provisioner import templating
from provisioner.reports.formats import render
from tests.reports_formats.sample_reports import (
    DOCTOR,
    DRIFT,
    EMPTY,
    HOSTILE,
    entries_of,
    fleet,
    named,
    target,
)
from tests.reports_formats.test_format_any_text import ANY_TEXT


class Page(HTMLParser):
    """The elements, attributes and texts that a browser would find in a page."""

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


def test_the_entries_are_data_in_the_page():
    entries = Page(render(DRIFT, "html")).data["entries"]
    assert len(entries) == 9
    assert entries[0]["differences"] == [
        {
            "field": "redirect_uris",
            "lines": [["-", "https://evil.example/callback"], ["+", "kiro://kiro.oauth/callback"]],
        }
    ]
    assert Page(render(DOCTOR, "html")).data["entries"][1]["evidence"] == [
        ["api.requestedAccessTokenVersion", "(none)"]
    ]


def test_the_policy_allows_only_the_script_and_the_style_of_the_page():
    page = Page(render(DRIFT, "html"))
    assert page.policy == (
        f"default-src 'none'; script-src 'sha256-{digest(page.content['script'][1])}'; "
        f"style-src 'sha256-{digest(page.content['style'][0])}'; base-uri 'none'; form-action 'none'"
    )


def test_it_refers_to_nothing_outside_itself():
    page = Page(render(DRIFT, "html"))
    assert not page.tags.keys() & {"link", "img", "iframe", "object", "embed", "base", "audio", "video"}
    assert not [value for _, name, value in page.attributes if name in ("src", "srcset", "style", "action")]
    assert {value[0] for _, name, value in page.attributes if name == "href"} == {"#"}
    assert not re.search(r"url\(|@import", page.content["style"][0])


def test_an_empty_report_is_a_page_too():
    page = Page(render(EMPTY, "html"))
    assert page.data["entries"] == []
    assert "No differences in 0 playbooks" in render(EMPTY, "html")


def test_the_numbers_are_shown_without_the_script():
    text = render(fleet(10_000), "html")
    assert '<span class="number">9,000</span>' in text
    assert "9,000 differences in 45 of 50 playbooks" in text


def test_a_hostile_name_makes_no_element_or_attribute():
    expected = structure_of("x")
    structures = {name: structure_of(text) for name, text in HOSTILE.items()}
    assert [name for name, structure in structures.items() if structure != expected] == []


def structure_of(text):
    """The elements, the attributes and the policy of a page with this text."""
    page = Page(render(with_second_playbook(named(text)), "html"))
    return page.tags, [attribute[:2] for attribute in page.attributes], page.policy


@given(text=ANY_TEXT)
@settings(max_examples=50, deadline=None)
def test_any_text_can_be_read_back(text):
    report = named(text)
    messages = {entry["message"] for entry in Page(render(report, "html")).data["entries"]}
    assert messages == {entry.message for entry in entries_of(report).entries}


def test_values_are_escaped_only_in_templates_of_html(tmp_path, monkeypatch):
    package = tmp_path / "provisioner"
    (tmp_path / "templates").mkdir()
    for name in ("page.html.j2", "page.txt.j2"):
        (tmp_path / "templates" / name).write_text("{{ value }}")
    monkeypatch.setattr(templating, "_PACKAGE", package)
    assert templating.render("page.html.j2", value="<b>") == "&lt;b&gt;"
    assert templating.render("page.txt.j2", value="<b>") == "<b>"


def with_second_playbook(report):
    """The report with a second playbook, so that the page has a table of playbooks."""
    other = DRIFT.plans[2].model_copy(update={"target": target(3)})
    return report.model_copy(update={"plans": (*report.plans, other)})
