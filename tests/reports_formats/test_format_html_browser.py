"""The HTML page in a browser: filters, keyboard, screen readers, paper; no error, and no request."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from provisioner.reports.formats import rendered
from tests.reports_formats.browser import Browser, browsing
from tests.reports_formats.found_items import DOCTOR, DRIFT, EMPTY, HOSTILE, WORST, fleet, named, written

AXE = Path(os.environ.get("REPORT_NODE_MODULES", "")) / "axe-core/axe.min.js"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("chromium") and shutil.which("chromedriver")),
        reason="Chromium and its driver are not here",
    ),
]


@pytest.fixture(scope="module")
def running():
    with browsing() as browser:
        yield browser


@pytest.fixture
def browser(running: Browser, tmp_path: Path):
    """A browser that shows reports; whatever a page does, it logs no error and asks for nothing."""
    running.folder = tmp_path
    running.usual()
    yield running
    assert running.errors() == []
    assert running.requests() <= {"file"}


def show(browser: Browser, report, state: str = "") -> None:
    browser.show(rendered(report, "html"), state)


def test_why_and_what_to_do_stand_with_a_finding(browser):
    show(browser, DOCTOR)
    assert "Why: Whoever made it has left." in browser.text()
    assert (
        "What to do: name two people who will answer for it. More: provisioner checks show" in browser.text()
    )


class TestFilters:
    def test_everything_is_shown_at_first_the_worst_first(self, browser):
        show(browser, DRIFT)
        assert browser.count() == "9"
        assert browser.titles()[0] == WORST
        assert len(browser.titles()) == 9

    @pytest.mark.parametrize(
        ("tiles", "count"),
        [(["error"], "2 of 9"), (["error", "waived"], "3 of 9"), (["fail", "fail"], "9"), (["skip"], "none")],
    )
    def test_by_status(self, browser, tiles, count):
        show(browser, DRIFT)
        for status in tiles:
            browser.click(f".tile.{status}")
        assert browser.count() == count.replace("none", "nothing matches these filters")

    @pytest.mark.parametrize(
        ("field", "value", "count"),
        [
            ("severity", "medium", "4 of 9"),
            ("category", "security", "3 of 9"),
            ("provider", "okta", "3 of 9"),
            ("tenant", "tenant3.example.com", "1 of 9"),
        ],
    )
    def test_by_what_they_are(self, browser, field, value, count):
        show(browser, DRIFT)
        browser.choose(field, value)
        assert browser.count() == count

    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("EVIL.example", "1 of 9"),
            ("api://0oa1", "1 of 9"),
            ("okta generate", "1 of 9"),
            ("pilot", "2 of 9"),
            ("zzz", "nothing matches these filters"),
        ],
    )
    def test_by_any_text(self, browser, text, count):
        show(browser, DRIFT)
        browser.type("q", text)
        assert browser.count() == count

    def test_they_work_together_and_the_address_keeps_them(self, browser):
        show(browser, DRIFT)
        browser.click(".tile.fail")
        browser.choose("severity", "medium")
        browser.type("q", "kiro-entra")
        assert (browser.count(), browser.state()) == ("2 of 9", "#status=fail&q=kiro-entra&severity=medium")
        browser.reload()
        assert browser.count() == "2 of 9"
        assert browser.pressed() == ["fail"]

    def test_they_can_be_cleared(self, browser):
        show(browser, DRIFT, "#status=fail&q=kiro&severity=medium")
        browser.click("button[type=reset]")
        browser.wait_until(lambda: browser.count() == "9")
        assert (browser.state(), browser.pressed()) == ("", [])

    def test_an_address_with_nonsense_shows_everything(self, browser):
        show(browser, DRIFT, "#severity=huge&status=odd&x=1&%E0%A4%A=%")
        assert browser.count() == "9"

    def test_a_playbook_of_the_table_is_a_filter(self, browser):
        show(browser, DRIFT)
        browser.click(".playbooks summary")
        browser.click(".playbooks tbody tr:first-child a")
        browser.wait_until(lambda: browser.count() == "4 of 9")

    def test_with_nothing_to_show_it_says_so(self, browser):
        show(browser, EMPTY)
        assert browser.count() == "there is nothing to show"


class TestManyItems:
    def test_they_come_a_part_at_a_time(self, browser):
        show(browser, fleet(10_000))
        assert browser.count() == "10,000, the first 100 shown"
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
        assert browser.count() == "1 of 10,000"

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
            " ".join(item.message.split()) for item in written(report).items
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
        browser.evaluate("document.querySelectorAll('.playbooks').forEach((one) => { one.open = true; })")
        browser.driver.execute_script(AXE.read_text(encoding="utf-8"))
        for status in ("", "fail", "pass"):
            if status:
                browser.click(f".tile.{status}")
            result = browser.evaluate("axe.run(document)")
            assert len(result["passes"]) > 20
            assert [(one["id"], one["nodes"][0]["html"]) for one in result["violations"]] == []

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_it_follows_the_colours_of_the_system(self, browser, scheme):
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
        assert browser.count() == "1 of 9"

    def test_skipping_to_the_results_keeps_the_filters(self, browser):
        show(browser, DRIFT, "#status=fail")
        browser.keys("\t", "\n")
        browser.wait_until(lambda: browser.evaluate("document.activeElement.id") == "results")
        assert browser.count() == "5 of 9"

    @pytest.mark.parametrize("report", [DRIFT, named(HOSTILE["long"])], ids=["drift", "long"])
    def test_a_small_screen_needs_no_sideways_scrolling(self, browser, report):
        browser.resize(360, 740)
        show(browser, report)
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def test_without_scripts_it_says_so(self, browser):
        browser.scripts(on=False)
        show(browser, DRIFT)
        assert "scripts are off here" in browser.text()
        assert "5 deviations in 2 of 5 playbooks" in browser.text()
