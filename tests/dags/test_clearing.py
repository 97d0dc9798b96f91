"""What a person does to a run of a real Airflow: *Clear* of all or some of it, *Mark as failed*.

It takes about a minute. The same rules, case by case, are tested in tests/unit/test_xcoms.py.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.demo.airflow_api import TriggeredRun
from include.stand_ins.wire import limited
from support.real_airflow import RealAirflow, running

A, B = b"bytes of A" * 50, b"bytes of B" * 70
GONE = "failed Not found: there is no object s3://bucket/"

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def airflow() -> Iterator[RealAirflow]:
    with tempfile.TemporaryDirectory(prefix="downloader-real-") as folder, running(Path(folder)) as airflow:
        yield airflow


def last_line(airflow: RealAirflow, run: TriggeredRun, task: str, attempt: int = 1, index: int = -1) -> str:
    """The sentence that a task failed with; its log holds no frames but one of Airflow's."""
    (failure,) = [line for line in airflow.log(run, task, attempt, index) if line.get("error_detail")]
    (error,) = failure["error_detail"]
    assert [frame["name"] for frame in error["frames"]] == ["_run_task_and_map_outcome"]
    assert len(error["exc_value"]) < 200
    return f"{error['exc_type']}: {error['exc_value']}"


def test_a_report_takes_the_results_of_the_last_plan_alone(airflow: RealAirflow) -> None:
    folder = airflow.location("s3_downloader") / "raw_plan"
    airflow.record("raw_plan", {"a.raw": A, "b.raw": B})
    run = airflow.trigger("s3_downloader", {"raw_file_id": "raw_plan"})
    assert airflow.wait(run) == "success"
    assert airflow.lines(folder) == {"a.raw": "downloaded", "b.raw": "downloaded"}

    # One map index, of which the file is gone by now: the other one's result stays.
    (folder / "b.raw").unlink()
    del airflow.objects._objects["raw_plan/b.raw"]
    airflow.clear(run, [["download", 1]])
    assert airflow.wait(run) == "failed"
    assert airflow.lines(folder)["a.raw"] == "downloaded"
    assert airflow.lines(folder)["b.raw"].startswith(GONE)
    line = last_line(airflow, run, "report", 2)
    assert line.startswith("AirflowFailException: 1 of 2 files of raw file raw_plan failed, first b.raw: Not found: ")
    assert last_line(airflow, run, "download", 2, 1).startswith("AirflowFailException: 1 of 1 file failed, first b.raw")
    levels = {each["event"]: each["level"] for each in airflow.log(run, "report", 2)}
    assert {level for event, level in levels.items() if "FAILURE - " in event} == {"error"}
    assert {level for event, level in levels.items() if "OK - " in event} == {"info"}

    # The report alone: the same again.
    airflow.clear(run, ["report"])
    assert airflow.wait(run) == "failed"
    assert len(airflow.reports(folder)) == 3
    assert airflow.lines(folder)["b.raw"].startswith(GONE)

    # The whole run, with a smaller plan: the XComs of the map index that is gone stay, and say that b.raw failed.
    airflow.record("raw_plan", {"b.raw": B})
    airflow.clear(run)
    assert airflow.wait(run) == "success"
    assert airflow.lines(folder) == {"b.raw": "downloaded"}
    assert airflow.states(run)["download_1"] == "removed"

    # With a larger one again, of which a task never begins.
    airflow.record("raw_plan", {"a.raw": A, "b.raw": B})
    (folder / "b.raw").unlink()
    airflow.objects.intercept = lambda asked: limited(10) if asked.method == "GET" and asked.key else None
    airflow.clear(run)
    airflow.wait_until(lambda: airflow.states(run)["download_0"] == "running")
    airflow.objects.intercept = lambda asked: None
    airflow.wait(run)
    assert airflow.lines(folder)["b.raw"] == "downloaded"

    # `validate` alone, and then the report: the tasks download have not run for this plan.
    airflow.clear(run, ["validate"], downstream=False)
    airflow.wait(run)
    airflow.clear(run, ["report"])
    assert airflow.wait(run) == "failed"
    assert {line.partition(";")[0] for line in airflow.lines(folder).values()} == {
        "failed Not tried: the download task ran before validate did, or a person marked it as successful"
    }

    # `validate` fails: nothing of the earlier plans counts.
    before = airflow.reports(folder)
    airflow.record("raw_plan", {})
    airflow.clear(run)
    assert airflow.wait(run) == "failed"
    assert airflow.reports(folder) == before
    attempt = 1 + len(before)
    assert last_line(airflow, run, "report", attempt).startswith(
        "AirflowFailException: validate failed: raw file raw_plan has no files"
    )
