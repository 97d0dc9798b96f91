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
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from include.demo.airflow_api import TriggeredRun
from include.demo.local_airflow import USER
from support.machine import require
from support.real_airflow import RealAirflow

__all__ = ["DESK", "PHONE", "Visitor", "browsing"]

DESK: Final = (1280, 900)
PHONE: Final = (390, 844)
_PATIENCE: Final = 60_000


@contextmanager
def browsing() -> Iterator[Browser]:
    """Starts the browser; stops it afterwards. Raises LackingError where this machine has none."""
    require("chromium")
    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        yield browser
        browser.close()


@dataclass
class Visitor:
    """A person before Airflow's pages. Keeps what the browser complained of in `complaints`."""

    browser: Browser
    airflow: RealAirflow
    complaints: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def page(self, size: tuple[int, int] = DESK, *, dark: bool = False, logged_in: bool = True) -> Page:
        """A new window."""
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            permissions=["clipboard-read", "clipboard-write"],
            locale="en-US",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        self._contexts.append(context)
        context.set_default_timeout(_PATIENCE)
        if logged_in:
            context.add_cookies([{"name": "_token", "value": self.login(), "url": self.airflow.airflow.address}])
        page = context.new_page()
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
        """Closes all windows."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()

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
