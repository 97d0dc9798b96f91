"""The one task of a scheduled DAG: triggers a run of a downloader, waits for it, and hands its result on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.trigger_dagrun import DagIsPaused, TriggerDagRunOperator

from ..failures import failure
from ..wording import counted
from ..xcoms import RESULT, push_dag_result
from .schedule import Schedule

__all__ = ["RestoreOperator"]

_LOOKS: Final = 10
"""Seconds between two looks of the triggerer at the run."""


class RestoreOperator(TriggerDagRunOperator):
    """Waits in the triggerer, by a trigger of Airflow's own: no worker is held, and the triggerer needs no plugins.

    A run that is red is not tried again: its own tasks were. Where the task is cleared, or tried again because a worker
    was lost, the same run runs again, and not a second one.
    """

    template_fields: Sequence[str] = ()
    """Parameters are handed over as they are written."""

    def __init__(self, *, schedule: Schedule, **others: Any) -> None:
        super().__init__(
            trigger_dag_id=schedule.dag,
            conf=schedule.conf,
            logical_date=None,  # as a person's run: two schedules of one time must not collide
            reset_dag_run=True,
            wait_for_completion=True,
            deferrable=True,
            poke_interval=_LOOKS,
            fail_when_dag_is_paused=True,  # else its run would wait until somebody notices
            openlineage_inject_parent_info=False,  # `validate` refuses what is not a parameter
            **others,
        )
        self.schedule = schedule

    def execute(self, context: Any) -> None:
        """Names the run by the schedule and its local time, and ends by what makes Airflow trigger it."""
        after = context["dag_run"].run_after.astimezone(ZoneInfo(self.schedule.timezone))
        self.trigger_run_id = f"{self.schedule.name}__{after.isoformat()}"
        try:
            super().execute(context)
        except DagIsPaused:
            problem = failure(f"the DAG {self.trigger_dag_id} is paused: unpause it, then clear this task")
        else:
            return
        raise problem from None

    def execute_complete(self, context: Any, event: tuple[str, dict[str, Any]]) -> None:
        """Pushes the result of the run that has ended, also of a red one. Raises `failure` then."""
        _, found = event
        (run_id,) = found["run_ids"]
        self.trigger_run_id = run_id  # as the class above does, for listeners
        ti = context["ti"]
        result = ti.xcom_pull(task_ids="report", dag_id=self.trigger_dag_id, run_id=run_id, key=RESULT, map_indexes=-1)
        push_dag_result(ti, result)
        if found.get(run_id) not in self.allowed_states:
            raise failure(
                f"the run {run_id} of {self.trigger_dag_id} failed{_figures(result)}; the log of its task report says "
                "what to do (button Triggered DAG)"
            )


def _figures(result: object) -> str:
    """`` (PARTIAL FAILURE: 1 of 11 files failed)``, where a result says so."""
    if not isinstance(result, Mapping) or "status" not in result:
        return ""
    reports = [each for each in result.get("reports") or [] if isinstance(each, Mapping)]
    files, failed = (sum(int(each.get(name) or 0) for each in reports) for name in ("files", "failed"))
    return f" ({result['status']}{f': {failed:,} of {counted(files)} failed' if files else ''})"
