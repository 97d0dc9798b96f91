"""Audits of both DAGs that have them: every file is told as it is, and nothing on the disk changes but the report."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from airflow.models.asset import AssetEvent
from airflow.utils.session import create_session
from sqlalchemy import select

from dags.fhir_lab import FhirLab, resources
from dags.lab import Lab, Parts, Run, Runner, md5, when
from downloader.report import Report, read
from downloader.sources.s3 import S3Source
from downloader.sources.s3.minio import MinioSource
from include.stand_ins.s3_servers import S3Server
from support.restoring import fingerprint
from support.small_disk import memory_disk

SAMPLE = "20250115_sample"
FILES = {f"{name}.raw": name.encode() * 1000 for name in ("fine", "gone", "other", "long", "short", "sub/fine")}


@pytest.fixture
def exports(parts: Parts, moto: S3Server) -> FhirLab:
    return FhirLab(*parts, moto)


def put(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def opened(*_: object) -> None:
    raise AssertionError("an audit opened an object")


def audited(lab: Runner, dag_id: str, **conf: object) -> Run:
    """Runs an audit. It opens no object, and nothing below the output folder changes before `report` writes."""
    seen: list[dict[str, tuple[int, ...]]] = []
    with pytest.MonkeyPatch.context() as patch:
        for source in (S3Source, MinioSource):
            patch.setattr(source, "open", opened)
        when("report", patch, lambda: seen.append(fingerprint(lab.folder / "output")))
        before = fingerprint(lab.folder / "output")
        run = lab.run_dag(dag_id, {**conf, "audit": True})
    assert seen in ([], [before]), run.log
    return run


def receipt(folder: Path) -> Report:
    """The only report of an audit."""
    (path,) = folder.glob("_audit_status_*.txt")
    return read(path)


def kinds(report: Report) -> dict[str, str]:
    """Name -> the outcome, or the kind of the failure."""
    return {each.name: each.message.partition(":")[0] or each.outcome for each in report.results}


def test_what_is_intact_is_proven_by_the_catalogue_alone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = lab.upload(SAMPLE, FILES)
    put(folder, {**FILES, "notes of a person.txt": b"unknown", "_download_status_x_20250101_000000.txt": b""})
    monkeypatch.delenv("AIRFLOW_CONN_AWS_DEFAULT")
    lab.configure("s3: {connection: nobody_made_it}")
    run = audited(lab, "s3_downloader", raw_file_id=SAMPLE)
    assert run.state == "success", run.log
    report = receipt(folder)
    assert (report.title, report.format) == ("S3 Audit Status Report", 2)
    assert dict(report.head)["Raw File ID"] == SAMPLE
    assert {each.name: each.assurance for each in report.results} == {
        name: f"md5:{md5(data)}" for name, data in FILES.items()
    }
    assert (report.summary.intact, report.extra) == (len(FILES), ())
    result = run.xcom("result")
    assert (result["audit"], result["status"]) == (True, "SUCCESS")
    assert result["reports"][0]["outcomes"] == {"intact": len(FILES), "failed": 0}
    assert (result["reports"][0]["fetched"], result["reports"][0]["assurances"]) == (0, {"MD5": len(FILES)})
    progress = run.state_store()["progress"]
    assert (progress["files_done"], progress["bytes_fetched"]) == (len(FILES), 0)
    assert progress["bytes_done"] == progress["bytes_planned"] == sum(map(len, FILES.values()))
    assert run.states()["thaw"] == ["skipped"]
    with create_session() as session:
        assert session.scalars(select(AssetEvent).where(AssetEvent.source_run_id == run.run_id)).all() == []
    assert "Auditing sub/fine.raw... ✓ (intact, 7.8 KB in " in run.log
    assert "Downloading" not in run.log


def test_each_file_that_is_wrong_is_told_and_a_restore_mends_it(lab: Lab) -> None:
    folder = lab.upload(SAMPLE, FILES)
    left = {name: data for name, data in FILES.items() if name != "gone.raw"}
    left["other.raw"] = left["other.raw"][:-1] + b"?"
    left["long.raw"] += b"?"
    left["short.raw"] = left["short.raw"][:-1]
    put(folder, left)
    run = audited(lab, "s3_downloader", raw_file_id=SAMPLE)
    assert run.state == "failed"
    assert run.states()["download"] == ["failed"]
    report = receipt(folder)
    assert kinds(report) == {
        "fine.raw": "intact", "sub/fine.raw": "intact", "gone.raw": "Missing", "other.raw": "Altered",
        "long.raw": "Altered", "short.raw": "Incomplete",
    }  # fmt: skip
    assert report.summary.failures == {"Missing": 1, "Altered": 2, "Incomplete": 1}
    assert "Missing: 1\nAltered: 2\nIncomplete: 1\n" in run.xcom("report_text")[0]["text"]
    assert run.xcom("result")["status"] == "PARTIAL FAILURE"
    assert "4 of 6 files of raw file 20250115_sample failed, first gone.raw: Missing: gone.raw is not there" in run.log

    assert lab.run({"raw_file_id": SAMPLE}).state == "success"
    for path in folder.glob("_audit_status_*.txt"):
        path.unlink()
    assert audited(lab, "s3_downloader", raw_file_id=SAMPLE).state == "success"
    assert set(kinds(receipt(folder)).values()) == {"intact"}


def test_a_size_that_is_all_that_is_known_is_told_as_such(lab: Lab) -> None:
    entries = {"plain.raw": [5, None], "gone.raw": [5, None]}
    lab.record(SAMPLE, entries)
    folder = lab.output / "PRID001"
    put(folder, {"plain.raw": b"12345"})
    lab.connect(endpoint_url="http://127.0.0.1:9")
    run = audited(lab, "s3_downloader", raw_file_id=SAMPLE)
    assert kinds(receipt(folder))["gone.raw"] == "Missing"
    (text,) = [path.read_text() for path in folder.glob("_audit_status_*.txt")]
    assert "plain.raw: OK - Intact (size verified, no checksum available; its source told no more (" in text
    assert "✓ (intact by its size alone, 5 B in " in run.log


def test_a_destination_that_is_missing_is_not_made(lab: Lab) -> None:
    lab.upload(SAMPLE, {"a.raw": b"1", "sub/b.raw": b"2"})
    run = audited(lab, "s3_downloader", raw_file_id=SAMPLE)
    assert run.state == "failed"
    assert list(lab.output.iterdir()) == []
    result = run.xcom("result")
    (problem,) = result["problems"]
    assert problem == (
        "2 of 2 files of raw file 20250115_sample failed, and the report could not be written (it stands in the log): "
        f"Missing: the destination {lab.output}/PRID001 does not exist, and an audit makes no folder; run the restore "
        "(the same run without audit), which makes it"
    )
    assert [each["kind"] for each in result["reports"][0]["failures"]] == ["Missing", "Missing"]
    assert "sub/b.raw: FAILURE - Missing: sub/b.raw is not there; " in run.xcom("report_text")[0]["text"]


def test_a_raw_file_that_is_refused_does_not_stop_the_others(lab: Lab) -> None:
    folder = lab.upload(SAMPLE, {"a.raw": b"1"})
    put(folder, {"a.raw": b"1"})
    run = audited(lab, "s3_downloader", raw_file_ids=[SAMPLE, "absent"])
    assert run.state == "failed"
    assert kinds(receipt(folder)) == {"a.raw": "intact"}
    assert "no raw file absent in the catalogue" in run.xcom("result")["problems"][0]


def test_what_concerns_downloads_is_refused(lab: Lab) -> None:
    lab.upload(SAMPLE, {"a.raw": b"1"})
    run = audited(lab, "s3_downloader", raw_file_id=SAMPLE, thaw="Bulk", dry_run=True)
    assert (run.state, run.states()["download"]) == ("failed", ["upstream_failed"])
    assert run.problem() == (
        "audit is given with dry_run, thaw: an audit reads what is on the disk, and downloads and changes nothing; "
        "remove these, or audit"
    )
    result = run.xcom("result")
    assert (result["audit"], result["status"]) == (True, "REFUSED")


def test_exports_are_compared_with_the_listing(exports: FhirLab) -> None:
    files = {f"{number}.Patient.ndjson": resources("Patient", number + 1) for number in range(3)}
    exports.upload({**files, "Encounter.ndjson": resources("Encounter", 1)})
    folder = exports.output / "2024"
    conf = {"filter": "Patient", "organize": True, "output": "2024", "check_ndjson": True}
    put(folder / "Patient", {**files, "elsewhere.ndjson": b"no resource"})
    run = audited(exports, "minio_downloader", **conf)
    assert run.state == "success", run.log
    report = receipt(folder)
    assert report.title == "MinIO Audit Status Report"
    assert kinds(report) == {f"Patient/{name}": "intact" for name in files}
    assert all(each.verified for each in report.results)
    assert dict(report.extra)["Resources of type Patient"] == "6"
    assert "Found 3 files to audit (" in run.log

    (folder / "Patient" / "0.Patient.ndjson").unlink()
    (folder / "Patient" / "1.Patient.ndjson").write_bytes(files["1.Patient.ndjson"][:-1])
    (folder / "Patient" / "2.Patient.ndjson").write_bytes(b"?" * len(files["2.Patient.ndjson"]))
    for path in folder.glob("_audit_status_*.txt"):
        path.unlink()
    run = audited(exports, "minio_downloader", **conf)
    assert (run.state, run.xcom("result")["status"]) == ("failed", "COMPLETE FAILURE")
    assert kinds(receipt(folder)) == {
        "Patient/0.Patient.ndjson": "Missing",
        "Patient/1.Patient.ndjson": "Incomplete",
        "Patient/2.Patient.ndjson": "Altered",
    }


def test_a_bucket_that_was_emptied_meanwhile_proves_nothing(exports: FhirLab, monkeypatch: pytest.MonkeyPatch) -> None:
    data = resources("Patient", 1)
    exports.upload({"Patient.ndjson": data})
    put(exports.output, {"Patient.ndjson": data})
    client = exports.server.client()
    when("download", monkeypatch, lambda: client.delete_object(Bucket=exports.bucket, Key="Patient.ndjson"))
    run = audited(exports, "minio_downloader")
    sentence = f"nothing is left in bucket {exports.bucket} of the 1 file that validate listed; run it again"
    assert (run.state, run.states()["download"]) == ("failed", ["failed"]), run.log
    result = run.xcom("result")
    assert result["status"] != "SUCCESS"
    assert sentence in result["problems"][0]


def test_exports_need_their_server(exports: FhirLab) -> None:
    put(exports.output, {"Patient.ndjson": b""})
    exports.connect(port=9)
    run = audited(exports, "minio_downloader")
    assert (run.state, run.xcom("result")["status"]) == ("failed", "REFUSED")
    assert not list(exports.output.glob("_audit*"))


# --- where nothing may be written -------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [".", "PRID001"])
def test_a_disk_that_may_only_be_read_is_proven_as_well(lab: Lab, disks: ExitStack, at: str) -> None:
    """A snapshot, or the mount of an archive: the run is green or red by what lies there."""
    folder = lab.upload(SAMPLE, FILES)
    disk = disks.enter_context(memory_disk(lab.output / at))
    put(folder, FILES)
    disk.change("ro")
    run = audited(lab, "s3_downloader", raw_file_id=SAMPLE)
    assert run.state == "success", run.log
    result = run.xcom("result")
    (report,) = result["reports"]
    assert (result["status"], result["problems"], report["path"]) == ("SUCCESS", [], "")
    assert report["unwritten"].startswith("Disk error: ")
    assert "Read-only file system" in report["unwritten"]
    assert f"The report was not written, and stands in this log alone: {report['unwritten']}" in run.log
    assert "fine.raw: OK - Intact (verified, " in run.xcom("report_text")[0]["text"]

    disk.change("rw")
    (folder / "gone.raw").unlink()
    disk.change("ro")
    run = audited(lab, "s3_downloader", raw_file_id=SAMPLE)
    result = run.xcom("result")
    assert (run.state, result["status"], result["problems"]) == ("failed", "PARTIAL FAILURE", [])
    assert "1 of 6 files of raw file 20250115_sample failed" in run.log
    assert run.xcom("result")["reports"][0]["unwritten"]
    assert lab.run({"raw_file_id": SAMPLE}).state == "failed", "a download is refused as before"


def test_exports_on_a_disk_that_may_only_be_read_are_proven_as_well(exports: FhirLab, disks: ExitStack) -> None:
    data = resources("Patient", 2)
    exports.upload({"Patient.ndjson": data})
    disk = disks.enter_context(memory_disk(exports.output))
    put(exports.output, {"Patient.ndjson": data})
    disk.change("ro")
    run = audited(exports, "minio_downloader", check_ndjson=True)
    assert (run.state, run.xcom("result")["status"]) == ("success", "SUCCESS"), run.log
    assert "Read-only file system" in run.xcom("result")["reports"][0]["unwritten"]


def test_a_report_that_a_full_disk_refuses_is_a_problem(lab: Lab, disks: ExitStack) -> None:
    folder = lab.upload(SAMPLE, {"a.raw": b"1" * 4096})
    disk = disks.enter_context(memory_disk(lab.output, "size=64k"))
    put(folder, {"a.raw": b"1" * 4096})
    disk.fill()
    run = lab.run({"raw_file_id": SAMPLE, "audit": True})
    assert run.state == "failed"
    assert "the report could not be written (it stands in the log): Disk full: " in run.xcom("result")["problems"][0]
