"""Schedules in Airflow: mistakes are import errors of one file, and a real scheduler starts what is due.

The last test takes two minutes: it waits for the next full minute, as cron does.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

from dags.lab import ROOT
from include.demo.airflow_api import TriggeredRun
from include.stand_ins.wire import limited
from support.postgres import postgres_socket
from support.real_airflow import RealAirflow, running

__all__ = ["postgres_socket"]

FILE = ROOT / "dags" / "schedules.py"
FOUR = {"drive_datasets", "minio_downloader", "s3_downloader", "slooh_images"}
GOOD = {"name": "good", "dag": "s3_downloader", "cron": "0 3 * * *", "conf": {"project_id": "PRID001"}}
WRONG = [{"name": "late", "dag": "slooh_images", "cron": "25 o'clock"}, {**GOOD, "name": "odd", "conf": {"projekt": 1}}]
Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the entries of a file of schedules."""
    file = tmp_path / "schedules.yaml"
    monkeypatch.setenv("DOWNLOADER_SCHEDULES", str(file))

    def write_entries(*entries: dict[str, object]) -> None:
        file.write_text(json.dumps({"schedules": entries}, indent=1))

    return write_entries


def test_the_scheduled_dags_stand_beside_the_four(write: Write) -> None:
    write(GOOD)
    bag = DagBag(str(ROOT / "dags"))
    assert bag.import_errors == {}
    assert bag.dags.keys() == {*FOUR, "schedule_good"}
    # Each DAG is that of its own file, also where another file reads its parameters.
    assert {dag_id: Path(dag.fileloc).stem for dag_id, dag in bag.dags.items()} == {
        **{dag_id: dag_id for dag_id in FOUR}, "schedule_good": "schedules",
    }  # fmt: skip
    assert DagBag(str(FILE)).dags.keys() == {"schedule_good"}


def test_mistakes_are_one_import_error_and_leave_the_four_alone(write: Write) -> None:
    write(GOOD, *WRONG)
    bag = DagBag(str(ROOT / "dags"))
    assert bag.dags.keys() == FOUR
    ((name, message),) = bag.import_errors.items()
    assert Path(name).name == "schedules.py"
    assert "schedules.yaml has 2 problems:" in message
    assert 'schedules[1].cron: is "25 o\'clock"; write a time that comes, as five fields of cron' in message
    assert "schedules[2].conf.projekt: is not a parameter of s3_downloader; did you mean project_id?" in message


def test_a_task_that_is_under_way_finds_its_dag_beside_mistakes(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(GOOD, *WRONG)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "schedule_good")
    bag = DagBag(str(FILE))
    assert bag.import_errors == {}
    assert bag.dags.keys() == {"schedule_good"}


# A real scheduler

EVERY_MINUTE = [
    {"name": "green", "dag": "s3_downloader", "cron": "* * * * *", "conf": {"project_id": "raw_good"}, "paused": True},
    {
        "name": "red",
        "dag": "s3_downloader",
        "cron": "* * * * *",
        "timezone": "Asia/Kolkata",
        "conf": {"raw_file_id": "raw_gone"},
        "paused": True,
    },
]


def first_of(airflow: RealAirflow, dag_id: str) -> TriggeredRun:
    """The first run of a DAG, once it is there."""
    airflow.wait_until(lambda: airflow.airflow.api.runs(dag_id))
    return airflow.airflow.api.runs(dag_id)[-1]


@pytest.mark.timeout(600)
def test_from_cron_to_green_and_to_red(postgres_socket: str) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="downloader-real-") as folder,
        running(Path(folder), postgres_socket, schedules=EVERY_MINUTE) as airflow,
    ):
        airflow.record("raw_good", {"large.raw": bytes(range(256)) * 4096 * 8})
        airflow.record("raw_gone", {"a.raw": b"a", "b.raw": b"b"})
        del airflow.objects._objects["raw_gone/b.raw"]
        airflow.objects.intercept = lambda asked: limited(1e6) if "large" in asked.key else None
        for name in ("green", "red"):
            airflow.airflow.api.pause(f"schedule_{name}", paused=False)
        green, red = first_of(airflow, "schedule_green"), first_of(airflow, "schedule_red")
        assert green.run_id.startswith("scheduled__")

        # While the files come, no worker is held.
        airflow.wait_until(lambda: airflow.states(green).get("restore") == "deferred")
        assert (airflow.wait(green), airflow.wait(red)) == ("success", "failed")
        airflow.airflow.api.pause("schedule_green", paused=True)

        started = {name: [run for run in airflow.airflow.api.runs("s3_downloader") if run.run_id.startswith(name)][-1]
                   for name in ("green__", "red__")}  # fmt: skip
        assert started["green__"].run_id.endswith(":00+00:00")
        assert started["red__"].run_id.endswith(":00+05:30")
        assert {name: airflow.wait(run) for name, run in started.items()} == {"green__": "success", "red__": "failed"}
        assert airflow.states(red)["restore"] == "failed"
        (failure,) = [line for line in airflow.log(red, "restore") if line.get("error_detail")]
        assert (
            f"the run {started['red__'].run_id} of s3_downloader failed (PARTIAL FAILURE: 1 of 2 files failed)"
            in str(failure["error_detail"])
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
