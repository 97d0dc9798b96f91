"""Runs of DAGs without what Airflow does in each of them for all DAGs, and anew for the same schemas."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from airflow.api_fastapi.execution_api import versions
from airflow.dag_processing import dagbag
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.sdk.definitions import dag as dag_module
from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor
from cadwyn import HeadVersion, Version, VersionBundle, VersionChange, endpoint
from fastapi.dependencies import utils as dependencies
from fastapi.dependencies.models import Dependant
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


class _OlderRoute(VersionChange):
    description = "Cadwyn insists that an older version has the route that the newest has not."
    instructions_to_migrate_to_previous_version = (endpoint("/dag-runs/{dag_id}/previous", ["GET"]).existed,)


_NEWEST: Final = VersionBundle(
    HeadVersion(),
    Version(versions.bundle.versions[0].value, _OlderRoute),
    Version(versions.bundle.versions[-1].value),
)

_checked: Final[set[str]] = set()


def hasten(patch: pytest.MonkeyPatch, dag_id: str) -> None:
    """What holds while `dag.test()` runs, which else costs a second or two that are no test of ours.

    It reads the DAGs of the whole bundle again and writes them to the database: the bundle is the one file, and is
    written anew only where the environment or the database has changed since. It checks the schema of each parameter
    whenever it reads or writes the parameter: here once. It sleeps for a second where no task is ready, as behind each
    task that failed. Its first task waits for the routes of each version of the API: here of the newest, which tasks
    ask for, and one more. Each request looks at the signatures of all that its route depends on: here the first does.
    """
    bundle = {"name": dag_id, "classpath": _LOCAL, "kwargs": {"path": str(_DAGS / f"{dag_id}.py")}}
    patch.setenv(_BUNDLES, json.dumps([bundle]))
    patch.setattr(versions, "bundle", _NEWEST)
    patch.setattr(dagbag, "BundleDagBag", _read_unless_written)
    patch.setattr(dagbag, "sync_bag_to_db", _write)
    patch.setattr(_VALIDATOR, "check_schema", classmethod(_check_once))
    patch.setattr(time, "sleep", _sleep)
    patch.setattr(dependencies, "get_dependant", _get_dependant_once)


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


_read, _sync = dagbag.BundleDagBag, dagbag.sync_bag_to_db
_written: Final[dict[str, object]] = {}


def _read_unless_written(*, bundle_name: str, **options: Any) -> dagbag.DagBag | None:
    written = bundle_name in _written and _written[bundle_name] == _state(bundle_name)
    return None if written else _read(bundle_name=bundle_name, **options)


def _write(bag: dagbag.DagBag | None, name: str, version: str | None) -> None:
    if bag is not None:
        _sync(bag, name, version)
        _written[name] = _state(name)


def _state(dag_id: str) -> object:
    """What decides how the DAG is read, and what the database holds of it."""
    chosen = {name: value for name, value in os.environ.items() if name.startswith("DOWNLOADER_")}
    chosen.pop("DOWNLOADER_CONFIG", None)  # no parse of a DAG reads it
    latest = DagVersion.get_latest_version(dag_id)
    return chosen, latest and latest.id


_check, _sleep_long = _VALIDATOR.check_schema, time.sleep


def _check_once(validator: type[Validator], schema: Any, *arguments: Any, **options: Any) -> None:
    key = json.dumps(schema, sort_keys=True)
    if key not in _checked:
        _check(schema, *arguments, **options)
        _checked.add(key)


_get_dependant = dependencies.get_dependant
_dependants: Final[dict[object, Dependant]] = {}


def _get_dependant_once(*, path: str, call: Callable[..., Any], **options: Any) -> Dependant:
    """Not for who makes routes, and changes what it got."""
    if sys._getframe(1).f_code is not dependencies.solve_dependencies.__code__:
        return _get_dependant(path=path, call=call, **options)
    key = path, call, repr(options)
    if key not in _dependants:
        _dependants[key] = _get_dependant(path=path, call=call, **options)
    return _dependants[key]


def _sleep(seconds: float) -> None:
    """Only Airflow's loop is woken sooner."""
    ours = sys._getframe(1).f_code.co_filename != dag_module.__file__
    _sleep_long(seconds if ours else min(seconds, _LOOK))
