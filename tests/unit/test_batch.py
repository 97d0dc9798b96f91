"""A whole batch: every planned file is answered for, one bad file never stops the others, and nothing hangs."""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from downloader.checksums import Checksum
from downloader.disk.destination import Destination, Place
from downloader.disk.nameless_file import NamelessFile
from downloader.disk.part_file import PartFile
from downloader.errors import CorruptRecord, NetworkError, NotTried, UnsafePath
from downloader.paths import safe_path
from downloader.remote_file import Planned, Refused, RemoteFile
from downloader.results import FileResult, Outcome
from downloader.source import ByteStream, Capabilities
from downloader.sources.memory import MemoryObject, MemorySource
from downloader.transfer import batch as batch_module
from downloader.transfer.batch import restore
from downloader.transfer.options import TransferLimits, TransferOptions
from downloader.transfer.progress import FileProgress, Progress
from downloader.transfer.streaming import Buffer
from support.other_run import objects, other_run
from support.restoring import (
    KIB,
    LIMITS,
    RANGE,
    FakeClock,
    content,
    file_for,
    files_for,
    part_files,
    part_path,
    restored,
    transfer_options,
    tree,
)
from support.scripted import Fault, Opening, ScriptedSource, cut_after, flip_bit, goes_on, replaced, reset

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(100, method="thread")]

