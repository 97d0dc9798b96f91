"""What leaves a task while it runs: progress, results so far, what has been verified.

Two places take it. The state store is read by the task's own next try, and shown by Airflow while the task runs; an
XCom is read by the tasks behind it, and stays there though the task be killed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from .interruptions import Interruptions

__all__ = ["PLAN", "RESULTS", "TaskState"]

RESULTS: Final = "results"
"""Key of the results, as XCom and in the state store."""
PLAN: Final = "plan"
"""Key of the XCom of what is planned, where the report cannot plan the same again."""

log = logging.getLogger(__name__)


class TaskState:
    """Talks to Airflow for one try of one mapped task. Used by the main thread only."""

    def __init__(self, context: Mapping[str, Any], shard: str, interruptions: Interruptions) -> None:
        """`shard`: what all that is kept for the next try belongs to; a next try with another one gets nothing."""
        self._ti = context["ti"]
        self._store = context.get("task_state_store")
        self._shard = shard
        self._interruptions = interruptions

    def kept(self, key: str) -> str:
        """What an earlier try kept under `key`, ``""`` where there is nothing, or not of this shard."""
        if self._store is None:
            return ""
        with self._interruptions.held():
            value = self._store.get(key)
        if isinstance(value, dict) and value.get("shard") == self._shard and isinstance(value.get("kept"), str):
            return str(value["kept"])
        return ""

    def keep(self, key: str, text: str) -> None:
        """Keeps `text` for the next try, if the store takes it."""
        self.show(key, {"shard": self._shard, "kept": text})

    def show(self, key: str, value: Mapping[str, Any]) -> None:
        """Puts `value` into the state store, if it takes it: the download does not fail because nobody can watch."""
        if self._store is None:
            return
        try:
            with self._interruptions.held():
                self._store.set(key, dict(value))
        except Exception:
            log.warning("The state store did not take %s; the download goes on", key, exc_info=True)

    def tell_plan(self, value: Mapping[str, Any]) -> None:
        """Tells the report what is planned."""
        with self._interruptions.held():
            self._ti.xcom_push(key=PLAN, value=dict(value))

    def hand_over(self, value: Mapping[str, Any], *, last: bool) -> None:
        """Hands the results to the report. Only where it is the `last` time, a refusal is an error."""
        try:
            with self._interruptions.held():
                self._ti.xcom_push(key=RESULTS, value=dict(value))
        except Exception:
            if last:
                raise
            log.warning("Airflow did not take the results so far; the download goes on", exc_info=True)
