"""Dry runs of all four DAGs, and the runs that they foretold."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dags.drive_lab import DriveLab
from dags.fhir_lab import FhirLab, resources
from dags.lab import Lab, Parts, Run, Runner, md5
from dags.slooh_lab import HOME, SloohLab
from include.stand_ins import wire
from include.stand_ins.drive_server import DriveServer
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.slooh_server import SloohServer
from support.restoring import tree

SAMPLE = "20250115_sample"
LARGE = os.urandom(2 * 1024 * 1024)
OUTCOMES = {"keep": "skipped", "resume": "resumed", "heal": "self-healed", "download": "downloaded"}


@dataclass
class Case:
    """A DAG with files in every state. `actions`: name -> what is to be done with it."""

    dag_id: str
    lab: Runner
    folder: Path
    actions: dict[str, str]
    conf: dict[str, Any]
    about: str

    def run(self, **conf: Any) -> Run:
        return self.lab.run_dag(self.dag_id, {**self.conf, **conf})


def leave(folder: Path, files: dict[str, bytes]) -> dict[str, str]:
    """Leaves `keep`, a beginning of `resume`, and a `heal` that is too long. Answers the actions."""
    actions = {}
    for name, data in files.items():
        word = Path(name).name.partition(".")[0].lower()
        left = {"keep": data, "heal": data + b"x", "resume": data[: len(data) // 2]}.get(word)
        actions[name] = word
        if left is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(left)
    return actions


@pytest.fixture
def raw(parts: Parts, moto: S3Server) -> Case:
    lab = Lab(*parts, moto)
    files = {f"{word}.raw": LARGE for word in OUTCOMES} | {"sub/download.raw": b"tiny"}
    folder = lab.upload(SAMPLE, files)
    return Case("s3_downloader", lab, folder, leave(folder, files), {"raw_file_id": SAMPLE}, SAMPLE)


@pytest.fixture
def exports(parts: Parts, moto: S3Server) -> Case:
    lab = FhirLab(*parts, moto)
    files = {f"{word}.Patient.ndjson": resources("Patient", 60_000) for word in OUTCOMES}
    lab.upload(files)
    folder = lab.output / "new" / "folder"
    return Case("minio_downloader", lab, folder, leave(folder, files), {"output": "new/folder"}, lab.bucket)


@pytest.fixture
def datasets(parts: Parts, drive: DriveServer) -> Case:
    lab = DriveLab(*parts, drive)
    files = {f"{word}/{word}.dat": LARGE for word in OUTCOMES}
    for name, data in files.items():
        lab.add(name, data)
    return Case("drive_datasets", lab, lab.output, leave(lab.output, files), {}, "cameras")


@pytest.fixture
def pictures(parts: Parts) -> Iterator[Case]:
    with wire.serving(SloohServer()) as slooh:
        lab = SloohLab(*parts, slooh)
        lab.add(1, 2)
        actions = {f"{HOME}{number}.png": "download" for number in (1, 2)}
        yield Case("slooh_images", lab, lab.output, actions, {}, "slooh")


@pytest.fixture(params=["raw", "exports", "datasets", "pictures"])
def case(request: pytest.FixtureRequest) -> Case:
    """Each of the four DAGs."""
    found: Case = request.getfixturevalue(request.param)
    return found


def listed(run: Run) -> dict[str, str]:
    """Name -> what the listing says of it."""
    (text,) = run.xcom("report_text")
    lines = text["text"].partition("\n\nSummary:\n")[0].splitlines()
    return dict(line.rpartition(" - ")[0].rpartition(": ")[::2] for line in lines)


def test_a_run_does_what_its_dry_run_says_and_the_dry_run_writes_nothing(case: Case) -> None:
    before = tree(case.lab.folder)
    dry = case.run(dry_run=True)
    assert dry.state == "success", dry.log
    assert tree(case.lab.folder) == before
    assert dry.states() == {
        "validate": ["success"],
        "approve": ["skipped"],
        **({"thaw": ["skipped"]} if case.dag_id == "s3_downloader" else {}),
        "download": ["skipped"],
        "report": ["success"],
    }
    assert listed(dry) == {name: word.upper() for name, word in case.actions.items()}
    for name, word in case.actions.items():
        assert f"{name}: {word.upper()} - " in dry.log

    result = dry.xcom("result")
    (report,) = result["reports"]
    assert (result["status"], result["problems"], report["status"], report["path"]) == ("DRY RUN", [], "DRY RUN", "")
    assert (report["about"], report["destination"]) == (case.about, str(case.folder))
    counts = Counter(case.actions.values())
    assert {word: each["files"] for word, each in report["actions"].items() if each["files"]} == counts
    assert report["free"] > 0

    run = case.run()
    assert run.state == "success", run.log
    assert run.states()["approve"] == ["skipped"]
    results = run.report(str(case.folder)).results
    assert {each.name: str(each.outcome) for each in results} == {
        name: OUTCOMES[word] for name, word in case.actions.items()
    }
    if report["unsized"] == 0:
        assert (report["files"], report["bytes"]) == (len(results), sum(each.size for each in results))
        compared = 64 * 1024 * counts["resume"]  # the ends of the copies that are resumed
        assert report["to_fetch"] + compared == sum(each.fetched for each in results)


def test_what_s3_would_refuse_is_a_failure(raw: Case) -> None:
    lab = raw.lab
    assert isinstance(lab, Lab)
    client = lab.server.client()
    client.put_object(Bucket=lab.bucket, Key=f"{SAMPLE}/frozen", Body=b"ice", StorageClass="GLACIER")
    lab.record(SAMPLE, {"frozen": [3, md5(b"ice")], "gone": [3, md5(b"xxx")], "no": "entry"})
    lab.record("absent_project", {"a": [1, None]}, project_id="")
    run = raw.run(dry_run=True, raw_file_id=None, raw_file_ids=[SAMPLE, "absent_project"])
    assert run.state == "failed"
    assert listed(run) == dict.fromkeys(("frozen", "gone", "no"), "FAILURE")
    result = run.xcom("result")
    assert "absent_project" in result["problems"][0]
    (report,) = result["reports"]
    assert [each["kind"] for each in report["failures"]] == ["Archived", "Not found", "Corrupt record"]
    assert (report["failed"], report["to_fetch"]) == (3, 0)
    assert not list(raw.folder.glob("_download*"))


def test_a_dry_run_of_what_cannot_run_fails_as_the_run_would(raw: Case) -> None:
    run = raw.run(dry_run=True, raw_file_id="absent")
    assert run.state == "failed"
    assert "no raw file absent in the catalogue" in run.problem()
    assert run.states()["report"] == ["failed"]
