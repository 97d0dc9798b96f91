"""Where tests put what need not lie on a disk: in memory, where there is room."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["fast_folder", "folder_of_process", "tmp_path"]


def fast_folder() -> str | None:
    """A folder in memory, where there is one with room: what is there waits for no disk."""
    memory = "/dev/shm"
    roomy = os.access(memory, os.W_OK | os.X_OK) and shutil.disk_usage(memory).free > 2**29
    return memory if roomy else None


def folder_of_process(prefix: str) -> str:
    """A new folder there, which is deleted when this process ends."""
    folder = tempfile.mkdtemp(prefix=prefix, dir=fast_folder())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In place of pytest's, for tests that flush thousands of files: a third of their time was the disk's.

    It is gone with its test, for memory is dear. Real disks are met in tests/limits, tests/dags and tests/chaos.
    """
    # What a test has put in place of a function of the system may still be there: what stays is deleted in the end.
    with tempfile.TemporaryDirectory(dir=_folder_of_all(), ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@functools.cache
def _folder_of_all() -> str:
    return folder_of_process("downloader-tests-")
