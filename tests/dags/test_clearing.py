"""What a person does to runs of a real Airflow: *Clear* of all or some of it, *Mark as failed*, *Approve*, *Reject*.

It takes a minute and a half on an idle machine. The same rules, case by case, are in tests/unit/test_xcoms.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from downloader.report import read
from include.demo.airflow_api import TriggeredRun
from include.stand_ins.wire import limited
from support.real_airflow import RealAirflow

A, B = b"bytes of A" * 50, b"bytes of B" * 70
LARGE = bytes(range(256)) * 4096 * 40
STOPPED = "failed Not tried: the download task died, or was stopped, before it came to this file"

pytestmark = pytest.mark.timeout(600)


def lines(airflow: RealAirflow, folder: Path) -> dict[str, str]:
    """The newest report's, without their advice."""
    return {name: line.partition(";")[0] for name, line in airflow.lines(folder).items()}


def last_line(airflow: RealAirflow, run: TriggeredRun, task: str, attempt: int = 1, index: int = -1) -> str:
    """The sentence that a task failed with; the log holds no frames but the one of Airflow's that caught it."""
    (failure,) = [line for line in airflow.log(run, task, attempt, index) if line.get("error_detail")]
    (error,) = failure["error_detail"]
    assert [frame["name"] for frame in error["frames"]] == ["_run_task_and_map_outcome"]
    assert len(error["exc_value"]) < 200
    return f"{error['exc_type']}: {error['exc_value']}"


def slowed(airflow: RealAirflow, speed: float) -> None:
    """From now on large files come with so many bytes a second."""
    airflow.objects.intercept = lambda asked: limited(speed) if asked.method == "GET" and "large" in asked.key else None


def part_of(folder: Path) -> int:
    """Bytes in the part files of a folder."""
    parts = folder.glob(".*.part") if folder.is_dir() else ()
    return sum(path.stat().st_size for path in parts)


def test_a_report_takes_results_of_the_last_plan_alone(airflow: RealAirflow) -> None:
    folder = airflow.location("s3_downloader") / "raw_plan"
    airflow.record("raw_plan", {"a.raw": A, "b.raw": B})
    run = airflow.trigger("s3_downloader", {"raw_file_id": "raw_plan"})
    assert airflow.wait(run) == "success"
    assert lines(airflow, folder) == {"a.raw": "downloaded", "b.raw": "downloaded"}
    assert airflow.note(run) == "restore raw_plan", "as a person finds it in the list of runs"
    assert run.run_id.startswith("restore_raw_plan__")

    # Cleared is one map index, of which the file is gone by now. The result of the other stays.
    (folder / "b.raw").unlink()
    del airflow.objects._objects["raw_plan/b.raw"]
    airflow.clear(run, [["download", 1]])
    assert airflow.wait(run) == "failed"
    missing = "failed Not found: there is no object s3://bucket/raw_plan/b.raw"
    assert lines(airflow, folder) == {"a.raw": "downloaded", "b.raw": missing}
    sentence = last_line(airflow, run, "report", 2)
    assert sentence.startswith(
        "AirflowFailException: 1 of 2 files of raw file raw_plan failed, first b.raw: Not found: "
    )
    assert last_line(airflow, run, "download", 2, 1).startswith(
        "AirflowFailException: 1 of 1 file failed, first b.raw: "
    )
    levels = {line["event"]: line["level"] for line in airflow.log(run, "report", 2)}
    assert {level for event, level in levels.items() if ": FAILURE - " in event} == {"error"}
    assert {level for event, level in levels.items() if ": OK - " in event} == {"info"}

    # Cleared is all of it, and the plan is smaller. The XComs of the map index that is gone stay, and say FAILURE.
    airflow.record("raw_plan", {"b.raw": B})
    airflow.clear(run)
    assert airflow.wait(run) == "success"
    assert airflow.states(run)["download_1"] == "removed"
    assert lines(airflow, folder) == {"b.raw": "downloaded"}

    # It is larger again, and a task is marked as failed before it begins. Its XComs are still those of the second try.
    airflow.record("raw_plan", {"a.raw": A, "b.raw": B})
    airflow.clear(run)
    assert airflow.wait(run) == "success"
    (folder / "b.raw").unlink()
    airflow.clear(run)
    airflow.mark(run, "failed", "download/1")
    assert airflow.wait(run) == "failed"
    assert lines(airflow, folder) == {"a.raw": "skipped", "b.raw": STOPPED}

    # Cleared is `validate` alone, and then `report`: what the tasks download did, they did for another plan.
    airflow.clear(run, ["validate"], downstream=False)
    airflow.wait(run)
    airflow.clear(run, ["report"])
    assert airflow.wait(run) == "failed"
    assert lines(airflow, folder) == {
        "a.raw": "failed Not tried: the download task ran before validate did, or a person marked it as successful",
        "b.raw": STOPPED,
    }

    # `validate` fails: none of its earlier plans counts.
    reports = airflow.reports(folder)
    airflow.record("raw_plan", {})
    airflow.clear(run)
    assert airflow.wait(run) == "failed"
    assert airflow.reports(folder) == reports
    sentence = last_line(airflow, run, "report", 1 + len(reports))
    assert sentence.startswith("AirflowFailException: validate failed: raw file raw_plan has no files")


