"""Destinations that lie on other disks than the folder above them, and have other disks in them."""

from __future__ import annotations

import ctypes
import os
from collections import defaultdict
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from downloader.checksums import Checksum
from downloader.disk import flushing
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.report import Report, write
from downloader.results import Outcome
from downloader.source import Capabilities
from downloader.sources.memory import MemorySource
from downloader_tasks.failures import Refusal
from downloader_tasks.folders import Space
from support.restoring import KIB, content, files_for, restored, tree
from support.small_disk import bound, memory_disk

pytestmark = pytest.mark.timeout(60, method="thread")

FOLDERS = ["", "mounted/", "mounted/deeper/", "bound/"]
OBJECTS = {f"{folder}s{number}": content(1000, number) for folder in FOLDERS for number in range(30)} | {
    f"{folder}l{number}": content(300 * KIB, number) for folder in FOLDERS for number in range(2)
}


@pytest.fixture
def destination(disks: ExitStack, tmp_path: Path) -> Path:
    """A disk at ``<location>/PRID001``, another one in it, and a folder of the location in it by another name."""
    folder = tmp_path / "location" / "PRID001"
    disks.enter_context(memory_disk(folder, "size=16m"))
    disks.enter_context(memory_disk(folder / "mounted", "size=16m"))
    (tmp_path / "elsewhere").mkdir()
    disks.enter_context(bound(folder / "bound", tmp_path / "elsewhere"))
    return folder


@pytest.mark.parametrize("capabilities", [Capabilities(), Capabilities(connections=3), Capabilities(parallel_ranges=1)])
def test_files_come_home_whatever_is_mounted_where(destination: Path, capabilities: Capabilities) -> None:
    source = MemorySource(OBJECTS, capabilities)
    results = restored(source, destination, files_for(OBJECTS))
    assert {result.message for result in results.values() if not result.ok} == set()
    assert {name: data for name, data in tree(destination).items() if data != "folder"} == OBJECTS


class Flushes:
    """By disk: which final names each one's last flush as a whole found on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, destination: Path) -> None:
        self.names: dict[int, set[str]] = defaultdict(set)
        self._destination = destination
        self._syncfs = flushing._syncfs
        monkeypatch.setattr(flushing, "_syncfs", self._flush)

    def _flush(self, descriptor: ctypes.c_int) -> int:
        assert self._syncfs is not None
        found = self._syncfs(descriptor)
        disk = os.fstat(descriptor.value).st_dev
        for path in self._destination.rglob("s*"):
            if path.stat().st_dev == disk:
                self.names[disk].add(str(path.relative_to(self._destination)))
        return found


def test_a_group_of_small_files_is_flushed_on_each_of_its_disks(
    destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes = Flushes(monkeypatch, destination)
    small = {name: data for name, data in OBJECTS.items() if len(data) == 1000}
    results = restored(MemorySource(small), destination, files_for(small))
    assert all(result.ok for result in results.values())
    assert len(flushes.names) == 3
    assert set().union(*flushes.names.values()) == small.keys()


def test_what_was_found_is_flushed_on_each_of_its_disks_before_the_report(
    destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(MemorySource(OBJECTS), destination, files_for(OBJECTS))
    results = restored(MemorySource(OBJECTS), destination, files_for(OBJECTS))
    assert {result.outcome for result in results.values()} == {Outcome.SKIPPED}
    flushes = Flushes(monkeypatch, destination)
    report = Report("Title", datetime(2025, 2, 4, tzinfo=UTC), str(destination), results=tuple(results.values()))
    write(report, destination, "x")
    small = {name for name, data in OBJECTS.items() if len(data) == 1000}
    assert set().union(*flushes.names.values()) == small


def test_a_disk_that_is_full_in_a_folder_stops_the_batch_and_nothing_is_damaged(
    disks: ExitStack, tmp_path: Path
) -> None:
    folder = tmp_path / "PRID001"
    small = disks.enter_context(memory_disk(folder / "mounted", "size=600k"))
    objects = {name: data for name, data in OBJECTS.items() if not name.startswith("bound/")}
    results = restored(MemorySource(objects), folder, files_for(objects))
    kinds = {result.message.split(":")[0] for result in results.values() if not result.ok}
    assert "Disk full" in kinds <= {"Disk full", "Not tried"}
    for name, result in results.items():
        assert (folder / name).exists() == result.ok
        assert not result.ok or (folder / name).read_bytes() == objects[name]
    small.change("size=16m")
    assert all(result.ok for result in restored(MemorySource(objects), folder, files_for(objects)).values())
    assert {name: data for name, data in tree(folder).items() if data != "folder"} == objects


def planned(name: str, size: int) -> RemoteFile:
    return RemoteFile(safe_path(name), size, name, (Checksum("md5", "0" * 32),))


def test_the_room_is_looked_for_where_each_file_goes(disks: ExitStack, tmp_path: Path) -> None:
    here = disks.enter_context(memory_disk(tmp_path / "disk", "size=1m"))
    large = disks.enter_context(memory_disk(here.path / "large", "size=64m"))
    tiny = disks.enter_context(memory_disk(here.path / "tiny", "size=64k"))
    space = Space()
    shares = space.share([planned("large/new/x", 50_000_000), planned("y", 900_000)], here.path)
    assert {share.disk: share.size for share in shares} == {
        os.stat(here.path).st_dev: 900_000,
        os.stat(large.path).st_dev: 50_000_000,
    }
    space.promise(shares)
    with pytest.raises(Refusal, match=r"19\.1 MB are to be written to .*/large, and only 16\.3 MB are free there"):
        space.share([planned("large/z", 20_000_000)], here.path)
    with pytest.raises(Refusal, match=r"97\.7 KB are to be written to .*/tiny, and only 64\.0 KB are free there"):
        space.share([planned("tiny/x", 100_000), planned("large/a", 1)], here.path)
    assert tiny.free == 64 * KIB
