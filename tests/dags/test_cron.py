"""Schedules in a real Airflow: what is due is started and followed to its end, green or red.

It takes two minutes: it waits for the next full minute, as cron does.
"""

from __future__ import annotations

import pytest

from include.demo.airflow_api import TriggeredRun
from include.stand_ins.wire import limited
from support.real_airflow import RealAirflow


def first_of(airflow: RealAirflow, dag_id: str) -> TriggeredRun:
    """The first run of a DAG, once it is there."""
    airflow.wait_until(lambda: airflow.airflow.api.runs(dag_id))
    return airflow.airflow.api.runs(dag_id)[-1]


@pytest.mark.timeout(600)
def test_from_cron_to_green_and_to_red(airflow: RealAirflow) -> None:
    airflow.record("raw_good", {"large.raw": bytes(range(256)) * 4096 * 2})
    airflow.record("raw_gone", {"a.raw": b"a", "b.raw": b"b"})
    del airflow.objects._objects["raw_gone/b.raw"]
    airflow.objects.intercept = lambda asked: limited(1e5) if "large" in asked.key else None
    for name in ("green", "red"):
        airflow.airflow.api.pause(f"schedule_{name}", paused=False)
    green, red = first_of(airflow, "schedule_green"), first_of(airflow, "schedule_red")
    assert green.run_id.startswith("scheduled__")

    # While the files come, no worker is held.
    airflow.wait_until(lambda: airflow.states(green).get("restore") == "deferred")
    airflow.hurry()
    assert (airflow.wait(green), airflow.wait(red)) == ("success", "failed")
    airflow.airflow.api.pause("schedule_green", paused=True)

    started = {name: [run for run in airflow.airflow.api.runs("s3_downloader") if run.run_id.startswith(name)][-1]
               for name in ("green__", "red__")}  # fmt: skip
    assert started["green__"].run_id.endswith(":00+00:00")
    assert started["red__"].run_id.endswith(":00+05:30")
    assert {name: airflow.wait(run) for name, run in started.items()} == {"green__": "success", "red__": "failed"}
    assert airflow.states(red)["restore"] == "failed"
    (failure,) = [line for line in airflow.log(red, "restore") if line.get("error_detail")]
    assert f"the run {started['red__'].run_id} of s3_downloader failed (PARTIAL FAILURE: 1 of 2 files failed)" in str(
        failure["error_detail"]
    )
    for schedule, run in ((green, started["green__"]), (red, started["red__"])):
        for key in ("result", "return_value"):
            assert airflow.xcom(schedule, "restore", key) == airflow.xcom(run, "report", "result")
    result = airflow.xcom(red, "restore", "result")
    assert (result["status"], result["reports"][0]["failed"]) == ("PARTIAL FAILURE", 1)

    # Cleared, the schedule runs the same run again: what is here is kept, and what came back is downloaded.
    airflow.objects.put("raw_gone/b.raw", b"b")
    airflow.clear(red)
    assert airflow.wait(red) == "success"
    assert airflow.wait(started["red__"]) == "success"
    restored = airflow.location("s3_downloader") / "raw_gone"
    assert set(airflow.lines(restored).values()) <= {"skipped", "downloaded"}
    assert (restored / "b.raw").read_bytes() == b"b"
