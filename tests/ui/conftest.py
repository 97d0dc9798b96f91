"""A real Airflow and a real browser, for the tests of a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.postgres import postgres_socket

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from support.browser import Visitor
    from support.real_airflow import RealAirflow

__all__ = ["postgres_socket"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Asked for before Airflow is started, which would be in vain without."""
    from support.browser import browsing

    with browsing() as browser:
        yield browser


@pytest.fixture(scope="module")
def airflow(browser: Browser, postgres_socket: str) -> Iterator[RealAirflow]:
    """An Airflow with its scheduler, and stand-ins for all that the DAGs talk to."""
    from support.real_airflow import running

    with (
        tempfile.TemporaryDirectory(prefix="downloader-ui-") as folder,
        running(Path(folder), postgres_socket) as airflow,
    ):
        yield airflow


@pytest.fixture
def visitor(browser: Browser, airflow: RealAirflow) -> Iterator[Visitor]:
    """A person with a login. No page that they open may break."""
    from support.browser import Visitor

    visitor = Visitor(browser, airflow)
    yield visitor
    visitor.leave()
    assert visitor.complaints == []
