"""Symbolic links planted in the destination, before a run and in the middle of it: nothing is followed out of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest

from downloader.datasets.manifest import Manifest
from downloader.disk.destination import Destination
from downloader.disk.part_file import PartFile, part_name
from downloader.disk.stale_part_files import StalePartFiles
from downloader.errors import DownloadError, UnsafePath
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.report import Report, read, write
from downloader.results import FileResult
from downloader.source import ByteStream
from downloader.sources.memory import MemoryObject, MemorySource
from downloader.transfer.batch import restore
from downloader_tasks.drive.inventory import inventory
from downloader_tasks.folders import make_below
from support.restoring import KIB, content, file_for, part_path, transfer_options, tree

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(60, method="thread")]

SMALL, LARGE = content(1_000), content(200 * KIB)
NOW = datetime(2025, 2, 4, 14, 30, 22, tzinfo=UTC)
OTHER = "f" * 16


@dataclass(frozen=True)
class Workspace:
    """A destination, and beside it a folder with somebody's files, which nobody may touch."""

    destination: Path
    outside: Path

    def seal(self) -> object:
        """All that can be seen of the folder outside: contents, rights, times."""
        paths = [self.outside, *sorted(self.outside.rglob("*"))]
        looks = [os.lstat(path) for path in paths]
        return tree(self.outside), [(look.st_mode, look.st_mtime_ns, look.st_nlink, look.st_ino) for look in looks]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "destination", tmp_path / "destination-outside")
    made.destination.mkdir()
    made.outside.mkdir(mode=0o750)
    (made.outside / "passwd").write_bytes(b"theirs")
    (made.outside / "x").write_bytes(SMALL[:500])
    (made.outside / "inner").mkdir()
    for name in ("x", "y"):  # what a sweep would take for stale part files of ours
        (made.outside / part_name(name, OTHER)).write_bytes(b"theirs")
    return made


@pytest.fixture
def sealed(workspace: Workspace) -> Iterator[Workspace]:
    """The workspace, of which nothing outside is another afterwards."""
    before = workspace.seal()
    yield workspace
    assert workspace.seal() == before


def brought(workspace: Workspace, *files: RemoteFile, source: MemorySource | None = None) -> list[FileResult]:
    return restore(files, source or memory(*files), workspace.destination, transfer_options())


def memory(*files: RemoteFile) -> MemorySource:
    return MemorySource({file.key: MemoryObject(SMALL if file.size == len(SMALL) else LARGE) for file in files})


# --- planted before ---------------------------------------------------------------------------------------------------

LINK_TEXTS = {
    "out": "{relative}",
    "out, absolute": "{outside}",
    "to a file outside": "{relative}/passwd",
    "to a file of its name": "{relative}/x",
    "to a folder outside": "{relative}/inner",
    "to nothing outside": "{relative}/nothing",
    "to the root": "/",
    "to the system's": "/etc/passwd",
    "to a device": "/dev/full",
    "up": "../../..",
    "to itself": "x",
    "to nothing": "nothing",
    "by a chain": "chain",
    "by the process": "/proc/self/cwd",
}


def plant(link: Path, link_text: str, outside: Path) -> str:
    """Makes `link` a link with this text, filled in, and answers the text."""
    where = link_text.format(outside=outside, relative=os.path.relpath(outside, link.parent))
    link.symlink_to(where)
    return where


PLACES: dict[str, Callable[[RemoteFile, Path], Path]] = {
    "folder": lambda file, root: root / "a",
    "folder below": lambda file, root: root / "a" / "b",
    "final name": lambda file, root: root / file.path.text,
    "part file": lambda file, root: part_path(root, file),
    "part file of another content": lambda file, root: root / file.path.folder / part_name(file.path.name, OTHER),
}


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(("place", "link_text"), [*product(PLACES, LINK_TEXTS)])
def test_a_link_in_any_place_to_anywhere(sealed: Workspace, place: str, link_text: str, data: bytes) -> None:
    file = replace(file_for("a/b/x", data), modified=1_000_000_000.0)
    link = PLACES[place](file, sealed.destination)
    link.parent.mkdir(parents=True, exist_ok=True)
    (link.parent / "chain").symlink_to(sealed.outside)
    where = plant(link, LINK_TEXTS[link_text], sealed.outside)
    (result,) = brought(sealed, file)
    if place.startswith("folder"):
        assert not result.ok
        assert result.message.startswith(("Unsafe path: ", "Path conflict: "))
        assert os.readlink(link) == where
    else:
        assert result.ok, result.message
        final = sealed.destination / file.path.text
        assert stat.S_ISREG(os.lstat(final).st_mode)
        assert final.read_bytes() == data
        assert final.stat().st_mtime == 1_000_000_000.0


