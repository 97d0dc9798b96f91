"""A report is due whatever the disk does: on it where that is possible, else whole in the log."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from downloader.disk.case_folding import folds_case
from downloader.errors import DiskError, DiskFull, DownloadError, TooManyFiles
from downloader.report import Report, read, render, write
from downloader.results import FileResult, Outcome
from downloader_tasks.download_run.receipts import Receipt, publish
from support.open_files import no_more_than
from support.small_disk import Disk, ext4_disk, memory_disk

pytestmark = pytest.mark.timeout(60, method="thread")

NOW = datetime(2025, 2, 4, 14, 30, 22, tzinfo=UTC)
LONG = Report(
    "S3 Download Status Report",
    NOW,
    "/data",
    results=tuple(FileResult(f"{n:04}", Outcome.DOWNLOADED, 1, 1, assurance="md5:" + "0" * 32) for n in range(400)),
)
NAME = "_download_status_x_20250204_143022.txt"


@pytest.fixture(params=["tmpfs", "ext4"])
def disk(disks: ExitStack, tmp_path: Path, request: pytest.FixtureRequest) -> Disk:
    if request.param == "tmpfs":
        return disks.enter_context(memory_disk(tmp_path / "disk", "size=4m", "nr_inodes=100"))
    return disks.enter_context(ext4_disk(tmp_path / "disk", 4 * 1024 * 1024, 100))


def refused(folder: Path, kind: type[DownloadError]) -> str:
    before = sorted(folder.iterdir())
    with pytest.raises(kind) as caught:
        write(LONG, folder, "x")
    assert sorted(folder.iterdir()) == before, "something was left behind"
    return str(caught.value)


@pytest.mark.parametrize("leave", [0, 8192])
def test_a_full_disk_takes_no_report_and_no_part_of_one(disk: Disk, leave: int) -> None:
    disk.fill(leave)
    sentence = f"no room to write {NAME} (No space left on device); make room at the destination, then run it again"
    assert refused(disk.path, DiskFull) == f"Disk full: {sentence}"
    disk.make_room()
    assert read(write(LONG, disk.path, "x")) == LONG


def test_a_disk_without_an_inode_takes_no_report(disk: Disk) -> None:
    disk.fill_with_names()
    assert refused(disk.path, DiskFull).startswith(f"Disk full: no inode is left for {NAME}: the disk holds as many")
    disk.make_room()
    assert read(write(LONG, disk.path, "x")) == LONG


def test_a_read_only_disk_takes_no_report(disk: Disk) -> None:
    disk.change("ro")
    assert refused(disk.path, DiskError) == (
        f"Disk error: {NAME}: Read-only file system; check the disk and the rights of the destination"
    )
    disk.change("rw")
    assert read(write(LONG, disk.path, "x")) == LONG


def test_no_file_may_be_opened_for_a_report(tmp_path: Path) -> None:
    with no_more_than(0), pytest.raises(TooManyFiles, match=f"Too many open files: {NAME} could not be opened; raise"):
        write(LONG, tmp_path, "x")
    assert list(tmp_path.iterdir()) == []
    assert read(write(LONG, tmp_path, "x")) == LONG


def receipt(folder: Path) -> Receipt:
    return Receipt(LONG, folder, folder.parent, "x", "raw file x")


def test_a_long_report_that_cannot_be_written_stands_in_the_log_line_by_line(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    disk.fill()
    (text,) = publish(receipt(disk.path)).problems
    assert text.startswith("0 of 400 files of raw file x failed, and the report could not be written (it stands in ")
    assert text.endswith("the log): " + refused(disk.path, DiskFull))
    assert render(LONG) in "".join(f"{record.getMessage()}\n" for record in caplog.records)


def test_a_long_report_that_is_written_stands_in_the_log_in_short(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert publish(receipt(tmp_path)).problems == []
    assert len(caplog.records) < 40


def test_a_folder_for_the_report_that_cannot_be_made_is_told_in_our_words(disk: Disk) -> None:
    disk.fill_with_names()
    (text,) = publish(receipt(disk.path / "PRID001")).problems
    assert f"(it stands in the log): Disk full: no inode is left for {disk.path}/PRID001: the disk holds" in text
    assert "Errno" not in text


def test_a_disk_that_cannot_be_tried_is_looked_at_to_see_whether_it_folds_case(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report plans again, and needs to know: it must not be lost over that."""
    disk.change("ro")
    assert not folds_case(disk.path)
    disk.change("rw")
    (disk.path / "Sample.raw").touch()
    disk.change("ro")
    assert not folds_case(disk.path)
    monkeypatch.setattr("os.path.lexists", lambda path: True)
    assert folds_case(disk.path)
