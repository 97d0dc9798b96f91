"""Runs at once on the same destination, in real processes: stopped, killed, and of two minds about the content.

Each process writes down what a file holds just before it gets its final name, so that no commit goes unseen; a watcher
reads each final name as it appears.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from downloader.report import read, reports_in
from downloader.results import Outcome
from downloader.sources.memory import MemorySource
from downloader.transfer.batch import restore
from include.chaos.watcher import Watcher, digest_of
from support.other_run import REPORT_ID, Behaviour, OtherRun, objects, other_run
from support.restoring import KIB, LIMITS, FakeClock, files_for, part_files, part_path, transfer_options, tree

pytestmark = pytest.mark.timeout(100, method="thread")

VERSIONS = {version: objects(version) for version in (1, 2)}
MD5S = {
    version: {name: f"md5:{hashlib.md5(data).hexdigest()}" for name, data in plan.items()}
    for version, plan in VERSIONS.items()
}
DIGESTS = {version: {name: digest_of(data) for name, data in plan.items()} for version, plan in VERSIONS.items()}
PATIENT = Behaviour(waits_for_start=True, lock_wait=90.0, reports=True)
LARGE = [name for name in VERSIONS[1] if name.startswith("large/")]


@dataclass
class Race:
    """Runs on one destination. Leave `running` before asking what came of it."""

    destination: Path
    versions: Sequence[int] = (1,)
    runs: list[tuple[OtherRun, Behaviour]] = field(default_factory=list)
    brought: set[tuple[str, str]] = field(default_factory=set)
    """Name and digest of what this process itself gave a final name."""
    _stack: ExitStack = field(default_factory=ExitStack)

    @contextmanager
    def running(self) -> Iterator[None]:
        """The watcher watches, and no process outlives the block."""
        due = {name: {DIGESTS[version][name] for version in self.versions} for name in VERSIONS[1]}
        with Watcher(self.destination, due, {}) as self.watcher, self._stack:
            yield
            self.watcher.settle()
        self.sightings = self.watcher.result()

    def wait_for_bytes(self) -> None:
        """Returns once a part file holds some."""
        while not any(path.stat().st_size for path in self.destination.rglob("*.part")):
            assert self.watcher.wait_for(self.watcher.events + 1, 30)

    def start(self, behaviour: Behaviour, pause_at: int = 0) -> OtherRun:
        """A run more."""
        behaviour = replace(behaviour, commits=str(self._log(len(self.runs))))
        run = self._stack.enter_context(other_run("restore", self.destination, pause_at, behaviour=behaviour))
        self.runs.append((run, behaviour))
        return run

    def _log(self, number: int) -> Path:
        return self.destination.with_name(f"commits of {number}")

    def commits(self, number: int) -> set[tuple[str, str]]:
        """Name and digest of all that a run gave a final name."""
        if not self._log(number).exists():
            return set()
        lines = self._log(number).read_text().splitlines()
        return {(name, digest) for name, _, digest in (line.rpartition(" ") for line in lines)}

    def nothing_wrong(self) -> None:
        """Whatever ever had a final name was one whole content, and so is what has it now."""
        wrong = [sight for sight in self.sightings.wrong if not sight.startswith("_download_status_")]
        assert wrong == []
        assert self.sightings.gone == []
        due = {item for version in self.versions for item in DIGESTS[version].items()}
        assert set().union(*(self.commits(number) for number in range(len(self.runs)))) <= due
        found = {name: data for name, data in tree(self.destination).items() if name in VERSIONS[1]}
        assert found.keys() == VERSIONS[1].keys()
        for name, data in found.items():
            assert any(data == VERSIONS[version][name] for version in self.versions), name

    def all_true(self, number: int, results: Sequence[Mapping[str, Any]]) -> None:
        """Each result of a run is OK, and by its own content: it gave it the name, or somebody had done so."""
        version = self.runs[number][1].version
        mine = self.commits(number)
        anybodys = self.brought.union(*(self.commits(other) for other in range(len(self.runs))))
        assert [result["name"] for result in results] == list(VERSIONS[version])
        for result in results:
            name, outcome = result["name"], result["outcome"]
            assert outcome != Outcome.FAILED, result["message"]
            assert result["assurance"] == MD5S[version][name]
            assert (name, DIGESTS[version][name]) in (anybodys if outcome == Outcome.SKIPPED else mine), result


def start_together(runs: Sequence[OtherRun]) -> None:
    for run in runs:
        run.wait_for("ready")
    for run in runs:
        run.go_on()


def reports_agree(race: Race, told: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
    """Each run has a report of its own, though all were made in one second, and it says what the run did."""
    written = reports_in(race.destination, REPORT_ID)
    numbers = ["", *(f"_{number}" for number in range(2, len(told) + 1))]
    assert sorted(path.name for path in written) == sorted(
        f"_download_status_{REPORT_ID}_20250204_143022{number}.txt" for number in numbers
    )
    found = [[asdict(result) for result in read(path).results] for path in written]
    assert sorted(found, key=str) == sorted((by_name(results) for results in told.values()), key=str)


def by_name(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As a report sorts them, and tells them."""
    return sorted(
        ({**result, "outcome": Outcome(result["outcome"])} for result in results), key=lambda result: result["name"]
    )