def test_the_next_file_of_a_folder_is_not_followed_out_either(sealed: Workspace) -> None:
    (sealed.destination / "a").symlink_to(sealed.outside)
    results = brought(sealed, *(file_for(f"a/{number}", SMALL) for number in range(20)), file_for("good", SMALL))
    assert [result.ok for result in results] == [False] * 20 + [True]


def test_hard_links_are_written_to_by_nobody(workspace: Workspace) -> None:
    os.link(workspace.outside / "passwd", workspace.destination / "x")
    file = file_for("y", SMALL)
    os.link(workspace.outside / "x", part_path(workspace.destination, file))
    before = tree(workspace.outside)
    assert all(result.ok for result in brought(workspace, file_for("x", SMALL), file))
    assert tree(workspace.outside) == before


# --- swapped in between two looks -------------------------------------------------------------------------------------


class Swapping(MemorySource):
    """A source in whose opening somebody puts a link in the place of a folder."""

    def __init__(self, file: RemoteFile, data: bytes, swap: Callable[[], None]) -> None:
        super().__init__({file.key: MemoryObject(data)})
        self._swap: list[Callable[[], None]] = [swap]

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        while self._swap:
            self._swap.pop()()
        return super().open(file, start, stop)


def swapped(workspace: Workspace, folder: str) -> Callable[[], None]:
    """Takes a folder away, if it is there, and puts a link out of the destination in its place."""

    def swap() -> None:
        path = workspace.destination / folder
        if path.exists():
            path.rename(workspace.destination / "moved away")
        path.symlink_to(workspace.outside)

    return swap


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("existing", ["", "a", "a/b", "a/b/c"])
@pytest.mark.parametrize("folder", ["a", "a/b"])
def test_a_folder_that_becomes_a_link_while_the_file_comes(
    sealed: Workspace, existing: str, folder: str, data: bytes
) -> None:
    (sealed.destination / existing).mkdir(parents=True, exist_ok=True)
    if not (sealed.destination / folder).parent.exists():
        return
    file = file_for("a/b/c/x", data)
    (result,) = brought(sealed, file, source=Swapping(file, data, swapped(sealed, folder)))
    assert not result.ok
    assert "inner/x" not in tree(sealed.outside)


def test_a_folder_that_becomes_a_link_between_the_look_and_the_making(sealed: Workspace) -> None:
    for folder in ("a", "a/b"):
        destination = Destination(sealed.destination)
        place = destination.place(safe_path(f"{folder}/c/x"))
        (sealed.destination / folder).parent.mkdir(exist_ok=True)
        (sealed.destination / folder).symlink_to(sealed.outside)
        with pytest.raises(UnsafePath, match=f"{folder} is a symbolic link out of the destination; remove the link"):
            PartFile.acquire(destination, place, "0" * 16)
        (sealed.destination / folder).unlink()


def test_a_folder_that_was_known_and_becomes_a_link(sealed: Workspace) -> None:
    """Folders that were prepared once are not looked at step by step again."""
    destination = Destination(sealed.destination)
    place = destination.place(safe_path("a/x"))
    PartFile.acquire(destination, place, "0" * 16).close()
    swapped(sealed, "a")()
    with pytest.raises(UnsafePath):
        PartFile.acquire(destination, destination.place(safe_path("a/y")), "0" * 16)


def test_the_destination_itself_becomes_a_link(sealed: Workspace) -> None:
    destination = Destination(sealed.destination)
    sealed.destination.rename(sealed.destination.with_name("moved away"))
    sealed.destination.symlink_to(sealed.outside)
    for name in ("x", "a/x"):
        with pytest.raises(DownloadError):
            PartFile.acquire(destination, destination.place(safe_path(name)), "0" * 16)


def test_stale_part_files_are_swept_in_the_folder_that_they_were_seen_in_or_not_at_all(sealed: Workspace) -> None:
    (sealed.destination / "a").mkdir()
    (sealed.destination / "a" / part_name("x", OTHER)).write_bytes(b"ours")
    destination = Destination(sealed.destination)
    path = safe_path("a/x")
    part_files = StalePartFiles(destination, [path])
    swapped(sealed, "a")()
    part_files.sweep(path)
    assert (sealed.destination / "moved away" / part_name("x", OTHER)).exists()


