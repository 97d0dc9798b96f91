"""A trial counts what must not be: each fault of a worker turns up in its own row, and a right worker in none."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from downloader.remote_file import RemoteFile
from include.chaos import trial
from include.chaos.damage import prepare
from include.chaos.lanes import Book, run_lanes
from include.chaos.sample_files import CASES, SampleFile, as_json, planned, remote_file
from include.chaos.source_servers import Plan
from include.chaos.table import table
from include.chaos.tally import ChaosTally
from include.chaos.trial import Trial, Workspace
from include.chaos.watcher import digest_of

TESTS = Path(__file__).parents[1]
WORKER = "chaos.broken_worker"


@dataclass
class SourceServer:
    """Where the broken workers find their files."""

    fault: str = ""

    def offer(self, samples: Sequence[SampleFile], folder: Path, dice: random.Random) -> tuple[Plan, list[RemoteFile]]:
        for sample in samples:
            (folder / sample.key).write_bytes(sample.content)
        files = [remote_file(sample, sample.key) for sample in samples]
        return {"fault": self.fault, "stock": str(folder), "files": [as_json(file) for file in files]}, files


class NoProxy:
    def order(self, order: object) -> dict[str, Any]:
        return {"faults": {"cut": 1}, "sent": 10}


@pytest.fixture(autouse=True)
def workers_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent / "plugins")]))


def workspace(fault: str = "", *, over: bool = True) -> Workspace:
    return Workspace(SourceServer(fault), NoProxy(), lambda: over, WORKER, patience=20.0 if fault != "endless" else 0.7)


def played(tmp_path: Path, fault: str = "", *, over: bool = True, seed: int = 2) -> ChaosTally:
    return Trial(CASES["s3"][0], seed, workspace(fault, over=over), tmp_path / "trial").play()


def counted(tally: ChaosTally) -> set[str]:
    """The rows that are not nought, of those that must be."""
    lists = {one.name for one in fields(tally) if isinstance(getattr(tally, one.name), list)}
    return {name for name in lists if getattr(tally, name)} | ({"missed"} if tally.missed else set())


def test_a_right_worker(tmp_path: Path) -> None:
    tally = played(tmp_path)
    assert counted(tally) == set()
    assert (tally.trials, tally.processes, tally.kills) == (1, 1, 0)
    assert tally.faults == {"cut": 2}
    assert tally.fetched == 20
    assert tally.looks == tally.files > 3


@pytest.mark.parametrize(
    ("fault", "rows"),
    [
        ("straight", {"wrong"}),
        ("damaged", {"wrong", "untrue", "undone"}),
        ("lost", {"lost"}),
        ("twice", {"lost"}),
        ("removed", {"gone"}),
        ("part left", {"left"}),
        ("broke off", {"unexpected", "undone"}),
        ("unexpected", {"unexpected"}),
        ("given up", {"undone"}),
        ("endless", {"endless", "undone"}),
    ],
)
def test_each_fault_is_counted_where_it_belongs(tmp_path: Path, fault: str, rows: set[str]) -> None:
    tally = played(tmp_path, fault)
    assert counted(tally) == rows


def test_one_that_does_not_end_says_where_it_stood(tmp_path: Path) -> None:
    (endless,) = played(tmp_path, "endless").endless
    assert "in _endless" in endless


def test_workers_are_killed_and_started_again_until_all_is_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "_EARLY", 0.0)
    tally = played(tmp_path, "killed once", over=False)
    assert (tally.kills > 0, tally.processes) == (True, tally.kills + 1)
    assert tally.faults.total() == tally.processes + 1
    assert counted(tally) == set()


# --- the lanes, the table ---------------------------------------------------------------------------------------------


def book_of(tmp_path: Path, fault: str = "", *, keep: bool = False) -> tuple[Book, list[str]]:
    lines: list[str] = []
    book = Book(lines.append, keep)
    over = iter([False, True, False, True, True])  # by turns: may a trial begin, is it to come to its end
    tried = Workspace(SourceServer(fault), NoProxy(), lambda: next(over), WORKER)
    run_lanes({"s3": tried}, 40, tmp_path, book)
    return book, lines


def test_trials_follow_one_another_with_seeds_of_their_own(tmp_path: Path) -> None:
    book, lines = book_of(tmp_path)
    assert (book.failed, lines) == ([], [])
    assert book.tallies["s3"].trials == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [True, False])
def test_a_trial_that_failed_is_named_with_its_seed(tmp_path: Path, keep: bool) -> None:
    book, lines = book_of(tmp_path, "lost", keep=keep)
    assert [line.split(": ")[1].partition(" (")[0] for line in lines] == [f"--sources s3 --seed {n}" for n in (40, 41)]
    assert book.failed[0].startswith("s3, seed 40: lost: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == (["s3-40", "s3-41"] if keep else [])


def test_a_lane_that_breaks_off_is_a_failure(tmp_path: Path) -> None:
    lines: list[str] = []
    book = Book(lines.append, keep=False)
    (tmp_path / "s3-40").mkdir()
    (tmp_path / "s3-40" / "destination").write_text("in the way")
    run_lanes({"s3": workspace(over=False)}, 40, tmp_path, book)
    assert "FileExistsError" in book.failed[0]


def test_the_table_has_a_column_for_each_source_and_one_for_all() -> None:
    one, other = ChaosTally(trials=1, kills=3, wrong=["x"], longest=0.1), ChaosTally(trials=2, kills=1234, longest=0.2)
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table({"s3": one, "drive": other}).splitlines()
    ]
    cells = {name: values for name, *values in rows}
    assert cells[""] == ["S3", "Drive", "all"]
    assert cells["... killed (SIGKILL) at work"] == ["3", "1,234", "1,237"]
    assert cells["**wrong files under a final name**"] == ["1", "0", "1"]
    assert cells["... longest delay before the read"] == ["100 ms", "200 ms", "200 ms"]


# --- what is there at the start ---------------------------------------------------------------------------------------


def prepared(case_of: str, number: int, tmp_path: Path) -> Iterator[tuple[SampleFile, bytes | None]]:
    """Files of 60 trials, each with what stood under its final name at the start."""
    for seed in range(60):
        dice = random.Random(seed)
        samples = planned(dice, CASES[case_of][number])
        root = tmp_path / str(seed)
        start = prepare(root, samples, [remote_file(sample, sample.key) for sample in samples], dice)
        for sample in samples:
            path = root / sample.name
            found = path.read_bytes() if path.exists() else None
            assert start.before.get(sample.name) == (None if found is None else digest_of(found))
            yield sample, found


def test_every_kind_of_damage_is_done_where_a_checksum_tells(tmp_path: Path) -> None:
    found = [(sample.content, there) for sample, there in prepared("s3", 0, tmp_path) if sample.content]
    assert any(there is None for _, there in found)
    assert any(there == content for content, there in found)
    assert any(there is not None and len(there) > len(content) for content, there in found)
    assert any(there is not None and len(there) < len(content) for content, there in found)
    assert any(there is not None and len(there) == len(content) and there != content for content, there in found)
    assert list(tmp_path.rglob(".*.part"))


def test_no_damage_is_done_that_nothing_tells(tmp_path: Path) -> None:
    for sample, there in prepared("drive", 1, tmp_path):
        if sample.size_known:
            assert there is None or there == sample.content or len(there) != len(sample.content)
        else:
            assert there in (None, sample.content)
