"""The one place that commits a file: its lock, what is planted in its way, and the order of its last steps."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from downloader.disk import flushing
from downloader.disk.commit_group import commit
from downloader.disk.destination import Destination
from downloader.disk.part_file import PartFile, part_name
from downloader.errors import DiskError, DiskFull, DownloadError, InUse, NameTooLong, PathConflict
from downloader.paths import safe_path
from downloader.retry import Clock
from support.other_run import other_run
from support.restoring import FakeClock, tree

IDENTITY = "0123456789abcdef"
OTHER = "fedcba9876543210"


def acquire(
    destination: Path, name: str = "x", identity: str = IDENTITY, clock: Clock | None = None, wait: float = 0
) -> PartFile:
    folder = Destination(destination)
    return PartFile.acquire(folder, folder.place(safe_path(name)), identity, clock, wait)


def part_of(destination: Path, name: str = "x", identity: str = IDENTITY) -> Path:
    path = destination / name
    return path.with_name(part_name(path.name, identity))


def committed(*parts: PartFile) -> list[type[DownloadError]]:
    """Commits, and answers what was refused."""
    return [type(error) for error in commit(parts).values()]


def test_a_folder_that_was_removed_meanwhile_is_made_anew_by_the_next_try(destination: Path) -> None:
    folder = Destination(destination)
    place = folder.place(safe_path("a/b/x"))
    with PartFile.acquire(folder, place, IDENTITY):
        pass
    (destination / "a/b").rmdir()
    (destination / "a").rmdir()
    with pytest.raises(DownloadError, match="No such file"):
        PartFile.acquire(folder, place, IDENTITY)
    with PartFile.acquire(folder, place, IDENTITY) as part:
        part.write(b"x")
        assert committed(part) == []
    assert tree(destination) == {"a": "folder", "a/b": "folder", "a/b/x": b"x"}


# --- writing, keeping, resuming ---------------------------------------------------------------------------------------


def test_what_was_written_stays_for_the_next_run(destination: Path) -> None:
    with acquire(destination) as part:
        part.write(b"first ")
    with acquire(destination) as part:
        assert part.size == 6
        part.write(memoryview(b"second"))
        assert committed(part) == []
    assert tree(destination) == {"x": b"first second"}


def test_an_empty_part_file_is_not_left_behind(destination: Path) -> None:
    with acquire(destination) as part:
        part.write(b"x")
        part.truncate()
    assert tree(destination) == {}


def test_truncating_keeps_the_beginning(destination: Path) -> None:
    with acquire(destination) as part:
        part.write(b"abcdef")
        part.truncate(2)
        part.write(b"X")
        committed(part)
    assert tree(destination) == {"x": b"abX"}


def test_discarding_leaves_the_final_name_alone(destination: Path) -> None:
    (destination / "x").write_bytes(b"old")
    with acquire(destination) as part:
        part.write(b"new")
        part.discard()
    assert tree(destination) == {"x": b"old"}


def test_contents_have_part_files_of_their_own(destination: Path) -> None:
    with acquire(destination) as one, acquire(destination, identity=OTHER) as other:
        one.write(b"one")
        other.write(b"other")
    assert sorted(tree(destination).values()) == [b"one", b"other"]


def test_short_writes_are_written_on(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:3], at))
    with acquire(destination) as part:
        part.write(b"0123456789")
        committed(part)
    assert tree(destination) == {"x": b"0123456789"}


def test_closing_twice_does_no_harm(destination: Path) -> None:
    part = acquire(destination)
    part.close()
    part.close()


@pytest.mark.parametrize("name", ["x" * 255, "€" * 85, "x" * 232, "x" * 233])
def test_the_longest_names_have_part_files(destination: Path, name: str) -> None:
    with acquire(destination, name) as part:
        part.write(b"data")
        committed(part)
    assert tree(destination) == {name: b"data"}


def test_a_path_that_only_the_part_file_makes_too_long_is_refused_in_our_words(destination: Path) -> None:
    depth = (4095 - len(str(destination)) - 10) // 201
    folder = "/".join(["d" * 200] * depth)
    rest = 4095 - len(f"{destination}/{folder}/")
    deep = Destination(destination)
    place = deep.place(safe_path(f"{'d' * 200}/x"))
    os.makedirs(place.folder)
    long = type(place)(safe_path("y" * min(rest, 200)), f"{destination}/{folder}")
    with pytest.raises((NameTooLong, DiskError)):
        PartFile.acquire(deep, long, IDENTITY)


# --- the lock ---------------------------------------------------------------------------------------------------------


def test_two_threads_never_write_the_same_part_file(destination: Path) -> None:
    inside, most, homes = 0, 0, 0
    count = threading.Lock()

    def run() -> None:
        nonlocal inside, most, homes
        while homes < 40:
            try:
                with acquire(destination) as part:
                    with count:
                        inside += 1
                        most = max(most, inside)
                    part.write(b"x")
                    with count:
                        inside -= 1
                    if part.size > 3:
                        committed(part)
                        homes += 1
            except InUse:
                pass

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert tree(destination)["x"] == b"xxxx"


def test_another_process_holds_the_lock(destination: Path) -> None:
    with other_run("hold", destination, "x", IDENTITY) as other:
        other.wait_for("locked")
        with pytest.raises(InUse, match="In use: another run is writing x; wait for the other run to end"):
            acquire(destination)
        with acquire(destination, identity=OTHER):
            pass
        assert tree(destination) == {part_of(destination).name: b"of the other run"}


def test_waiting_for_another_process_takes_as_long_as_was_said(destination: Path) -> None:
    clock = FakeClock()
    with other_run("hold", destination, "x", IDENTITY) as other:
        other.wait_for("locked")
        with pytest.raises(InUse):
            acquire(destination, clock=clock.clock, wait=30)
    assert clock.waited == pytest.approx(30, abs=0.3)


def test_the_second_goes_on_where_the_first_ended(destination: Path) -> None:
    with other_run("hold", destination, "x", IDENTITY) as other:
        other.wait_for("locked")

        def let_it_end(seconds: float) -> None:
            other.go_on()

        with acquire(destination, clock=Clock(sleep=let_it_end), wait=30) as part:
            assert part.waited
            assert part.size == len(b"of the other run")


def test_a_killed_process_holds_no_lock(destination: Path) -> None:
    with other_run("hold", destination, "x", IDENTITY) as other:
        other.wait_for("locked")
        other.kill()
    with acquire(destination) as part:
        assert not part.waited
        assert part.size == len(b"of the other run")


def test_who_waited_for_one_that_came_home_gets_a_fresh_part_file(destination: Path) -> None:
    first = acquire(destination)
    first.write(b"home")
    clock = FakeClock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        committed(first)

    with acquire(destination, clock=Clock(clock.now, sleep), wait=30) as second:
        assert second.waited
        assert second.size == 0
    assert tree(destination) == {"x": b"home"}


def test_a_part_file_that_was_swapped_meanwhile_is_not_given_the_final_name(destination: Path) -> None:
    """Somebody tidies up while a run is at work, and starts another: the first holds the lock of a deleted file."""
    (destination / "x").write_bytes(b"old")
    first = acquire(destination)
    first.write(b"all of it")
    part_of(destination).unlink()
    with acquire(destination) as second:
        second.write(b"half of")
        assert committed(first) == [DiskError]
        assert tree(destination) == {"x": b"old", part_of(destination).name: b"half of"}


def test_a_part_file_that_was_deleted_meanwhile_is_a_refusal(destination: Path) -> None:
    part = acquire(destination)
    part.write(b"all of it")
    part_of(destination).unlink()
    assert committed(part) == [DiskError]
    assert tree(destination) == {}


def test_an_empty_one_that_was_deleted_meanwhile_is_let_go_in_silence(destination: Path) -> None:
    with acquire(destination):
        part_of(destination).unlink()
    assert tree(destination) == {}


def test_a_disk_on_which_no_part_file_stays_is_refused(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock = fcntl.flock

    def remove(descriptor: int, how: int) -> None:
        flock(descriptor, how)
        part_of(destination).unlink()

    monkeypatch.setattr(fcntl, "flock", remove)
    with pytest.raises(DiskError, match="gone each time it had been made; see what removes files at the destination"):
        acquire(destination)


def test_no_descriptor_is_left_open(destination: Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = count()
    with acquire(destination):
        for _ in range(5):
            with pytest.raises(InUse):
                acquire(destination)
    part_of(destination).mkdir()
    for _ in range(5):
        with pytest.raises(PathConflict):
            acquire(destination)
    assert count() == before


# --- what is planted in its way ---------------------------------------------------------------------------------------


@pytest.fixture
def treasure(tmp_path: Path) -> Iterator[Path]:
    """A file outside that nobody may touch."""
    outside = tmp_path / "treasure"
    outside.write_bytes(b"treasure")
    yield outside
    assert outside.read_bytes() == b"treasure"


def plant_link(part: Path, treasure: Path) -> None:
    part.symlink_to(treasure)


def plant_link_to_nothing(part: Path, treasure: Path) -> None:
    part.symlink_to(treasure.with_name("not there"))


def plant_hard_link(part: Path, treasure: Path) -> None:
    part.hardlink_to(treasure)


def plant_fifo(part: Path, treasure: Path) -> None:
    os.mkfifo(part)


@pytest.mark.parametrize("plant", [plant_link, plant_link_to_nothing, plant_hard_link, plant_fifo])
def test_what_is_planted_in_its_place_is_put_aside(
    destination: Path, treasure: Path, plant: Callable[[Path, Path], None]
) -> None:
    plant(part_of(destination), treasure)
    with acquire(destination) as part:
        assert part.size == 0
        part.write(b"mine")
        assert committed(part) == []
    assert tree(destination.parent) == {
        "destination": "folder",
        "destination/x": b"mine",
        "treasure": b"treasure",
    }


def test_a_link_under_the_final_name_is_replaced_not_followed(destination: Path, treasure: Path) -> None:
    (destination / "x").symlink_to(treasure)
    with acquire(destination) as part:
        part.write(b"mine")
        committed(part)
    assert tree(destination) == {"x": b"mine"}


def test_a_folder_in_its_place_is_a_conflict(destination: Path) -> None:
    part_of(destination).mkdir()
    with pytest.raises(PathConflict):
        acquire(destination)


def test_a_folder_under_the_final_name_is_a_conflict(destination: Path) -> None:
    (destination / "x").mkdir()
    with acquire(destination) as part:
        part.write(b"mine")
        assert committed(part) == [PathConflict]
    assert tree(destination)["x"] == "folder"


# --- the order of the last steps --------------------------------------------------------------------------------------


class Steps:
    """What reaches the disk, in order. A step that `fail_at` names is refused."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.seen: list[str] = []
        self.fail_at: dict[str, int] = {}
        self._root = root
        fsync, rename = os.fsync, os.rename

        def traced_fsync(descriptor: int) -> None:
            self._note(f"flush {self._named(os.readlink(f'/proc/self/fd/{descriptor}'))}")
            fsync(descriptor)

        def traced_rename(old: str, new: str) -> None:
            self._note(f"rename {self._named(old)} to {self._named(new)}")
            rename(old, new)

        def traced_syncfs(descriptor: object) -> int:
            self._note("flush all")
            return 0

        monkeypatch.setattr(os, "fsync", traced_fsync)
        monkeypatch.setattr(os, "rename", traced_rename)
        monkeypatch.setattr(flushing, "_syncfs", traced_syncfs)

    def _named(self, path: str) -> str:
        return os.path.relpath(path, self._root)

    def _note(self, step: str) -> None:
        self.seen.append(step)
        if step in self.fail_at:
            raise OSError(self.fail_at[step], os.strerror(self.fail_at[step]))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, destination: Path) -> Steps:
    return Steps(monkeypatch, destination)


