"""The tasks of every DAG: validate, download, report. Light: the DAG processor imports it at each parse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import AssetAlias, Param, TriggerRule, get_current_context, result, task

from .forms import HOW, more

if TYPE_CHECKING:
    from .download_run import DownloadRun

__all__ = ["USUAL", "shared_params", "three_tasks"]

USUAL: Final[dict[str, Any]] = {
    "catchup": False,
    "is_paused_upon_creation": False,
    "default_args": {"retries": 2, "retry_delay": timedelta(minutes=5)},
}
"""Arguments that the DAGs share."""


def shared_params() -> dict[str, Param]:
    """Parameters that the DAGs share. Made anew for each DAG: Airflow writes the values of a run into them."""
    return {
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


def _notify(context: Any) -> None:
    """An ``on_failure_callback``."""
    from .settings import notify_failure

    notify_failure(context)


def three_tasks(load: Callable[[], type[DownloadRun]], pool: str) -> None:
    """Makes the tasks of the DAG in which it is called. `load` imports the type of its runs, where a task runs."""

    @task(show_return_value_in_logs=False)
    def validate() -> list[dict[str, Any]]:
        """Fails early, with one sentence, or answers the shards to download."""
        from . import download_run

        return download_run.validate(load(), get_current_context())

    @task(
        pool=pool,
        execution_timeout=timedelta(hours=8),
        map_index_template="{{ task.op_kwargs['shard']['label'] }}",
        show_return_value_in_logs=False,
    )
    def download(shard: dict[str, Any]) -> None:
        """Downloads one shard."""
        from . import download_run

        download_run.download(load(), shard, get_current_context())

    @result
    @task(trigger_rule=TriggerRule.ALL_DONE, on_failure_callback=_notify)
    def report() -> None:
        """Writes the reports, and fails the run if anything failed."""
        from . import download_run

        download_run.report(load(), get_current_context())

    shards = validate()
    downloaded, reported = download.expand(shard=shards), report()
    # Also behind `validate` itself: a person may mark the tasks download as failed before it has run again.
    [shards, downloaded] >> reported
    # Other DAGs start when this one has succeeded: schedule=[AssetAlias("s3_downloader")].
    reported.operator.add_outlets([AssetAlias(reported.operator.dag_id)])