SMALL = {f"small/{n}": content(100 + n, n) for n in range(30)}
LARGE = {f"large/{n}": content(200 * KIB + n, n) for n in range(5)}
BOTH = SMALL | LARGE
FEW = Capabilities(connections=3)
"""Of a source that wants one lane for all its files."""


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    """Whatever happened, no thread of a batch goes on behind it."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def files_in(destination: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(destination).items() if isinstance(data, bytes)}


def memory(objects: dict[str, bytes], capabilities: Capabilities | None = None) -> MemorySource:
    return MemorySource(objects, capabilities, step=8 * KIB)


# --- the plain case ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("capabilities", [None, FEW, Capabilities(ranges=False), Capabilities(parallel_ranges=1)])
def test_everything_comes_home_and_is_told_in_the_order_of_the_plan(
    destination: Path, capabilities: Capabilities | None
) -> None:
    files = files_for(BOTH)[::-1]
    results = restore(files, memory(BOTH, capabilities), destination, transfer_options())
    assert [result.name for result in results] == [str(file.path) for file in files]
    assert {result.outcome for result in results} == {Outcome.DOWNLOADED}
    assert all(result.verified for result in results)
    assert [result.size for result in results] == [result.fetched for result in results] == [f.size for f in files]
    assert files_in(destination) == BOTH


@pytest.mark.parametrize("capabilities", [None, FEW])
def test_a_second_restore_asks_for_nothing(destination: Path, capabilities: Capabilities | None) -> None:
    restored(memory(BOTH), destination, files_for(BOTH))
    before = {path: path.stat() for path in destination.rglob("*")}
    source = ScriptedSource(MemorySource({}, capabilities))
    results = restored(source, destination, files_for(BOTH))
    assert {(result.outcome, result.fetched, result.verified) for result in results.values()} == {
        (Outcome.SKIPPED, 0, True)
    }
    assert source.spans == []
    assert {path: path.stat() for path in destination.rglob("*")}.keys() == before.keys()
    assert all(path.stat().st_ino == seen.st_ino for path, seen in before.items())


def test_an_empty_plan_has_no_results(destination: Path) -> None:
    assert restore([], memory({}), destination, transfer_options()) == []
    assert tree(destination) == {}


def test_a_destination_that_is_not_there_fails_every_file_in_a_sentence(tmp_path: Path) -> None:
    results = restored(memory(BOTH), tmp_path / "nowhere", files_for(BOTH))
    assert {result.message.split(":")[0] for result in results.values()} == {"Disk error"}
    assert tree(tmp_path) == {}


def test_means_are_made_where_none_are_given(destination: Path) -> None:
    assert restore([file_for("x", b"x")], memory({"x": b"x"}), destination)[0].ok


# --- one bad file never stops the others ------------------------------------------------------------------------------


def broken(opening: Opening) -> ByteStream:
    raise ValueError("ours")


def leaking(opening: Opening) -> ByteStream:
    raise ConnectionResetError(errno.ECONNRESET, "a source that does not speak our words")


FAULTS: list[tuple[Fault, str]] = [
    (reset, "Network error"),
    (flip_bit(3), "Checksum mismatch"),
    (goes_on(b"!"), "Size mismatch"),
    (replaced, "Object changed"),
    (broken, "Unexpected error"),
    (leaking, "Network error"),
]


@pytest.mark.parametrize("capabilities", [None, FEW], ids=["many", "few"])
@pytest.mark.parametrize("bad", ["small/7", "large/2"])
@pytest.mark.parametrize(("fault", "kind"), FAULTS, ids=[kind for _, kind in FAULTS])
def test_one_bad_file_never_stops_the_others(
    destination: Path, fault: Fault, kind: str, bad: str, capabilities: Capabilities | None
) -> None:
    source = ScriptedSource(memory(BOTH, capabilities), always={bad: fault})
    results = restored(source, destination, files_for(BOTH))
    assert results[bad].message.startswith(f"{kind}: ")
    assert [name for name, result in results.items() if not result.ok] == [bad]
    home = {name: data for name, data in files_in(destination).items() if not name.endswith(".part")}
    assert home == {name: data for name, data in BOTH.items() if name != bad}


def test_every_file_may_fail(destination: Path) -> None:
    results = restored(memory({}), destination, files_for(BOTH))
    assert {result.message.split(":")[0] for result in results.values()} == {"Not found"}
    assert files_in(destination) == {}


def test_files_that_were_refused_have_their_lines_in_their_places(destination: Path) -> None:
    planned: list[Planned] = [
        Refused("../evil", UnsafePath("'../evil' would leave the destination")),
        file_for("x", b"x"),
        Refused("y", CorruptRecord("its entry is 3")),
    ]
    results = restore(planned, memory({"x": b"x"}), destination, transfer_options())
    assert [(result.name, result.ok) for result in results] == [("../evil", False), ("x", True), ("y", False)]
    assert results[2].message == "Corrupt record: its entry is 3; repair the entry in the catalogue"


@pytest.mark.parametrize("first", [True, False])
def test_a_refused_file_never_borrows_the_result_of_one_of_the_same_name(destination: Path, first: bool) -> None:
    planned: list[Planned] = [Refused("x", CorruptRecord("given twice, differently")), file_for("x", b"x")]
    planned = planned if first else planned[::-1]
    results = restore(planned, memory({"x": b"x"}), destination, transfer_options())
    assert [result.ok for result in results] == ([False, True] if first else [True, False])


@pytest.mark.parametrize("size", [100, 200 * KIB])
def test_a_file_that_is_planned_twice_comes_home_once(destination: Path, size: int) -> None:
    data = content(size)
    results = restore([file_for("x", data)] * 2, memory({"x": data}), destination, transfer_options())
    assert [result.ok for result in results] == [True, True]
    assert tree(destination) == {"x": data}


def test_names_that_are_files_here_and_folders_there_fail_alone(destination: Path) -> None:
    (destination / "small").write_bytes(b"mine")
    (destination / "large").mkdir()
    (destination / "large" / "0").mkdir()
    results = restored(memory(BOTH), destination, files_for(BOTH))
    assert {name for name, result in results.items() if result.ok} == set(LARGE) - {"large/0"}
    assert {r.message.split(":")[0] for r in results.values() if not r.ok} == {"Path conflict"}
    assert (destination / "small").read_bytes() == b"mine"


# --- small files that are not plain -----------------------------------------------------------------------------------


def one(source: MemorySource | ScriptedSource, destination: Path, file: RemoteFile) -> FileResult:
    return restored(source, destination, [file])[str(file.path)]


TINY = content(100)


@pytest.mark.parametrize(
    ("copy", "outcome", "message"),
    [
        (None, Outcome.DOWNLOADED, ""),
        (TINY, Outcome.SKIPPED, ""),
        (TINY[:50], Outcome.RESUMED, ""),
        (b"?" * 50, Outcome.SELF_HEALED, "incomplete copy detected"),
        (b"?" * 100, Outcome.SELF_HEALED, "hash mismatch detected"),
        (b"?" * 101, Outcome.SELF_HEALED, "size mismatch detected"),
        (b"", Outcome.SELF_HEALED, "incomplete copy detected"),
    ],
)
def test_a_small_copy_is_kept_resumed_or_healed(
    destination: Path, copy: bytes | None, outcome: Outcome, message: str
) -> None:
    if copy is not None:
        (destination / "x").write_bytes(copy)
    result = one(memory({"x": TINY}), destination, file_for("x", TINY))
    assert (result.outcome, result.message, result.verified) == (outcome, message, True)
    assert tree(destination) == {"x": TINY}


@pytest.mark.parametrize("at", [0, 1, 99, 100])
def test_a_small_stream_that_breaks_is_asked_for_again(destination: Path, at: int) -> None:
    source = ScriptedSource(memory({"x": TINY}), {"x": [cut_after(at)] * 5})
    assert one(source, destination, file_for("x", TINY)).outcome is Outcome.DOWNLOADED
    assert source.opens["x"] <= 6


def test_a_small_file_that_came_wrong_once_is_fetched_once_more(destination: Path) -> None:
    source = ScriptedSource(memory({"x": TINY}), {"x": [flip_bit(3)]})
    assert one(source, destination, file_for("x", TINY)).outcome is Outcome.DOWNLOADED
    assert source.opens["x"] == 2


def test_a_small_file_that_is_always_wrong_is_fetched_twice(destination: Path) -> None:
    (destination / "x").write_bytes(b"old")
    source = ScriptedSource(memory({"x": TINY}), always={"x": flip_bit(99)})
    result = one(source, destination, file_for("x", TINY))
    assert result.message.startswith("Checksum mismatch: x came wrong twice: md5 ")
    assert tree(destination) == {"x": b"old"}
    (destination / "x").unlink()
    source = ScriptedSource(memory({"x": TINY}), always={"x": flip_bit(99)})
    assert one(source, destination, file_for("x", TINY)).message.startswith("Checksum mismatch: x came wrong twice")
    assert source.opens["x"] == 2
    assert tree(destination) == {}


def test_a_small_file_that_only_its_source_can_prove_may_come_wrong_once(destination: Path) -> None:
    """The first answer proves nothing and counts for nothing, so both tries are left."""
    proof = MemoryObject(TINY, etag="no md5", checksums=file_for("x", TINY).checksums)
    bare = replace(file_for("x", TINY), checksums=())

    def without_claims(opening: Opening) -> ByteStream:
        stream = opening.stream()
        stream.checksums = ()  # type: ignore[misc]  # one in memory takes it
        return stream

    source = ScriptedSource(MemorySource({"x": proof}), {"x": [without_claims, flip_bit(9)]})
    assert one(source, destination, bare).verified
    assert tree(destination) == {"x": TINY}


def test_a_small_file_is_proved_by_what_its_answer_claims(destination: Path) -> None:
    proof = MemoryObject(TINY, checksums=file_for("x", TINY).checksums)
    source = ScriptedSource(MemorySource({"x": proof}))
    result = one(source, destination, replace(file_for("x", TINY), checksums=()))
    assert result.assurance == str(proof.checksums[0])
    assert source.opens["x"] == 1


def test_a_small_copy_that_only_its_size_speaks_for_is_held_against_what_the_source_knows(destination: Path) -> None:
    file = replace(file_for("x", TINY), checksums=(Checksum("unheard-of", "00"),))
    source = MemorySource({"x": MemoryObject(TINY, checksums=file_for("x", TINY).checksums)})
    assert one(source, destination, file).verified
    (destination / "x").write_bytes(b"?" * 100)
    assert one(source, destination, file).outcome is Outcome.SELF_HEALED
    assert tree(destination) == {"x": TINY}


def test_a_small_file_that_another_run_writes_is_left_to_it(destination: Path) -> None:
    file = file_for("x", TINY)
    folder = Destination(destination)
    with PartFile.acquire(folder, folder.place(file.path), file.identity):
        result = one(memory({"x": TINY}), destination, file)
    assert result.message == ("In use: another run is writing x; wait for the other run to end, then run it again")
    assert result.retryable


def test_what_an_earlier_run_left_of_a_small_file_is_overwritten(destination: Path) -> None:
    part_path(destination, file_for("x", TINY)).write_bytes(b"?" * 1000)
    assert one(memory({"x": TINY}), destination, file_for("x", TINY)).ok
    assert tree(destination) == {"x": TINY}


class Endless:
    """A server that says nothing of a length and never stops."""

    def __init__(self, served: list[int]) -> None:
        self._served = served
        self.start = 0
        self.size: int | None = None
        self.etag: str | None = None
        self.checksums: tuple[Checksum, ...] = ()

    def __iter__(self) -> Iterator[Buffer]:
        while sum(self._served) < 64 * RANGE:
            self._served.append(RANGE)
            yield bytes(RANGE)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("data", [TINY, content(200 * KIB)], ids=["small", "large"])
def test_a_server_that_never_stops_is_left_as_soon_as_it_is_too_much(destination: Path, data: bytes) -> None:
    served: list[int] = []
    source = ScriptedSource(memory({"x": data}), always={"x": lambda opening: Endless(served)})
    result = one(source, destination, file_for("x", data))
    assert result.message.startswith("Size mismatch: the source sent more bytes of x than the ")
    assert sum(served) <= 3 * (len(data) + RANGE)
    assert tree(destination).keys() <= {part_path(destination, file_for("x", data)).name}


# --- stale part files -------------------------------------------------------------------------------------------------


def test_part_files_that_nobody_will_resume_are_removed_once_their_file_is_home(destination: Path) -> None:
    data = content(200 * KIB)
    stale = destination / ".x.00000000000000aa.part"
    other = destination / ".y.00000000000000aa.part"
    for path in (stale, other):
        path.write_bytes(b"of another content")
    assert one(memory({"x": data}), destination, file_for("x", data)).ok
    assert tree(destination) == {"x": data, other.name: b"of another content"}


@pytest.mark.parametrize("size", [100, 200 * KIB])
def test_they_stay_while_their_file_is_not_home(destination: Path, size: int) -> None:
    stale = destination / ".x.00000000000000aa.part"
    stale.write_bytes(b"of another content")
    data = content(size)
    result = one(ScriptedSource(memory({"x": data}), always={"x": reset}), destination, file_for("x", data))
    assert not result.ok
    assert stale.exists()


def test_one_that_another_run_has_locked_stays(destination: Path) -> None:
    folder = Destination(destination)
    with PartFile.acquire(folder, folder.place(safe_path("x")), "0" * 16) as theirs:
        theirs.write(b"at work")
        assert one(memory({"x": TINY}), destination, file_for("x", TINY)).ok
        assert part_files(destination) == [f".x.{'0' * 16}.part"]


# --- progress ---------------------------------------------------------------------------------------------------------


class Listening:
    """Writes down what it is told, and by which thread."""

    def __init__(self, told: Callable[[FileResult], None] = lambda result: None) -> None:
        self.results: list[FileResult] = []
        self.progress: list[Progress] = []
        self.threads: set[threading.Thread] = set()
        self._told = told

    def on_result(self, result: FileResult, progress: Progress) -> None:
        self.results.append(result)
        self.on_progress(progress)
        self._told(result)

    def on_progress(self, progress: Progress) -> None:
        self.progress.append(progress)
        self.threads.add(threading.current_thread())


def listened(listener: Listening, limits: TransferLimits = LIMITS) -> TransferOptions:
    return replace(transfer_options(limits=limits), listener=listener)


def test_every_result_is_told_once_in_the_thread_that_asked(destination: Path) -> None:
    listener = Listening()
    planned: list[Planned] = [*files_for(BOTH), Refused("bad", CorruptRecord("unreadable"))]
    results = restore(planned, memory(BOTH), destination, listened(listener))
    assert sorted(listener.results, key=str) == sorted(results, key=str)
    assert listener.threads == {threading.current_thread()}
    done = [progress.files_done for progress in listener.progress]
    assert done == sorted(done)
    total = sum(map(len, BOTH.values()))
    assert listener.progress[-1] == Progress(len(BOTH) + 1, len(BOTH) + 1, total, total)


class Held(MemorySource):
    """The first range of each file comes when `goes` is set."""

    goes = threading.Event()

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        if not start:
            assert self.goes.wait(30), "nobody saw what came meanwhile"
        return super().open(file, start, stop)


def test_bytes_count_as_they_come_and_not_as_they_are_written(destination: Path) -> None:
    """Ranges come side by side: on a slow network none may be written for half a minute, and then eight at once."""
    source, seen = Held({"large": content(4 * RANGE)}), []

    class Watching(Listening):
        def on_progress(self, progress: Progress) -> None:
            super().on_progress(progress)
            if progress.under_way and progress.fetched >= RANGE and not source.goes.is_set():
                seen.append(progress)
                source.goes.set()

    listener = Watching()
    results = restore(files_for({"large": content(4 * RANGE)}), source, destination, listened(listener))
    assert results[0].ok
    assert (seen[0].fetched, seen[0].under_way) == (RANGE, (FileProgress("large", RANGE, 4 * RANGE, RANGE),))
    assert results[0].fetched == listener.progress[-1].fetched == 4 * RANGE


# --- the disk is full -------------------------------------------------------------------------------------------------


class Filling:
    """A disk with room for so many bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self._pwrite = os.pwrite
        self._room = room
        self._lock = threading.Lock()
        monkeypatch.setattr(os, "pwrite", self._write)

    def _write(self, descriptor: int, data: Buffer, at: int) -> int:
        with self._lock:
            count = min(len(data), self._room)
            self._room -= count
        if not count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._pwrite(descriptor, data[:count], at)


