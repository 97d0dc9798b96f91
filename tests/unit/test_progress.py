from __future__ import annotations

import logging
from typing import Any

import pytest

from downloader.errors import AccessDenied
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.results import FileResult, Outcome, failed
from downloader.transfer.progress import FileProgress, Progress
from downloader_tasks.execution import progress as module
from downloader_tasks.execution.ledger import Ledger
from downloader_tasks.execution.progress import Lines, Watch
from downloader_tasks.execution.speed import SpeedMeter
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


def test_a_large_batch_gets_a_line_now_and_then_and_its_first_failures(
    caplog: pytest.LogCaptureFixture, clock: FakeClock
) -> None:
    caplog.set_level(logging.INFO, module.__name__)
    lines, pace = Lines(201, now=clock.now), SpeedMeter(now=clock.now)
    for done in range(1, 100):
        lines.result(FileResult("a", Outcome.DOWNLOADED), Progress(done, 201, 0, 0))
        lines.summary(Progress(done, 201, 0, 0), pace.look)
    assert logged(caplog) == []
    clock.time += 5
    lines.summary(Progress(100, 201, 10 * MB, 210 * MB), pace.look)
    lines.summary(Progress(100, 201, 10 * MB, 210 * MB), pace.look)
    assert logged(caplog) == ["100 of 201 files, 10.0 MB of 210.0 MB fetched, 2.0 MB/s, about 2 min left"]
    for done in range(100, 201):
        lines.result(failed("a", AccessDenied("no")), Progress(done, 201, 0, 0))
    assert len(logged(caplog)) == 1 + 50


def test_the_speed_is_that_of_late(clock: FakeClock) -> None:
    pace = SpeedMeter(now=clock.now)
    assert pace.look(Progress(0, 2, 0, 100 * MB)).seconds_left is None
    assert pace.look(Progress(0, 2, MB - 1, 100 * MB)).seconds_left is None
    for second in range(100):
        clock.time += 1
        fetched = (second + 1) * MB if second < 50 else 50 * MB + (second - 49) * 2 * MB
        pace.look(Progress(0, 2, fetched, 250 * MB))
    speed = pace.look(Progress(0, 2, 150 * MB, 250 * MB))
    assert speed.bytes_a_second == pytest.approx(2 * MB)
    assert speed.seconds_left == pytest.approx(50)
    pace.spare(60 * MB)
    assert pace.look(Progress(1, 2, 150 * MB, 250 * MB)).seconds_left == pytest.approx(20)
    pace.spare(1000 * MB)
    assert pace.look(Progress(1, 2, 150 * MB, 250 * MB)).seconds_left == 0


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
    watch = Watch(Ledger([]), Lines(3, now=clock.now), shown.append, lambda: None, clock.now)
    for second in range(31):
        files = (FileProgress("big\n.dat", (100 + 4 * second) * MB, 489 * MB), FileProgress("open.dat", 7, None))
        progress = Progress(0, 3, 4 * second * MB, 1000 * MB, files)
        watch.on_progress(progress)
        clock.time += 1
    assert logged(caplog)[1:] == [
        r"  big\n.dat: 220.0 MB of 489.0 MB (44 %), 4.0 MB/s, about 67 s left",
        "  open.dat: 7 B, 0 B/s",
    ]
    big = shown[-1]["under_way"][0]
    assert (big["name"], big["size"], big["bytes_a_second"]) == (r"big\n.dat", 489 * MB, 4 * MB)
    assert big["bytes"] == 220 * MB
    assert shown[-1]["under_way"][1]["seconds_left"] is None


def test_a_quiet_batch_tells_of_failures_alone(caplog: pytest.LogCaptureFixture, clock: FakeClock) -> None:
    caplog.set_level(logging.INFO, module.__name__)
    lines = Lines(3, quiet=True, now=clock.now)
    lines.result(FileResult("a", Outcome.DOWNLOADED), Progress(1, 3, 0, 0))
    clock.time += 100
    lines.summary(Progress(1, 3, 0, 0), SpeedMeter(now=clock.now).look)
    assert logged(caplog) == []
    lines.result(failed("b", AccessDenied("no")), Progress(2, 3, 0, 0))
    assert len(logged(caplog)) == 1
