"""Small files that have no name until they are whole: what they need, and the ways in which that may be refused."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from downloader.disk import flushing
from downloader.disk.commit_group import commit
from downloader.disk.destination import Destination
from downloader.disk.nameless_file import HeldFolders, NamelessFile, NoNamelessFiles, lost_with_their_folders
from downloader.disk.part_file import PartFile, part_name
from downloader.errors import DiskError, DiskFull, DiskUnavailable, InUse
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.results import Outcome
from downloader.source import ByteStream
from downloader.sources.memory import MemorySource
from support.restoring import KIB, content, file_for, files_for, part_path, restored, tree
from support.scripted import ScriptedSource

FILES = {f"{n % 3}/{n:03}": content(100 + n, n) for n in range(300)}


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "destination"
    folder.mkdir()
    return folder


@pytest.fixture
def no_part_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part file is a failure of the test."""

    def acquire(*arguments: object, **more: object) -> PartFile:
        raise AssertionError("a part file is made")

    monkeypatch.setattr(PartFile, "acquire", staticmethod(acquire))


@pytest.fixture
def written(destination: Path) -> Iterator[Callable[..., NamelessFile]]:
    """Writes files without a name; closes them in the end."""
    opened = Destination(destination)
    folders = HeldFolders(opened)
    with ExitStack() as stack:

        def write(name: str, body: bytes = b"new", modified: float | None = None) -> NamelessFile:
            place = opened.place(safe_path(name))
            file = NamelessFile.write(opened, place, folders.hold(place), [body[:1], memoryview(body)[1:]], modified)
            stack.callback(file.close)
            return file

        yield write


def files_in(folder: Path) -> dict[str, object]:
    return {name: data for name, data in tree(folder).items() if data != "folder"}


def refusing(monkeypatch: pytest.MonkeyPatch, call: str, code: int) -> None:
    def refused(*arguments: object, **more: object) -> Any:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, refused)


# --- one file ---------------------------------------------------------------------------------------------------------


def test_it_gets_its_name_and_its_time(destination: Path, written: Callable[..., NamelessFile]) -> None:
    assert commit([written("a/b/x", b"bytes", 1e9), written("y")]) == {}
    assert files_in(destination) == {"a/b/x": b"bytes", "y": b"new"}
    seen = (destination / "a/b/x").stat()
    assert (seen.st_mtime, seen.st_nlink, seen.st_mode & 0o777) == (1e9, 1, 0o666 & ~_umask())


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def test_nothing_is_left_of_one_that_gets_no_name(destination: Path, written: Callable[..., NamelessFile]) -> None:
    written("a/x").close()
    assert files_in(destination) == {}


def test_it_never_replaces(destination: Path, written: Callable[..., NamelessFile]) -> None:
    file = written("x")
    (destination / "x").write_bytes(b"of another run")
    assert {type(error) for error in commit([file]).values()} == {InUse}
    assert files_in(destination) == {"x": b"of another run"}


