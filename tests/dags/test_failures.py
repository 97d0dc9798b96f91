"""Runs in which files fail, tasks die, or the record changes: every planned file has its line, and the run is red."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dags.lab import Lab, Run, md5, when
from downloader.disk.destination import Place
from downloader.remote_file import Planned
from downloader.report import Status
from downloader.results import FileResult
from downloader.source import Source
from downloader.transfer import batch, inspection
from downloader.transfer.inspection import Inspection
from downloader.transfer.options import TransferOptions
from downloader_tasks.execution import attempt as attempts
from include.stand_ins.object_server import ObjectServer, serving
from include.stand_ins.wire import reset_at

SAMPLE = "20250115_sample"
NOT_TRIED = (
    "failed Not tried: the download task died, or was stopped, before it came to this file; "
    "run it again; what is already there is kept"
)


def failing_sentence(run: Run) -> str:
    """What the run failed with: the last exception of its log."""
    return [line for line in run.log.splitlines() if "AirflowFailException: " in line][-1].partition(": ")[2]


def test_some_files_fail_and_the_others_come_home(lab: Lab) -> None:
    folder = lab.upload(SAMPLE, {"a.raw": b"fine", "b.raw": b"other bytes", "c.raw": b"gone"})
    lab.record(
        SAMPLE,
        {
            "a.raw": [4, md5(b"fine")],
            "b.raw": [11, md5(b"these bytes")],
            "d.raw": [4, md5(b"none")],
            "e.raw": [4, "no checksum"],
            "../f.raw": [4, None],
        },
    )
    run = lab.run({"raw_file_id": SAMPLE})
    assert (run.state, run.states()["download"]) == ("failed", ["failed"])
    lines = run.lines()
    assert lines["a.raw"] == "downloaded"
    assert lines["b.raw"].startswith("failed Checksum mismatch: b.raw came wrong")
    assert lines["d.raw"].startswith(f"failed Not found: there is no object s3://{lab.bucket}/{SAMPLE}/d.raw")
    assert lines["e.raw"].startswith("failed Corrupt record: its md5 is 'no checksum'")
    assert lines["../f.raw"].startswith("failed Unsafe path: ")
    assert run.report().summary.status is Status.PARTIAL_FAILURE
    assert sorted(path.name for path in folder.glob("*.raw")) == ["a.raw"]
    assert not (folder.parent / "f.raw").exists()
    assert "✗ Checksum mismatch: b.raw came wrong" in run.log
    assert f"Report: {next(folder.glob('_download_status_*'))}" in run.log
    assert failing_sentence(run).startswith(
        f"4 of 5 files of raw file {SAMPLE} failed, first ../f.raw: Unsafe path: '../f.raw' would "
    )


def test_a_bucket_that_does_not_exist_is_a_failure_of_every_file(lab: Lab) -> None:
    lab.record(SAMPLE, {"a.raw": [1, None], "b.raw": [1, None]}, s3_upload_path="no-such-bucket/prefix/")
    run = lab.run({"raw_file_id": SAMPLE})
    assert (run.state, run.states()["validate"]) == ("failed", ["success"])
    sentence = f"failed Not found: there is no bucket no-such-bucket at {lab.server.url}; check the bucket's name"
    assert run.lines() == {"a.raw": sentence, "b.raw": sentence}
    assert run.report().summary.status is Status.COMPLETE_FAILURE


@pytest.fixture
def breaking(lab: Lab) -> Iterator[ObjectServer]:
    """A server that breaks as scripted; the record's two files lie there."""
    with serving() as server:
        lab.connect(endpoint_url=server.url)
        files = {"a.raw": b"first", "b.raw": b"second"}
        for name, data in files.items():
            server.put(f"{SAMPLE}/{name}", data)
        entries = {name: [len(data), md5(data)] for name, data in files.items()}
        lab.record(SAMPLE, entries, s3_upload_path=f"{server.bucket}/{SAMPLE}")
        yield server


def test_a_network_error_fails_its_file_only(lab: Lab, breaking: ObjectServer) -> None:
    breaking.script(f"{SAMPLE}/b.raw", *[reset_at(2)] * 9)
    run = lab.run({"raw_file_id": SAMPLE})
    assert run.state == "failed"
    assert run.lines()["a.raw"] == "downloaded"
    assert run.lines()["b.raw"].startswith("failed Network error: the connection to ")