def kinds(results: list[FileResult]) -> set[str]:
    return {result.message.split(":")[0] for result in results if not result.ok}


@pytest.mark.parametrize("capabilities", [None, FEW], ids=["many", "few"])
def test_a_full_disk_stops_the_batch_and_the_rest_is_not_tried(
    destination: Path, monkeypatch: pytest.MonkeyPatch, capabilities: Capabilities | None
) -> None:
    names = {f"{n:02}": content(100 * KIB, n) for n in range(30)}
    with monkeypatch.context() as patch:
        Filling(patch, 450 * KIB)
        source = ScriptedSource(memory(names, capabilities))
        results = restore(files_for(names), source, destination, transfer_options())
    assert kinds(results) == {"Disk full", "Not tried"}
    full = {result.name for result in results if result.message.startswith("Disk full")}
    reasons = [f"no room to write {name} (No space left on device)" for name in full]
    assert {result.message for result in results if not result.ok} <= {
        *(f"Disk full: {reason}; make room at the destination, then run it again" for reason in reasons),
        *(
            f"Not tried: the batch was stopped: {reason}; run it again; what is already there is kept"
            for reason in reasons
        ),
    }
    assert len(source.opens) < 15
    assert all(files_in(destination)[r.name] == names[r.name] for r in results if r.ok)
    assert not any((destination / result.name).exists() for result in results if not result.ok)
    assert all(result.ok for result in restore(files_for(names), memory(names), destination, transfer_options()))
    assert files_in(destination) == names


