"""What the tests of the DAGs work with: runs, and for `s3_downloader` a bucket, a catalogue and an output folder."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.task_state_store import TaskStateStoreModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select

from dags.haste import hasten, measure_tasks
from downloader.report import Report, read, reports_in
from downloader_tasks import download_run
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.secrets import secret
from support.measuring import unmeasured

ROOT = Path(__file__).parents[2]
CATALOGUE_DDL = ROOT / "include" / "catalogue.sql"
SECRET = secret("aws", "+/=")

Parts = tuple[Path, pytest.MonkeyPatch, pytest.CaptureFixture[str], pytest.LogCaptureFixture]
"""What a Runner is made of."""


@dataclass
class Runner:
    """Runs DAGs in a folder of the test's own."""

    folder: Path
    patch: pytest.MonkeyPatch
    printed: pytest.CaptureFixture[str]
    logged: pytest.LogCaptureFixture

    def run_dag(self, dag_id: str, conf: Mapping[str, Any], **tasks: Mapping[str, Any]) -> Run:
        """Runs a DAG to its end, without retries. `tasks`: attributes of tasks, by task."""
        dag = DagBag(str(ROOT / "dags" / f"{dag_id}.py")).dags[dag_id]
        for task in dag.tasks:
            task.retries = 0
            for name, value in tasks.get(task.task_id, {}).items():
                setattr(task, name, value)
        self.printed.readouterr()
        self.logged.clear()
        self.logged.set_level("INFO")
        with self.patch.context() as patch:
            hasten(patch, dag_id)
            measure_tasks(patch)
            run = unmeasured(dag.test)(run_conf=dict(conf))
        printed = self.printed.readouterr()
        return Run(run.run_id, str(run.state), self.logged.text + printed.out + printed.err, self.folder / "output")


@dataclass
class Lab(Runner):
    """`files` of a record: relative path -> content, which lies in the bucket and stands in the catalogue."""

    server: S3Server
    secret: str = SECRET
    """moto takes any."""
    bucket: str = field(init=False)

    def __post_init__(self) -> None:
        self.bucket = self.server.new_bucket()
        self.output = self.folder / "output"
        self.output.mkdir()
        self.catalogue = self.folder / "catalogue.db"
        with closing(sqlite3.connect(self.catalogue)) as database:
            database.executescript(CATALOGUE_DDL.read_text())
        self.connect()
        self.patch.setenv("AIRFLOW_CONN_RAW_FILES", f"sqlite:///{self.catalogue}")
        self.configure()

    def connect(self, **changes: Any) -> None:
        """The AWS connection, with `changes` to its extras."""
        extra = {"endpoint_url": self.server.url, "config_kwargs": {"s3": {"addressing_style": "path"}}, **changes}
        connection = {"conn_type": "aws", "login": self.server.key, "password": self.secret, "extra": extra}
        self.patch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))

    def configure(self, text: str = "", transfer: str = "attempts: 1") -> None:
        """The configuration: the output location, how files travel, and whatever else."""
        file = self.folder / "config.yaml"
        file.write_text(f"locations: {{output: {self.output}}}\ntransfer: {{{transfer}}}\n{text}")
        self.patch.setenv("DOWNLOADER_CONFIG", str(file))

    def upload(self, raw_file_id: str, files: Mapping[str, bytes], project: str = "PRID001") -> Path:
        """A raw file that is backed up and recorded. Answers the folder that a restore brings it to."""
        client = self.server.client()
        for name, data in files.items():
            client.put_object(Bucket=self.bucket, Key=f"{raw_file_id}/{name}", Body=data)
        entries = {name: [len(data), md5(data)] for name, data in files.items()}
        self.record(raw_file_id, entries, project_id=project)
        return self.output / project

    def record(self, raw_file_id: str, file_info: Mapping[str, object], **columns: Any) -> None:
        """Writes or replaces a record of the catalogue."""
        values = {
            "project_id": "PRID001",
            "s3_upload_path": f"{self.bucket}/{raw_file_id}/",
            "backup_status": "upload_done",
            **columns,
        }
        with closing(sqlite3.connect(self.catalogue)) as database, database:
            database.execute(
                "INSERT OR REPLACE INTO raw_file VALUES (?, ?, ?, ?, ?)",
                (raw_file_id, *values.values(), json.dumps(file_info)),
            )

    def forget(self, raw_file_id: str) -> None:
        """Takes a record out of the catalogue."""
        with closing(sqlite3.connect(self.catalogue)) as database, database:
            database.execute("DELETE FROM raw_file WHERE id = ?", (raw_file_id,))

    def run(self, conf: Mapping[str, Any], **tasks: Mapping[str, Any]) -> Run:
        """Runs `s3_downloader`."""
        return self.run_dag("s3_downloader", conf, **tasks)


@dataclass
class Run:
    """What a run left behind."""

    run_id: str
    state: str
    log: str
    """All that was printed meanwhile: the logs of all tasks, and Airflow's own."""
    output: Path

    def states(self) -> dict[str, list[str]]:
        """The states of the instances of each task, in their order."""
        found: dict[str, list[str]] = {}
        with create_session() as session:
            query = select(TaskInstance).where(TaskInstance.run_id == self.run_id).order_by(TaskInstance.map_index)
            for instance in session.scalars(query):
                found.setdefault(instance.task_id, []).append(str(instance.state))
        return found

    def map_indexes(self) -> list[str]:
        """What the instances of `download` are called."""
        with create_session() as session:
            query = select(TaskInstance).where(TaskInstance.run_id == self.run_id, TaskInstance.task_id == "download")
            return [str(instance.rendered_map_index) for instance in session.scalars(query)]

    def xcoms(self) -> list[Any]:
        """The values of all XComs, as they are stored."""
        with create_session() as session:
            return [x.value for x in session.scalars(select(XComModel).where(XComModel.run_id == self.run_id))]

    def xcom(self, key: str) -> Any:
        """The value that a task pushed under `key`."""
        with create_session() as session:
            query = select(XComModel).where(XComModel.run_id == self.run_id, XComModel.key == key)
            return XComModel.deserialize_value(session.scalars(query).one())

    def state_store(self) -> dict[str, Any]:
        """What the last instance of `download` left in its state store."""
        with create_session() as session:
            query = select(TaskStateStoreModel).where(TaskStateStoreModel.run_id == self.run_id)
            return {row.key: json.loads(row.value) for row in session.scalars(query)}

    def problem(self) -> str:
        """The sentence that `validate` failed with."""
        return str(self.xcom("problem"))

    def report(self, project: str = "PRID001") -> Report:
        """The newest report in a project's folder, or another one of the output folder."""
        return read(reports_in(self.output / project)[0])

    def lines(self, project: str = "PRID001") -> dict[str, str]:
        """Name -> outcome and message, of the newest report."""
        return {result.name: f"{result.outcome} {result.message}".strip() for result in self.report(project).results}


def when(task: str, patch: pytest.MonkeyPatch, event: Callable[[], None]) -> None:
    """Lets something happen when each task `task` begins."""
    begin = getattr(download_run, task)

    def event_first(*arguments: Any) -> None:
        event()
        begin(*arguments)

    patch.setattr(download_run, task, event_first)


def contents(folder: Path) -> dict[str, bytes]:
    """Everything below `folder` but the reports."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("_download_status_"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()
