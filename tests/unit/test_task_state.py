from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from downloader_tasks.execution.interruptions import Interruptions
from downloader_tasks.execution.task_state import RESULTS, TaskState
from downloader_tasks.xcoms import ShardResults

HANDED = ShardResults(3, "0123456789abcdef", "", "", 1.0, 2.0)


class Store(dict[str, Any]):
    def set(self, key: str, value: Any) -> None:
        self[key] = value


class Broken:
    """Airflow out of reach."""

    def set(self, key: str, value: Any) -> None:
        raise ConnectionError

    def xcom_push(self, key: str, value: Any) -> None:
        raise ConnectionError


def state(store: Any, shard: str = "shard", ti: Any = None) -> TaskState:
    return TaskState({"ti": ti, "task_state_store": store}, shard, Interruptions())


def test_the_next_try_gets_what_was_kept() -> None:
    store = Store()
    assert state(store).kept("verified") == ""
    state(store).keep("verified", "stamps")
    assert state(store).kept("verified") == "stamps"
    assert state(store, "another shard").kept("verified") == ""


@pytest.mark.parametrize("value", [7, "text", {}, {"shard": "shard"}, {"shard": "shard", "kept": 7}])
def test_what_it_did_not_write_it_does_not_read(value: object) -> None:
    assert state(Store(verified=value)).kept("verified") == ""


def test_without_a_store_nothing_is_kept() -> None:
    task = state(None)
    task.keep("verified", "stamps")
    assert task.kept("verified") == ""


def test_a_download_does_not_fail_because_nobody_can_watch() -> None:
    task = state(Broken(), ti=Broken())
    task.show("progress", {"files": 1})
    task.push_results(HANDED, last=False)
    with pytest.raises(ConnectionError):
        task.push_results(HANDED, last=True)


def test_results_are_handed_over_under_one_name() -> None:
    pushed: dict[str, Any] = {}

    class Task:
        def xcom_push(self, key: str, value: Any) -> None:
            pushed[key] = value

    state(None, ti=Task()).push_results(HANDED, last=True)
    assert pushed == {RESULTS: asdict(HANDED)}
