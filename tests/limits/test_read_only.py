"""Disks that take no writing: mounted so, gone so in the middle, or not for this user."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from downloader.disk.flushing import flush_folder
from support.lanes import Lane, came_home, each_lane, settled
from support.restoring import tree
from support.small_disk import ext4_disk, memory_disk

pytestmark = pytest.mark.timeout(60, method="thread")

ADVICE = "check the disk and the rights of the destination"
READ_ONLY = f"Disk error: NAME: Read-only file system; {ADVICE}"
NOT_MINE = f"Disk error: NAME: Permission denied; {ADVICE}"
NOBODY = 65534


@each_lane
def test_a_disk_that_is_mounted_read_only(disks: ExitStack, tmp_path: Path, lane: Lane) -> None:
    disk = disks.enter_context(memory_disk(tmp_path / "disk", "size=16m"))
    disk.change("ro")
    failed = settled(lane, disk.path)
    assert (len(failed), set(failed.values())) == (lane.files, {READ_ONLY})
    disk.change("rw")
    came_home(lane, disk.path)


@each_lane
def test_a_disk_that_turns_read_only_in_the_middle(disks: ExitStack, tmp_path: Path, lane: Lane) -> None:
    """As ext4 does when it finds itself damaged. What was called home is there once the disk has been checked."""
    disk = disks.enter_context(ext4_disk(tmp_path / "disk", 16 * 1024 * 1024))
    folder = disk.path / "destination"
    folder.mkdir()
    flush_folder(str(disk.path))
    source = lane.source(at=2 * lane.files * lane.streams // 3, event=disk.break_down)
    failed = settled(lane, folder, source)
    assert set(failed.values()) <= {READ_ONLY, READ_ONLY.replace("Read-only file system", "Input/output error")}
    assert failed
    disk.repair()
    came_home(lane, folder, kept=lane.objects.keys() - failed.keys())


@each_lane
def test_a_folder_that_this_user_may_not_write_to(lane: Lane) -> None:
    with open_to_all() as folder:
        folder.chmod(0o555)
        with somebody_else():
            failed = settled(lane, folder)
        assert (len(failed), set(failed.values())) == (lane.files, {NOT_MINE})
        assert tree(folder) == {}
        folder.chmod(0o777)
        with somebody_else():
            came_home(lane, folder)


@contextmanager
def open_to_all() -> Iterator[Path]:
    """A folder that every user can get to, other than pytest's."""
    with tempfile.TemporaryDirectory() as above:
        os.chmod(above, 0o711)
        folder = Path(above, "destination")
        folder.mkdir()
        yield folder
        folder.chmod(0o777)


@contextmanager
def somebody_else() -> Iterator[None]:
    """What root does within is done by a user whose rights count."""
    me = os.geteuid()
    if me:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(me)
