"""A real Airflow (all its parts, LocalExecutor) with stand-ins for all that the DAGs talk to: one for all tests.

Starting it costs more than most runs do. So the modules that ask for `airflow` run one after the other in one process
(see `support.order`), and each finds it without runs of others. It ends behind the last of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, LiteralString
from urllib.parse import quote

import psycopg
import pytest

from downloader.report import read, reports_in
from include.demo.airflow_api import TriggeredRun
from include.demo.home import PROJECT, Home
from include.demo.local_airflow import LocalAirflow, starting
from include.stand_ins.drive_server import DriveFile, DriveServer, file_id
from include.stand_ins.object_server import ObjectServer
from include.stand_ins.s3_servers import S3Server, moto_server
from include.stand_ins.secrets import secret
from include.stand_ins.slooh_server import Picture, SloohServer
from include.stand_ins.wire import serving
from support.documents import blocks, document, section
from support.listeners import Webhook
from support.order import is_of_airflow

__all__ = ["FOLLOWER", "RealAirflow", "airflow"]

FOLLOWER: Final = "after_restore"
"""The DAG that the documents show: it starts behind restores."""
_DAGS: Final = ("s3_downloader", "minio_downloader", "drive_datasets", "slooh_images")
_SCHEDULES: Final = [
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
_PATIENCE: Final = 300.0
_BEFOREHAND: Final = """
import sys

if "scheduler" in sys.argv:
    from importlib import import_module
    from pkgutil import walk_packages

    import downloader_tasks

    for module in walk_packages(downloader_tasks.__path__, "downloader_tasks."):
        import_module(module.name)
    import airflow.sdk.execution_time.task_runner
