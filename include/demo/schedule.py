"""A schedule that starts a run of the demo's DAG each minute. Paused, but while it is shown."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..processes import ProgramError
from .airflow_api import TriggeredRun
from .home import Home
from .local_airflow import LocalAirflow

__all__ = ["Schedule"]

_PATIENCE = 180.0
"""Seconds: a minute is waited for, and on a busy machine Airflow is slow."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """An entry of `schedules.yaml`."""

    name: str
    dag: str
    conf: Mapping[str, Any]

    @property
    def dag_id(self) -> str:
        """The DAG that is made of it."""
        return f"schedule_{self.name}"

    def variables(self, home: Home) -> dict[str, str]:
        """What Airflow needs to see it. Writes the file."""
        entry = {"name": self.name, "dag": self.dag, "cron": "* * * * *", "conf": self.conf, "paused": True}
        return {"DOWNLOADER_SCHEDULES": str(home.write_settings("schedules", {"schedules": [entry]}))}

    def next_run(self, airflow: LocalAirflow) -> TriggeredRun:
        """Lets it run, and waits for the run that begins then. Raises ProgramError."""
        known = set(airflow.api.runs(self.dag_id))
        airflow.api.pause(self.dag_id, paused=False)
        deadline = time.monotonic() + _PATIENCE
        while not (new := [run for run in airflow.api.runs(self.dag_id) if run not in known]):
            airflow.check()
            if time.monotonic() > deadline:
                raise ProgramError(f"The DAG {self.dag_id} has had no run after {_PATIENCE:.0f} seconds")
            time.sleep(0.2)
        return new[0]
