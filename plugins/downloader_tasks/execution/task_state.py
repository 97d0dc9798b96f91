"""What leaves a task while it runs: progress, results so far, verified files.

It goes to two places. The task state store is read by the task's own next try, and Airflow shows it while the task
runs. An XCom is read by the tasks behind it, and stays when the task is killed.

| key in the state store | holds |
| --- | --- |
| `progress` | figures for people: `progress.Figures` |
| `listing` | how far a listing has been read, where that takes long |
| `results` | `Kept`: the results of all tries so far, packed |
| `verified` | `Kept`: see `verified_files` |
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from ..xcoms import RESULTS, ShardPlan, ShardResults, push_plan, push_results, read
from .interruptions import Interruptions

__all__ = ["LISTING", "PROGRESS", "RESULTS", "VERIFIED", "Kept", "TaskState"]

PROGRESS: Final = "progress"
LISTING: Final = "listing"
VERIFIED: Final = "verified"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A text for the next try. `shard`: the fingerprint of the files that it belongs to."""

    shard: str
    kept: str


class TaskState:
    """Talks to Airflow for one try of one mapped task. Used by the main thread only."""

    def __init__(self, context: Mapping[str, Any], shard: str, interruptions: Interruptions) -> None:
        """`shard`: a fingerprint of the files of this try. What a try with another one kept is not read."""
        self._ti = context["ti"]
        self._store = context.get("task_state_store")
        self._shard = shard
        self._interruptions = interruptions

    def kept(self, key: str) -> str:
        """What an earlier try kept under `key`, ``""`` where there is nothing, or nothing for the same files."""
        if self._store is None:
            return ""
        with self._interruptions.held():
            value = read(Kept, self._store.get(key))
        return value.kept if value is not None and value.shard == self._shard else ""

    def keep(self, key: str, text: str) -> None:
        """Keeps `text` for the next try, if the store takes it."""
        self.show(key, asdict(Kept(self._shard, text)))

    def show(self, key: str, value: Mapping[str, Any]) -> None:
        """Puts `value` into the state store, if it takes it: a download does not fail because nobody can watch it."""
        if self._store is None:
            return
        try:
            with self._interruptions.held():
                self._store.set(key, dict(value))
        except Exception:
            log.warning("The state store did not take %s; the download goes on", key, exc_info=True)

    def push_plan(self, plan: ShardPlan) -> None:
        """Pushes what is planned."""
        with self._interruptions.held():
            push_plan(self._ti, plan)

    def push_results(self, results: ShardResults, *, last: bool) -> None:
        """Pushes what became of the files. Raises only where it is the `last` time."""
        try:
            with self._interruptions.held():
                push_results(self._ti, results)
        except Exception:
            if last:
                raise
            log.warning("Airflow did not take the results so far; the download goes on", exc_info=True)