def test_one_file_is_flushed_then_named_then_its_name_is_flushed(destination: Path, steps: Steps) -> None:
    part = acquire(destination)
    part.write(b"data")
    committed(part)
    temporary = part_of(destination).name
    assert steps.seen == [f"flush {temporary}", f"rename {temporary} to x", "flush ."]


def test_folders_that_were_made_for_it_are_flushed_too(destination: Path, steps: Steps) -> None:
    part = acquire(destination, "a/b/x")
    part.write(b"data")
    committed(part)
    assert steps.seen[1].endswith(" to a/b/x")
    assert sorted(steps.seen[2:]) == ["flush .", "flush a", "flush a/b"]


def test_folders_are_flushed_whoever_made_them(destination: Path, steps: Steps) -> None:
    """A run that was killed may have made them a moment ago."""
    (destination / "a" / "b").mkdir(parents=True)
    part = acquire(destination, "a/b/x")
    part.write(b"data")
    committed(part)
    assert steps.seen[2:] == ["flush .", "flush a", "flush a/b"]


def test_a_folder_whose_name_did_not_reach_the_disk_is_flushed_again_for_the_next_file(
    destination: Path, steps: Steps
) -> None:
    folder = Destination(destination)
    steps.fail_at = {"flush .": errno.EIO}
    told = []
    for name in ("x", "y", "z"):
        part = PartFile.acquire(folder, folder.place(safe_path(f"a/b/{name}")), IDENTITY)
        part.write(b"data")
        steps.seen.clear()
        told.append((committed(part), steps.seen[2:]))
        steps.fail_at = {}
    assert told == [
        ([DiskError], ["flush ."]),
        ([], ["flush .", "flush a", "flush a/b"]),
        ([], ["flush a/b"]),
    ]