def test_a_link_that_stays_inside_is_followed_all_the_same(sealed: Workspace) -> None:
    (sealed.destination / "real").mkdir()
    (sealed.destination / "a").symlink_to("real")
    (sealed.destination / "real" / part_name("x", OTHER)).write_bytes(b"ours")
    (result,) = brought(sealed, file_for("a/b/x", SMALL))
    assert result.ok, result.message
    assert brought(sealed, file_for("a/x", SMALL))[0].ok
    assert tree(sealed.destination / "real") == {"b": "folder", "b/x": SMALL, "x": SMALL}


def test_a_pipe_that_takes_the_final_name_does_not_block(sealed: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the name, where a file lay, and its opening."""
    final = sealed.destination / "x"
    final.write_bytes(SMALL)
    look = os.lstat

    def swapping(path: str, **more: object) -> os.stat_result:
        seen = look(path, **more)  # type: ignore[arg-type]
        if str(path) == str(final) and stat.S_ISREG(seen.st_mode) and final.read_bytes() == SMALL:
            final.unlink()
            os.mkfifo(final)
        return seen

    monkeypatch.setattr(os, "lstat", swapping)
    (result,) = brought(sealed, file_for("x", SMALL))
    monkeypatch.undo()
    assert result.ok, result.message
    assert final.read_bytes() == SMALL


# --- the run's folder, its report, its inventory ----------------------------------------------------------------------


@pytest.mark.parametrize("link_text", ["{relative}", "{outside}", "../../..", "/", "/etc", "{relative}/nothing"])
@pytest.mark.parametrize("below", ["P", "P/Q", "Q/P", "Q/P/R"])
def test_a_folder_of_a_run_is_made_below_its_location_or_not(sealed: Workspace, below: str, link_text: str) -> None:
    link = sealed.destination / (below.partition("P")[0] + "P")
    link.parent.mkdir(exist_ok=True)
    plant(link, link_text, sealed.outside)
    before = tree(sealed.destination)
    with pytest.raises(UnsafePath, match="P is a symbolic link out of the destination; remove the link"):
        make_below(sealed.destination, sealed.destination / below)
    assert tree(sealed.destination) == before


def test_a_location_may_be_a_link_and_a_folder_a_link_inside(sealed: Workspace) -> None:
    location = sealed.destination.with_name("location")
    location.symlink_to(sealed.destination)
    (sealed.destination / "real").mkdir()
    (sealed.destination / "P").symlink_to("real")
    make_below(location, location / "P" / "Q")
    assert (sealed.destination / "real" / "Q").is_dir()
    make_below(location, location)


@pytest.mark.parametrize("link_text", LINK_TEXTS.values())
def test_a_link_in_the_place_of_the_report(sealed: Workspace, link_text: str) -> None:
    report = Report("Title", NOW, "/d")
    first = write(report, sealed.destination, "x")
    first.unlink()
    plant(first, link_text, sealed.outside)
    second = write(report, sealed.destination, "x")
    assert second.name == "_download_status_x_20250204_143022_2.txt"
    assert read(second) == report
    assert first.is_symlink()


def test_the_inventory_looks_into_no_link_and_into_folders_as_deep_as_there_are(sealed: Workspace) -> None:
    (sealed.destination / "out").symlink_to(sealed.outside)
    (sealed.destination / "loop").symlink_to(".")
    (sealed.destination / "file").symlink_to(sealed.outside / "passwd")
    deep, here = sealed.destination, os.open(sealed.destination, os.O_RDONLY)
    for _ in range(1_500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here, deep = below, deep / "d"
    os.close(os.open("found", os.O_CREAT, dir_fd=here))
    os.close(here)
    told = dict(inventory(Manifest.model_validate({"version": "1", "datasets": []}), sealed.destination))
    remove_deep(sealed.destination)
    assert told["Not in the manifest"] == "2"
    assert told["- Not in the manifest"].startswith("file ")


def remove_deep(folder: Path) -> None:
    """Takes a chain of folders apart from its end, which those who clean up after the test cannot."""
    path = str(folder / "d")
    steps = [f"{path}{'/d' * step}" for step in range(1_500)]
    os.unlink(f"{steps[-1]}/found")
    for step in reversed(steps):
        os.rmdir(step)