def test_the_next_try_goes_on_where_the_last_one_ended(
    lab: Lab, breaking: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    compare = inspection.compare

    def counted(place: Place, *more: Any) -> Inspection:
        compared.append(place.path.name)
        return compare(place, *more)

    monkeypatch.setattr(inspection, "compare", counted)
    lab.configure(transfer="attempts: 1, small_file_mib: 0")
    breaking.script(f"{SAMPLE}/b.raw", reset_at(2))
    run = lab.run({"raw_file_id": SAMPLE}, download={"retries": 1, "retry_delay": timedelta(0)})
    assert run.state == "success"
    assert run.lines() == {"a.raw": "downloaded", "b.raw": "downloaded"}
    ahead, whole = breaking.gets(f"{SAMPLE}/a.raw")
    assert (ahead.headers["range"], whole.headers.get("range") == ahead.headers["range"]) == ("bytes=0-0", False)
    assert compared == []


def test_a_record_that_changes_during_the_run_fails_what_was_planned_otherwise(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.configure("shards: {files: 2}")
    files = {f"{letter}.raw": letter.encode() for letter in "abcd"}
    lab.upload(SAMPLE, files)
    entries: dict[str, Any] = {name: [1, md5(data)] for name, data in files.items()}
    changed_record = {**entries, "d.raw": [2, None], "e.raw": [1, None]}
    when("download", monkeypatch, lambda: lab.record(SAMPLE, changed_record))
    run = lab.run({"raw_file_id": SAMPLE})
    assert (run.state, run.states()["download"]) == ("failed", ["success", "failed"])
    changed = f"failed Plan changed: the record of raw file {SAMPLE} was changed after the run began; run it again"
    assert run.lines() == {
        "a.raw": "downloaded", "b.raw": "downloaded", "c.raw": changed, "d.raw": changed, "e.raw": changed
    }  # fmt: skip


def dying(death: str) -> Any:
    """A restore that brings the first file home, and then does not live on."""

    def restore(planned: Sequence[Planned], source: Source, folder: Path, options: TransferOptions) -> list[FileResult]:
        batch.restore(planned[:1], source, folder, options)
        if death == "SIGTERM":
            os.kill(os.getpid(), signal.SIGTERM)
        if death == "out of memory":
            raise MemoryError
        time.sleep(8)
        pytest.fail("lives on")

    return restore


@pytest.mark.parametrize(
    ("death", "line"),
    [("SIGTERM", "Task exited"), ("time limit", "Process timed out"), ("out of memory", "MemoryError")],
)
def test_a_task_that_dies_leaves_what_it_had(lab: Lab, monkeypatch: pytest.MonkeyPatch, death: str, line: str) -> None:
    lab.upload(SAMPLE, {"a.raw": b"1", "b.raw": b"2", "c.raw": b"3"})
    monkeypatch.setattr(attempts, "restore", dying(death))
    limit = timedelta(seconds=3 if death == "time limit" else 3600)
    run = lab.run({"raw_file_id": SAMPLE}, download={"execution_timeout": limit})
    assert (run.state, run.states()["download"]) == ("failed", ["failed"])
    assert run.lines() == {"a.raw": "downloaded", "b.raw": NOT_TRIED, "c.raw": NOT_TRIED}
    assert line in run.log


def test_a_task_that_dies_before_it_begins_leaves_lines_too(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.configure("shards: {files: 1}")
    lab.upload(SAMPLE, {"a.raw": b"1", "b.raw": b"2"})
    calls: list[int] = []

    def die_first() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise MemoryError

    when("download", monkeypatch, die_first)
    run = lab.run({"raw_file_id": SAMPLE})
    states = run.states()["download"]
    assert (run.state, sorted(states)) == ("failed", ["failed", "success"])
    # Which of the two comes first is Airflow's to choose.
    lines = {"failed": NOT_TRIED, "success": "downloaded"}
    assert run.lines() == {"a.raw": lines[states[0]], "b.raw": lines[states[1]]}


def test_a_task_that_dies_before_its_source_answers_has_said_what_no_report_lists(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lab.upload(SAMPLE, {"a.raw": b"1", "b.raw": b"2"})
    folder.mkdir(parents=True)
    (folder / "a.raw").write_bytes(b"1")

    def die(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(attempts, "make_below", die)
    run = lab.run({"raw_file_id": SAMPLE})
    assert (run.state, run.lines()) == ("failed", {"a.raw": NOT_TRIED, "b.raw": NOT_TRIED})
    assert dict(run.report().extra)["In no earlier report"].startswith("1 file: ")


def test_a_folder_that_cannot_be_made_fails_every_file(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.upload(SAMPLE, {"a.raw": b"1"})
    when("download", monkeypatch, (lab.output / "PRID001").touch)
    run = lab.run({"raw_file_id": SAMPLE})
    assert run.state == "failed"
    assert "1 of 1 file of raw file 20250115_sample failed, and the report could not be written" in run.log
    assert (
        "a.raw: FAILURE - Path conflict: PRID001 is a file on the disk, and a folder of the same name is needed"
        in run.log
    )


def test_the_record_vanishes_before_the_report(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.upload(SAMPLE, {"a.raw": b"1"})
    when("report", monkeypatch, lambda: lab.forget(SAMPLE))
    run = lab.run({"raw_file_id": SAMPLE})
    assert run.state == "failed"
    assert failing_sentence(run).startswith(f"no report on raw file {SAMPLE}: no raw file {SAMPLE} in the catalogue")
