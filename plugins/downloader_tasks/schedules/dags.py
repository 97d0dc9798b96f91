"""The DAGs that schedules are made into. Light where there is no schedule."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.sdk import DAG, CronTriggerTimetable, get_parsing_context

from ..three_tasks import default_args
from .location import has_none, schedules_file

if TYPE_CHECKING:
    from .schedule import Schedule
    from .schedule_file import ParamsOf

__all__ = ["make_dags"]

_DOC = """
### {name}: starts `{dag}` at `{cron}` ({timezone})

The task `restore` triggers a run of `{dag}`, waits for it without holding a worker, and fails if it failed. The button
*Triggered DAG* of the task opens that run. Its parameters:

```json
{conf}
```

This DAG is an entry of `schedules.yaml`: change it there.
"""


def make_dags(params_of: ParamsOf) -> list[DAG]:
    """A DAG for each schedule that is enabled. `params_of` answers the parameters of a DAG.

    Where Airflow runs a task, only its own DAG is made: a mistake in another entry does not stop what is under way.
    Raises ConfigurationError with all that is wrong.
    """
    if has_none(schedules_file(os.environ)):
        return []
    from .schedule_file import load_schedules

    only = get_parsing_context().dag_id
    return [_dag_of(schedule) for schedule in load_schedules(params_of, os.environ, only) if schedule.enabled]


def _dag_of(schedule: Schedule) -> DAG:
    from .restore import RestoreOperator

    told = schedule.model_dump(include={"name", "dag", "cron", "timezone"})
    with DAG(
        dag_id=schedule.dag_id,
        description=schedule.description or f"Starts {schedule.dag}: {schedule.cron} ({schedule.timezone})",
        doc_md=_DOC.format(**told, conf=json.dumps(schedule.conf, indent=2, ensure_ascii=False)),
        tags=["schedule", schedule.dag],
        # Without the last argument Airflow also makes a first run for a time that was just missed.
        schedule=CronTriggerTimetable(schedule.cron, timezone=schedule.timezone, run_immediately=timedelta(0)),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=schedule.paused,
        default_args=default_args(schedule.dag, owner=schedule.owner),
    ) as dag:
        restore = RestoreOperator(task_id="restore", schedule=schedule)
    dag.add_result(restore.output)
    return dag
