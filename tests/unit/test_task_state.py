from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from downloader_tasks.execution.interruptions import Interruptions
from downloader_tasks.execution.task_state import RESULTS, TaskState
from downloader_tasks.xcoms import ShardResults

HANDED = ShardResults("plan", 3, "0123456789abcdef", "", "", 1.0, 2.0)


class Store(dict[str, Any]):
    def set(self, key: str, value: Any) -> None:
        self[key] = value


class Broken:
    """Airflow out of reach."""

    def set(self, key: str, value: Any) -> None:
        raise ConnectionError

    def xcom_push(self, key: str, value: Any) -> None:
        raise ConnectionError


class Task(dict[str, Any]):
    def xcom_push(self, key: str, value: Any) -> None:
        self[key] = value


def state(store: Any, ti: Any = None) -> TaskState:
    return TaskState({"ti": ti, "task_state_store": store}, Interruptions())


def test_the_next_try_gets_what_was_kept() -> None:
    store = Store()
    assert state(store).kept("verified", "shard") == ""
    state(store).keep("verified", "stamps", "shard")
    assert state(store).kept("verified", "shard") == "stamps"
    assert state(store).kept("verified", "another shard") == ""


@pytest.mark.parametrize("value", [7, "text", {}, {"made_for": "shard"}, {"made_for": "shard", "kept": 7}])
def test_what_it_did_not_write_it_does_not_read(value: object) -> None:
    assert state(Store(verified=value)).kept("verified", "shard") == ""


def test_without_a_store_nothing_is_kept() -> None:
    task = state(None)
    task.keep("verified", "stamps", "shard")
    assert task.kept("verified", "shard") == ""


def test_a_download_does_not_fail_because_nobody_can_watch() -> None:
    task = state(Broken(), ti=Broken())
    task.show("progress", {"files": 1})
    task.push_results(HANDED, last=False)
    with pytest.raises(ConnectionError):
        task.push_results(HANDED, last=True)


def test_results_are_handed_over_under_one_name() -> None:
    pushed = Task()
    state(None, ti=pushed).push_results(HANDED, last=True)
    assert pushed == {RESULTS: asdict(HANDED)}


@pytest.mark.parametrize(("status", "pushed"), [(404, False), (410, False), (500, True), (None, True)])
def test_a_try_that_airflow_has_given_up_reports_nothing(status: int | None, pushed: bool) -> None:
    class Answering:
        def set(self, key: str, value: Any) -> None:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": status}))

    ti = Task()
    task = state(Answering(), ti)
    task.keep(RESULTS, "packed", "tries")
    task.push_results(HANDED, last=True)
    assert bool(ti) is pushed
