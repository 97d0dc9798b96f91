from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from downloader.errors import AccessDenied
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.results import FileResult, Outcome, failed
from downloader.transfer.progress import FileProgress, Progress
from downloader_tasks.execution import progress as module
from downloader_tasks.execution.ledger import Ledger
from downloader_tasks.execution.progress import History, Lines, Watch
from downloader_tasks.execution.speed import Rate
from downloader_tasks.wording import duration
from support.restoring import FakeClock

MB = 1024 * 1024


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == module.__name__]


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (FileResult("a.raw", Outcome.DOWNLOADED, int(1.2 * MB), 5, 2.13), "a.raw... ✓ (1.2 MB in 2.1s)"),
        (FileResult("a.raw", Outcome.RESUMED, MB, 5, 2.0), "a.raw... ✓ (resumed, 1.0 MB in 2.0s)"),
        (
            FileResult("a.raw", Outcome.SELF_HEALED, 10, 5, 0.0, message="hash mismatch detected"),
            "a.raw... ✓ (self-healed: hash mismatch detected, 10 B in 0.0s)",
        ),
        (FileResult("a.raw", Outcome.SKIPPED, 10), "a.raw... ⊘ (already exists, skipped)"),
        (
            failed("a\n[4/4] Downloading b... ✓", AccessDenied("no\rway", "ask")),
            r"a\n[4/4] Downloading b... ✓... ✗ Access denied: no\rway; ask",
        ),
    ],
)
def test_each_file_of_a_small_batch_gets_its_line(
    caplog: pytest.LogCaptureFixture, result: FileResult, line: str
) -> None:
    caplog.set_level(logging.INFO, module.__name__)
    Lines(11).result(result, Progress(3, 11, 0, 0))
    assert logged(caplog) == [f"[3/11] Downloading {line}"]


def planned(*sizes: int | None) -> list[RemoteFile]:
    return [RemoteFile(safe_path(f"{n}"), size, f"{n}") for n, size in enumerate(sizes)]


def got(name: int, size: int = 0) -> FileResult:
    return FileResult(f"{name}", Outcome.DOWNLOADED, size, size)


@dataclass
class Batch:
    """A batch that is watched, of files named 0, 1, 2, ...; seconds pass only in `tick`."""

    sizes: list[int | None]
    clock: FakeClock
    quiet: bool = False
    fetched: int = 0
    results: int = 0
    under_way: tuple[FileProgress, ...] = ()
    shown: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        lines = Lines(len(self.sizes), quiet=self.quiet, now=self.clock.now)
        self.watch = Watch(Ledger(planned(*self.sizes)), lines, self.shown.append, lambda: None, self.clock.now)

    @property
    def progress(self) -> Progress:
        total = sum(size or 0 for size in self.sizes)
        return Progress(self.results, len(self.sizes), self.fetched, total, self.under_way)

    def tick(self, seconds: float = 0.5, fetched: int = 0) -> None:
        self.clock.time += seconds
        self.fetched += fetched
        self.watch.on_progress(self.progress)

    def end(self, *results: FileResult) -> None:
        for result in results:
            self.results += 1
            self.watch.on_result(result, self.progress)

    def figures(self, *names: str) -> list[Any]:
        """What stands in the state store, brought up to date."""
        self.tick(2.0)
        return [self.shown[-1][name] for name in names]


@pytest.mark.parametrize("files", [3, 201])
def test_the_first_line_comes_within_five_seconds_and_without_any_file(
    caplog: pytest.LogCaptureFixture, clock: FakeClock, files: int
) -> None:
    caplog.set_level(logging.INFO, module.__name__)
    batch, began = Batch([10 * MB] * files, clock), clock.time
    while not logged(caplog):
        batch.tick(0.5, MB)
    assert clock.time - began <= 5
    assert logged(caplog)[0].startswith(f"0 of {files} files, 0 B of {10 * files}.0 MB (0 %), 2.0 MB/s, about ")


def test_a_large_batch_gets_a_line_now_and_then_and_its_first_failures(
    caplog: pytest.LogCaptureFixture, clock: FakeClock
) -> None:
    caplog.set_level(logging.INFO, module.__name__)
    batch = Batch([MB] * 201, clock)
    batch.end(*(got(n, MB) for n in range(99)))
    assert logged(caplog) == []
    batch.tick(5, 99 * MB)
    batch.end(got(99, MB))
    assert logged(caplog) == ["99 of 201 files, 99.0 MB of 201.0 MB (49 %), 19.8 MB/s, about 5 s left"]
    batch.end(*(failed(f"{n}", AccessDenied("no")) for n in range(100, 200)))
    assert len(logged(caplog)) == 1 + 50
    for _ in range(11):
        batch.tick(1)
    assert logged(caplog)[51:] == [
        "200 of 201 files, 100.0 MB of 201.0 MB (49 %), nothing received for 5 s",
        "200 of 201 files, 100.0 MB of 201.0 MB (49 %), nothing received for 10 s",
    ]


