"""Runs of `minio_downloader`."""

from __future__ import annotations

from pathlib import Path

import pytest

from dags.fhir_lab import FhirLab, contents, resources
from downloader.report import Status
from support.servers import S3Server

EXPORTS = {
    "Patient.ndjson": resources("Patient", 3),
    "Observation-0.ndjson": resources("Observation", 5),
    "exports/2024/1.Encounter.ndjson": resources("Encounter", 2),
}


@pytest.fixture
def lab(
    moto: S3Server,
    airflow_database: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> FhirLab:
    return FhirLab(tmp_path, monkeypatch, capfd, caplog, moto)


def flat(objects: dict[str, bytes]) -> dict[str, bytes]:
    return {key.rpartition("/")[2]: data for key, data in objects.items()}


def test_all_exports_come_home_into_one_folder(lab: FhirLab) -> None:
    lab.upload({**EXPORTS, "notes.txt": b"none", "folder/": b"", "empty/Group.ndjson": b""})
    run = lab.run()
    assert run.state == "success", run.log
    assert contents(lab.output) == {**flat(EXPORTS), "Group.ndjson": b""}
    report = run.report("")
    assert report.title == "MinIO Download Status Report"
    assert dict(report.head) == {"Source": f"{lab.bucket}@{lab.server.url.removeprefix('http://')}"}
    assert dict(report.extra) == {"Location": str(lab.output)}
    assert report.summary.status is Status.SUCCESS
    assert all(result.verified for result in report.results)
    assert "Found 4 files to download" in run.log
    assert "Downloading Patient.ndjson... ✓ (" in run.log
    assert "⊘" not in run.log
    again = lab.run()
    assert again.state == "success"
    assert set(again.lines("").values()) == {"skipped"}
    assert "⊘ (already exists, skipped)" in again.log
