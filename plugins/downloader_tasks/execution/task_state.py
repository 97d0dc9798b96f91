"""What leaves a task while it runs: progress, results so far, verified files.

It goes to two places. The task state store is read by the task's own next try, and Airflow shows it while the task
runs. An XCom is read by the tasks behind it, and stays when the task is killed.

| key in the state store | holds |
| --- | --- |
| `progress` | figures for people: `progress.Figures` |
| `listing` | how far a listing has been read, where that takes long |
| `results` | `Kept`: the results of all tries so far, packed |
| `verified` | `Kept`: see `verified_files` |
| `unreported` | `Kept`: see `unreported` |
| `thaw` | of the tasks `thaw`: how many objects are ready, see `thaw_wait.ThawFigures` |
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from ..xcoms import RESULTS, ShardPlan, ShardResults, push_plan, push_results, read
from .interruptions import Interruptions

__all__ = ["LISTING", "PROGRESS", "RESULTS", "THAW", "UNREPORTED", "VERIFIED", "Kept", "TaskState"]

PROGRESS: Final = "progress"
LISTING: Final = "listing"
VERIFIED: Final = "verified"
UNREPORTED: Final = "unreported"
THAW: Final = "thaw"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A text for the next try. `made_for`: stands for the files, or the tries, that may read it."""

    made_for: str
    kept: str


class TaskState:
    """Talks to Airflow for one try of one mapped task. Used by the main thread only."""

    def __init__(self, context: Mapping[str, Any], interruptions: Interruptions) -> None:
        self._ti = context["ti"]
        self._store = context.get("task_state_store")
        self._interruptions = interruptions
        self._replaced = False

    def kept(self, key: str, made_for: str) -> str:
        """What an earlier try kept under `key`, ``""`` where there is nothing, or nothing that was `made_for` this."""
        value = read(Kept, self.shown(key))
        return value.kept if value is not None and value.made_for == made_for else ""

    def shown(self, key: str) -> object:
        """What the store has under `key`; None where there is nothing."""
        if self._store is None:
            return None
        with self._interruptions.held():
            return self._store.get(key)

    def keep(self, key: str, text: str, made_for: str) -> None:
        """Keeps `text` for the next try, if the store takes it."""
        self.show(key, asdict(Kept(made_for, text)))

    def show(self, key: str, value: Mapping[str, Any]) -> None:
        """Puts `value` into the state store, if it takes it: a download does not fail because nobody can watch it."""
        if self._store is None or self._replaced:
            return
        try:
            with self._interruptions.held():
                self._store.set(key, dict(value))
        except Exception as error:  # noqa: BLE001 whatever it is, the download goes on
            self._replaced = _is_gone(error)
            if self._replaced:
                log.error("Airflow has given up this try of the task: what it does from here on is not reported")
            else:
                log.warning("The state store did not take %s (%s); the download goes on", key, type(error).__name__)

    def push_plan(self, plan: ShardPlan) -> None:
        """Pushes what is planned."""
        with self._interruptions.held():
            push_plan(self._ti, plan)

    def push_results(self, results: ShardResults, *, last: bool) -> None:
        """Pushes what became of the files, once the state store was asked to keep it.

        Raises only where it is the `last` time. XComs are open to every try of a task, also to one that Airflow has
        given up: a worker may be cut off for an hour, and its results must not replace those of the try that runs now.
        The state store is open to that one alone.
        """
        if self._replaced:
            return
        try:
            with self._interruptions.held():
                push_results(self._ti, results)
        except Exception as error:
            if last:
                raise
            log.warning("Airflow did not take the results so far (%s); the download goes on", type(error).__name__)


def _is_gone(error: Exception) -> bool:
    """Whether Airflow no longer knows this try: a person cleared the task, or it was taken for dead."""
    detail = getattr(getattr(error, "error", None), "detail", None)
    return isinstance(detail, dict) and detail.get("status_code") in (404, 410)
