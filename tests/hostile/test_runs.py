"""The nastiest of it all in whole runs: of each DAG a run that ends, says what is wrong, and leaves nothing outside."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dags.conftest import lab, parts
from dags.drive_lab import DriveLab
from dags.fhir_lab import FhirLab, resources
from dags.lab import Lab, Parts, Run, contents
from include.stand_ins.drive_server import DriveServer
from include.stand_ins.s3_servers import S3Server
from support.hostile import NAMES, ZOO, assert_readable

__all__ = ["lab", "parts"]

pytestmark = pytest.mark.timeout(300, method="thread")

SAMPLE = "20250115_sample"


@pytest.fixture
def fhir(parts: Parts, moto: S3Server) -> FhirLab:
    return FhirLab(*parts, moto)


@pytest.fixture
def drive(parts: Parts, drive: DriveServer) -> DriveLab:
    return DriveLab(*parts, drive)


def outside(folder: Path) -> list[str]:
    """What lies beside the output folder."""
    return sorted(path.name for path in folder.iterdir())


def assert_told(run: Run, *, in_lines: int = 1) -> None:
    """`validate` failed, with a sentence, and every other task ended."""
    assert run.state == "failed"
    assert_readable(run.problem(), lines=in_lines, most=20_000)
    assert "Unexpected" not in run.log


def test_a_record_of_hostile_names(lab: Lab) -> None:
    info = {name: [4, None] for name in NAMES.values()}
    lab.upload(SAMPLE, {"good.raw": b"fine"})
    lab.record(SAMPLE, {**info, "good.raw": [4, None], "deep": [json.loads("[" * 300 + "]" * 300)]})
    before = outside(lab.folder)
    run = lab.run({"raw_file_id": SAMPLE})
    assert (run.state, run.states()["report"]) == ("failed", ["failed"])
    report = run.report()
    assert len({result.name for result in report.results}) == len(report.results) == len(info) + 2
    assert [result.name for result in report.results if result.ok] == ["good.raw"]
    assert not any(result.message.startswith("Unexpected") for result in report.results)
    assert contents(lab.output / "PRID001") == {"good.raw": b"fine"}
    assert outside(lab.folder) == before


def test_a_project_that_is_a_link_out_of_the_location(lab: Lab) -> None:
    lab.upload(SAMPLE, {"good.raw": b"fine"})
    theirs = lab.folder / "theirs"
    theirs.mkdir()
    (lab.output / "PRID001").symlink_to(theirs)
    run = lab.run({"raw_file_id": SAMPLE})
    assert_told(run)
    assert run.problem() == "Unsafe path: PRID001 is a symbolic link out of the destination; remove the link"
    assert list(theirs.iterdir()) == []


def test_records_of_hostile_columns(lab: Lab) -> None:
    """What SQLite holds need not be text, nor a path; each is refused alone, and one that is fine is restored."""
    lab.upload("good", {"good.raw": b"fine"})
    rows = {f"path {number}": text for number, text in enumerate(ZOO.values()) if text.isprintable()}
    for name, text in rows.items():
        lab.record(name, {"a": [1, None]}, s3_upload_path=text, backup_status="\x1b[2J\nforged")
    with closing(sqlite3.connect(lab.catalogue)) as database, database:
        bad = "x'" + f"{lab.bucket}/".encode().hex() + "ff'"
        database.execute(
            f"INSERT INTO raw_file VALUES ('bytes', 'PRID001', CAST({bad} AS TEXT), CAST(x'ff' AS TEXT), ?)",
            ('{"b": [1, null]}',),
        )
    run = lab.run({"raw_file_ids": ["good", "bytes", *rows]})
    assert run.state == "failed"
    assert contents(lab.output / "PRID001")["good.raw"] == b"fine"
    refused = run.xcom("refused")["items"]
    assert len(refused) > len(rows) // 2
    for sentence in refused.values():
        assert_readable(sentence)
    assert refused["bytes"].startswith("raw file bytes: the S3 path ")
    assert "\nforged" not in run.log


def test_a_bucket_of_hostile_keys(fhir: FhirLab) -> None:
    keys = {
        f"{name}/{kind}.ndjson"
        for name in ZOO.values()
        for kind in ("Patient", name)
        if _can_be_a_key(f"{name}/{kind}")
    }
    fhir.upload({key: resources("Patient", 1) for key in keys})
    before = outside(fhir.folder)
    run = fhir.run({"organize": True})
    report = run.report("")
    assert len(report.results) == len(keys)
    assert not any(result.message.startswith("Unexpected") for result in report.results)
    home = {result.name for result in report.results if result.ok}
    here = (path for path in fhir.output.glob("*/**/*") if path.is_file())
    assert home == {str(path.relative_to(fhir.output)) for path in here}
    assert len(home) > len(keys) // 2
    assert outside(fhir.folder) == before


def _can_be_a_key(key: str) -> bool:
    """Whether XML can hold it, and a client send it."""
    return key.isprintable() and len(key.encode()) < 900 and ".." not in key.split("/") and "." not in key.split("/")


def test_hostile_manifests(drive: DriveLab) -> None:
    drive.add("good.dat", b"fine")
    entries = [{**drive.entries[0], "path": name, "name": name or "x"} for name in NAMES.values()]
    before = outside(drive.folder)
    for text in (json.dumps({"version": "1.0", "datasets": entries}), "[" * 100_000):
        drive.manifest.write_text(text)
        run = drive.run()
        assert_told(run, in_lines=22)
        assert str(drive.manifest) in run.problem()
    assert contents(drive.output) == {}
    assert outside(drive.folder) == before


@pytest.mark.parametrize(
    "text",
    [
        '"\\e[2J\\nforged: 1": [!!bool "\\ud800"]',
        'locations: {output: "/\\0\\n\\ud800"}',
    ],
)
def test_hostile_configurations(lab: Lab, text: str) -> None:
    (lab.folder / "config.yaml").write_text(text)
    run = lab.run({"raw_file_id": SAMPLE})
    assert_told(run, in_lines=3)
    assert "config.yaml" in run.problem()
