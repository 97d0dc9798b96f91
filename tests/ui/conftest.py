"""A real browser for the tests of a file, before the real Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from support.browser import Visitor
    from support.real_airflow import RealAirflow


@pytest.fixture(scope="module")
def browser(airflow: RealAirflow) -> Iterator[BrowserContext]:
    """Chromium."""
    from support.browser import browsing

    with browsing(airflow.airflow.address) as browser:
        yield browser


@pytest.fixture
def visitor(browser: BrowserContext, airflow: RealAirflow) -> Iterator[Visitor]:
    """A person with a login. No page that they open may break."""
    from support.browser import Visitor

    visitor = Visitor(browser, airflow)
    yield visitor
    visitor.leave()
    assert visitor.complaints == []