def test_the_speed_is_that_of_the_last_ten_seconds(clock: FakeClock) -> None:
    batch = Batch([250 * MB], clock)
    assert batch.figures("seconds_left") == [None]
    for second in range(98):
        batch.tick(1, MB if second < 50 else 2 * MB)
        batch.under_way = (FileProgress("0", batch.fetched, 250 * MB, batch.fetched),)
        if second >= 63:
            assert round(batch.shown[-1]["bytes_a_second"] / MB, 1) == 2.0
    left = 250 * MB - batch.fetched
    batch.tick(1, 2 * MB)
    batch.under_way = (FileProgress("0", batch.fetched, 250 * MB, batch.fetched),)
    batch.tick(1, 2 * MB)
    assert batch.shown[-1]["seconds_left"] == pytest.approx((left - 4 * MB) / (2 * MB), abs=1)


def test_files_that_end_all_at_once_do_not_move_the_speed(clock: FakeClock) -> None:
    """By bytes, not by files: 1 MB/s is 1 MB/s, whether files end each second or by the hundred."""
    batch = Batch([MB] * 1000, clock)
    speeds, done = [], 0
    for second in range(1, 301):
        batch.tick(1, MB)
        if second % 100 == 0:
            batch.end(*(got(n, MB) for n in range(done, second)))
            done = second
        speeds.append(batch.shown[-1]["bytes_a_second"] if batch.shown else MB)
    assert set(speeds[2:]) == {MB}


def test_what_was_there_is_done_and_is_no_speed(clock: FakeClock) -> None:
    batch = Batch([40 * MB, 50 * MB, 10 * MB, None], clock)
    batch.tick(4, 4 * MB)
    batch.end(FileResult("0", Outcome.SKIPPED, 40 * MB))
    batch.under_way = (FileProgress("1", 34 * MB, 50 * MB, 4 * MB),)  # 30 MB of it were there
    names = ("bytes_done", "percent", "bytes_a_second", "seconds_left")
    assert batch.figures(*names) == [74 * MB, 74, round(4 * MB / 6), round(26 / 4 * 6)]
    assert [file["bytes_a_second"] for file in batch.shown[-1]["under_way"]] == [0]


