"""What the task `approve` is told by `validate`, and what it tells `report`.

| XCom | pushed by | holds |
| --- | --- | --- |
| `approval` | `validate` of a run that asks first | what a person is shown: `subject` and `body` |
| Airflow's own | `approve`, where it is rejected | that the scheduler is to skip the tasks `download` |
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["APPROVE", "push_approval", "refusal_of"]

APPROVE: Final = "approve"
"""The task, as `three_tasks` names it."""
_APPROVAL: Final = "approval"
_GOES_ON: Final = ("success", "skipped", None)
"""States of `approve` behind which files are downloaded. None: the run began before there was such a task."""


def push_approval(ti: Any, subject: str, body: str) -> None:
    """Pushes what a person is asked. `body`: Markdown."""
    ti.xcom_push(key=_APPROVAL, value={"subject": subject, "body": body})


def refusal_of(ti: Any, state: str | None) -> str:
    """Why a person did not let the run download; ``""`` if that was not so. `state`: of `approve`."""
    from airflow.sdk.bases.skipmixin import XCOM_SKIPMIXIN_KEY

    if state not in _GOES_ON:
        return f"nobody approved this run (its task {APPROVE} is {state}), so nothing was downloaded"
    if state == "success" and ti.xcom_pull(task_ids=APPROVE, key=XCOM_SKIPMIXIN_KEY):
        return f"a person rejected this run in its task {APPROVE}, so nothing was downloaded"
    return ""
