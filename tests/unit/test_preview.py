"""A dry run decides as a run does, from sizes alone, and says so in a line a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from downloader.checksums import Checksum
from downloader.disk.part_file import part_name
from downloader.errors import CorruptRecord
from downloader.paths import safe_path
from downloader.remote_file import Refused, RemoteFile
from downloader.transfer.decision import Action
from downloader.transfer.options import TransferPolicy
from downloader_tasks.drive.preview import lines_of, preview

FILE = RemoteFile(safe_path("x"), 100, "x", (Checksum("md5", "0" * 32),))
BARE = replace(FILE, checksums=())
UNSIZED = replace(BARE, size=None)

KEEP, RESUME, HEAL, DOWNLOAD = Action


@dataclass(frozen=True)
class Case:
    here: int | None
    part: int | None
    action: Action
    to_come: int
    line: str
    file: RemoteFile = FILE
    resume: bool = True


KEPT = "x: would be kept (its size is right; a run also compares its checksum, if there is one) (100 B)"
CASES = [
    Case(None, None, DOWNLOAD, 100, "x: would be fetched (100 B)"),
    Case(100, None, KEEP, 0, KEPT),
    Case(100, 40, KEEP, 0, KEPT),
    Case(None, 30, RESUME, 70, "x: would be resumed (100 B, 70 B to download)"),
    Case(None, 30, DOWNLOAD, 100, "x: would be fetched (100 B)", resume=False),
    Case(None, 101, DOWNLOAD, 100, "x: would be fetched (100 B)"),
    Case(40, None, RESUME, 60, "x: would be resumed (100 B, 60 B to download)"),
    Case(40, 70, RESUME, 30, "x: would be resumed (100 B, 30 B to download)"),
    Case(40, None, HEAL, 100, "x: would be replaced (100 B): incomplete copy detected", resume=False),
    Case(40, None, HEAL, 100, "x: would be replaced (100 B): incomplete copy detected", BARE),
    Case(101, None, HEAL, 100, "x: would be replaced (100 B): size mismatch detected"),
    Case(101, 30, HEAL, 70, "x: would be replaced (100 B, 70 B to download): size mismatch detected"),
    Case(None, None, DOWNLOAD, 0, "x: would be fetched (size unknown)", UNSIZED),
    Case(None, 30, RESUME, 0, "x: would be resumed (size unknown)", UNSIZED),
    Case(7, None, KEEP, 0, KEPT.replace("100 B", "size unknown"), UNSIZED),
]


@pytest.mark.parametrize("case", CASES)
def test_the_table(case: Case, tmp_path: Path) -> None:
    if case.here is not None:
        (tmp_path / "x").write_bytes(b"x" * case.here)
    if case.part is not None:
        (tmp_path / part_name("x", case.file.identity)).write_bytes(b"x" * case.part)
    before = {path: path.stat() for path in tmp_path.iterdir()}
    (prospect,) = preview([case.file], tmp_path, TransferPolicy(resume=case.resume))
    assert (prospect.action, prospect.to_come) == (case.action, case.to_come)
    assert next(lines_of([prospect])) == case.line
    assert {path: path.stat() for path in tmp_path.iterdir()} == before


def test_what_cannot_be_downloaded_says_why(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    refused = Refused("y", CorruptRecord("no entry"))
    first, second, *totals = lines_of(preview([FILE, refused], tmp_path, TransferPolicy()))
    assert first.startswith("x: would FAIL (100 B): ")
    assert "is a folder" in first
    assert second == f"y: would FAIL (size unknown): {refused.error}"
    assert totals == ["To refuse: 2 files, 100 B", "To download over the network: 0 B"]


def test_a_link_is_replaced_whatever_its_size(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to("y" * 100)
    (prospect,) = preview([FILE], tmp_path, TransferPolicy())
    assert (prospect.action, prospect.reason) == (HEAL, "not a regular file")


def test_the_totals_are_those_of_the_lines(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"x" * 100)
    (tmp_path / "short").write_bytes(b"x" * 40)
    files = [replace(FILE, path=safe_path(name)) for name in ("kept", "short", "new", "other")]
    *_, first, second, third, last = lines_of(preview(files, tmp_path, TransferPolicy()))
    assert (first, second, third) == ("To fetch: 2 files, 200 B", "To resume: 1 file, 100 B", "To keep: 1 file, 100 B")
    assert last == "To download over the network: 260 B"
