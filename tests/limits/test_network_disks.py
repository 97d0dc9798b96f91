"""GlusterFS and sshfs, mounted twice as two machines would: one process by the one mount, another one by the other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from downloader.disk.commit_group import commit
from downloader.disk.destination import Destination
from downloader.disk.part_file import PartFile
from downloader.disk.part_names import lock_name
from downloader.errors import InUse
from downloader.paths import safe_path
from downloader.report import Report, read, write
from downloader.results import FileResult, Outcome
from downloader.retry import Clock
from downloader.sources.memory import MemorySource
from downloader.transfer.batch import restore
from support.lanes import LANES, Lane, came_home, settled
from support.network_disk import NETWORKS, NetworkDisk, network_disk
from support.other_run import Behaviour, objects, other_run
from support.restoring import KIB, LIMITS, FakeClock, files_for, part_files, restored, transfer_options, tree
from support.small_disk import allow_mounts

pytestmark = pytest.mark.timeout(120, method="thread")

LOCK_SIZE = 512
IDENTITY = "0123456789abcdef"
PLAN = objects(small=10)
ANOTHER = objects(version=2, small=10)
WAITS = Behaviour(small=10, waits_for_start=True, lock_wait=90.0)
PATIENT = replace(LIMITS, lock_wait=30.0)
ANOTHER_MACHINE = ("unshare", "--pid", "--fork", "--kill-child")
"""Its processes cannot be looked up from here, nor ours from there."""


@dataclass(frozen=True)
class Mounts:
    """The destination, as two machines see it, and as it is."""

    served: Path
    here: Path
    there: Path


@pytest.fixture(scope="module", params=list(NETWORKS))
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkDisk]:
    with ExitStack() as held:
        allow_mounts()
        yield held.enter_context(network_disk(request.param, tmp_path_factory.mktemp(request.param)))


@pytest.fixture
def mounts(network: NetworkDisk, request: pytest.FixtureRequest) -> Mounts:
    name = f"{abs(hash(request.node.name)):x}"
    (network.first / name).mkdir()
    return Mounts(network.served / name, network.first / name, network.second / name)


def acquire(folder: Path, clock: Clock | None = None, wait: float = 0) -> PartFile:
    destination = Destination(folder)
    place = destination.place(safe_path("x"))
    return PartFile.acquire(destination, place, IDENTITY, clock, wait)


def wait_until(is_so: Callable[[], bool]) -> None:
    """The daemons behind a mount need a moment for what its processes have done."""
    deadline = time.monotonic() + 30
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)


def found(mounts: Mounts) -> dict[str, bytes | str]:
    """What is served in the end: what a mount shows may be older."""
    wait_until(lambda: not any(mounts.served.rglob(".fuse_hidden*")))  # FUSE closes files a moment later
    return {name: data for name, data in tree(mounts.served).items() if data != "folder"}


def home(mounts: Mounts, plan: Mapping[str, bytes]) -> None:
    """All of `plan` is there, and nothing else."""
    assert found(mounts) == plan


def all_ok(results: Mapping[str, FileResult]) -> None:
    assert {result.message for result in results.values() if not result.ok} == set()


@pytest.mark.parametrize("lane", LANES, ids=lambda lane: lane.name)
def test_fresh_then_skipped_then_healed(mounts: Mounts, lane: Lane) -> None:
    came_home(lane, mounts.here)
    source = lane.source()
    assert settled(lane, mounts.there, source) == {}
    assert not source.opens, "what came by one mount is kept by the other"
    name, data = next(iter(lane.objects.items()))
    (mounts.there / name).write_bytes(b"?" * len(data))
    results = restored(lane.source(), mounts.there, files_for(lane.objects))
    assert [healed for healed, result in results.items() if result.outcome is Outcome.SELF_HEALED] == [name]
    home(mounts, lane.objects)


@pytest.mark.parametrize("machine", [(), ANOTHER_MACHINE], ids=["same machine", "another machine"])
@pytest.mark.parametrize("mount", ["here", "there"])
def test_what_a_killed_run_left_is_resumed(mounts: Mounts, machine: tuple[str, ...], mount: str) -> None:
    with other_run("restore", mounts.here, 300 * KIB, behaviour=Behaviour(small=10), under=machine) as other:
        other.wait_for("paused")
        wait_until(lambda: any(path.stat().st_size > LOCK_SIZE for path in mounts.served.rglob("*.part")))
        other.kill()
    assert part_files(mounts.here)
    folder, clock = getattr(mounts, mount), FakeClock()
    results = restore(files_for(PLAN), MemorySource(PLAN), folder, transfer_options(clock, PATIENT))
    assert [result.message for result in results if not result.ok] == []
    assert Outcome.RESUMED in {result.outcome for result in results}, results
    home(mounts, PLAN)


def test_small_files_that_a_killed_run_left_are_removed(mounts: Mounts) -> None:
    behaviour = Behaviour(small=10, holds_flush=1)
    with other_run("restore", mounts.here, 0, behaviour=behaviour) as other:
        other.wait_for("flushing")
        other.kill()
    all_ok(restored(MemorySource(PLAN), mounts.there, files_for(PLAN)))
    home(mounts, PLAN)


@pytest.mark.parametrize("versions", [(1, 1), (1, 2)], ids=["one content", "two contents"])
@pytest.mark.parametrize("machine", [(), ANOTHER_MACHINE], ids=["same machine", "another machine"])
def test_two_runs_at_once(mounts: Mounts, versions: tuple[int, int], machine: tuple[str, ...]) -> None:
    with ExitStack() as held:
        runs = [
            held.enter_context(
                other_run(
                    "restore",
                    folder,
                    0,
                    behaviour=Behaviour(version, 10, waits_for_start=True, lock_wait=90.0),
                    under=machine,
                )
            )
            for folder, version in zip((mounts.here, mounts.there), versions, strict=True)
        ]
        for run in runs:
            run.wait_for("ready")
        for run in runs:
            run.go_on()
        told = [run.results() for run in runs]
    assert [result["message"] for results in told for result in results if result["outcome"] == Outcome.FAILED] == []
    brought = found(mounts)
    assert brought.keys() == PLAN.keys()
    assert all(data in (PLAN[name], ANOTHER[name]) for name, data in brought.items())
    if versions == (1, 1):
        home(mounts, PLAN)


def test_a_lock_is_seen_by_the_other_mount(mounts: Mounts) -> None:
    with acquire(mounts.here) as mine:
        mine.write(b"mine")
        with pytest.raises(InUse):
            acquire(mounts.there)
        assert commit([mine]) == {}
    with acquire(mounts.there, Clock(), wait=30) as other:  # it may have to forget what it was told of the lock
        assert other.size == 0
    home(mounts, {"x": b"mine"})


def test_one_that_was_cut_off_and_comes_back_spoils_nothing(mounts: Mounts) -> None:
    first = acquire(mounts.here)
    first.write(b"WRONG ")
    lock = mounts.here / lock_name("x", IDENTITY)
    strange = {**json.loads(lock.read_text()), "boot": "of another machine"}
    lock.write_text(json.dumps(strange).ljust(511) + "\n")
    with acquire(mounts.there, FakeClock().clock, wait=30) as second:
        second.truncate()
        second.write(b"right")
        first.write(b"WRONG")
        assert commit([second]) == {}
    first.write(b"WRONG")
    first.truncate()
    first.close()
    home(mounts, {"x": b"right"})


def test_a_report_is_written(mounts: Mounts) -> None:
    report = Report("S3 Download Status Report", datetime(2025, 2, 4, tzinfo=UTC), str(mounts.here))
    assert read(write(report, mounts.here, "x")) == report
    assert write(report, mounts.there, "x").name.endswith("_2.txt")
