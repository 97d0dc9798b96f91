"""The tasks of every DAG: validate, download, report, and before download the one that asks a person.

A DAG whose source has archives has a task `thaw` for each task `download` too: the two are a mapped task group, so that
a shard is downloaded as soon as its own objects are ready.

Light: the DAG processor imports it at each parse.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import AssetAlias, Param, TriggerRule, get_current_context, result, task, task_group

from .forms import HOW, more

if TYPE_CHECKING:
    from airflow.sdk.definitions.deadline import DeadlineAlert

    from .download_run import DownloadRun

__all__ = ["audit_params", "deadline_of", "default_args", "notify_deadline", "shared_params", "three_tasks", "usual"]


def usual(dag_id: str) -> dict[str, Any]:
    """Arguments that the DAGs share."""
    return {
        "catchup": False,
        "is_paused_upon_creation": False,
        # The file of a DAG names it. Schedules run that file too, for its parameters, and must not make the DAG theirs.
        "auto_register": False,
        "default_args": default_args(dag_id),
    }


def default_args(dag_id: str, owner: str = "", environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Arguments of the tasks of a DAG, or of those that start it. Without queue and owner Airflow's own hold.

    `DOWNLOADER_QUEUE_S3_DOWNLOADER`, or `DOWNLOADER_QUEUE` for all DAGs, names the queue of the workers that run them;
    `DOWNLOADER_OWNER` their owner, where `owner` does not.
    """
    queue = environ.get(f"DOWNLOADER_QUEUE_{dag_id.upper()}") or environ.get("DOWNLOADER_QUEUE")
    named = {"queue": queue, "owner": owner or environ.get("DOWNLOADER_OWNER")}
    chosen = {name: value for name, value in named.items() if value}
    return {"retries": 2, "retry_delay": timedelta(minutes=5), **chosen}


_DEADLINE: Final = "DOWNLOADER_DEADLINE_HOURS"
_MOST_HOURS: Final = 8760
_APPROVE: Final = "approve"
_THAW: Final = "thaw"
_LABEL: Final = "{{ task.op_kwargs['shard']['label'] }}"
"""What a mapped task is called in Airflow's pages."""
_SHOWN: Final = "{{{{ ti.xcom_pull(task_ids='validate', key='approval')['{}'] }}}}"
"""What a person is shown who is asked. It is made where `validate` runs, and no template itself."""


def shared_params() -> dict[str, Param]:
    """Parameters that the DAGs share. Made anew for each DAG: Airflow writes the values of a run into them."""
    return {
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            section=HOW,
            description=(
                "Say in the log of validate what would be kept, resumed, healed and downloaded, how many bytes, and "
                "how much room there is; download and write nothing."
            ),
        ),
        "ask_first": Param(
            False,
            type="boolean",
            title="Ask before downloading",
            section=HOW,
            description=(
                "Show the same in the task approve, and wait there until a person approves or rejects the run. No "
                "worker is held meanwhile."
            ),
        ),
        "max_speed": Param(
            None,
            type=["null", "number"],
            minimum=0.01,
            maximum=100_000,
            title="Speed limit (MB/s)",
            section=HOW,
            description_md=(
                "Megabytes (10^6 bytes) a second of each task download, over all its streams. As many tasks run at "
                "once as the pool has slots, each with this limit. Leave empty for the configured limit, if any. "
                + more("speed-limit")
            ),
        ),
    }


def audit_params() -> dict[str, Param]:
    """The parameter of the DAGs that can prove what is on the disk. Made anew for each DAG, as `shared_params`."""
    return {
        "audit": Param(
            False,
            type="boolean",
            title="Audit",
            section=HOW,
            description_md=(
                "Only read what is on the disk and compare it with what it has to be, side by side on all processors; "
                "download and change nothing. The run fails if a file is missing, altered or incomplete, and leaves a "
                "report `_audit_status_...txt`. " + more("audit")
            ),
        ),
    }


def deadline_of(dag_id: str, environ: Mapping[str, str] = os.environ) -> DeadlineAlert | None:
    """After how long a run that has not ended is a case for `notify_deadline`; None where no variable says it.

    `DOWNLOADER_DEADLINE_HOURS_S3_DOWNLOADER`, or `DOWNLOADER_DEADLINE_HOURS` for all DAGs: hours since the run was
    queued. Not in the configuration: Airflow asks when it parses a DAG, and then no file is read. Raises ValueError.
    """
    name = f"{_DEADLINE}_{dag_id.upper()}"
    name = name if environ.get(name) else _DEADLINE
    if not environ.get(name):
        return None
    from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback  # type: ignore[attr-defined]

    try:
        hours = float(environ[name])
    except ValueError:
        hours = 0
    if not 0 < hours <= _MOST_HOURS:  # NaN, too, is within no limits
        raise ValueError(f"the environment variable {name} is not a number of hours above 0, at most {_MOST_HOURS}")
    # Run by the executor, as tasks are: the triggerer need not have the plugins.
    return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(hours=hours), SyncCallback(notify_deadline))


