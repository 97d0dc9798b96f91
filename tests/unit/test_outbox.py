from __future__ import annotations

from typing import Any

import pytest

from downloader_tasks.execution.interruptions import Interruptions
from downloader_tasks.execution.task_state import RESULTS, TaskState


class Store(dict[str, Any]):
    def set(self, key: str, value: Any) -> None:
        self[key] = value


class Broken:
    """Airflow out of reach."""

    def set(self, key: str, value: Any) -> None:
        raise ConnectionError

    def xcom_push(self, key: str, value: Any) -> None:
        raise ConnectionError


def outbox(store: Any, shard: str = "shard", ti: Any = None) -> TaskState:
    return TaskState({"ti": ti, "task_state_store": store}, shard, Interruptions())


def test_the_next_try_gets_what_was_kept() -> None:
    store = Store()
    assert outbox(store).kept("verified") == ""
    outbox(store).keep("verified", "stamps")
    assert outbox(store).kept("verified") == "stamps"
    assert outbox(store, "another shard").kept("verified") == ""


@pytest.mark.parametrize("value", [7, "text", {}, {"shard": "shard"}, {"shard": "shard", "kept": 7}])
def test_what_it_did_not_write_it_does_not_read(value: object) -> None:
    assert outbox(Store(verified=value)).kept("verified") == ""


def test_without_a_store_nothing_is_kept() -> None:
    box = outbox(None)
    box.keep("verified", "stamps")
    assert box.kept("verified") == ""


def test_a_download_does_not_fail_because_nobody_can_watch() -> None:
    box = outbox(Broken(), ti=Broken())
    box.show("progress", {"files": 1})
    box.hand_over({}, last=False)
    with pytest.raises(ConnectionError):
        box.hand_over({}, last=True)


def test_results_are_handed_over_under_one_name() -> None:
    pushed: dict[str, Any] = {}

    class Task:
        def xcom_push(self, key: str, value: Any) -> None:
            pushed[key] = value

    outbox(None, ti=Task()).hand_over({"start": 0}, last=True)
    assert pushed == {RESULTS: {"start": 0}}
