"""Disks with no byte or no inode left in the middle: the batch stops, and goes on once there is room."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from downloader.source import Capabilities
from support.lanes import Lane, came_home, each_lane, settled
from support.restoring import part_files, tree
from support.small_disk import Disk, ext4_disk, memory_disk

pytestmark = pytest.mark.timeout(60, method="thread")

SIZE = 16 * 1024 * 1024
NO_ROOM = "no room to write NAME (No space left on device)"
FULL = f"Disk full: {NO_ROOM}; make room at the destination, then run it again"
NO_INODE = "no inode is left for NAME: the disk holds as many files as it can"


@pytest.fixture(params=["tmpfs", "ext4"])
def disk(disks: ExitStack, tmp_path: Path, request: pytest.FixtureRequest) -> Disk:
    """16 MiB, some 1,000 inodes. A tmpfs refuses at once; ext4 finds room for bytes only when it writes them back."""
    if request.param == "tmpfs":
        return disks.enter_context(memory_disk(tmp_path / "disk", f"size={SIZE}", "nr_inodes=1024"))
    return disks.enter_context(ext4_disk(tmp_path / "disk", SIZE, 1024))


@pytest.fixture
def folder(disk: Disk) -> Path:
    inside = disk.path / "destination"
    inside.mkdir()
    return inside


def not_tried(why: str) -> str:
    return f"Not tried: the batch was stopped: {why}; run it again; what is already there is kept"


@each_lane
def test_a_disk_that_is_full_in_the_middle(disk: Disk, folder: Path, lane: Lane) -> None:
    disk.fill(leave=lane.files * lane.size // 2)
    source = lane.source()
    failed = settled(lane, folder, source)
    assert set(failed.values()) == {FULL, not_tried(NO_ROOM)}
    assert len(source.opens) < lane.files, "it went on though there was no room"
    home = lane.objects.keys() - failed.keys()
    assert home
    disk.make_room()
    came_home(lane, folder, kept=home)


@pytest.mark.parametrize("capabilities", [Capabilities(), Capabilities(parallel_ranges=1)], ids=["ranged", "stream"])
def test_a_disk_that_is_full_in_the_middle_of_a_file(disk: Disk, folder: Path, capabilities: Capabilities) -> None:
    """Larger than what may wait to be written: it is noticed while the network goes on."""
    lane = Lane("one", 1, 14 * 1024 * 1024, capabilities)
    disk.fill(leave=4 * 1024 * 1024)
    (name,) = lane.objects
    source = lane.source()
    assert settled(lane, folder, source) == {name: FULL}
    assert source.served[name] < lane.size
    (half,) = part_files(folder)
    kept = (folder / half).stat().st_size
    disk.make_room()
    source = lane.source()
    assert settled(lane, folder, source) == {}
    assert source.served[name] == lane.size - kept
    assert tree(folder) == {"lane": "folder", **lane.objects}


@each_lane
def test_a_disk_that_is_full_from_the_start(disk: Disk, folder: Path, lane: Lane) -> None:
    disk.fill()
    failed = settled(lane, folder)
    assert len(failed) == lane.files
    assert {sentence.split(":")[0] for sentence in failed.values()} <= {"Disk full", "Not tried"}
    disk.make_room()
    came_home(lane, folder)


@each_lane
def test_a_disk_that_has_no_inode_left_in_the_middle(disk: Disk, folder: Path, lane: Lane) -> None:
    disk.fill_with_names(leave=1 + lane.files // 2)  # one for the folder
    failed = settled(lane, folder)
    assert set(failed.values()) <= {
        f"Disk full: {NO_INODE}; remove files from the destination's disk (df -i counts them), then run it again",
        not_tried(NO_INODE),
    }
    home = lane.objects.keys() - failed.keys()
    assert 0 < len(home) <= lane.files // 2
    disk.make_room()
    came_home(lane, folder, kept=home)


@each_lane
def test_a_folder_that_no_inode_is_left_for(disk: Disk, folder: Path, lane: Lane) -> None:
    disk.fill_with_names()
    failed = settled(lane, folder)
    assert f"Disk full: {NO_INODE}; remove files" in "".join(failed.values())
    assert len(failed) == lane.files
    disk.make_room()
    came_home(lane, folder)
