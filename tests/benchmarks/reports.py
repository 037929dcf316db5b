"""Measures reports with many entries: their size, the time to render them, and the time to show and search the HTML page.

    python tests/benchmarks/reports.py [--entries 10000] [--playbooks 500] [--runs 3]

The page is opened in headless Chromium if it is installed. "shown" lasts from the start of the navigation to the end of the load
event; "searched" is a text search of all entries until the result is shown; "printed" puts every entry on the page. The slowest run
counts. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from provisioner.reports.formats import FORMATS, render
from provisioner.reports.models import DriftReport
from tests.reports_formats.sample_reports import fleet

SEARCH = """
const start = performance.now();
const field = document.getElementsByName("q")[0];
field.value = arguments[0];
field.dispatchEvent(new Event("input", {bubbles: true}));
document.body.offsetHeight;
return performance.now() - start;
"""
PRINT = """
const start = performance.now();
dispatchEvent(new Event("beforeprint"));
document.body.offsetHeight;
return performance.now() - start;
"""
LOADED = "return performance.getEntriesByType('navigation')[0].loadEventEnd"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--playbooks", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    report = fleet(options.entries, options.playbooks)
    print(f"{options.entries} entries of {options.playbooks} playbooks")
    print(f"{'format':<12}{'MB':>8}{'seconds':>12}")
    for name in FORMATS:
        size, seconds = measure_format(report, name)
        print(f"{name:<12}{size / 1e6:>8.2f}{seconds:>12.2f}")
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        print("The page was not measured: Chromium and its driver are not installed")
        return
    print(f"\n{'page':<12}{'shown ms':>12}{'searched ms':>14}{'printed ms':>12}")
    for scheme in ("light", "dark"):
        shown, searched, printed = (
            max(times) for times in zip(*measure_page(report, scheme, options.runs), strict=True)
        )
        print(f"{scheme:<12}{shown:>12.0f}{searched:>14.0f}{printed:>12.0f}")


def measure_format(report: DriftReport, name: str) -> tuple[int, float]:
    """The size in bytes and the time in seconds."""
    start = time.perf_counter()
    text = render(report, name)
    return len(text.encode()), time.perf_counter() - start


def measure_page(report: DriftReport, scheme: str, runs: int) -> list[tuple[float, float, float]]:
    """Milliseconds to show, to search and to lay out for print, for each run."""
    from tests.reports_formats.browser import browsing

    times = []
    with browsing() as browser, tempfile.TemporaryDirectory() as folder:
        browser.folder = Path(folder)
        browser.prefer(scheme)
        for _ in range(runs):
            browser.show(render(report, "html"))
            shown = browser.driver.execute_script(LOADED)
            searched = browser.driver.execute_script(SEARCH, "user99")
            browser.driver.execute_script(SEARCH, "")
            times.append((shown, searched, browser.driver.execute_script(PRINT)))
    return times


if __name__ == "__main__":
    main()
