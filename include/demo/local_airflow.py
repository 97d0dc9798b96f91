"""Airflow on this machine alone: SQLite, LocalExecutor, the project's DAGs, plugins and pools."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ..processes import Processes, free_port
from .airflow_api import AirflowApi
from .home import PROJECT, Home
from .screen import say

__all__ = ["USER", "LocalAirflow", "starting"]

USER = "admin"
_MIGRATE = "airflow db migrate"
_POOLS = "airflow pools import"
_AIRFLOW = str(Path(sys.executable).with_name("airflow"))


class LocalAirflow:
    """Airflow that is starting, or running."""

    def __init__(self, home: Home, port: int, processes: Processes) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.password = home.secret("password")[:12]
        self.api = AirflowApi(self.address, USER, self.password)
        self.check = processes.check
        """Raises ProgramError where a part of it has ended."""
        self._home, self._port, self._processes = home, port, processes
        self._since = datetime.now(UTC)

    def begin(self) -> None:
        """Starts what can be started at once. Raises ProgramError."""
        _write_password(self._home, self.password)
        if self._home.is_prepared():
            self._start_servers()
        else:
            say("Making Airflow's database ...")
            self._processes.start(_MIGRATE, [_AIRFLOW, "db", "migrate"])

    def wait_for(self, dag_id: str) -> None:
        """Waits until a DAG can be triggered, and no run of an earlier demo is under way. Raises ProgramError."""
        if not self._home.is_prepared():
            self._finish_database()
        self._processes.wait_until("airflow scheduler", self.api.is_healthy)
        self.api.log_in()
        self._processes.wait_until("airflow dag-processor", lambda: self.api.knows(dag_id, self._since))
        self.api.end_earlier_runs(dag_id)

    def complete(self) -> None:
        """Starts the triggerer: only schedules need it, but Airflow's first page shows its absence in red."""
        self._processes.start("airflow triggerer", [_AIRFLOW, "triggerer", "--skip-serve-logs"])

    def _finish_database(self) -> None:
        self._processes.finish(_MIGRATE)
        self._processes.start(_POOLS, [_AIRFLOW, "pools", "import", str(PROJECT / "include" / "pools.json")])
        self._start_servers()
        self._processes.finish(_POOLS)
        self._home.note_prepared()

    def _start_servers(self) -> None:
        say("Starting Airflow (API server, scheduler, DAG processor) ...")
        server = ["api-server", "--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"]
        self._processes.start("airflow api-server", [_AIRFLOW, *server])
        self._processes.start("airflow scheduler", [_AIRFLOW, "scheduler", "--skip-serve-logs"])
        self._processes.start("airflow dag-processor", [_AIRFLOW, "dag-processor"])


@contextmanager
def starting(home: Home, variables: Mapping[str, str]) -> Iterator[LocalAirflow]:
    """Begins to start Airflow; stops it afterwards. `variables`: the connections of its DAGs. Raises ProgramError."""
    port = free_port()
    with Processes(home.logs, home.environment({**_settings(home, port), **variables})) as processes:
        airflow = LocalAirflow(home, port, processes)
        airflow.begin()
        yield airflow


def _settings(home: Home, port: int) -> dict[str, str]:
    """Airflow's configuration, as environment variables."""
    settings = {
        "CORE__DAGS_FOLDER": PROJECT / "dags",
        "CORE__PLUGINS_FOLDER": PROJECT / "plugins",
        "CORE__LOAD_EXAMPLES": False,
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": 2,
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": False,
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": _passwords(home),
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API__SECRET_KEY": home.secret("session"),
        "API_AUTH__JWT_SECRET": home.secret("tokens"),
        # One user on one machine: Airflow may look more often whether there is work, and whether a task has ended.
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.1,
        "WORKERS__MIN_HEARTBEAT_INTERVAL": 1,
    }
    return {f"AIRFLOW__{key}": str(value) for key, value in settings.items()}


def _passwords(home: Home) -> Path:
    return home.airflow / "passwords.json"


def _write_password(home: Home, password: str) -> None:
    file = _passwords(home)
    file.touch(0o600)
    file.write_text(json.dumps({USER: password}))