@pytest.mark.parametrize("code", [errno.EPERM, errno.EXDEV, errno.EOPNOTSUPP, errno.ENOENT])
def test_where_no_name_can_be_given_that_is_no_failure_of_the_file(
    written: Callable[..., NamelessFile], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    file = written("x")
    refusing(monkeypatch, "link", code)
    (error,) = commit([file]).values()
    assert isinstance(error, DiskUnavailable)
    with pytest.raises(NoNamelessFiles):
        written("y")


def test_what_the_disk_refuses_else_is(written: Callable[..., NamelessFile], monkeypatch: pytest.MonkeyPatch) -> None:
    files = [written("x"), written("y")]
    refusing(monkeypatch, "link", errno.EDQUOT)
    assert {type(error) for error in commit(files).values()} == {DiskFull}


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_group_whose_flush_fails_gets_no_names(
    destination: Path, written: Callable[..., NamelessFile], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    files = [written("x"), written("y")]

    def refused(descriptor: int) -> bool:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("downloader.disk.commit_group.flush_file_system", refused)
    assert commit(files).keys() == set(files)
    assert files_in(destination) == {}


def test_where_the_file_system_is_not_flushed_at_once_each_is(
    destination: Path, written: Callable[..., NamelessFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(flushing, "_syncfs", None)
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    assert commit([written("a/x"), written("a/y")]) == {}
    assert [path for path in flushed if "#" in path][:2] == flushed[:2]
    assert flushed[2:] == [str(destination), str(destination / "a"), str(destination / "a")]


# --- its folder -------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_moved_away_takes_no_file_along(
    destination: Path, tmp_path: Path, written: Callable[..., NamelessFile]
) -> None:
    stays, lost = written("b/x"), written("a/x")
    (destination / "a").rename(tmp_path / "elsewhere")
    (destination / "a").mkdir()
    assert lost_with_their_folders([stays, lost]) == [lost]


@pytest.mark.parametrize("replaced", ["by a folder", "by a link", "not"])
def test_small_files_come_to_a_folder_that_is_replaced_meanwhile(
    destination: Path, tmp_path: Path, replaced: str
) -> None:
    """It is replaced when half of the files have been written, before any has its name."""
    outside, once = tmp_path / "outside", threading.Lock()

    class Moving(ScriptedSource):
        def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
            if len(self.opens) >= 20 and once.acquire(blocking=False):
                (destination / "0").rename(outside)
                if replaced == "by a folder":
                    (destination / "0").mkdir()
                elif replaced == "by a link":
                    (destination / "0").symlink_to(outside)
            return super().open(file, start, stop)

    few = {f"0/{n:02}": content(100, n) for n in range(40)}
    results = restored(Moving(MemorySource(few)), destination, files_for(few))
    assert files_in(outside) == {}
    if replaced == "by a link":
        assert {result.message.split(":")[0] for result in results.values()} == {"Unsafe path"}
    else:
        ok = {name for name, result in results.items() if result.ok}
        assert files_in(destination).items() >= {name: few[name] for name in ok}.items()
        assert replaced == "not" or ok == few.keys()


def test_more_folders_than_are_held_open(destination: Path) -> None:
    many = {f"{n:03}/x": content(50, n) for n in range(300)}
    assert all(result.ok for result in restored(MemorySource(many), destination, files_for(many)).values())
    assert files_in(destination) == many


# --- the lane ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_part_files")
def test_missing_files_need_no_part_file(destination: Path) -> None:
    results = restored(MemorySource(FILES), destination, files_for(FILES))
    assert {result.outcome for result in results.values()} == {Outcome.DOWNLOADED}
    assert files_in(destination) == FILES


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL])
def test_a_file_system_without_nameless_files_takes_part_files(
    destination: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    asked, opened = [], os.open

    def refused(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            asked.append(path)
            raise OSError(code, os.strerror(code), path)
        return opened(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", refused)
    results = restored(MemorySource(FILES), destination, files_for(FILES))
    assert {result.outcome for result in results.values()} == {Outcome.DOWNLOADED}
    assert files_in(destination) == FILES
    assert 0 < len(asked) < len(FILES), "it is not asked again and again"


def test_names_that_are_refused_are_given_another_way(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, "link", errno.EPERM)
    results = restored(MemorySource(FILES), destination, files_for(FILES))
    assert {result.outcome for result in results.values()} == {Outcome.DOWNLOADED}
    assert files_in(destination) == FILES


def test_a_part_file_that_lies_there_is_not_passed_by(destination: Path) -> None:
    """It may be another run's, which is at work."""
    left = part_path(destination, file_for("0/000", FILES["0/000"]))
    left.parent.mkdir()
    left.write_bytes(b"left")
    assert left.name == part_name("000", file_for("0/000", FILES["0/000"]).identity)
    assert all(result.ok for result in restored(MemorySource(FILES), destination, files_for(FILES)).values())
    assert files_in(destination) == FILES


def test_what_appears_under_the_name_meanwhile_is_inspected(destination: Path) -> None:
    class Racing(ScriptedSource):
        def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
            path = destination / str(file.path)
            path.parent.mkdir(exist_ok=True)
            if not path.exists():
                path.write_bytes(FILES[str(file.path)] if str(file.path) < "2" else b"wrong")
            return super().open(file, start, stop)

    results = restored(Racing(MemorySource(FILES)), destination, files_for(FILES))
    assert {name[0]: result.outcome for name, result in results.items()} == {
        "0": Outcome.SKIPPED,
        "1": Outcome.SKIPPED,
        "2": Outcome.SELF_HEALED,
    }
    assert files_in(destination) == FILES


def test_a_folder_that_cannot_be_read_fails_its_files_alone(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Destination.open_folder

    def refused(self: Destination, place: Any) -> tuple[int, str]:
        if place.path.folder == "1":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), place.final)
        return opened(self, place)

    monkeypatch.setattr(Destination, "open_folder", refused)
    results = restored(MemorySource(FILES), destination, files_for(FILES))
    assert {name[0] for name, result in results.items() if not result.ok} == {"1"}
    assert {result.message.split(":")[0] for result in results.values() if not result.ok} == {DiskError.kind}


def test_large_small_files_wait_for_memory(destination: Path) -> None:
    many = {f"{n:03}": content(700 * KIB, n) for n in range(150)}
    results = restored(MemorySource(many), destination, files_for(many))
    assert all(result.ok for result in results.values())
    assert files_in(destination) == many
