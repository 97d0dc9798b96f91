"""Runs of `s3_downloader` that bring home what was asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from dags.lab import Lab, contents, md5
from downloader.checksums import Checksum
from downloader.disk.part_file import part_name
from downloader.paths import safe_path
from downloader.remote_file import Planned, RemoteFile
from downloader.report import Status, read, reports_in
from downloader.results import FileResult
from downloader.source import Source
from downloader.transfer import TransferOptions, batch
from downloader_tasks.execution import attempt

SAMPLE = "20250115_sample"
FOLDER = {"sample.d/analysis.tdf": b"tdf" * 5000, "sample.d/frames/1.bin": b"one" * 900, "sample.d/frames/2.bin": b""}


def test_a_file_comes_home_with_a_receipt(lab: Lab) -> None:
    folder = lab.upload(SAMPLE, {"sample.raw": b"spectra" * 1000})
    run = lab.run({"raw_file_id": SAMPLE})
    assert run.state == "success"
    assert contents(folder) == {"sample.raw": b"spectra" * 1000}
    report = run.report()
    assert report.title == "S3 Download Status Report"
    assert dict(report.head) == {
        "Raw File ID": SAMPLE,
        "Project ID": "PRID001",
        "S3 Bucket": f"{lab.bucket}/{SAMPLE}/",
    }
    assert report.destination == str(folder)
    assert report.summary.status is Status.SUCCESS
    assert [(result.name, result.assurance) for result in report.results] == [
        ("sample.raw", f"md5:{md5(b'spectra' * 1000)}")
    ]
    assert "[1/1] Downloading sample.raw... ✓ (6.8 KB in 0." in run.log


def test_a_folder_comes_home_and_a_second_run_fetches_nothing(lab: Lab) -> None:
    folder = lab.upload(SAMPLE, FOLDER)
    first = lab.run({"raw_file_id": SAMPLE})
    assert (first.state, contents(folder)) == ("success", FOLDER)
    assert set(first.lines().values()) == {"downloaded"}
    second = lab.run({"raw_file_id": SAMPLE})
    assert second.state == "success"
    assert set(second.lines().values()) == {"skipped"}
    assert sum(result.fetched for result in second.report().results) == 0
    assert "[3/3] Downloading" in second.log
    assert "⊘ (already exists, skipped)" in second.log


def test_what_is_wrong_is_healed_and_what_is_half_there_is_resumed(lab: Lab) -> None:
    whole = os.urandom(3 * 1024 * 1024)
    folder = lab.upload(SAMPLE, {"damaged.raw": b"right", "short.raw": whole, "begun.raw": whole, "fine.raw": b"fine"})
    folder.mkdir()
    (folder / "damaged.raw").write_bytes(b"wrong")
    (folder / "short.raw").write_bytes(whole[:1_000_000])
    (folder / "fine.raw").write_bytes(b"fine")
    begun = RemoteFile(safe_path("begun.raw"), len(whole), "", (Checksum("md5", md5(whole)),))
    (folder / part_name("begun.raw", begun.identity)).write_bytes(whole[:2_000_000])
    run = lab.run({"raw_file_id": SAMPLE})
    assert run.state == "success"
    assert contents(folder) == {
        "damaged.raw": b"right", "short.raw": whole, "begun.raw": whole, "fine.raw": b"fine"
    }  # fmt: skip
    lines = run.lines()
    assert lines["damaged.raw"].startswith("self-healed ")
    assert (lines["short.raw"], lines["begun.raw"], lines["fine.raw"]) == ("resumed", "resumed", "skipped")
    assert "✓ (self-healed: " in run.log
    assert "✓ (resumed, 3.0 MB in " in run.log


def test_patterns_choose_files(lab: Lab) -> None:
    folder = lab.upload(SAMPLE, {**FOLDER, "sample.raw": b"raw", "notes[1].txt": b"notes"})
    run = lab.run({"raw_file_id": SAMPLE, "files": ["sample.d/frames", "notes[1].txt"]})
    assert run.state == "success"
    assert sorted(contents(folder)) == ["notes[1].txt", "sample.d/frames/1.bin", "sample.d/frames/2.bin"]
    assert sorted(run.lines()) == sorted(contents(folder))


@pytest.mark.parametrize(
    ("written", "wanted", "holds"), [(0, None, 0), (80, 50, 50e6), (80, None, 80e6), (50, 80.5, 50e6)]
)
def test_the_lower_limit_of_speed_reaches_the_transfer(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, written: int, wanted: float | None, holds: float
) -> None:
    lab.configure(transfer=f"max_speed: {written}")
    folder = lab.upload(SAMPLE, {"a.raw": b"1"})
    seen: list[float] = []

    def restore(planned: Sequence[Planned], source: Source, folder: Path, options: TransferOptions) -> list[FileResult]:
        seen.append(options.limits.max_speed)
        return batch.restore(planned, source, folder, options)

    monkeypatch.setattr(attempt, "restore", restore)
    assert lab.run({"raw_file_id": SAMPLE, "max_speed": wanted}).state == "success"
    assert (seen, contents(folder)) == ([holds], {"a.raw": b"1"})


def test_several_raw_files_each_get_a_receipt(lab: Lab) -> None:
    one = lab.upload("raw_one", {"one.raw": b"1"}, project="PRID001")
    two = lab.upload("raw_two", {"two.raw": b"2"}, project="PRID002")
    run = lab.run({"raw_file_ids": ["raw_one", " raw_two ", "raw_one"]})
    assert run.state == "success"
    assert (contents(one), contents(two)) == ({"one.raw": b"1"}, {"two.raw": b"2"})
    assert len(list(one.glob("_download_status_raw_one_*.txt"))) == 1
    assert len(list(two.glob("_download_status_raw_two_*.txt"))) == 1
    assert run.states()["download"] == ["success", "success"]


def test_a_project_stands_for_its_raw_files_whose_backup_is_done(lab: Lab) -> None:
    folder = lab.upload("raw_one", {"one.raw": b"1"})
    lab.upload("raw_two", {"two.raw": b"2"})
    lab.upload("raw_of_others", {"other.raw": b"3"}, project="PRID002")
    lab.record("raw_begun", {"begun.raw": [1, None]}, backup_status="upload_in_progress")
    run = lab.run({"project_id": "PRID001"})
    assert run.state == "success"
    assert contents(folder) == {"one.raw": b"1", "two.raw": b"2"}
    assert contents(lab.output).keys() == {"PRID001/one.raw", "PRID001/two.raw"}
    for name in ("raw_one", "raw_two"):
        assert len(list(folder.glob(f"_download_status_{name}_*.txt"))) == 1

    # The next night only what is new is downloaded.
    lab.upload("raw_three", {"three.raw": b"3"})
    run = lab.run({"project_id": "PRID001"})
    assert run.state == "success"
    assert contents(folder) == {"one.raw": b"1", "two.raw": b"2", "three.raw": b"3"}
    fetched = {str(r.results[0].outcome) for r in map(read, reports_in(folder)) if r.results[0].name == "one.raw"}
    assert fetched == {"downloaded", "skipped"}


def test_a_project_that_has_nothing_is_refused_in_a_sentence(lab: Lab) -> None:
    run = lab.run({"project_id": "PRID009"})
    assert run.state == "failed"
    assert run.problem().startswith("the catalogue has no raw file of project PRID009 whose backup is done ")


def test_shards_are_joined_to_one_report(lab: Lab) -> None:
    lab.configure("shards: {files: 2}")
    files = {f"sample.d/{number}.bin": b"x" * number for number in range(7)}
    folder = lab.upload(SAMPLE, files)
    run = lab.run({"raw_file_id": SAMPLE})
    assert (run.state, contents(folder)) == ("success", files)
    assert run.states()["download"] == ["success"] * 4
    assert sorted(run.lines()) == sorted(files)
    assert f"{SAMPLE}, files 1 to 2 of 7" in run.map_indexes()


def test_a_name_that_is_a_template_stays_a_name(lab: Lab) -> None:
    hostile = "raw_{{ 1 + 1 }}_{{ conn.aws_default.password }}"
    lab.upload(hostile, {"sample.raw": b"raw"})
    run = lab.run({"raw_file_id": hostile})
    assert run.state == "success"
    assert run.map_indexes() == [hostile]


def test_neither_the_catalogue_nor_its_folder_is_written_to(lab: Lab) -> None:
    lab.upload(SAMPLE, FOLDER)
    before, beside = lab.catalogue.read_bytes(), sorted(os.listdir(lab.folder))
    assert lab.run({"raw_file_id": SAMPLE}).state == "success"
    assert lab.catalogue.read_bytes() == before
    assert sorted(os.listdir(lab.folder)) == beside


def test_a_backup_that_is_not_recorded_as_done_is_only_a_warning(lab: Lab) -> None:
    lab.upload(SAMPLE, {"sample.raw": b"raw"})
    lab.record(SAMPLE, {"sample.raw": [3, md5(b"raw")]}, backup_status="upload_in_progress")
    run = lab.run({"raw_file_id": SAMPLE})
    assert run.state == "success"
    assert "is not recorded as done (backup_status is upload_in_progress)" in run.log


@pytest.mark.parametrize("files", [None, []])
def test_a_form_left_empty_means_all_files(lab: Lab, files: list[str] | None) -> None:
    folder = lab.upload(SAMPLE, FOLDER)
    run = lab.run({"raw_file_id": SAMPLE, "raw_file_ids": files, "files": files})
    assert (run.state, contents(folder)) == ("success", FOLDER)