"""


@dataclass
class RealAirflow:
    """Runs of the DAGs, and what a person does to them. One file is one shard."""

    home: Home
    airflow: LocalAirflow
    objects: ObjectServer
    minio: S3Server
    drive: DriveServer
    slooh: SloohServer
    webhook: Webhook
    """Is told of each run, and of runs of `minio_downloader` that are late, which all are."""
    bucket: str
    database: psycopg.Connection[tuple[str, ...]]
    """Airflow's. Who waits looks there: its API would take a third of a processor for each look a tenth second."""

    def forget(self) -> None:
        """Ends all runs and deletes them, and what was set up for them outside of Airflow."""
        others = (*(f"schedule_{schedule['name']}" for schedule in _SCHEDULES), FOLLOWER)
        for dag_id in others:
            self.airflow.api.pause(dag_id, paused=True)
        for dag_id in (*others, *_DAGS):
            self.airflow.api.end_earlier_runs(dag_id)
        for run in self.runs("~"):
            self._delete(self._path(run))
        self.objects.intercept = lambda asked: None
        (self.home.folder / "manifest.json").unlink(missing_ok=True)
        self.webhook.calls.clear()

    def record(self, raw_file_id: str, files: Mapping[str, bytes]) -> None:
        """Writes a record of the catalogue, and puts its files into the bucket."""
        for name, data in files.items():
            self.objects.put(f"{raw_file_id}/{name}", data)
        info = {name: [len(data), hashlib.md5(data).hexdigest()] for name, data in files.items()}
        row = (raw_file_id, raw_file_id, f"bucket/{raw_file_id}/", "upload_done", json.dumps(info))
        with closing(sqlite3.connect(self.home.catalogue)) as database, database:
            database.execute("INSERT OR REPLACE INTO raw_file VALUES (?, ?, ?, ?, ?)", row)

    def hurry(self) -> None:
        """What comes slowly is late from now on, and comes at once."""
        before = self.objects.clock
        self.objects.clock = lambda: before() + 3600
        self.objects.intercept = lambda asked: None

    def list_in_manifest(self, files: Mapping[str, bytes]) -> None:
        """Writes the manifest, and puts its files into Drive."""
        entries = []
        for name, data in files.items():
            held = self.drive.add(DriveFile(file_id(name.replace(".", "")), name, data))
            sha256 = hashlib.sha256(data).hexdigest()
            entries.append({"id": held.id, "name": name, "path": name, "size": len(data), "sha256": sha256})
        head = {"version": "1.0", "source": "https://drive.google.com/drive/folders/1abc", "generated": "2026-02-07"}
        (self.home.folder / "manifest.json").write_text(json.dumps({**head, "datasets": entries}))

    def show_pictures(self, *numbers: int) -> None:
        """Adds pictures to the Slooh account."""
        self.slooh.add(*(Picture(number, file=f"{number}.png") for number in numbers))

    def location(self, dag_id: str) -> Path:
        """What the DAG fills: ``locations.*``."""
        return self.home.folder / "to" / dag_id

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> TriggeredRun:
        """Starts a run."""
        return self.airflow.api.trigger(dag_id, conf)

    def wait(self, run: TriggeredRun) -> str:
        """The state that a run ends in."""
        query = "SELECT state FROM dag_run WHERE dag_id = %s AND run_id = %s AND state IN ('success', 'failed')"
        self.wait_until(lambda: self._rows(query, run))
        return self._rows(query, run)[0][0]

    def wait_until(self, happens: Callable[[], object]) -> None:
        """Waits until `happens` answers something true."""
        deadline = time.monotonic() + _PATIENCE
        while not happens():
            self.airflow.check()
            assert time.monotonic() < deadline, "it does not happen"
            time.sleep(0.1)

    def runs(self, dag_id: str) -> list[TriggeredRun]:
        """The runs of a DAG (``~``: of all), the oldest first."""
        found = self._ask("GET", f"dags/{dag_id}/dagRuns?order_by=id")["dag_runs"]
        return [TriggeredRun(each["dag_id"], each["dag_run_id"]) for each in found]

    def awaited(self, run: TriggeredRun) -> dict[str, Any]:
        """What Airflow answers who waits for a run: its state, and the result of its DAG."""
        address = f"{self.airflow.address}/api/v2/{self._path(run)}/wait?interval=1"
        answer = self.airflow.api._session.get(address, timeout=_PATIENCE)
        answer.raise_for_status()
        found: dict[str, Any] = json.loads(answer.text.splitlines()[-1])
        return found

    def clear(self, run: TriggeredRun, tasks: list[Any] | None = None, *, downstream: bool = True) -> None:
        """As a person does in Airflow's pages: the whole run, or some tasks, such as ``["download", 1]``."""
        body = {"dry_run": False, "dag_run_id": run.run_id, "reset_dag_runs": True, "only_failed": False}
        if tasks is not None:
            body |= {"task_ids": tasks, "include_downstream": downstream}
        self._ask("POST", f"dags/{run.dag_id}/clearTaskInstances", body)

    def mark(self, run: TriggeredRun, state: str, task: str = "") -> None:
        """Marks a run, or one of its tasks, such as ``download/0``."""
        if task:
            self._ask("PATCH", f"{self._path(run)}/taskInstances/{task}", {"new_state": state})
        else:
            self._ask("PATCH", self._path(run), {"state": state})

    def question(self, run: TriggeredRun) -> dict[str, Any]:
        """What the task `approve` asks, once it waits for an answer and may get one: see `has_ended`."""
        self.wait_until(lambda: self.states(run).get("approve") == "awaiting_input" and self.has_ended(run))
        return self._ask("GET", self._approval(run))

    def has_ended(self, run: TriggeredRun) -> bool:
        """Whether the scheduler knows that all has ended that it started of a run.

        A task that waits goes on no sooner: else the scheduler takes it for one that is lost, and tries it again.
        """
        started = ended = 0
        for line in (self.home.logs / "airflow-scheduler.log").read_text(encoding="utf-8").splitlines():
            started += line.count(f" {run.run_id} ") if "Trying to enqueue tasks: " in line else 0
            ended += " TaskInstance Finished: " in line and f", run_id={run.run_id}, " in line
        return started == ended

    def answer(self, run: TriggeredRun, option: str) -> None:
        """Answers it: ``Approve`` or ``Reject``."""
        self._ask("PATCH", self._approval(run), {"chosen_options": [option], "params_input": {}})

    def states(self, run: TriggeredRun) -> dict[str, str | None]:
        """The states of the tasks: ``download_1`` is the second of the mapped ones."""
        return _by_name(
            self._rows("SELECT task_id, map_index, state FROM task_instance WHERE dag_id = %s AND run_id = %s", run)
        )

    def waiting(self, run: TriggeredRun) -> list[str]:
        """The tasks that wait for a time that has not come, named as in `states`; none before `has_ended`."""
        later = "EXISTS (SELECT FROM task_reschedule WHERE ti_id = task_instance.id AND reschedule_date > now())"
        of_run: LiteralString = "WHERE dag_id = %s AND run_id = %s AND state = 'up_for_reschedule'"
        found = self._rows(f"SELECT task_id, map_index, state FROM task_instance {of_run} AND {later}", run)
        return sorted(_by_name(found)) if self.has_ended(run) else []

    def make_due(self, run: TriggeredRun) -> None:
        """Lets the time come that tasks wait for: Airflow compares it with the one in its database."""
        of_run: LiteralString = "SELECT id FROM task_instance WHERE dag_id = %s AND run_id = %s"
        query = f"UPDATE task_reschedule SET reschedule_date = now() WHERE ti_id IN ({of_run})"
        self.database.execute(query, (run.dag_id, run.run_id))

    def note(self, run: TriggeredRun) -> str:
        """What Airflow's pages show with the run; "" for nothing."""
        return str(self._ask("GET", self._path(run))["note"] or "")

    def log(self, run: TriggeredRun, task: str, attempt: int = 1, index: int = -1) -> list[dict[str, Any]]:
        """The lines of a task's log, as Airflow keeps them."""
        where = f"{self._path(run)}/taskInstances/{task}/logs/{attempt}?map_index={index}"
        return [line for line in self._ask("GET", where)["content"] if "level" in line]

    def xcom(self, run: TriggeredRun, task: str, key: str) -> Any:
        """The value of an XCom; None where there is none."""
        where = f"{self._path(run)}/taskInstances/{task}/xcomEntries/{key}?stringify=false"
        return self.airflow.api._ask("GET", where, fine=(404,)).get("value")

    def reports(self, folder: Path) -> list[Path]:
        """The reports in a folder, the newest first."""
        return reports_in(folder)

    def lines(self, folder: Path) -> dict[str, str]:
        """Name -> outcome and message, of the newest report."""
        results = read(self.reports(folder)[0]).results
        return {result.name: f"{result.outcome} {result.message}".strip() for result in results}

    def restart_scheduler(self) -> None:
        """Kills it and all that it runs, as a power cut does, and starts it again."""
        processes = self.airflow._processes
        scheduler = processes._running["airflow scheduler"]
        os.killpg(scheduler.pid, signal.SIGKILL)
        scheduler.wait()
        processes.start("airflow scheduler", [str(part) for part in scheduler.args])  # type: ignore[union-attr]

    def _rows(self, query: LiteralString, run: TriggeredRun) -> list[tuple[str, ...]]:
        return self.database.execute(query, (run.dag_id, run.run_id)).fetchall()

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return self.airflow.api._ask(method, path, json=body)

    def _delete(self, path: str) -> None:
        answer = self.airflow.api._session.delete(f"{self.airflow.address}/api/v2/{path}", timeout=_PATIENCE)
        answer.raise_for_status()

    def _approval(self, run: TriggeredRun) -> str:
        return f"{self._path(run)}/taskInstances/approve/-1/hitlDetails"

    def _path(self, run: TriggeredRun) -> str:
        return f"dags/{run.dag_id}/dagRuns/{quote(run.run_id, safe='')}"