def notify_deadline(context: dict[str, Any]) -> None:
    """Called by Airflow when a run has missed its deadline. The run goes on."""
    from .notification import DEADLINE, notify

    notify(DEADLINE, context)


def _notify_success(context: Any) -> None:
    """An ``on_success_callback``."""
    from .notification import SUCCESS, notify

    notify(SUCCESS, context)


def _notify_failure(context: Any) -> None:
    """An ``on_failure_callback``."""
    from .notification import FAILURE, notify

    notify(FAILURE, context)


def _skip(context: Any, tasks: list[str]) -> None:
    """Has `tasks` skipped at once, which takes neither a worker nor a turn of the scheduler.

    Airflow's own `SkipMixin.skip` does the same two things, but ends the task by an exception, without its value. What
    is mapped is skipped as a whole, before it is expanded.
    """
    from airflow.sdk.bases.skipmixin import XCOM_SKIPMIXIN_KEY, XCOM_SKIPMIXIN_SKIPPED
    from airflow.sdk.execution_time.comms import SkipDownstreamTasks
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    context["ti"].xcom_push(key=XCOM_SKIPMIXIN_KEY, value={XCOM_SKIPMIXIN_SKIPPED: tasks})  # where they are cleared
    SUPERVISOR_COMMS.send(SkipDownstreamTasks(tasks=[*tasks]))


def three_tasks(load: Callable[[], type[DownloadRun]], pool: str, *, thaws: bool = False) -> None:
    """Makes the tasks of the DAG in which it is called, and its deadline.

    `load` imports the type of its runs, where a task runs. `thaws`: whether there is a task `thaw` before each task
    `download`, for the parameter of that name.
    """

    @task(show_return_value_in_logs=False)
    def validate() -> list[dict[str, Any]]:
        """Fails early, with one sentence, or answers the shards to download."""
        from . import download_run

        context = get_current_context()
        shards = download_run.validate(load(), context)
        params = context["params"]
        unwanted = [] if params["ask_first"] and not params["dry_run"] else [_APPROVE]
        if thaws and not (params["thaw"] and shards):
            unwanted.append(_THAW)
        if unwanted:
            _skip(context, unwanted)
        return shards

    @task(
        pool=pool,
        trigger_rule=TriggerRule.NONE_FAILED,  # where nobody is asked, `approve` is skipped
        execution_timeout=timedelta(hours=8),
        map_index_template=_LABEL,
        show_return_value_in_logs=False,
    )
    def download(shard: dict[str, Any]) -> None:
        """Downloads one shard."""
        from . import download_run

        download_run.download(load(), shard, get_current_context())

    @result
    @task(
        trigger_rule=TriggerRule.ALL_DONE,
        on_success_callback=_notify_success,
        on_failure_callback=_notify_failure,
    )
    def report() -> None:
        """Writes the reports, and fails the run if anything failed."""
        from . import download_run

        download_run.report(load(), get_current_context())

    shards: Any = validate()
    shards.operator._can_skip_downstream = True  # noqa: SLF001 (the scheduler reads what `_skip` pushes)
    approve = ApprovalOperator(task_id=_APPROVE, subject=_SHOWN.format("subject"), body=_SHOWN.format("body"))
    downloaded = _thawed_first(load, download, shards, approve) if thaws else download.expand(shard=shards)
    reported = report()
    shards >> approve >> downloaded
    # Also behind `validate` itself: a person may mark the tasks download as failed before it has run again.
    [shards, downloaded] >> reported
    # Other DAGs start when this one has succeeded: schedule=[AssetAlias("s3_downloader")].
    dag = reported.operator.dag
    reported.operator.add_outlets([AssetAlias(dag.dag_id)])
    dag.deadline = deadline_of(dag.dag_id)


def _thawed_first(load: Callable[[], type[DownloadRun]], download: Any, shards: Any, approve: Any) -> Any:
    """Makes a mapped group of a task `thaw` and a task `download` for each of `shards`; answers the latter.

    So a shard is downloaded as soon as its own objects are ready, whatever the others wait for.
    """

    @task(
        trigger_rule=TriggerRule.NONE_FAILED,
        execution_timeout=timedelta(hours=1),  # of one look: between two of them it has no worker
        map_index_template=_LABEL,
    )
    def thaw(shard: dict[str, Any]) -> None:
        """Has the archived objects of one shard restored, and waits for them."""
        from . import download_run

        download_run.thaw(load(), shard, get_current_context())

    made: list[Any] = []

    @task_group(group_id="shards", prefix_group_id=False)
    def one_shard(shard: dict[str, Any]) -> None:
        """Thaws a shard, then downloads it."""
        made[:] = thaw(shard=shard), download(shard=shard)  # by name: their label is taken from there
        made[0] >> made[1]

    one_shard.expand(shard=shards)
    # Directly behind both: `validate` has it skipped where nothing is thawed, and `approve` where a person rejects.
    [shards, approve] >> made[0]
    return made[1]
