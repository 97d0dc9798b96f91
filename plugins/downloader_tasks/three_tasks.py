"""What all the DAGs are made of: validate, download, report. Light: the DAG processor imports it at each parse."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any, Final

from airflow.sdk import TriggerRule, get_current_context, task

__all__ = ["USUAL", "three_tasks"]

USUAL: Final[dict[str, Any]] = {
    "catchup": False,
    "is_paused_upon_creation": False,
    "default_args": {"retries": 2, "retry_delay": timedelta(minutes=5)},
}
"""Arguments that the DAGs share."""


def _notify(context: Any) -> None:
    """An ``on_failure_callback``."""
    from .settings import notify_failure

    notify_failure(context)


def three_tasks(module: str, pool: str) -> None:
    """Makes the tasks of the DAG that it is called in.

    `module` holds what they do, and is imported where a task runs: ``validate(context)`` answers shards,
    ``download(shard, context)`` brings one home, ``report(context)`` writes the receipt.
    """

    @task(show_return_value_in_logs=False)
    def validate() -> list[dict[str, Any]]:
        """Fails early, with one sentence, or answers the shards to download."""
        shards: list[dict[str, Any]] = import_module(module).validate(get_current_context())
        return shards

    @task(
        pool=pool,
        execution_timeout=timedelta(hours=8),
        map_index_template="{{ task.op_kwargs['shard']['label'] }}",
        show_return_value_in_logs=False,
    )
    def download(shard: dict[str, Any]) -> None:
        """Brings one shard home."""
        import_module(module).download(shard, get_current_context())

    @task(trigger_rule=TriggerRule.ALL_DONE, on_failure_callback=_notify)
    def report() -> None:
        """Writes the receipt, and fails the run if anything failed."""
        import_module(module).report(get_current_context())

    download.expand(shard=validate()) >> report()
