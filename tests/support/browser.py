"""Debian's Chromium without a window, logged in to a real Airflow."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import requests
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from include.demo.airflow_api import TriggeredRun
from include.demo.local_airflow import USER
from support.machine import require
from support.real_airflow import RealAirflow

__all__ = ["DESK", "PHONE", "Visitor", "browsing"]

DESK: Final = (1280, 900)
PHONE: Final = (390, 844)
_PATIENCE: Final = 60_000


@contextmanager
def browsing(address: str) -> Iterator[BrowserContext]:
    """Starts the browser; stops it afterwards. Raises LackingError where this machine has none.

    All windows share its cache, and one process. Else each would fetch and compile Airflow's seven megabytes of
    JavaScript anew. The first window keeps that process: it shows something small of `address`, which is Airflow's.
    """
    require("chromium")
    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--process-per-site"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        context = browser.new_context(
            permissions=["clipboard-read", "clipboard-write"],
            locale="en-US",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        context.set_default_timeout(_PATIENCE)
        context.new_page().goto(f"{address}/api/v2/version")
        yield context
        browser.close()


@dataclass
class Visitor:
    """A person before Airflow's pages. Keeps what the browser complained of in `complaints`."""

    browser: BrowserContext
    airflow: RealAirflow
    complaints: list[str] = field(default_factory=list)

    def page(self, size: tuple[int, int] = DESK, *, dark: bool = False) -> Page:
        """A new window."""
        self.browser.add_cookies([{"name": "_token", "value": self.login(), "url": self.airflow.airflow.address}])
        page = self.browser.new_page()
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def login(self) -> str:
        """What Airflow's login page puts into the cookie."""
        airflow = self.airflow.airflow
        who = {"username": USER, "password": airflow.password}
        answer = requests.post(f"{airflow.address}/auth/token", json=who, timeout=30)
        return str(answer.json()["access_token"])

    def tab(self, run: TriggeredRun, size: tuple[int, int] = DESK, *, dark: bool = False) -> Page:
        """The tab Restore of a run, in a new window."""
        page = self.page(size, dark=dark)
        self.open_tab(page, run)
        return page

    def open_tab(self, page: Page, run: TriggeredRun) -> None:
        """Goes there."""
        page.goto(f"{self.airflow.airflow.address}/dags/{run.dag_id}/runs/{quote(run.run_id, safe='')}/plugin/restore")

    def leave(self) -> None:
        """Closes all windows, and leaves nothing behind that pages have stored."""
        first, *others = self.browser.pages
        for page in others:
            page.close()
        first.evaluate("localStorage.clear()")
        self.browser.clear_cookies()

    def look(self, page: Page, name: str) -> None:
        """Takes a picture of what is shown, where somebody wants to see it: SCREENSHOTS names a folder."""
        if folder := os.environ.get("SCREENSHOTS"):
            # Ours scrolls within Airflow's page: it is made high enough to show all of it.
            place = page.get_by_role("region", name=re.compile("^Restores?$"))
            size: Any = page.viewport_size
            needed = place.evaluate("element => element.scrollHeight") + 400 if place.count() else size["height"]
            page.set_viewport_size({"width": size["width"], "height": min(int(needed), 4000)})
            page.screenshot(path=str(Path(folder) / f"{name}.png"))
            page.set_viewport_size(size)