def test_no_dag_reports_what_is_not_there(airflow: RealAirflow) -> None:
    for kind in ("Patient", "Zebra"):
        body = b'{"resourceType": "%s", "id": "1"}\n' % kind.encode()
        airflow.minio.client().put_object(Bucket=airflow.bucket, Key=f"{kind}.ndjson", Body=body)
    airflow.list_in_manifest({"one.bin": A, "two.bin": B})
    airflow.show_pictures(1, 2)
    conf = {"minio_downloader": {}, "drive_datasets": {}, "slooh_images": {"select": "all"}}
    runs = {dag_id: airflow.trigger(dag_id, conf[dag_id]) for dag_id in conf}
    assert {airflow.wait(run) for run in runs.values()} == {"success"}

    last = {"minio_downloader": "download/1", "drive_datasets": "download/1", "slooh_images": "download/0"}
    for dag_id, run in runs.items():
        for path in airflow.location(dag_id).rglob("*.*"):
            if path.is_file() and not path.name.startswith("_"):
                path.unlink()
        airflow.clear(run)
        airflow.mark(run, "failed", last[dag_id])
    assert {airflow.wait(run) for run in runs.values()} == {"failed"}
    for dag_id, run in runs.items():
        assert ": Not tried: the download task died, or was stopped, " in last_line(airflow, run, "report", 2)
        location = airflow.location(dag_id)
        newest, _ = airflow.reports(location)
        assert {result.ok for result in read(newest).results if not (location / result.name).exists()} == {False}


def test_an_audit_that_is_cleared_looks_again(airflow: RealAirflow) -> None:
    folder = airflow.location("s3_downloader") / "raw_audit"
    airflow.record("raw_audit", {"a.raw": A, "b.raw": B})
    folder.mkdir()
    (folder / "a.raw").write_bytes(A)
    run = airflow.trigger("s3_downloader", {"raw_file_id": "raw_audit", "audit": True})
    assert airflow.wait(run) == "failed"
    assert airflow.note(run) == "audit raw_audit"
    assert ": Missing: b.raw is not there; " in last_line(airflow, run, "report")

    (folder / "b.raw").write_bytes(B)
    airflow.clear(run)
    assert airflow.wait(run) == "success"

    (folder / "a.raw").write_bytes(B[: len(A)])
    airflow.clear(run, ["download"])
    assert airflow.wait(run) == "failed"
    assert ": Altered: a.raw: hash mismatch detected (" in last_line(airflow, run, "report", 3)
    audits = sorted(folder.glob("_audit_status_raw_audit_*.txt"))
    assert [read(path).summary.failed for path in audits] == [1, 0, 1]
    assert airflow.reports(folder) == []
    assert [asked for asked in airflow.objects.requests if "raw_audit" in asked.key] == []


