"""A real Airflow, in which programs wait for runs, another DAG starts behind them, and a deadline is missed.

It takes a minute on an idle machine. The same results, run by run, are in tests/dags/test_results.py.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.real_airflow import FOLLOWER, RealAirflow

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def followed(airflow: RealAirflow) -> RealAirflow:
    """The Airflow in which a DAG starts behind restores."""
    airflow.airflow.api.pause(FOLLOWER, paused=False)
    return airflow


def texts(airflow: RealAirflow) -> list[list[str]]:
    """The lines of what the webhook was called with."""
    return [body["text"].splitlines() for _, _, body in airflow.webhook.calls]


def heads(airflow: RealAirflow) -> list[str]:
    """The first line of each."""
    return [lines[0] for lines in texts(airflow)]


def test_who_waits_for_a_run_gets_its_result_and_another_dag_starts(followed: RealAirflow) -> None:
    airflow = followed
    folder = airflow.location("s3_downloader") / "raw_a"
    airflow.record("raw_a", {"a.raw": b"12345", "b.raw": b"1"})
    run = airflow.trigger("s3_downloader", {"raw_file_id": "raw_a"})
    answer = airflow.awaited(run)
    assert answer["state"] == "success"
    result = answer["results"]["report"]
    (report,) = result["reports"]
    (path,) = airflow.reports(folder)
    assert answer["results"] == {"report": airflow.xcom(run, "report", "result")}
    assert (report["path"], report["files"], report["bytes"], report["assurances"]) == (str(path), 2, 6, {"MD5": 2})
    (text,) = airflow.xcom(run, "report", "report_text")
    assert text == {"about": "raw_a", "path": str(path), "text": path.read_text(), "left_out": 0}
    airflow.wait_until(lambda: airflow.runs(FOLLOWER))
    (follower,) = airflow.runs(FOLLOWER)
    assert airflow.wait(follower) == "success"
    assert airflow.xcom(follower, "convert", "return_value") == [str(folder)]
    printed = [line["event"] for line in airflow.log(follower, "convert")]
    assert f"raw_a: 2 files in {folder}" in printed
    airflow.wait_until(lambda: "s3_downloader: SUCCESS, raw_a" in heads(airflow))


def test_who_waits_for_a_red_run_gets_its_result_and_no_dag_starts(followed: RealAirflow) -> None:
    airflow = followed
    airflow.record("raw_b", {"a.raw": b"12345", "gone.raw": b"1"})
    del airflow.objects._objects["raw_b/gone.raw"]
    before = len(airflow.runs(FOLLOWER))
    run, absent = (airflow.trigger("s3_downloader", {"raw_file_id": name}) for name in ("raw_b", "absent"))
    answer: dict[str, Any] = airflow.awaited(run)
    (report,) = answer["results"]["report"]["reports"]
    assert (answer["state"], report["status"], report["failed"]) == ("failed", "PARTIAL FAILURE", 1)
    assert [failure["name"] for failure in report["failures"]] == ["gone.raw"]
    assert airflow.awaited(absent) == {
        "state": "failed",
        "results": {
            "report": {
                "status": "REFUSED",
                "reports": [],
                "problems": ["validate failed: no raw file absent in the catalogue; check the id"],
            }
        },
    }
    airflow.wait_until(lambda: "s3_downloader: REFUSED" in heads(airflow))
    airflow.wait_until(lambda: "s3_downloader: PARTIAL FAILURE, raw_b" in heads(airflow))
    assert len(airflow.runs(FOLLOWER)) == before


def test_a_run_that_is_late_is_told_of_and_goes_on(airflow: RealAirflow) -> None:
    run = airflow.trigger("minio_downloader", {})
    assert airflow.wait(run) in ("success", "failed")
    late = "minio_downloader: DEADLINE MISSED"
    airflow.wait_until(lambda: late in heads(airflow))
    (lines,) = [lines for lines in texts(airflow) if lines[0] == late]
    assert re.fullmatch(r"the run is (queued|running); it was due at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", lines[1])
    assert lines[2] == f"run {run.run_id}"