def _by_name(found: Iterable[tuple[str, ...]]) -> dict[str, str | None]:
    return {task if int(index) < 0 else f"{task}_{index}": state for task, index, state in found}


@contextmanager
def _running(folder: Path, postgres_socket: str) -> Iterator[RealAirflow]:
    """Starts all of it; stops it afterwards. `postgres_socket`: of the server for Airflow's database.

    In SQLite, which Airflow keeps for trying out, what a person does would wait for the scheduler, or be refused.
    """
    with ExitStack() as stack:
        home = Home(folder)
        home.make()
        objects = stack.enter_context(serving(ObjectServer()))
        drive = stack.enter_context(serving(DriveServer()))
        slooh = stack.enter_context(serving(SloohServer()))
        webhook = stack.enter_context(serving(Webhook()))
        minio = stack.enter_context(moto_server())
        bucket = minio.new_bucket()
        with closing(sqlite3.connect(home.catalogue)) as database:
            database.executescript((PROJECT / "include" / "catalogue.sql").read_text())
        host, _, port = minio.url.removeprefix("http://").rpartition(":")
        connections = {
            "AWS_DEFAULT": {
                "conn_type": "aws",
                "login": "AKIATESTONLY",
                "password": minio.secret,
                "extra": {"endpoint_url": objects.url},
            },
            "RAW_FILES": {"conn_type": "sqlite", "host": str(home.catalogue)},
            "MINIO_DEFAULT": {
                "conn_type": "generic",
                "host": host,
                "port": int(port),
                "login": minio.key,
                "password": minio.secret,
                "extra": {"secure": False},
            },
            "SLOOH_DEFAULT": {
                "conn_type": "http",
                "host": slooh.url,
                "login": slooh.member.username,
                "password": slooh.member.password,
            },
            "LAB_WEBHOOK": {
                "conn_type": "http",
                "host": webhook.url,
                "extra": {"Authorization": f"Bearer {secret('webhook')}"},
            },
        }
        config = home.write_settings("config", _settings(folder, drive, bucket))
        variables = {f"AIRFLOW_CONN_{name}": json.dumps(value) for name, value in connections.items()}
        with _connected(postgres_socket, "postgres") as server:
            server.execute("DROP DATABASE IF EXISTS airflow")
            server.execute("CREATE DATABASE airflow")
        variables |= {
            "DOWNLOADER_CONFIG": str(config),
            "DOWNLOADER_SCHEDULES": str(home.write_settings("schedules", {"schedules": _SCHEDULES})),
            "DOWNLOADER_DEADLINE_HOURS_MINIO_DOWNLOADER": "0.0001",
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",  # a machine may be busy with other tests
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg://postgres@/airflow?host={postgres_socket}",
            # PostgreSQL runs as long as Airflow does: nothing is gained by asking before each use of a connection.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_PRE_PING": "False",
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": _bundles(folder),
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",  # no DAG changes
            # A scheduler that looks ten times a second takes a fifth of a processor from the other tests.
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        }
        _import_beforehand(home)
        airflow = stack.enter_context(starting(home, variables))
        for dag_id in (*_DAGS, FOLLOWER):
            airflow.wait_for(dag_id)
        airflow.complete()
        for schedule in _SCHEDULES:
            airflow.wait_for(f"schedule_{schedule['name']}")
        rows = stack.enter_context(_connected(postgres_socket, "airflow"))
        yield RealAirflow(home, airflow, objects, minio, drive, slooh, webhook, bucket, rows)


