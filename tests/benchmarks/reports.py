"""How large reports of many findings are, how long they take to write, and the HTML page to be shown and searched.

    python tests/benchmarks/reports.py [--items 10000] [--playbooks 500] [--runs 3]

The page is opened in headless Chromium where that is here. "shown" is from the start of the navigation to the end of its load
event; "searched" is a search of all items by text, its result shown; "printed" has every item in the page. The longest of the runs
counts. Nothing is asserted: numbers are for reading.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from provisioner.reports.formats import FORMATS, rendered
from provisioner.reports.models import DriftReport
from tests.reports_formats.found_items import fleet

SEARCH = """
const began = performance.now();
const field = document.getElementsByName("q")[0];
field.value = arguments[0];
field.dispatchEvent(new Event("input", {bubbles: true}));
document.body.offsetHeight;
return performance.now() - began;
"""
PRINT = """
const began = performance.now();
dispatchEvent(new Event("beforeprint"));
document.body.offsetHeight;
return performance.now() - began;
"""
LOADED = "return performance.getEntriesByType('navigation')[0].loadEventEnd"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--playbooks", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    report = fleet(options.items, options.playbooks)
    print(f"{options.items} items of {options.playbooks} playbooks")
    print(f"{'format':<12}{'MB':>8}{'written s':>12}")
    for name in FORMATS:
        size, seconds = written(report, name)
        print(f"{name:<12}{size / 1e6:>8.2f}{seconds:>12.2f}")
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        print("the page was not opened: Chromium and its driver are not here")
        return
    print(f"\n{'page':<12}{'shown ms':>12}{'searched ms':>14}{'printed ms':>12}")
    for scheme in ("light", "dark"):
        shown, searched, printed = (
            max(times) for times in zip(*opened(report, scheme, options.runs), strict=True)
        )
        print(f"{scheme:<12}{shown:>12.0f}{searched:>14.0f}{printed:>12.0f}")


def written(report: DriftReport, name: str) -> tuple[int, float]:
    """Bytes and seconds."""
    began = time.perf_counter()
    text = rendered(report, name)
    return len(text.encode()), time.perf_counter() - began


def opened(report: DriftReport, scheme: str, runs: int) -> list[tuple[float, float, float]]:
    """Milliseconds to show, search and lay out for paper, of each run."""
    from tests.reports_formats.browser import browsing

    times = []
    with browsing() as browser, tempfile.TemporaryDirectory() as folder:
        browser.folder = Path(folder)
        browser.prefer(scheme)
        for _ in range(runs):
            browser.show(rendered(report, "html"))
            shown = browser.driver.execute_script(LOADED)
            searched = browser.driver.execute_script(SEARCH, "user99")
            browser.driver.execute_script(SEARCH, "")
            times.append((shown, searched, browser.driver.execute_script(PRINT)))
    return times


if __name__ == "__main__":
    main()
