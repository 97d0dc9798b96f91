"""What a run hands to programs and to other DAGs: its result, the texts of its reports, and asset events."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from airflow.models.asset import AssetEvent
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select

from dags.drive_lab import DriveLab
from dags.fhir_lab import FhirLab, resources
from dags.lab import Lab, Parts, Run, md5, when
from dags.slooh_lab import SloohLab
from downloader.report import render, reports_in
from include.stand_ins.drive_server import DriveServer
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.slooh_server import SloohServer
from include.stand_ins.wire import serving

SAMPLE = "20250115_sample"


class Event(NamedTuple):
    uri: str
    aliases: list[str]
    extra: dict[str, Any]


def events(run: Run) -> list[Event]:
    """The asset events of a run, in the order of their assets."""
    with create_session() as session:
        found = session.scalars(select(AssetEvent).where(AssetEvent.source_run_id == run.run_id)).all()
        told = [Event(each.asset.uri, [alias.name for alias in each.source_aliases], each.extra) for each in found]
    return sorted(told, key=lambda event: (event.uri, event.extra["about"]))


def dag_results(run: Run) -> dict[str, Any]:
    """What Airflow takes for the result of the DAG: task -> value."""
    with create_session() as session:
        query = select(XComModel).where(XComModel.run_id == run.run_id, XComModel.key == "return_value")
        found = [each for each in session.scalars(query) if each.dag_result]
        return {each.task_id: XComModel.deserialize_value(each) for each in found}


class Case(NamedTuple):
    """One file that a DAG downloads. `word`: by what it is verified. `folder`: where its report is."""

    run: Callable[[], Run]
    about: str
    word: str
    folder: Path


class Servers(NamedTuple):
    parts: Parts
    moto: S3Server
    drive: DriveServer
    slooh: SloohServer


def s3_downloader(servers: Servers) -> Case:
    lab = Lab(*servers.parts, servers.moto)
    folder = lab.upload(SAMPLE, {"a.raw": b"12345"})
    return Case(lambda: lab.run({"raw_file_id": SAMPLE}), SAMPLE, "MD5", folder)


def minio_downloader(servers: Servers) -> Case:
    lab = FhirLab(*servers.parts, servers.moto)
    lab.upload({"Patient.ndjson": resources("Patient", 2)})
    return Case(lab.run, lab.bucket, "MD5", lab.output)


def drive_datasets(servers: Servers) -> Case:
    lab = DriveLab(*servers.parts, servers.drive)
    lab.add("fan.dat", b"12345")
    return Case(lab.run, "cameras", "SHA256", lab.output)


def slooh_images(servers: Servers) -> Case:
    lab = SloohLab(*servers.parts, servers.slooh)
    lab.add(1)
    return Case(lab.run, "slooh", "complete PNG", lab.output)


@pytest.mark.parametrize("made", [s3_downloader, minio_downloader, drive_datasets, slooh_images])
def test_every_dag_hands_out_its_result_and_an_event(
    made: Callable[[Servers], Case], parts: Parts, moto: S3Server, drive: DriveServer
) -> None:
    with serving(SloohServer()) as slooh:
        case = made(Servers(parts, moto, drive, slooh))
        run = case.run()
    folder, about = case.folder, case.about
    (path,) = reports_in(folder)
    assert run.state == "success"
    result = run.xcom("result")
    (report,) = result["reports"]
    assert (result["status"], result["problems"]) == ("SUCCESS", [])
    assert (report["about"], report["path"], report["destination"]) == (about, str(path), str(folder))
    assert (report["status"], report["files"], report["successful"], report["failed"]) == ("SUCCESS", 1, 1, 0)
    assert (report["outcomes"]["downloaded"], report["assurances"], report["failures"]) == (1, {case.word: 1}, [])
    assert report["bytes"] > 0
    assert dag_results(run) == {"report": result}
    assert run.xcom("report_text") == [{"about": about, "path": str(path), "text": path.read_text(), "left_out": 0}]
    assert events(run) == [Event(f"file://{folder}", [made.__name__], report)]


def test_a_red_run_hands_out_its_result_and_makes_no_event(lab: Lab) -> None:
    folder = lab.upload(SAMPLE, {"a.raw": b"12345"})
    lab.record(SAMPLE, {"a.raw": [5, md5(b"12345")], "gone.raw": [1, None]})
    run = lab.run({"raw_file_ids": [SAMPLE, "absent"]})
    assert run.state == "failed"
    result = run.xcom("result")
    (report,) = result["reports"]
    (failure,) = report["failures"]
    assert (result["status"], report["status"]) == ("PARTIAL FAILURE", "PARTIAL FAILURE")
    assert (report["successful"], report["failed"], report["assurances"]) == (1, 1, {"MD5": 1})
    assert (failure["name"], failure["kind"]) == ("gone.raw", "Not found")
    assert failure["message"].startswith("Not found: there is no object s3://")
    assert result["problems"] == ["no raw file absent in the catalogue; check the id"]
    assert report["path"] == str(reports_in(folder)[0])
    assert dag_results(run) == {"report": result}
    assert run.xcom("report_text")[0]["text"] == render(run.report())
    assert events(run) == []


@pytest.mark.parametrize(
    ("conf", "problem"),
    [
        ({"raw_file_id": "absent"}, "validate failed: no raw file absent in the catalogue; check the id"),
        ({"raw_file_ids": ["absent", "gone"]}, "validate failed: none of the 2 raw files can be restored: (1) no raw"),
        ({"raw_file_id": SAMPLE, "unknown": 1}, "validate failed: "),
        ({"raw_file_id": "bad\x1b[31m\u202e"}, r"validate failed: no raw file bad\x1b[31m\u202e in the catalogue"),
    ],
)
def test_a_run_in_which_nothing_is_planned_is_refused(lab: Lab, conf: dict[str, Any], problem: str) -> None:
    run = lab.run(conf)
    assert (run.state, run.states()["report"]) == ("failed", ["failed"])
    result = run.xcom("result")
    assert (result["status"], result["reports"], len(result["problems"])) == ("REFUSED", [], 1)
    assert result["problems"][0].startswith(problem)
    assert dag_results(run) == {"report": result}
    assert (run.xcom("report_text"), events(run)) == ([], [])


def test_a_report_that_cannot_be_made_is_told_in_the_result(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run without reports, in which files may have come home."""
    lab.upload(SAMPLE, {"a.raw": b"1"})
    when("report", monkeypatch, lambda: lab.configure("nonsense: 1"))
    run = lab.run({"raw_file_id": SAMPLE})
    assert (run.state, run.states()["download"]) == ("failed", ["success"])
    result = run.xcom("result")
    assert (result["status"], result["reports"]) == ("COMPLETE FAILURE", [])
    assert "nonsense: is not a known key" in result["problems"][0]


