"""Locks on disks where `flock` is refused, or locks nobody out: who holds, who is dead, and what is never mixed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from downloader.disk import lock_file
from downloader.disk.commit_group import commit
from downloader.disk.destination import Destination
from downloader.disk.lock_file import SILENCE, read_lock
from downloader.disk.part_file import PartFile, part_name, part_size
from downloader.disk.part_names import lock_name
from downloader.errors import DiskError, DownloadError, InUse, PathConflict
from downloader.paths import safe_path
from downloader.results import Outcome
from downloader.retry import Clock
from downloader.sources.memory import MemorySource
from downloader.transfer.batch import restore
from support.other_run import Behaviour, objects, other_run
from support.restoring import KIB, FakeClock, content, file_for, files_for, part_files, restored, transfer_options, tree

IDENTITY = "0123456789abcdef"
OTHER_MACHINE = {"boot": "00000000-0000-0000-0000-000000000000", "pid": os.getpid()}


@pytest.fixture(autouse=True)
def _no_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(descriptor: int, how: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refused)


def acquire(destination: Path, clock: Clock | None = None, wait: float = 0, *, whole: bool = False) -> PartFile:
    folder = Destination(destination)
    return PartFile.acquire(folder, folder.place(safe_path("x")), IDENTITY, clock, wait, whole=whole)


def lock_path(destination: Path) -> Path:
    return destination / lock_name("x", IDENTITY)


def committed(part: PartFile) -> list[type[DownloadError]]:
    return [type(error) for error in commit([part]).values()]


def left_by(destination: Path, data: bytes, **facts: Any) -> Path:
    """What a holder left that did not end in order: a lock file with these `facts`, and the part file."""
    with acquire(destination) as part:
        part.write(data)
    lock = lock_path(destination)
    told = {**json.loads(lock.read_text()), "released": False, **facts}
    lock.write_text(json.dumps(told).ljust(511) + "\n")
    return destination / part_name("x", told["token"])


def dead_process() -> int:
    """The number of a process that is over."""
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return child


# --- holding ----------------------------------------------------------------------------------------------------------


def test_what_is_committed_leaves_nothing(destination: Path) -> None:
    with acquire(destination) as part:
        part.write(b"data")
        assert committed(part) == []
    assert tree(destination) == {"x": b"data"}


def test_an_empty_one_leaves_nothing(destination: Path) -> None:
    with acquire(destination):
        assert len(part_files(destination)) == 2
    assert tree(destination) == {}


def test_what_was_written_stays_for_the_next_run(destination: Path) -> None:
    with acquire(destination) as part:
        part.write(b"first ")
    assert part_size(part.place, IDENTITY) == 6
    with acquire(destination) as part:
        assert part.size == 6
        part.write(b"second")
        assert committed(part) == []
    assert tree(destination) == {"x": b"first second"}


def test_a_second_one_is_locked_out(destination: Path) -> None:
    clock = FakeClock()
    with acquire(destination), pytest.raises(InUse):
        acquire(destination, clock.clock, wait=30)
    assert clock.waited == pytest.approx(30, abs=0.3), "however silent: it can be looked up, and lives"


def test_the_second_goes_on_where_the_first_ended(destination: Path) -> None:
    first = acquire(destination)
    first.write(b"first ")
    with acquire(destination, Clock(sleep=lambda seconds: first.close()), wait=30) as second:
        assert (second.waited, second.size) == (True, 6)


def test_another_process_holds_the_lock_until_it_is_killed(destination: Path) -> None:
    with other_run("hold", destination, "x", IDENTITY, behaviour=Behaviour(no_flock=True)) as other:
        other.wait_for("locked")
        with pytest.raises(InUse):
            acquire(destination)
        other.kill()
        with acquire(destination) as part:
            assert part.size == len(b"of the other run")
            committed(part)
    assert tree(destination) == {"x": b"of the other run"}


def test_no_thread_and_no_descriptor_is_left(destination: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with acquire(destination) as part:
            part.write(b"x")
    with acquire(destination):
        for _ in range(3):
            with pytest.raises(InUse):
                acquire(destination)
    assert len(os.listdir("/proc/self/fd")) == before


# --- what the dead left -----------------------------------------------------------------------------------------------


def test_one_that_died_on_this_mount_is_gone_on_with(destination: Path) -> None:
    theirs = left_by(destination, b"first ", pid=dead_process())
    inode = theirs.stat().st_ino
    with acquire(destination) as part:
        assert (part.size, part.seen.st_ino) == (6, inode)
        committed(part)
    assert tree(destination) == {"x": b"first "}


@pytest.mark.parametrize(
    "facts",
    [{"started": 1}, {"pid": 2**22 + 1}],
    ids=["its number was given to another process", "no such process"],
)
def test_a_process_is_known_by_its_start(destination: Path, facts: dict[str, Any]) -> None:
    left_by(destination, b"first ", **facts)
    with acquire(destination) as part:
        assert part.size == 6


def test_bytes_of_one_that_died_on_another_mount_are_copied(destination: Path) -> None:
    """Some of what it wrote may still be on its way there."""
    theirs = left_by(destination, b"first ", pid=dead_process(), disk=1)
    late = os.open(theirs, os.O_WRONLY)
    with acquire(destination) as part:
        os.pwrite(late, b"LATE LATE", 0)
        part.write(b"second")
        assert committed(part) == []
    os.close(late)
    assert tree(destination) == {"x": b"first second"}


def test_another_machine_s_is_taken_over_once_its_heart_is_silent(destination: Path) -> None:
    left_by(destination, b"first ", **OTHER_MACHINE)
    clock = FakeClock()
    with acquire(destination, clock.clock, wait=30) as part:
        assert (part.waited, part.size) == (True, 6)
        part.write(b"second")
        committed(part)
    assert clock.waited == pytest.approx(SILENCE, abs=0.5)
    assert tree(destination) == {"x": b"first second"}


def test_another_machine_s_is_left_alone_while_its_heart_beats(destination: Path) -> None:
    left_by(destination, b"first ", **OTHER_MACHINE)
    lock, clock = lock_path(destination), FakeClock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        told = json.loads(lock.read_text())
        if clock.time % 10 < 1:  # not at each look
            lock.write_text(json.dumps({**told, "beat": told["beat"] + 1}).ljust(511) + "\n")

    with pytest.raises(InUse):
        acquire(destination, Clock(clock.now, sleep), wait=60)
    assert clock.waited > 60


def test_clocks_are_not_compared(destination: Path) -> None:
    """What another machine's clock made of the time does not matter."""
    left_by(destination, b"first ", **OTHER_MACHINE)
    for wrong in (0, 2**33):
        os.utime(lock_path(destination), (wrong, wrong))
        with pytest.raises(InUse):
            acquire(destination, FakeClock().clock, wait=SILENCE - 5)