def test_what_comes_again_never_counts_twice(clock: FakeClock) -> None:
    """A file that came wrong, one that is healed, ranges that were fetched in vain: at most 100 % are done."""
    batch = Batch([10 * MB, 10 * MB], clock)
    seen = []
    for done, size in ((9, 10), (10, 10), (0, 10), (10, 10), (12, 10), (12, 12)):
        batch.under_way = (FileProgress("0", done * MB, size * MB, batch.fetched),)
        batch.tick(2, 10 * MB)
        seen.append(batch.shown[-1])
    assert [figures["percent"] for figures in seen] == [45, 50, 0, 50, 50, 50]
    assert [figures["bytes_done"] // MB for figures in seen] == [9, 10, 0, 10, 10, 10]
    assert all(file["bytes"] <= file["size"] for figures in seen for file in figures["under_way"])
    batch.under_way = ()
    batch.end(got(0, 10 * MB))
    assert batch.figures("bytes_done", "bytes_fetched", "percent") == [10 * MB, 60 * MB, 50]
    batch.end(FileResult("1", Outcome.SELF_HEALED, 10 * MB, 10 * MB))
    assert batch.figures("bytes_done", "bytes_fetched", "percent", "seconds_left") == [20 * MB, 60 * MB, 100, 0]


def test_a_file_between_its_last_byte_and_its_result_stays_done(clock: FakeClock) -> None:
    batch = Batch([10 * MB, 10 * MB], clock)
    batch.under_way = (FileProgress("0", 10 * MB, 10 * MB, 10 * MB),)
    batch.tick(1, 10 * MB)
    batch.under_way = ()
    assert batch.figures("bytes_done") == [10 * MB]
    batch.end(got(0, 10 * MB))
    assert batch.figures("bytes_done") == [10 * MB]


def test_a_failure_is_neither_done_nor_to_come(clock: FakeClock) -> None:
    batch = Batch([60 * MB, 40 * MB], clock)
    batch.tick(4, 4 * MB)
    batch.under_way = (FileProgress("1", 4 * MB, 40 * MB, 4 * MB),)
    batch.end(failed("0", AccessDenied("no")))
    assert batch.figures("bytes_done", "percent", "seconds_left") == [4 * MB, 4, round(36 / 4 * 6)]


def test_files_count_where_no_size_is_known(caplog: pytest.LogCaptureFixture, clock: FakeClock) -> None:
    caplog.set_level(logging.INFO, module.__name__)
    batch = Batch([None] * 300, clock)
    for n in range(30):
        batch.tick(2, MB)
        batch.end(got(n, MB))
    assert batch.shown[-1]["percent"] == 9
    assert batch.shown[-1]["seconds_left"] == pytest.approx(2 * 271, abs=30)
    assert logged(caplog)[-1].startswith("28 of 300 files (9 %), 29.0 MB, 512.0 KB/s, about 9 min left")


def test_a_rate_of_few_files_is_measured_over_as_many_as_tell_something(clock: FakeClock) -> None:
    batch = Batch([None] * 20, clock)
    lefts = []
    for n in range(10):
        for _ in range(8):
            batch.tick(5, 1)
            lefts.append(batch.shown[-1]["seconds_left"])
        batch.end(got(n))
    assert max(left for left in lefts[40:]) <= 40 * 15 * 1.25
    assert min(left for left in lefts[40:]) >= 40 * 10 * 0.75


def test_a_transfer_that_stalls_says_so(caplog: pytest.LogCaptureFixture, clock: FakeClock) -> None:
    caplog.set_level(logging.INFO, module.__name__)
    batch = Batch([100 * MB, None], clock)
    lefts = []
    for second in range(80):
        came = 10 * MB if second < 8 else 0
        batch.tick(1, came)
        batch.under_way = (
            FileProgress("0", batch.fetched, 100 * MB, batch.fetched),
            FileProgress("1", 7, None, 7),
        )
        if batch.shown:
            lefts.append(batch.shown[-1]["seconds_left"])
    assert [left for left in lefts[14:] if left is not None] == [], "no time that grows without end"
    assert max(left for left in lefts if left is not None) <= 10
    assert logged(caplog)[-3:] == [
        "0 of 2 files, 80.0 MB of 100.0 MB (80 %), nothing received for 56 s",
        "  0: 80.0 MB of 100.0 MB (80 %), nothing received for 55 s",
        "  1: 7 B, nothing received for 62 s",
    ]
    assert batch.shown[-1]["seconds_stalled"] == pytest.approx(72, abs=2)
    batch.tick(1, MB)
    assert batch.figures("seconds_stalled") == [None], "it goes on"


def test_a_file_of_which_all_bytes_are_there_is_not_stalled(clock: FakeClock) -> None:
    """It is flushed, which takes its time."""
    batch = Batch([10 * MB], clock)
    batch.tick(4, 10 * MB)
    batch.under_way = (FileProgress("0", 10 * MB, 10 * MB, 10 * MB),)
    batch.tick(60)
    assert batch.figures("seconds_stalled", "percent") == [None, 100]
    assert [file["seconds_stalled"] for file in batch.shown[-1]["under_way"]] == [None]


def test_a_long_batch_is_measured_in_little_memory(clock: FakeClock) -> None:
    rate = Rate(0, clock.now)
    for n in range(100_000):
        clock.time += 0.001
        rate.note(n)
    assert len(rate._marks) <= 10 / 0.25 + 2
    assert rate.a_second == pytest.approx(1000, rel=0.01)


@pytest.mark.parametrize(("files", "saves"), [(200, 15), (201, 3)])
def test_results_are_saved_so_that_a_killed_task_leaves_them(clock: FakeClock, files: int, saves: int) -> None:
    saved: list[float] = []
    ledger = Ledger([RemoteFile(safe_path("a"), 10, "a")])
    lines = Lines(files, now=clock.now)
    watch = Watch(ledger, lines, lambda figures: None, lambda: saved.append(clock.time), clock.now)
    for _ in range(60):
        clock.time += 0.5
        watch.on_result(FileResult("a", Outcome.DOWNLOADED, 10, 10), Progress(1, files, 5, 20))
    assert len(saved) == saves
    for _ in range(60):
        clock.time += 0.5
        watch.on_progress(Progress(1, files, 5, 20))
    assert len(saved) <= saves + 1, "where there is no new result, there is nothing to save"


def test_progress_is_shown_every_two_seconds(clock: FakeClock) -> None:
    planned = [RemoteFile(safe_path(name), 10, name) for name in ("a", "b")]
    shown: list[dict[str, Any]] = []
    ledger = Ledger(planned)
    watch = Watch(ledger, Lines(2, now=clock.now), shown.append, lambda: None, clock.now)
    for _ in range(60):
        clock.time += 0.5
        watch.on_progress(Progress(0, 2, 5, 20))
    assert len(shown) == 15
    assert {name: shown[-1][name] for name in ("files_done", "files", "bytes_fetched", "bytes_planned")} == {
        "files_done": 0, "files": 2, "bytes_fetched": 5, "bytes_planned": 20
    }  # fmt: skip
    watch.on_result(FileResult("b", Outcome.SKIPPED, 10), Progress(1, 2, 5, 20))
    assert len(shown) == 15
    watch.on_result(FileResult("a", Outcome.DOWNLOADED, 10, 10), Progress(2, 2, 10, 20))
    assert shown[-1]["files_done"] == 2, "the end is always shown"
    assert [result.name for result in ledger.results() if result] == ["a", "b"]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (89.4, "89 s"), (90, "2 min"), (5300, "88 min"), (11100, "3 h 5 min")]
)
def test_times_are_rounded_as_people_do(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_each_file_under_way_is_told_of(caplog: pytest.LogCaptureFixture, clock: FakeClock) -> None:
    caplog.set_level(logging.INFO, module.__name__)
    shown: list[dict[str, Any]] = []
    ledger = Ledger(
        [RemoteFile(safe_path(name), size, name) for name, size in (("big\n.dat", 489 * MB), ("open", None))]
    )
    watch = Watch(ledger, Lines(3, now=clock.now), shown.append, lambda: None, clock.now)
    for second in range(35):
        done = 4 * second * MB
        files = (
            FileProgress("big\n.dat", 100 * MB + done, 489 * MB, done),
            FileProgress("open", 7 * second, None, 7 * second),
        )
        watch.on_progress(Progress(0, 3, done, 1000 * MB, files))
        clock.time += 1
    assert logged(caplog) == [
        "0 of 3 files, 116.0 MB of 1000.0 MB (11 %), 4.0 MB/s, about 4 min left",
        r"  big\n.dat: 116.0 MB of 489.0 MB (23 %), 4.0 MB/s, about 2 min left",
        "  open: 28 B, 7 B/s",
        "0 of 3 files, 236.0 MB of 1000.0 MB (23 %), 4.0 MB/s, about 3 min left",
        r"  big\n.dat: 236.0 MB of 489.0 MB (48 %), 4.0 MB/s, about 63 s left",
        "  open: 238 B, 7 B/s",
    ]
    big = shown[-1]["under_way"][0]
    assert (big["name"], big["size"], big["bytes_a_second"]) == (r"big\n.dat", 489 * MB, 4 * MB)
    assert big["bytes"] == 236 * MB
    assert shown[-1]["under_way"][1]["seconds_left"] is None


def test_a_quiet_batch_tells_of_failures_alone(caplog: pytest.LogCaptureFixture, clock: FakeClock) -> None:
    caplog.set_level(logging.INFO, module.__name__)
    batch = Batch([MB] * 3, clock, quiet=True)
    batch.end(got(0, MB))
    batch.tick(100)
    assert logged(caplog) == []
    batch.end(failed("1", AccessDenied("no")))
    assert len(logged(caplog)) == 1


def test_the_history_tells_what_was_there_by_when(clock: FakeClock) -> None:
    batch = Batch([100 * MB], clock)
    for _ in range(3):
        batch.under_way = (FileProgress("0", batch.fetched + MB, 100 * MB),)
        batch.tick(2.0, MB)
    figures = batch.shown[-1]
    assert json.loads(json.dumps(figures)) == figures, "the state store takes nothing else"
    assert figures["history"] == [[0, 0], [2, MB], [4, 2 * MB], [6, 3 * MB]]
    assert figures["began"] <= figures["at"]


@pytest.mark.parametrize("seconds", [0.1, 2.0, 700.0])
def test_the_history_stays_short_however_long_it_takes(clock: FakeClock, seconds: float) -> None:
    history, points = History(clock.now), [[0, 0]]
    for number in range(5_000):
        clock.time += seconds
        points = history.note(number)
        assert len(points) <= 120
        assert (points[0], points[-1][1]) == ([0, 0], number)
    times = [time for time, _ in points]
    assert times == sorted(times)
    assert len(points) > 55
    # They lie evenly: no part of the time is told in fewer points than another.
    steps = [later - earlier for earlier, later in pairwise(times[:-1])]
    assert max(steps) <= 2 * min(steps) + 2