def test_a_dry_run_says_so_and_makes_no_event(parts: Parts, drive: DriveServer) -> None:
    lab = DriveLab(*parts, drive)
    lab.add("fan.dat", b"12345")
    run = lab.run({"dry_run": True})
    assert (run.state, run.xcom("result")["status"]) == ("success", "DRY RUN")
    assert dag_results(run) == {"report": run.xcom("result")}
    assert events(run) == []


def test_each_report_of_a_run_has_its_event(lab: Lab) -> None:
    """Also two of the same folder."""
    lab.upload("raw_one", {"one.raw": b"1"}, project="PRID 1")
    lab.upload("raw_two", {"two.raw": b"2"}, project="PRID 1")
    lab.upload("raw_six", {"six.raw": b"6"}, project="PRID_2")
    run = lab.run({"raw_file_ids": ["raw_one", "raw_two", "raw_six"]})
    assert run.state == "success"
    result = run.xcom("result")
    assert [(event.uri, event.extra["about"]) for event in events(run)] == [
        (f"file://{lab.output}/PRID%201", "raw_one"),
        (f"file://{lab.output}/PRID%201", "raw_two"),
        (f"file://{lab.output}/PRID_2", "raw_six"),
    ]
    assert [event.extra for event in events(run)] == sorted(
        result["reports"], key=lambda each: (each["destination"], each["about"])
    )
    assert [each["about"] for each in run.xcom("report_text")] == [each["about"] for each in result["reports"]]


def test_hostile_names_travel_as_one_line_of_text(lab: Lab) -> None:
    names = ["a\nb.raw", "x\x1b[31m.raw", "\u202eexe.raw", "b: OK - c.raw", "<img src=x>.raw", "{{ 1 + 1 }}.raw"]
    lab.upload(SAMPLE, dict.fromkeys(names[1:], b"1"))
    lab.record(SAMPLE, {**{name: [1, md5(b"2")] for name in names}, "half\ud83d.raw": [1, None]})
    run = lab.run({"raw_file_id": SAMPLE})
    assert run.state == "failed"
    (report,) = run.xcom("result")["reports"]
    assert report["failed"] == len(names) + 1
    shown = {failure["name"] for failure in report["failures"]}
    assert r"a\nb.raw" in shown
    assert r"x\x1b[31m.raw" in shown
    assert r"\u202eexe.raw" in shown
    assert r"half\ud83d.raw" in shown
    assert {"b: OK - c.raw", "<img src=x>.raw", "{{ 1 + 1 }}.raw"} < shown
    kept = json.dumps([run.xcom("result"), run.xcom("report_text")], ensure_ascii=False)
    assert kept.replace("\\n", "").isprintable()
