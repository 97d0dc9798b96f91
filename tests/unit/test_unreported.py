"""What lies at a destination that no report lists, and what there is of a file whose task ended in the middle."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from downloader.disk import part_name
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.report import Report, write
from downloader_tasks.execution.unreported import Unreported, begun_in, find_unreported
from downloader_tasks.shards import RunTarget

IDENTITY = "0123456789abcdef"
FILES = [RemoteFile(safe_path(name), 5, name) for name in ("a.raw", "run.d/b.raw", "c.raw")]


@pytest.fixture
def run_target(tmp_path: Path) -> RunTarget:
    folder = tmp_path / "PRID001"
    (folder / "run.d").mkdir(parents=True)
    return RunTarget(folder, tmp_path, "S3 Download Status Report", "sample")


def put(run_target: RunTarget, name: str, size: int, *, part: bool = False) -> Path:
    path = run_target.folder / name
    path = path.with_name(part_name(path.name, IDENTITY)) if part else path
    path.write_bytes(bytes(size))
    return path


def report(run_target: RunTarget, age: float, report_id: str = "sample") -> None:
    """A report that is so many seconds older than everything else."""
    path = write(
        Report("S3 Download Status Report", datetime.now(UTC), str(run_target.folder)), run_target.folder, report_id
    )
    then = path.stat().st_mtime - age
    os.utime(path, (then, then))


def test_files_of_a_run_without_a_report_are_counted(run_target: RunTarget) -> None:
    put(run_target, "a.raw", 5)
    put(run_target, "run.d/b.raw", 3, part=True)
    put(run_target, "of another raw file", 5)
    for age in (None, 60):
        if age is not None:
            report(run_target, age)
        assert find_unreported(FILES, run_target) == Unreported(2, 1, 3)
    assert str(find_unreported(FILES, run_target)).startswith(
        "2 files, 1 of them partial (3 B): an earlier run was stopped"
    )


def test_files_that_are_older_than_the_last_report_are_in_it(run_target: RunTarget) -> None:
    put(run_target, "a.raw", 5)
    put(run_target, "run.d/b.raw", 3, part=True)
    report(run_target, 60)
    report(run_target, -60)
    assert find_unreported(FILES, run_target) == Unreported()


def test_a_report_on_something_else_says_nothing_of_them(run_target: RunTarget) -> None:
    put(run_target, "a.raw", 5)
    report(run_target, -60, "another_sample")
    assert find_unreported(FILES, run_target) == Unreported(1)


def test_where_nothing_lies_there_is_nothing_to_say(run_target: RunTarget, tmp_path: Path) -> None:
    put(run_target, "a.raw", 0, part=True)
    assert find_unreported(FILES, run_target) == Unreported()
    assert find_unreported(FILES, RunTarget(tmp_path / "missing", tmp_path, "", "sample")) == Unreported()


def test_of_a_file_that_was_begun_its_bytes_are_named(run_target: RunTarget, tmp_path: Path) -> None:
    put(run_target, "run.d/b.raw", 3, part=True)
    put(run_target, "c.raw", 0, part=True)
    begun = begun_in(run_target.folder, ["run.d/b.raw", "c.raw", "a.raw", "../no path"])
    assert str(begun("run.d/b.raw")) == (
        "Interrupted: the download task died, or was stopped, in the middle; 3 B of it are here; "
        "run it again: it is resumed, unless it was changed at its source"
    )
    assert [begun(name) for name in ("c.raw", "a.raw", "../no path", "not asked for")] == [None] * 4
    assert begun_in(tmp_path / "missing", ["a.raw"])("a.raw") is None
