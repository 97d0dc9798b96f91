"""A real Airflow (API server, scheduler, DAG processor, LocalExecutor) with stand-ins for all that the DAGs talk to."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg

from downloader.report import read, reports_in
from include.demo.airflow_api import TriggeredRun
from include.demo.home import PROJECT, Home
from include.demo.local_airflow import LocalAirflow, starting
from include.stand_ins.drive_server import DriveFile, DriveServer, file_id
from include.stand_ins.object_server import ObjectServer
from include.stand_ins.s3_servers import S3Server, moto_server
from include.stand_ins.slooh_server import Picture, SloohServer
from include.stand_ins.wire import serving

__all__ = ["RealAirflow", "running"]

_PATIENCE: Final = 300.0


@dataclass
class RealAirflow:
    """Runs of the DAGs, and what a person does to them. One file is one shard."""

    home: Home
    airflow: LocalAirflow
    objects: ObjectServer
    minio: S3Server
    drive: DriveServer
    slooh: SloohServer
    bucket: str

    def record(self, raw_file_id: str, files: Mapping[str, bytes]) -> None:
        """Writes a record of the catalogue, and puts its files into the bucket."""
        for name, data in files.items():
            self.objects.put(f"{raw_file_id}/{name}", data)
        info = {name: [len(data), hashlib.md5(data).hexdigest()] for name, data in files.items()}
        row = (raw_file_id, raw_file_id, f"bucket/{raw_file_id}/", "upload_done", json.dumps(info))
        with closing(sqlite3.connect(self.home.catalogue)) as database, database:
            database.execute("INSERT OR REPLACE INTO raw_file VALUES (?, ?, ?, ?, ?)", row)

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
        return self.airflow.api.wait(run, self.airflow.check, _PATIENCE)

    def wait_until(self, happens: Callable[[], object]) -> None:
        """Waits until `happens` answers something true."""
        deadline = time.monotonic() + _PATIENCE
        while not happens():
            self.airflow.check()
            assert time.monotonic() < deadline, "it does not happen"
            time.sleep(0.1)

    def runs(self, dag_id: str) -> list[TriggeredRun]:
        """The runs of a DAG, the oldest first."""
        found = self._ask("GET", f"dags/{dag_id}/dagRuns?order_by=id")["dag_runs"]
        return [TriggeredRun(dag_id, each["dag_run_id"]) for each in found]

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

    def question(self, run: TriggeredRun, attempt: int = 1) -> dict[str, Any]:
        """What the task `approve` asks, once it waits for an answer.

        It has to be answered no sooner than the scheduler knows that its worker has ended: else it takes the task that
        goes on for one that is lost, and tries it again.
        """
        ended = re.compile(rf"Finished: .*task_id=approve, run_id={re.escape(run.run_id)}, .*try_number={attempt},")
        log = self.home.logs / "airflow-scheduler.log"
        self.wait_until(lambda: self.states(run).get("approve") == "awaiting_input")
        self.wait_until(lambda: ended.search(log.read_text(encoding="utf-8")))
        return self._ask("GET", self._approval(run))

    def answer(self, run: TriggeredRun, option: str) -> None:
        """Answers it: ``Approve`` or ``Reject``."""
        self._ask("PATCH", self._approval(run), {"chosen_options": [option], "params_input": {}})

    def states(self, run: TriggeredRun) -> dict[str, str | None]:
        """The states of the tasks: ``download_1`` is the second of the mapped ones."""
        found = self._ask("GET", f"{self._path(run)}/taskInstances")["task_instances"]
        return {
            each["task_id"] if each["map_index"] < 0 else f"{each['task_id']}_{each['map_index']}": each["state"]
            for each in found
        }

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

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return self.airflow.api._ask(method, path, json=body)

    def _approval(self, run: TriggeredRun) -> str:
        return f"{self._path(run)}/taskInstances/approve/-1/hitlDetails"

    def _path(self, run: TriggeredRun) -> str:
        return f"dags/{run.dag_id}/dagRuns/{quote(run.run_id, safe='')}"


@contextmanager
def running(
    folder: Path,
    postgres_socket: str,
    settings: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    schedules: Sequence[Mapping[str, Any]] = (),
) -> Iterator[RealAirflow]:
    """Starts all of it; stops it afterwards.

    `folder`: empty. `postgres_socket`: of the server for Airflow's database. `settings`, `environ`: more of the
    configuration, and of the environment. `schedules`: entries of `schedules.yaml`; only where there are some, the
    triggerer is started.

    In SQLite, which Airflow keeps for trying out, what a person does would wait for the scheduler, or be refused.
    """
    with ExitStack() as stack:
        home = Home(folder)
        home.make()
        objects = stack.enter_context(serving(ObjectServer()))
        drive = stack.enter_context(serving(DriveServer()))
        slooh = stack.enter_context(serving(SloohServer()))
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
        }
        config = home.write_settings("config", {**_settings(folder, drive, bucket), **(settings or {})})
        variables = {f"AIRFLOW_CONN_{name}": json.dumps(value) for name, value in connections.items()}
        with psycopg.connect(host=postgres_socket, dbname="postgres", user="postgres", autocommit=True) as server:
            server.execute("CREATE DATABASE airflow")
        variables |= {
            "DOWNLOADER_CONFIG": str(config),
            "DOWNLOADER_SCHEDULES": str(home.write_settings("schedules", {"schedules": schedules})),
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",  # a machine may be busy with other tests
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg://postgres@/airflow?host={postgres_socket}",
            **(environ or {}),
        }
        airflow = stack.enter_context(starting(home, variables))
        for dag_id in ("s3_downloader", "minio_downloader", "drive_datasets", "slooh_images"):
            airflow.wait_for(dag_id)
        if schedules:
            airflow.complete()
        for schedule in schedules:
            airflow.wait_for(f"schedule_{schedule['name']}")
        yield RealAirflow(home, airflow, objects, minio, drive, slooh, bucket)


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
    return {
        "locations": {name: str(location) for name, location in locations.items()},
        "minio": {"bucket": bucket},
        "drive": {**addresses, "manifest": str(folder / "manifest.json"), "max_retries": 0, "retry_delay": 0},
        "slooh": {"rate_limit": 0, "max_retries": 0, "retry_delay": 0},
        "transfer": {"attempts": 1},
        "shards": {"files": 1},
    }