def test_what_a_person_stopped_is_in_the_next_report(airflow: RealAirflow) -> None:
    folder = airflow.location("s3_downloader") / "raw_slow"
    airflow.record("raw_slow", {"large.raw": LARGE})
    slowed(airflow, 1e6)  # a busy machine, too, has stopped it long before its end
    run = airflow.trigger("s3_downloader", {"raw_file_id": "raw_slow"})
    airflow.wait_until(lambda: part_of(folder) > 2**20)
    airflow.mark(run, "failed")
    assert airflow.wait(run) == "failed"
    assert (airflow.states(run)["report"], airflow.reports(folder)) == ("skipped", [])
    slowed(airflow, 1e5)

    run = airflow.trigger("s3_downloader", {"raw_file_id": "raw_slow"})
    airflow.wait_until(lambda: airflow.states(run).get("download_0") == "running")
    airflow.wait_until(
        lambda: any("No report lists 1 file" in line["event"] for line in airflow.log(run, "download", 1, 0))
    )
    airflow.mark(run, "failed", "download/0")
    assert airflow.wait(run) == "failed"
    report = read(airflow.reports(folder)[0])
    assert dict(report.extra)["In no earlier report"].startswith("1 file, 1 of them partial (")
    (result,) = report.results
    assert result.message.startswith("Interrupted: the download task died, or was stopped, in the middle; ")
    assert result.message.endswith(
        " MB of it are here; run it again: it is resumed, unless it was changed at its source"
    )

    # The next run resumes it. It is cleared in the middle: the stopped try, which is late, reports nothing.
    run = airflow.trigger("s3_downloader", {"raw_file_id": "raw_slow"})
    airflow.wait_until(lambda: airflow.states(run).get("download_0") == "running")
    airflow.clear(run, [["download", 0]])
    airflow.objects.intercept = lambda asked: None
    assert airflow.wait(run) == "success"
    # The stopped try may have completed the file before it heard that it is to stop.
    assert lines(airflow, folder)["large.raw"] in ("resumed", "skipped")
    assert (folder / "large.raw").read_bytes() == LARGE
    assert part_of(folder) == 0


def test_a_run_that_asks_first_does_what_a_person_answers(airflow: RealAirflow) -> None:
    folder = airflow.location("s3_downloader") / "raw_asks"
    airflow.record("raw_asks", {"a.raw": A, "b.raw": B})
    run = airflow.trigger("s3_downloader", {"raw_file_id": "raw_asks", "ask_first": True})
    asked = airflow.question(run)
    assert asked["subject"] == f"Download 2 of 2 files ({(len(A) + len(B)) / 1024:.1f} KB to fetch)?"
    assert "- `a.raw: DOWNLOAD - 500 B`\n- `b.raw: DOWNLOAD - 700 B`\n" in asked["body"]
    states = airflow.states(run)
    assert {states[task] for task in states if task.startswith(("download", "report"))} == {None}
    assert not folder.exists()

    airflow.answer(run, "Reject")
    assert airflow.wait(run) == "failed"
    rejected = "AirflowFailException: a person rejected this run in its task approve, so nothing was downloaded"
    assert last_line(airflow, run, "report") == rejected
    assert airflow.states(run)["download"] == "skipped"
    assert not folder.exists()

    # Cleared is what comes behind the answer: it still holds.
    airflow.clear(run, ["download"])
    assert airflow.wait(run) == "failed"
    assert last_line(airflow, run, "report", 2) == rejected
    assert not folder.exists()

    # The person asks to be asked again. Of what was there then, one file is gone by now.
    airflow.clear(run, ["approve"])
    airflow.question(run)
    del airflow.objects._objects["raw_asks/b.raw"]
    airflow.answer(run, "Approve")
    assert airflow.wait(run) == "failed"
    missing = "failed Not found: there is no object s3://bucket/raw_asks/b.raw"
    assert lines(airflow, folder) == {"a.raw": "downloaded", "b.raw": missing}

    # The plan changes while a person thinks it over: what the run was to download, it does not.
    airflow.clear(run)
    airflow.question(run)
    airflow.record("raw_asks", {"a.raw": B, "c.raw": A})
    airflow.answer(run, "Approve")
    assert airflow.wait(run) == "failed"
    found = lines(airflow, folder)
    assert found.keys() == {"a.raw", "c.raw"}
    assert all(line.startswith("failed Plan changed: ") for line in found.values())

    # Nobody answers: a person marks the task instead.
    reports = airflow.reports(folder)
    airflow.clear(run)
    airflow.question(run)
    airflow.mark(run, "failed", "approve")
    assert airflow.wait(run) == "failed"
    assert "nobody approved this run (its task approve is failed)" in last_line(airflow, run, "report", 5)
    assert airflow.reports(folder) == reports