def test_a_full_disk_stops_small_files_too(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {f"{n:04}": content(1000, n) for n in range(400)}
    with monkeypatch.context() as patch:
        Filling(patch, 50_500)
        source = ScriptedSource(memory(names))
        results = restore(files_for(names), source, destination, transfer_options())
    assert kinds(results) == {"Disk full", "Not tried"}
    assert sum(result.ok for result in results) == 50
    assert len(source.opens) < 200
    assert files_in(destination) == {result.name: names[result.name] for result in results if result.ok}


@pytest.mark.parametrize("copy", [b"?" * 200 * KIB, content(200 * KIB)[:9]], ids=["damaged", "short"])
def test_a_full_disk_leaves_the_old_copy(destination: Path, monkeypatch: pytest.MonkeyPatch, copy: bytes) -> None:
    (destination / "x").write_bytes(copy)
    Filling(monkeypatch, 100 * KIB)
    data = content(200 * KIB)
    assert not one(memory({"x": data}), destination, file_for("x", data)).ok
    assert (destination / "x").read_bytes() == copy


# --- interruptions and faults of ours ---------------------------------------------------------------------------------


def test_a_task_that_is_killed_stops_all_threads_and_keeps_what_is_there(destination: Path) -> None:
    def interrupt(result: FileResult) -> None:
        raise KeyboardInterrupt

    names = {f"{n:02}": content(200 * KIB, n) for n in range(40)}
    source = ScriptedSource(memory(names))
    with pytest.raises(KeyboardInterrupt):
        restore(files_for(names), source, destination, listened(Listening(interrupt)))
    assert len(source.opens) < 40
    results = restore(files_for(names), memory(names), destination, transfer_options())
    assert all(result.ok for result in results)
    assert files_in(destination) == names


def test_a_thread_that_dies_is_told_for_every_file_it_left(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(self: object) -> None:
        raise MemoryError

    monkeypatch.setattr(batch_module._Batch, "_sorted", die)
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    results = restored(memory(BOTH), destination, files_for(BOTH))
    assert {result.message for result in results.values()} == {
        str(NotTried("a thread of this program died before it came to this file")),
    }


@pytest.mark.parametrize("error", [ValueError("ours"), OSError(errno.EIO, "Input/output error")])
@pytest.mark.parametrize("step", ["acquire", "write", "take_name", "truncate"])
def test_a_fault_while_one_small_file_is_written_is_that_file_s_alone(
    destination: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, step: str
) -> None:
    names = {f"{n:03}": content(100, n) for n in range(300)}
    part_path(destination, file_for("017", names["017"])).write_bytes(b"left by an earlier run")
    _break(monkeypatch, step, "017", error)
    results = restored(memory(names), destination, files_for(names))
    assert [name for name, result in results.items() if not result.ok] == ["017"]
    assert {name: data for name, data in files_in(destination).items() if not name.startswith(".")} == {
        name: data for name, data in names.items() if name != "017"
    }


@pytest.mark.parametrize("error", [ValueError("ours"), OSError(errno.EIO, "Input/output error")])
@pytest.mark.parametrize("step", ["write", "take_name"])
def test_a_fault_while_a_nameless_file_is_written_is_that_file_s_alone(
    destination: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, step: str
) -> None:
    names = {f"{n:03}": content(100, n) for n in range(300)}
    original = getattr(NamelessFile, step)

    def take_name(file: NamelessFile) -> None:
        if file.place.path.name == "017":
            raise error
        original(file)

    def write(destination: Destination, place: Place, *more: Any) -> NamelessFile:
        if place.path.name == "017":
            raise error
        return original(destination, place, *more)  # type: ignore[no-any-return]

    monkeypatch.setattr(NamelessFile, step, staticmethod(write) if step == "write" else take_name)
    results = restored(memory(names), destination, files_for(names))
    assert [name for name, result in results.items() if not result.ok] == ["017"]
    assert files_in(destination) == {name: data for name, data in names.items() if name != "017"}


def _break(monkeypatch: pytest.MonkeyPatch, step: str, name: str, error: Exception) -> None:
    """Makes one step of one part file fail."""
    original = getattr(PartFile, step)

    def broken(part: PartFile, *arguments: object) -> object:
        if part.place.path.name == name:
            raise error
        return original(part, *arguments)

    def broken_acquire(destination: Destination, place: Place, *arguments: object, **more: object) -> object:
        if place.path.name == name:
            raise error
        return original(destination, place, *arguments, **more)

    monkeypatch.setattr(PartFile, step, staticmethod(broken_acquire) if step == "acquire" else broken)


@pytest.mark.parametrize("error", [ValueError("ours"), OSError(errno.EIO, "Input/output error")])
def test_a_fault_while_a_large_file_is_written_is_that_file_s_alone(
    destination: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    _break(monkeypatch, "write", "3", error)
    results = restored(memory(LARGE), destination, files_for(LARGE))
    assert [name for name, result in results.items() if not result.ok] == ["large/3"]


# --- slow answers -----------------------------------------------------------------------------------------------------


class Stuck(ScriptedSource):
    """Holds the first answer for one file until it is asked for again; by its clock that takes long."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.clock = FakeClock()
        self.asked_again = threading.Event()

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        stream = super().open(file, start, stop)
        if file.key == "150" and self.opens["150"] == 1:
            self.clock.sleep(1000)
            assert self.asked_again.wait(60)
        elif file.key == "150":
            self.asked_again.set()
        return stream


def test_one_slow_answer_among_many_is_asked_for_again(destination: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = {f"{n:03}": content(100, n) for n in range(200)}
    source = Stuck(memory(names))
    with caplog.at_level(logging.INFO):
        found = restore(files_for(names), source, destination, transfer_options(source.clock))
    assert {result.outcome for result in found} == {Outcome.DOWNLOADED}
    assert files_in(destination) == names
    assert source.opens["150"] == 2
    assert "1 requests took far longer than others and were sent twice" in caplog.text


# --- memory and connections -------------------------------------------------------------------------------------------


class Copying(ScriptedSource):
    """Hands out bytes of its own, as the network does, and knows how many streams are open."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.open_now = self.most_open = 0
        self.most_allowed = sys.maxsize
        self.too_many = threading.Event()

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        with self._lock:
            self.open_now += 1
            self.most_open = max(self.most_open, self.open_now)
            if self.open_now > self.most_allowed:
                self.too_many.set()
        return _Counted(super().open(file, start, stop), self)

    def closed(self) -> None:
        with self._lock:
            self.open_now -= 1


class _Counted:
    def __init__(self, inner: ByteStream, source: Copying) -> None:
        self._inner = inner
        self._source = source
        self._is_open = True
        self.start, self.size, self.etag, self.checksums = inner.start, inner.size, inner.etag, inner.checksums

    def __iter__(self) -> Iterator[Buffer]:
        for buffer in self._inner:
            yield bytes(buffer)

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._source.closed()
        self._inner.close()


@contextmanager
def peak_memory() -> Iterator[Callable[[], int]]:
    """Traces what is allocated within; gives a function that answers the most bytes at any one time so far."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_files(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is about a third of one file, so that a single file that is kept whole breaks it."""
    names = {f"{n}": content(6 * 1024 * KIB, n) for n in range(4)}
    source = Copying(memory(names))
    limits = replace(LIMITS, memory=8 * RANGE)
    monkeypatch.setattr("downloader.disk.writing._BLOCK", RANGE)
    waiting = limits.large_threads * 3 * RANGE  # of each file a block is filled, one is queued, one is written
    with peak_memory() as peak:
        assert all(
            result.ok for result in restore(files_for(names), source, destination, transfer_options(limits=limits))
        )
        assert peak() < limits.memory + waiting + 1024 * KIB
    assert source.open_now == 0


def test_small_files_that_wait_for_their_flush_are_not_kept_in_memory(destination: Path) -> None:
    names = {f"{n}": content(64 * KIB, n) for n in range(250)}
    source = Copying(memory(names))
    limits = replace(LIMITS, small_file=64 * KIB)
    with peak_memory() as peak:
        assert all(
            result.ok for result in restore(files_for(names), source, destination, transfer_options(limits=limits))
        )
        assert peak() < (4 * limits.threads + 30) * 64 * KIB


def test_a_slow_disk_holds_the_network_back(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has been fetched and not yet written stays bounded, however long the file."""
    data = content(16 * 1024 * KIB)
    source = Copying(memory({"x": data}))
    go_on, written, most = threading.Event(), 0, 0
    write = PartFile.write
    monkeypatch.setattr("downloader.disk.writing._BLOCK", RANGE)

    def slow(part: PartFile, buffer: Buffer, at: int | None = None) -> None:
        nonlocal written, most
        go_on.wait(0.3)  # the network has all the time it wants: it must stop by itself
        go_on.set()
        most = max(most, source.served["x"] - written)
        written += len(buffer)
        write(part, buffer, at)

    monkeypatch.setattr(PartFile, "write", slow)
    assert one(source, destination, file_for("x", data)).ok
    assert 0 < most <= (LIMITS.read_ahead + 5) * RANGE


@pytest.mark.parametrize("connections", [1, 2, 5])
def test_a_source_that_bears_few_streams_gets_no_more(destination: Path, connections: int) -> None:
    too_many = threading.Event()

    def hold(opening: Opening) -> ByteStream:
        too_many.wait(0.1)  # the others have all the time they want to open one stream too many
        return opening.stream()

    source = Copying(
        memory(BOTH, Capabilities(connections=connections, parallel_ranges=1)), {name: [hold] for name in LARGE}
    )
    limits = replace(LIMITS, large_threads=8)
    source.most_allowed, source.too_many = connections, too_many
    assert all(result.ok for result in restore(files_for(BOTH), source, destination, transfer_options(limits=limits)))
    assert source.most_open <= connections


# --- two at once, and one that is killed ------------------------------------------------------------------------------


def test_two_batches_at_the_same_destination_never_mix(destination: Path) -> None:
    plan = objects()
    with other_run("restore", destination, 700 * KIB) as other:
        other.wait_for("paused")
        source = MemorySource(plan)
        mine = restored(source, destination, files_for(plan))
        other.go_on()
        theirs = {str(found["name"]): found for found in other.results()}
    assert mine.keys() == theirs.keys() == plan.keys()
    for name, result in mine.items():
        assert result.ok or result.message.startswith("In use: ")
        assert theirs[name]["outcome"] != "failed"
    assert files_in(destination) == plan


def test_a_run_that_is_killed_in_the_middle_leaves_no_wrong_file_and_is_resumed(destination: Path) -> None:
    plan = objects()
    with other_run("restore", destination, 900 * KIB) as other:
        other.wait_for("paused")
        other.kill()
    left = files_in(destination)
    assert {name: data for name, data in left.items() if not name.endswith(".part")}.items() <= plan.items()
    source = ScriptedSource(MemorySource(plan))
    results = restored(source, destination, files_for(plan))
    assert all(result.verified for result in results.values())
    assert files_in(destination) == plan
    kept = sum(len(data) for name, data in left.items() if name.endswith(".raw") or ".raw." in name)
    assert sum(source.served.values()) <= sum(map(len, plan.values())) - kept


@pytest.mark.parametrize("pauses", [[1, 200 * KIB, 500 * KIB], [1_810 * KIB]])
def test_killed_over_and_over_it_comes_home_all_the_same(destination: Path, pauses: list[int]) -> None:
    plan = objects()
    for pause_at in pauses:
        with other_run("restore", destination, pause_at) as other:
            other.wait_for("paused")
            other.kill()
        names = {name: data for name, data in files_in(destination).items() if not name.endswith(".part")}
        assert names.items() <= plan.items()
    results = restored(MemorySource(plan), destination, files_for(plan))
    assert all(result.verified for result in results.values())
    assert files_in(destination) == plan


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_network_that_is_down_is_given_up_in_a_bounded_time(destination: Path) -> None:
    clock = FakeClock()
    source = ScriptedSource(memory(LARGE), always=dict.fromkeys(LARGE, reset))
    results = restore(files_for(LARGE), source, destination, transfer_options(clock))
    assert {result.message for result in results} == {str(NetworkError("connection reset"))}
    assert all(result.retryable for result in results)
    assert max(source.opens.values()) <= 6 * LIMITS.read_ahead
    assert clock.waited <= len(LARGE) * LIMITS.read_ahead * 15.5


def test_transfers_are_told_in_seconds_of_the_clock(destination: Path) -> None:
    clock = FakeClock()
    source = ScriptedSource(memory(SMALL | LARGE), {"large/1": [reset]})
    results = restore(files_for(LARGE), source, destination, transfer_options(clock))
    assert max(result.seconds for result in results) == pytest.approx(clock.waited, abs=0.1)


class _Panic(BaseException):
    """What a client written in Rust raises: no Exception."""


class _Panicking(MemorySource):
    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        raise _Panic


def test_threads_that_die_keep_nobody_waiting(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    held = {f"f{number}": b"x" for number in range(100)}
    results = restore(files_for(held), _Panicking(held), destination, TransferOptions(TransferLimits(threads=32)))
    assert {result.message.partition(";")[0] for result in results} == {
        "Not tried: a thread of this program died before it came to this file"
    }