def test_a_group_is_flushed_once_before_and_once_after_its_names(destination: Path, steps: Steps) -> None:
    parts = [acquire(destination, name) for name in ("x", "y", "z")]
    for part in parts:
        part.write(part.place.path.name.encode())
    assert committed(*parts) == []
    kinds = [step.split()[0] for step in steps.seen]
    assert kinds == ["flush", "rename", "rename", "rename", "flush"]
    assert tree(destination) == {"x": b"x", "y": b"y", "z": b"z"}


def test_where_the_system_cannot_flush_groups_each_is_flushed(
    destination: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flushing, "_syncfs", None)
    parts = [acquire(destination, name) for name in ("x", "y")]
    for part in parts:
        part.write(b"data")
    committed(*parts)
    kinds = [step.split()[0] for step in steps.seen]
    assert kinds == ["flush", "flush", "rename", "rename", "flush", "flush"]


def test_bytes_that_did_not_reach_the_disk_get_no_name(destination: Path, steps: Steps) -> None:
    (destination / "x").write_bytes(b"old")
    part = acquire(destination)
    part.write(b"data")
    steps.fail_at = {f"flush {part_of(destination).name}": errno.EIO}
    assert committed(part) == [DiskError]
    assert tree(destination)["x"] == b"old"


def test_a_group_whose_bytes_did_not_reach_the_disk_gets_no_names(destination: Path, steps: Steps) -> None:
    parts = [acquire(destination, name) for name in ("x", "y")]
    for part in parts:
        part.write(b"data")
    steps.fail_at = {"flush all": errno.ENOSPC}
    assert committed(*parts) == [DiskFull, DiskFull]
    assert not (destination / "x").exists()
    assert not (destination / "y").exists()


def test_one_refusal_in_a_group_does_not_touch_the_others(destination: Path, steps: Steps) -> None:
    (destination / "y").mkdir()
    with ExitStack() as held:
        parts = [held.enter_context(acquire(destination, name)) for name in ("x", "y", "z")]
        for part in parts:
            part.write(b"data")
        refused = commit(parts)
    assert {part.place.path.name: error.kind for part, error in refused.items()} == {"y": "Path conflict"}
    assert tree(destination)["x"] == tree(destination)["z"] == b"data"


def test_the_group_is_let_go_whatever_happens(destination: Path, steps: Steps) -> None:
    """Nothing that the disk does to one file keeps the others' locks, or raises."""
    parts = [acquire(destination, name) for name in ("x", "y")]
    part_of(destination, "x").unlink()  # empty ones are removed when they are let go, and this one is gone
    steps.fail_at = {"flush all": errno.EIO}
    assert committed(*parts) == [DiskError, DiskError]
    assert all(part.descriptor < 0 for part in parts)