@pytest.mark.parametrize("count", [2, 8])
def test_runs_at_once_come_home_though_one_is_killed_while_it_holds_locks(destination: Path, count: int) -> None:
    """All others wait for the large file that it holds, and none waits a moment longer than it lives."""
    race = Race(destination)
    with race.running():
        held = race.start(Behaviour(), 700 * KIB)
        held.wait_for("paused")
        race.wait_for_bytes()
        others = [race.start(replace(PATIENT, tells_waits=True)) for _ in range(count - 1)]
        start_together(others)
        for other in others:
            other.wait_for("waiting")
        held.kill()
        told = {number: other.results() for number, other in enumerate(others, 1)}
    for number, results in told.items():
        race.all_true(number, results)
    race.nothing_wrong()
    assert part_files(destination) == []
    reports_agree(race, told)
    outcomes = [result["outcome"] for results in told.values() for result in results]
    assert Outcome.RESUMED in outcomes, "what the dead one left is gone on with"


@pytest.mark.parametrize("is_killed", [True, False])
def test_nobody_waits_for_files_that_have_no_name_yet(destination: Path, is_killed: bool) -> None:
    """A run stops before it flushes a group. Another one brings its files, whether or not the first goes on."""
    race = Race(destination)
    with race.running():
        held = race.start(Behaviour(holds_flush=1, reports=True))
        held.wait_for("flushing")
        other = race.start(replace(PATIENT, waits_for_start=False))
        told = {1: other.results()}
        if is_killed:
            held.kill()
        else:
            held.go_on()
            told[0] = held.results()
    for number, results in told.items():
        race.all_true(number, results)
    race.nothing_wrong()
    assert part_files(destination) == []
    reports_agree(race, told)
    small = {number: {one["outcome"] for one in told[number] if "small" in one["name"]} for number in told}
    assert small == {1: {Outcome.DOWNLOADED}} | ({} if is_killed else {0: {Outcome.SKIPPED}})


def test_a_run_that_is_killed_between_the_names_of_a_group_and_their_flush_left_whole_files(destination: Path) -> None:
    """Their bytes were flushed before. The next run flushes what it finds, and reports it."""
    race = Race(destination)
    with race.running():
        held = race.start(Behaviour(holds_flush=2))
        held.wait_for("flushing")
        held.kill()
        results = race.start(replace(PATIENT, waits_for_start=False)).results()
    race.all_true(1, results)
    race.nothing_wrong()
    assert part_files(destination) == []
    assert Outcome.SKIPPED in {one["outcome"] for one in results if "small" in one["name"]}


@pytest.mark.parametrize("count", [2, 8])
def test_runs_at_once_that_want_different_contents_under_the_same_names(destination: Path, count: int) -> None:
    race = Race(destination, versions=(1, 2))
    with race.running():
        runs = [race.start(replace(PATIENT, version=1 + number % 2)) for number in range(count)]
        start_together(runs)
        told = {number: run.results() for number, run in enumerate(runs)}
    for number, results in told.items():
        race.all_true(number, results)
    race.nothing_wrong()
    reports_agree(race, told)


def test_one_that_wants_another_content_does_not_wait_for_the_one_that_is_stopped(destination: Path) -> None:
    race = Race(destination, versions=(1, 2))
    with race.running():
        held = race.start(Behaviour(), 700 * KIB)
        held.wait_for("paused")
        other = race.start(replace(PATIENT, version=2))
        start_together([other])
        race.all_true(1, other.results())
        held.go_on()
        race.all_true(0, held.results())
    race.nothing_wrong()


def test_one_that_is_stopped_is_waited_for_as_long_as_was_said_and_then_named(destination: Path) -> None:
    """A stopped process is not dead: its locks hold. The rest comes home, and once it goes on so does its own."""
    race = Race(destination)
    clock = FakeClock()
    with race.running():
        held = race.start(Behaviour(), 700 * KIB)
        held.wait_for("paused")
        held.stop()
        plan = files_for(VERSIONS[1])
        under_way = {str(file.path) for file in plan if part_path(destination, file).exists()}
        patient = transfer_options(clock, replace(LIMITS, lock_wait=30))
        mine = {result.name: result for result in restore(plan, MemorySource(VERSIONS[1]), destination, patient)}
        race.brought |= {(name, DIGESTS[1][name]) for name, result in mine.items() if result.ok}
        held.cont()
        held.go_on()
        race.all_true(0, held.results())
    race.nothing_wrong()
    refused = {name: result for name, result in mine.items() if not result.ok}
    assert refused.keys() <= under_way, "one may have been opened and not yet locked"
    assert refused.keys() & set(LARGE)
    for name, result in refused.items():
        expected = f"In use: another run is writing {name}; wait for the other run to end, then run it again"
        assert (result.message, result.retryable) == (expected, True)
    assert clock.waited <= len(refused) * 31
    assert part_files(destination) == []