def test_a_machine_that_comes_back_does_no_harm(destination: Path) -> None:
    """Taken for dead, it writes on, and wants to commit: neither reaches the file of the other."""
    first = acquire(destination)
    first.write(b"WRONG ")
    lock = lock_path(destination)
    lock.write_text(json.dumps({**json.loads(lock.read_text()), **OTHER_MACHINE}).ljust(511) + "\n")
    with acquire(destination, FakeClock().clock, wait=30) as second:
        second.truncate()
        second.write(b"right")
        first.write(b"WRONG")
        assert committed(second) == []
    first.write(b"WRONG")
    assert committed(first) == [InUse]
    assert tree(destination) == {"x": b"right"}


def test_the_one_that_came_back_does_not_take_the_lock_of_the_other_away(destination: Path) -> None:
    first = acquire(destination)
    first.write(b"1")
    lock = lock_path(destination)
    lock.write_text(json.dumps({**json.loads(lock.read_text()), **OTHER_MACHINE}).ljust(511) + "\n")
    with acquire(destination, FakeClock().clock, wait=30):
        committed(first)
        with pytest.raises(InUse):
            acquire(destination)


def test_a_part_file_of_one_that_has_flock_is_copied_and_not_written_to(destination: Path) -> None:
    """The file server itself, or an earlier version of this program."""
    theirs = destination / part_name("x", IDENTITY)
    theirs.write_bytes(b"first ")
    late = os.open(theirs, os.O_WRONLY)
    with acquire(destination) as part:
        assert part.size == 6
        os.pwrite(late, b"LATE LATE", 0)
        committed(part)
    os.close(late)
    assert tree(destination) == {"x": b"first "}


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[]", b'{"kind": "another"}', b"\xff" * 600])
def test_a_lock_file_that_says_nothing_is_watched(destination: Path, rubbish: bytes) -> None:
    lock_path(destination).write_bytes(rubbish)
    with pytest.raises(InUse):
        acquire(destination)
    with acquire(destination, FakeClock().clock, wait=30) as part:
        assert part.size == 0
    assert tree(destination) == {}


