"""Schedules in Airflow: mistakes are import errors of one file. What a scheduler makes of them: see test_cron."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

from dags.lab import ROOT

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
