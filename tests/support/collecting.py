"""A plugin of pytest: the tests are collected without Python's search for garbage, which finds none among them.

Ten thousand tests live as long as the process. Each search looks at all of them again: a quarter of the time that
collecting takes, in each process of pytest-xdist, and then a part of each test's.
"""

from __future__ import annotations

import gc
from collections.abc import Generator

import pytest

__all__ = ["pytest_collection"]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Searches again when all are there, but no longer among what is there by then."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()
