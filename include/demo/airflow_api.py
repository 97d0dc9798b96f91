"""What the demo asks of Airflow's REST API: the same that a user's browser or program does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import requests

from ..processes import ProgramError

__all__ = ["AirflowApi", "TriggeredRun"]

_TIMEOUT = 30
_ENDED = ("success", "failed")


@dataclass(frozen=True, slots=True)
class TriggeredRun:
    """A run of a DAG."""

    dag_id: str
    run_id: str


class AirflowApi:
    """Logs in when it is first asked for something that needs it."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self._address = address
        self._login = {"username": user, "password": password}
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy has no part in what happens on this machine

    def is_healthy(self) -> bool:
        """Whether the API server answers, and the scheduler shows signs of life."""
        try:
            answer = self._session.get(f"{self._address}/api/v2/monitor/health", timeout=_TIMEOUT)
        except requests.ConnectionError:
            return False
        return answer.ok and answer.json()["scheduler"]["status"] == "healthy"

    def log_in(self) -> None:
        """Takes a token. Raises ProgramError."""
        answer = self._session.post(f"{self._address}/auth/token", json=self._login, timeout=_TIMEOUT)
        if not answer.ok:
            raise ProgramError(f"Airflow refused the demo's login ({answer.status_code})")
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def knows(self, dag_id: str, since: datetime) -> bool:
        """Whether Airflow has read the DAG since then. Raises ProgramError where its file, `<dag_id>.py`, is broken."""
        for broken in self._ask("GET", "importErrors")["import_errors"]:
            if broken["filename"].endswith(f"{dag_id}.py") and _is_since(broken["timestamp"], since):
                raise ProgramError(f"Airflow cannot import {broken['filename']}:\n{broken['stack_trace']}")
        return _is_since(self._ask("GET", f"dags/{dag_id}", fine=(404,)).get("last_parsed_time"), since)

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> TriggeredRun:
        """Starts a run. Raises ProgramError, with Airflow's words, where the parameters are refused."""
        started = self._ask("POST", f"dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf})
        return TriggeredRun(dag_id, started["dag_run_id"])

    def state(self, run: TriggeredRun) -> str:
        """`queued`, `running`, `success` or `failed`."""
        return str(self._ask("GET", _path(run))["state"])

    def wait(self, run: TriggeredRun, check: Callable[[], None], seconds: float = 300) -> str:
        """The state that the run ends in. `check` may raise meanwhile. Raises ProgramError after so many seconds."""
        deadline = time.monotonic() + seconds
        while (state := self.state(run)) not in _ENDED:
            check()
            if time.monotonic() > deadline:
                raise ProgramError(f"The run {run.run_id} has not ended after {seconds:.0f} seconds")
            time.sleep(0.2)
        return state

    def pause(self, dag_id: str, *, paused: bool) -> None:
        """Pauses a DAG, or lets it run."""
        self._ask("PATCH", f"dags/{dag_id}", json={"is_paused": paused})

    def runs(self, dag_id: str) -> list[TriggeredRun]:
        """The runs of a DAG, the newest first."""
        found = self._ask("GET", f"dags/{dag_id}/dagRuns?order_by=-run_after")["dag_runs"]
        return [TriggeredRun(dag_id, run["dag_run_id"]) for run in found]

    def end_earlier_runs(self, dag_id: str) -> None:
        """Ends the runs that an earlier demo left behind when it was stopped: they would hold the pool's slots."""
        for state in ("running", "queued"):
            for run in self._ask("GET", f"dags/{dag_id}/dagRuns?state={state}")["dag_runs"]:
                self._ask("PATCH", _path(TriggeredRun(dag_id, run["dag_run_id"])), json={"state": "failed"})

    def failed_log(self, run: TriggeredRun) -> str:
        """The log of the first task that failed; empty if none did."""
        for task in self._ask("GET", f"{_path(run)}/taskInstances")["task_instances"]:
            if task["state"] == "failed":
                where = f"{_path(run)}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
                lines = self._ask("GET", f"{where}?map_index={task['map_index']}")["content"]
                return "\n".join([f"{task['task_id']}:", *(text for line in lines if (text := _text_of(line)))])
        return ""

    def _ask(self, method: str, path: str, json: Any = None, fine: tuple[int, ...] = ()) -> dict[str, Any]:
        address = f"{self._address}/api/v2/{path}"
        try:
            answer = self._session.request(method, address, json=json, timeout=_TIMEOUT)
        except requests.RequestException as error:
            raise ProgramError(f"Airflow's API no longer answers ({type(error).__name__})") from error
        if not answer.ok and answer.status_code not in fine:
            raise ProgramError(f"Airflow refused {method} {path} ({answer.status_code}): {_detail(answer)}")
        found: dict[str, Any] = answer.json()
        return found


def _is_since(moment: str | None, since: datetime) -> bool:
    return moment is not None and datetime.fromisoformat(moment) >= since


def _path(run: TriggeredRun) -> str:
    return f"dags/{run.dag_id}/dagRuns/{quote(run.run_id, safe='')}"


def _text_of(line: Any) -> str:
    """A line of a log with its error, if any; empty for Airflow's group markers."""
    if not isinstance(line, dict):
        return ""
    event = str(line.get("event", ""))
    errors = (f"{error['exc_type']}: {error['exc_value']}" for error in line.get("error_detail") or [])
    return "" if event.startswith("::") else "\n".join([event, *errors])


def _detail(answer: requests.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:300]