def _connected(postgres_socket: str, database: str) -> psycopg.Connection[tuple[str, ...]]:
    return psycopg.connect(host=postgres_socket, dbname=database, user="postgres", autocommit=True)


def _import_beforehand(home: Home) -> None:
    """The scheduler imports what tasks do: their processes are forks of it, which else take a second each to do so."""
    folder = home.airflow / "config"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "airflow_local_settings.py").write_text(_BEFOREHAND)


def _bundles(folder: Path) -> str:
    """The DAGs of the project, and the one of the documents in a folder of its own."""
    examples = folder / "examples"
    examples.mkdir()
    (program,) = blocks(section(document("results"), "Start another DAG behind a download"), "python")
    (examples / f"{FOLLOWER}.py").write_text(program)
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    bundles = {"dags": PROJECT / "dags", "examples": examples}
    return json.dumps(
        [{"name": name, "classpath": local, "kwargs": {"path": str(path)}} for name, path in bundles.items()]
    )


def _settings(folder: Path, drive: DriveServer, bucket: str) -> dict[str, Any]:
    locations = {
        "output": folder / "to" / "s3_downloader",
        "minio": folder / "to" / "minio_downloader",
        "datasets": folder / "to" / "drive_datasets",
        "slooh": folder / "to" / "slooh_images",
    }
    for location in locations.values():
        location.mkdir(parents=True)
    addresses = {"web_url": drive.url, "download_url": drive.url, "api_url": drive.api_url}
    notifier = {
        "callable": "airflow.providers.http.notifications.http.HttpNotifier",
        "arguments": {"http_conn_id": "lab_webhook", "json": {"text": "{{ notification.text }}"}},
        "when": ["success", "failure", "deadline"],
    }
    return {
        "locations": {name: str(location) for name, location in locations.items()},
        "minio": {"bucket": bucket},
        "drive": {**addresses, "manifest": str(folder / "manifest.json"), "max_retries": 0, "retry_delay": 0},
        "slooh": {"rate_limit": 0, "max_retries": 0, "retry_delay": 0},
        "transfer": {"attempts": 1},
        "shards": {"files": 1},
        "notifier": notifier,
    }


class _Held:
    """The one that runs, if any."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._airflow: RealAirflow | None = None

    def get(self, postgres_socket: str) -> RealAirflow:
        """Starts it where none runs."""
        if self._airflow is None:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="downloader-real-"))
            self._airflow = self._stack.enter_context(_running(Path(folder), postgres_socket))
        return self._airflow

    def end(self) -> None:
        """Stops it where one runs."""
        self._airflow = None
        self._stack.close()


_held: Final = _Held()


@pytest.fixture(scope="module")
def airflow(postgres_socket: str) -> RealAirflow:
    """A real Airflow without runs."""
    airflow = _held.get(postgres_socket)
    airflow.forget()
    return airflow


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Behind the last module that uses it, Airflow would only take time from the others."""
    if nextitem is None or not is_of_airflow(nextitem.nodeid):
        _held.end()
