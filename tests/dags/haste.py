"""Runs of DAGs without what Airflow does in each of them for all DAGs, and anew for the same schemas."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest
from airflow.models.dagrun import DagRun
from airflow.sdk.definitions import dag as dag_module
from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

import downloader_plugin  # noqa: F401  # before Airflow does, unmeasured
from support.measuring import measured, unmeasured, without_threads

__all__ = ["hasten", "measure_tasks"]

_DAGS: Final = Path(__file__).parents[2] / "dags"
_BUNDLES: Final = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
_LOCAL: Final = "airflow.dag_processing.bundles.local.LocalDagBundle"
_LOOK: Final = 0.01
_VALIDATOR: Final = validator_for({})

_checked: Final[set[str]] = set()


def hasten(patch: pytest.MonkeyPatch, dag_id: str) -> None:
    """What holds while `dag.test()` runs, which else costs a second or two that are no test of ours.

    It reads the DAGs of the whole bundle again and writes them to the database: the bundle is the one file. It checks
    the schema of each parameter whenever it reads or writes the parameter: here once. It sleeps for a second where no
    task is ready, as behind each task that failed.
    """
    bundle = {"name": dag_id, "classpath": _LOCAL, "kwargs": {"path": str(_DAGS / f"{dag_id}.py")}}
    patch.setenv(_BUNDLES, json.dumps([bundle]))
    patch.setattr(_VALIDATOR, "check_schema", classmethod(_check_once))
    patch.setattr(time, "sleep", _sleep)


def measure_tasks(patch: pytest.MonkeyPatch) -> None:
    """Within a run that is not measured: tasks, callbacks, triggers, listeners; not what Airflow answers them."""
    process = InProcessTestSupervisor
    for owner, name in (
        (process, "start"),
        (process, "run_trigger_in_process"),
        (DagRun, "notify_dagrun_state_changed"),
    ):
        patch.setattr(owner, name, measured(getattr(owner, name)))
    patch.setattr(process, "_api_client", staticmethod(unmeasured(process._api_client)))
    patch.setattr(process._Client, "request", unmeasured(process._Client.request))
    without_threads(patch, "AnyIO worker thread", "InProcessExecutionAPI")


_check, _sleep_long = _VALIDATOR.check_schema, time.sleep


def _check_once(validator: type[Validator], schema: Any, *arguments: Any, **options: Any) -> None:
    key = json.dumps(schema, sort_keys=True)
    if key not in _checked:
        _check(schema, *arguments, **options)
        _checked.add(key)


def _sleep(seconds: float) -> None:
    """Only Airflow's loop is woken sooner."""
    ours = sys._getframe(1).f_code.co_filename != dag_module.__file__
    _sleep_long(seconds if ours else min(seconds, _LOOK))
