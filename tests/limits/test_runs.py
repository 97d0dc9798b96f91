"""Whole runs of `s3_downloader` on disks that fill up, or turn read-only, while they run."""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest

from dags.lab import Lab, Run, contents, when
from downloader.report import Report, Status, parse, reports_in
from support.restoring import KIB, content
from support.small_disk import Disk, memory_disk

pytestmark = pytest.mark.timeout(300, method="thread")

SAMPLE = "20250115_sample"
SMALL = {f"{number:02}.bin": content(48 * KIB, number) for number in range(12)}
LARGE = {f"{number}.raw": content(3000 * KIB, number) for number in range(3)}
SPELLED_TWICE = {"A.raw": b"A", "a.raw": b"a"}
FULL = "(No space left on device); make room at the destination, then run it again"
LOGGED = re.compile(r"^(?:INFO|ERROR) .*receipts\.py:\d+ (.*)$", re.MULTILINE)


@pytest.fixture
def disk(lab: Lab, disks: ExitStack) -> Disk:
    return disks.enter_context(memory_disk(lab.output, "size=16m"))


def failing_sentence(run: Run) -> str:
    return [line for line in run.log.splitlines() if "AirflowFailException: " in line][-1].partition(": ")[2]


def printed(run: Run) -> Report:
    """The report as it stands in the log."""
    lines = LOGGED.findall(run.log)
    end = next(number for number, line in enumerate(lines, start=1) if line.startswith("Status: "))
    return parse("".join(f"{line}\n" for line in lines[:end]))


def home(lab: Lab, files: dict[str, bytes]) -> None:
    """A second run brings all home."""
    run = lab.run({"raw_file_id": SAMPLE})
    assert (run.state, run.report().summary.status) == ("success", Status.SUCCESS)
    assert contents(lab.output / "PRID001") == files


def test_a_disk_that_is_full_in_the_middle_has_room_for_the_report(
    lab: Lab, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lab.upload(SAMPLE, SMALL)
    with monkeypatch.context() as begins:
        when("download", begins, lambda: disk.fill(leave=200 * KIB))
        run = lab.run({"raw_file_id": SAMPLE})
    assert (run.state, run.states()["download"]) == ("failed", ["failed"])
    assert run.report().summary.status is Status.PARTIAL_FAILURE
    failed = [line for line in run.lines().values() if line != "downloaded"]
    assert (len(run.lines()), len(failed)) == (12, 8)
    assert {line.split(":")[0] for line in failed} <= {"failed Disk full", "failed Not tried"}
    assert any(FULL in line for line in failed)
    assert contents(folder) == {name: SMALL[name] for name, line in run.lines().items() if line == "downloaded"}
    assert f"Report: {reports_in(folder)[0]}" in run.log
    assert failing_sentence(run).startswith(f"8 of 12 files of raw file {SAMPLE} failed, first ")
    disk.make_room()
    home(lab, SMALL)


def test_a_disk_that_is_full_in_the_middle_of_a_large_file(
    lab: Lab, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lab.upload(SAMPLE, LARGE)
    with monkeypatch.context() as begins:
        when("download", begins, lambda: disk.fill(leave=5000 * KIB))
        run = lab.run({"raw_file_id": SAMPLE})
    assert run.state == "failed"
    assert reports_in(folder) == []
    counts, _, why = failing_sentence(run).partition(f" of 3 files of raw file {SAMPLE} failed, first ")
    assert counts in ("1", "2", "3")
    assert why.endswith("... (and 1 more, see above)") or ": Disk full: " in why
    # The sentence stands whole in the log, and cut in what the task fails with.
    unwritten = max(re.findall(r"and the report could not be written \(it stands in the log\): (.*)", run.log), key=len)
    assert unwritten.startswith("Disk full: no room to write _download_status_")
    assert FULL in unwritten
    lines = {result.name: result for result in printed(run).results}
    assert lines.keys() == LARGE.keys()
    whole = {name: LARGE[name] for name, result in lines.items() if result.ok}
    assert len(whole) < len(LARGE)
    assert {name: data for name, data in contents(folder).items() if not name.endswith(".part")} == whole
    disk.make_room()
    home(lab, LARGE)


def test_a_disk_that_is_full_while_the_report_is_written(lab: Lab, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = lab.upload(SAMPLE, SMALL)
    with monkeypatch.context() as begins:
        when("report", begins, disk.fill)
        run = lab.run({"raw_file_id": SAMPLE})
    assert (run.state, run.states()["download"], run.states()["report"]) == ("failed", ["success"], ["failed"])
    assert (contents(folder), reports_in(folder)) == (SMALL, [])
    assert failing_sentence(run).startswith(
        f"0 of 12 files of raw file {SAMPLE} failed, and the report could not be written (it stands in the log): "
        f"Disk full: no room to write _download_status_{SAMPLE}_"
    )
    assert {result.name for result in printed(run).results if result.verified} == SMALL.keys()
    disk.make_room()
    home(lab, SMALL)


def test_a_disk_that_turns_read_only_before_the_report_is_written(
    lab: Lab, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With names that differ by case alone, so that the disk is asked whether it keeps them apart."""
    folder = lab.upload(SAMPLE, SPELLED_TWICE)
    with monkeypatch.context() as begins:
        when("report", begins, lambda: disk.change("ro"))
        run = lab.run({"raw_file_id": SAMPLE})
    assert run.state == "failed"
    assert (contents(folder), reports_in(folder)) == (SPELLED_TWICE, [])
    assert "(it stands in the log): Disk error: _download_status_" in failing_sentence(run)
    assert {result.name for result in printed(run).results if result.verified} == SPELLED_TWICE.keys()
    disk.change("rw")
    home(lab, SPELLED_TWICE)
