"""The HTML page in a browser: filters, keyboard, screen readers, print; no errors and no requests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from provisioner.reports.formats import render
from tests.reports_formats.browser import Browser, browsing
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

AXE = Path(os.environ.get("REPORT_NODE_MODULES", "")) / "axe-core/axe.min.js"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("chromium") and shutil.which("chromedriver")),
        reason="Chromium and its driver are not installed",
    ),
]


@pytest.fixture(scope="module")
def running():
    with browsing() as browser:
        yield browser


@pytest.fixture
def browser(running: Browser, tmp_path: Path):
    """A browser; after each test, no page may have logged an error or sent a request."""
    running.folder = tmp_path
    running.reset()
    yield running
    assert running.errors() == []
    assert running.requests() <= {"file"}


def show(browser: Browser, report, state: str = "") -> None:
    browser.show(render(report, "html"), state)


def test_a_finding_shows_why_and_what_to_do(browser):
    show(browser, DOCTOR)
    assert "Why: The admin who created it has left." in browser.text()
    assert "What to do: Name two owners. Details: provisioner checks show entra-owners" in browser.text()
    assert "What to do: Fix: provisioner doctor playbooks/entra-1.yaml --fix" in browser.text()


class TestFilters:
    def test_all_entries_are_shown_worst_first(self, browser):
        show(browser, DRIFT)
        assert browser.count() == "9 results"
        assert browser.titles()[0] == WORST
        assert len(browser.titles()) == 9

    @pytest.mark.parametrize(
        ("tiles", "count"),
        [
            (["error"], "2 of 9 results"),
            (["error", "waived"], "3 of 9 results"),
            (["fail", "fail"], "9 results"),
            (["skip"], "No results match the filters"),
        ],
    )
    def test_by_status(self, browser, tiles, count):
        show(browser, DRIFT)
        for status in tiles:
            browser.click(f".tile.{status}")
        assert browser.count() == count

    @pytest.mark.parametrize(
        ("field", "value", "count"),
        [
            ("severity", "medium", "4 of 9 results"),
            ("category", "security", "3 of 9 results"),
            ("provider", "okta", "2 of 9 results"),
            ("tenant", "tenant3.example.com", "1 of 9 results"),
        ],
    )
    def test_by_their_properties(self, browser, field, value, count):
        show(browser, DRIFT)
        browser.choose(field, value)
        assert browser.count() == count

    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("EVIL.example", "1 of 9 results"),
            ("api://0oa1", "1 of 9 results"),
            ("okta generate", "1 of 9 results"),
            ("pilot", "2 of 9 results"),
            ("zzz", "No results match the filters"),
        ],
    )
    def test_by_any_text(self, browser, text, count):
        show(browser, DRIFT)
        browser.type("q", text)
        assert browser.count() == count

    def test_they_combine_and_are_saved_in_the_address(self, browser):
        show(browser, DRIFT)
        browser.click(".tile.fail")
        browser.choose("severity", "medium")
        browser.type("q", "kiro-entra")
        assert (browser.count(), browser.state()) == (
            "2 of 9 results",
            "#status=fail&q=kiro-entra&severity=medium",
        )
        browser.reload()
        assert browser.count() == "2 of 9 results"
        assert browser.pressed() == ["fail"]

    def test_they_can_be_cleared(self, browser):
        show(browser, DRIFT, "#status=fail&q=kiro&severity=medium")
        browser.click("button[type=reset]")
        browser.wait_until(lambda: browser.count() == "9 results")
        assert (browser.state(), browser.pressed()) == ("", [])

    def test_an_address_with_nonsense_shows_everything(self, browser):
        show(browser, DRIFT, "#severity=huge&status=odd&x=1&%E0%A4%A=%")
        assert browser.count() == "9 results"

    def test_a_playbook_of_the_table_is_a_filter(self, browser):
        show(browser, DRIFT)
        browser.click(".playbooks summary")
        browser.click(".playbooks tbody tr:first-child a")
        browser.wait_until(lambda: browser.count() == "4 of 9 results")

    def test_an_empty_report_has_no_results(self, browser):
        show(browser, EMPTY)
        assert browser.count() == "No results"


class TestManyEntries:
    def test_a_hundred_are_shown_at_a_time(self, browser):
        show(browser, fleet(10_000))
        assert browser.count() == "10,000 results, first 100 shown"
        browser.click("#more button")
        assert len(browser.titles()) == 200
        assert (
            browser.evaluate(
                "[...document.activeElement.parentNode.children].indexOf(document.activeElement)"
            )
            == 100
        )

    def test_all_of_them_are_searched(self, browser):
        show(browser, fleet(10_000))
        browser.type("q", "c9999")
        assert browser.count() == "1 of 10,000 results"

    def test_all_that_match_are_printed(self, browser):
        show(browser, fleet(300))
        assert browser.printed().startswith(b"%PDF")
        assert len(browser.titles()) == 300


class TestHostileNames:
    @pytest.mark.parametrize(
        "name", ["html", "html_entity", "jinja", "json", "ansi", "right_to_left", "surrogates", "long"]
    )
    def test_they_are_shown_as_they_are(self, browser, name):
        report = named(HOSTILE[name])
        show(browser, report)
        assert sorted(browser.titles()) == sorted(
            " ".join(entry.message.split()) for entry in entries_of(report).entries
        )
        assert browser.evaluate("document.scripts.length") == 2
        assert browser.evaluate("document.images.length") == 0


class TestForEveryone:
    @pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not in REPORT_NODE_MODULES")
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize(
        "report", [DRIFT, DOCTOR, EMPTY, fleet(150)], ids=["drift", "doctor", "empty", "fleet"]
    )
    def test_axe_finds_nothing(self, browser, report, scheme):
        browser.prefer(scheme)
        show(browser, report)
        browser.evaluate(
            "document.querySelectorAll('.playbooks').forEach((details) => { details.open = true; })"
        )
        browser.driver.execute_script(AXE.read_text(encoding="utf-8"))
        for status in ("", "fail", "pass"):
            if status:
                browser.click(f".tile.{status}")
            result = browser.evaluate("axe.run(document)")
            assert len(result["passes"]) > 20
            assert [(rule["id"], rule["nodes"][0]["html"]) for rule in result["violations"]] == []

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_it_uses_the_colour_scheme_of_the_system(self, browser, scheme):
        browser.prefer(scheme)
        show(browser, DRIFT)
        red = int(
            browser.evaluate("getComputedStyle(document.body).backgroundColor").strip("rgb()").split(",")[0]
        )
        assert (red > 128) is (scheme == "light")

    def test_a_keyboard_is_enough(self, browser):
        show(browser, DRIFT)
        browser.keys("\t")
        assert browser.evaluate("document.activeElement.textContent") == "Skip to the results"
        browser.keys("\t", " ")
        assert browser.pressed() == ["fail"]
        browser.keys(*"\t\t\t\t\t", "evil")
        assert browser.count() == "1 of 9 results"

    def test_skipping_to_the_results_keeps_the_filters(self, browser):
        show(browser, DRIFT, "#status=fail")
        browser.keys("\t", "\n")
        browser.wait_until(lambda: browser.evaluate("document.activeElement.id") == "results")
        assert browser.count() == "5 of 9 results"

    @pytest.mark.parametrize("report", [DRIFT, named(HOSTILE["long"])], ids=["drift", "long"])
    def test_a_small_screen_needs_no_sideways_scrolling(self, browser, report):
        browser.resize(360, 740)
        show(browser, report)
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def test_without_scripts_a_note_is_shown(self, browser):
        browser.scripts(on=False)
        show(browser, DRIFT)
        assert "JavaScript is off" in browser.text()
        assert "5 differences in 2 of 5 playbooks" in browser.text()