def test_the_heart_beats_into_the_file_and_nothing_else_changes(destination: Path) -> None:
    with acquire(destination) as part:
        lock = part._lock
        assert lock is not None
        told = []
        for _ in range(3):
            lock.beat()
            told.append(json.loads(lock_path(destination).read_text()))
    assert len({fact.pop("beat") for fact in told}) == 3
    assert told[0] == told[1] == told[2]


def test_of_two_that_find_it_dead_one_takes_it(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second looks before the first has put its own in the place, and sees that at its second look."""
    left_by(destination, b"first ", pid=dead_process())
    held: list[PartFile] = []

    def looked(path: str) -> Any:
        found = read_lock(path)
        if not held:
            monkeypatch.setattr(lock_file, "read_lock", read_lock)
            held.append(acquire(destination))
        return found

    monkeypatch.setattr(lock_file, "read_lock", looked)
    with pytest.raises(InUse):
        acquire(destination)
    assert held[0].size == 6
    committed(held[0])
    assert tree(destination) == {"x": b"first "}


def test_a_lock_that_exists_may_be_called_not_permitted(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By sshfs, where another machine was faster. Where nothing is there it is what it says."""
    opened = os.open

    def refused(path: Any, flags: int, *more: Any) -> int:
        if flags & os.O_EXCL:
            raise PermissionError(errno.EPERM, "Operation not permitted", path)
        return opened(path, flags, *more)

    with acquire(destination), monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        with pytest.raises(InUse):
            acquire(destination)
    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(DiskError, match="Operation not permitted"):
        acquire(destination)


# --- what is planted --------------------------------------------------------------------------------------------------


def plant_link(path: Path, treasure: Path) -> None:
    path.symlink_to(treasure)


def plant_hard_link(path: Path, treasure: Path) -> None:
    path.hardlink_to(treasure)


def plant_fifo(path: Path, treasure: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("plant", [plant_link, plant_hard_link, plant_fifo])
@pytest.mark.parametrize("where", ["lock", "part", "left"])
def test_what_is_planted_is_not_followed(
    destination: Path, tmp_path: Path, plant: Callable[[Path, Path], None], where: str
) -> None:
    treasure = tmp_path / "treasure"
    treasure.write_bytes(b"treasure")
    place = {"lock": lock_path(destination), "part": destination / part_name("x", IDENTITY)}.get(where)
    if place is None:
        place = left_by(destination, b"first ", pid=dead_process())
        place.unlink()
    plant(place, treasure)
    with acquire(destination, FakeClock().clock, wait=30) as part:
        part.truncate()
        part.write(b"mine")
        assert committed(part) == []
    assert treasure.read_bytes() == b"treasure"
    assert (destination / "x").read_bytes() == b"mine"


def test_a_folder_in_its_place_is_a_conflict(destination: Path) -> None:
    lock_path(destination).mkdir()
    with pytest.raises(PathConflict):
        acquire(destination)


# --- whole restores ---------------------------------------------------------------------------------------------------

OBJECTS = {"small": content(1000), "large": content(200 * KIB)}


def test_a_killed_run_s_part_file_is_resumed_and_its_leftovers_are_removed(destination: Path) -> None:
    with other_run("restore", destination, 700 * KIB, behaviour=Behaviour(no_flock=True)) as other:
        other.wait_for("paused")
        other.kill()
    assert part_files(destination)
    plan = objects()
    results = restored(MemorySource(plan), destination, files_for(plan))
    assert all(result.ok for result in results.values())
    assert part_files(destination) == []


def test_small_files_of_a_killed_run_are_removed(destination: Path) -> None:
    with other_run("restore", destination, 0, behaviour=Behaviour(no_flock=True, holds_flush=1)) as other:
        other.wait_for("flushing")
        other.kill()
    left = part_files(destination)
    assert left
    plan = objects()
    assert all(result.ok for result in restored(MemorySource(plan), destination, files_for(plan)).values())
    assert part_files(destination) == []


def test_a_small_file_of_another_machine_goes_away_with_its_file(destination: Path) -> None:
    """It may be at it: it finds its part file gone, and the complete file there."""
    folder = Destination(destination)
    theirs = PartFile.acquire(folder, folder.place(safe_path("small")), IDENTITY, whole=True)
    theirs.write(OBJECTS["small"])
    assert restored(MemorySource(OBJECTS), destination, files_for(OBJECTS))["small"].ok
    assert committed(theirs) == [InUse]
    assert tree(destination) == OBJECTS


@pytest.mark.parametrize("days", [0, 2])
def test_a_lock_of_another_machine_on_another_content_is_removed_once_it_is_old(
    destination: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    left_by(destination, b"first ", **OTHER_MACHINE)
    left = part_files(destination)
    now = time.time() + days * 86_400 + 1
    monkeypatch.setattr(time, "time", lambda: now)
    assert restored(MemorySource({"x": b"another"}), destination, files_for({"x": b"another"}))["x"].ok
    assert part_files(destination) == ([] if days else left)


@pytest.mark.usefixtures("no_nameless_files")
@pytest.mark.parametrize("size", [1000, 200 * KIB])
def test_a_part_file_that_another_run_removed_costs_one_try_more(
    destination: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    data, renames, rename = content(size), [], os.rename

    def renamed(old: str, new: str) -> None:
        renames.append(new)
        if renames == [str(destination / "x")]:
            os.unlink(old)
        rename(old, new)

    monkeypatch.setattr(os, "rename", renamed)
    assert restored(MemorySource({"x": data}), destination, files_for({"x": data}))["x"].ok
    assert (tree(destination), renames.count(str(destination / "x"))) == ({"x": data}, 2)


def test_a_lock_that_lives_is_not_swept(destination: Path) -> None:
    folder = Destination(destination)
    with PartFile.acquire(folder, folder.place(safe_path("small")), "0" * 16) as theirs:
        theirs.write(b"at work")
        held = part_files(destination)
        assert restored(MemorySource(OBJECTS), destination, files_for(OBJECTS))["small"].ok
        assert part_files(destination) == held
    assert restored(MemorySource(OBJECTS), destination, files_for(OBJECTS))["small"].outcome is Outcome.SKIPPED
    assert part_files(destination) == [], "it has ended: it was released"


def test_a_file_that_another_run_writes_is_waited_for_and_named(destination: Path) -> None:
    file, folder = file_for("large", OBJECTS["large"]), Destination(destination)
    with PartFile.acquire(folder, folder.place(file.path), file.identity) as part:
        part.write(b"?")
        (result,) = restore([file], MemorySource(OBJECTS), destination, transfer_options(FakeClock()))
    assert result.message == "In use: another run is writing large; wait for the other run to end, then run it again"
    assert result.retryable
