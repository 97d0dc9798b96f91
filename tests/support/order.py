"""A plugin of pytest: which files of tests run in one process, and which begin first.

With ``--dist loadfile`` the processes of pytest-xdist take a file each, and another one when they are through with it.
What takes long begins first, so that no process works alone in the end.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

__all__ = [
    "is_of_airflow",
    "pytest_collection_modifyitems",
    "pytest_xdist_auto_num_workers",
    "pytest_xdist_make_scheduler",
]

_OF_AIRFLOW: Final = (
    "tests/dags/test_chaining.py",  # before others: what starts behind restores takes in all that were before it
    "tests/dags/test_clearing.py",
    "tests/ui/test_restore_tab.py",
    "tests/ui/test_restores_page.py",
    "tests/dags/test_thaw_waits.py",
    "tests/dags/test_cron.py",
)
"""The files that ask for `airflow`: one real Airflow is for all of them."""

_LONG: Final = ("tests/dags/", "tests/hostile/", "tests/limits/", "tests/chaos/", "tests/faults/", "tests/contract/")
"""Whose files take long. Those behind them take seconds each."""


def is_of_airflow(nodeid: str) -> bool:
    """Whether a test belongs to those that share the one Airflow."""
    return nodeid.startswith(_OF_AIRFLOW)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts by file: those of Airflow one after the other, then what takes long, then the others."""
    first = (*_OF_AIRFLOW, *_LONG)

    def rank(item: pytest.Item) -> int:
        return next((at for at, beginning in enumerate(first) if item.nodeid.startswith(beginning)), len(first))

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """``--numprocesses auto``: one more than there are processors, for one process waits for the real Airflow."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None  # pytest-xdist's own answer
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """That of ``--dist loadfile``, but the files of Airflow are one to it, and it keeps to the order of the tests."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False
    scheduling = LoadFileScheduling(config, log)
    file_of = scheduling._split_scope
    scheduling._split_scope = lambda nodeid: "the real Airflow" if is_of_airflow(nodeid) else file_of(nodeid)
    return scheduling
