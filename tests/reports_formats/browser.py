"""Headless Chromium for the tests of the HTML page."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--window-size=1200,900",
)


@contextmanager
def browsing() -> Iterator[Browser]:
    """The browser of this machine; nothing is downloaded."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_page_load_timeout(300)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    """A browser with one page, and what a user does with it.

    Attributes:
        folder: the folder for pages.
    """

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver
        self.folder = Path()

    def show(self, page: str, state: str = "") -> None:
        """Load a page, with ``state`` as the fragment of its address."""
        file = self.folder / "report.html"
        file.write_text(page, encoding="utf-8")
        self.driver.get("about:blank")
        self.driver.get(file.as_uri() + state)

    def reload(self) -> None:
        self.driver.refresh()

    def click(self, selector: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def choose(self, field: str, value: str) -> None:
        Select(self.driver.find_element(By.NAME, field)).select_by_visible_text(value)

    def type(self, field: str, text: str) -> None:
        self.driver.find_element(By.NAME, field).send_keys(text)

    def keys(self, *keys: str) -> None:
        """Press keys in the focused element."""
        actions = ActionChains(self.driver)
        for key in keys:
            actions.send_keys(key.replace("\t", "\ue004").replace("\n", "\ue007"))
        actions.perform()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        WebDriverWait(self.driver, 120, poll_frequency=0.02).until(lambda _: condition())

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript; a promise is awaited."""
        return self.driver.execute_script(f"return {expression}")

    def count(self) -> str:
        """The text about the number of results."""
        return self.driver.find_element(By.ID, "count").text

    def titles(self) -> list[str]:
        """The titles of the entries on the page."""
        return self.evaluate(
            "[...document.querySelectorAll('#entries h3')].map((title) => title.textContent.split(/\\s+/).filter(Boolean).join(' '))"
        )

    def pressed(self) -> list[str]:
        """The statuses of the pressed tiles."""
        return self.evaluate(
            "[...document.querySelectorAll('.tile[aria-pressed=true]')].map((tile) => tile.dataset.status)"
        )

    def state(self) -> str:
        """The fragment of the address."""
        return self.evaluate("location.hash")

    def text(self) -> str:
        return self.driver.find_element(By.TAG_NAME, "body").text

    def printed(self) -> bytes:
        return base64.b64decode(self.driver.print_page())

    def prefer(self, scheme: str) -> None:
        """Light or dark."""
        self._command(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    def resize(self, width: int, height: int) -> None:
        self._command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=True
        )

    def scripts(self, *, on: bool) -> None:
        self._command("Emulation.setScriptExecutionDisabled", value=not on)

    def reset(self) -> None:
        """Back to the state at the start."""
        self._command("Emulation.clearDeviceMetricsOverride")
        self._command("Emulation.setEmulatedMedia", features=[])
        self.scripts(on=True)

    def errors(self) -> list[str]:
        """The messages logged since the last call, violations of the policy included."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> set[str]:
        """The URL schemes of the requests since the last call."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return {urlsplit(url).scheme for url in urls} - {"about"}

    def _command(self, name: str, **parameters: Any) -> None:
        self.driver.execute_cdp_cmd(name, parameters)
