"""What the tasks `validate`, `thaw`, `download` and `report` of all DAGs do.

Each task makes its `DownloadRun` again from the parameters and the configuration. `validate` answers shards; each task
`download` lists the files of its own shard, which may have changed by then, and pushes what it planned and what
became of it; `report` writes one report for each item, and lists the files of a shard itself where its task pushed
nothing. A dry run ends behind `validate`, a run that asks first waits there: see `dry_run`. Where a run thaws, each
shard has a task `thaw` before its task `download`: see `execution.thaw_wait`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from airflow.sdk import Asset, AssetAlias
from airflow.sdk.exceptions import AirflowTaskTimeout

from downloader.catalogue import CatalogueError
from downloader.errors import DownloadError

from ..execution import Attempt, ThawWait, conclude
from ..failures import Refusal, SetupError, airflow_errors, failure
from ..parameters import max_speed, refuse_unknown_keys
from ..settings import load
from ..wording import duration
from ..xcoms import Received, Shard, pull_thaw, push_problem, push_result, push_validated
from .dry_run import announce, publish_dry_run
from .receipts import Published, one_sentence, publish, receipts_of
from .result import REFUSED, result_of, texts_of, uri_of
from .run import DownloadRun

__all__ = ["download", "report", "thaw", "validate"]

log = logging.getLogger(__name__)


def validate(run_type: type[DownloadRun], context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The task `validate`: answers the shards, as XComs.

    Raises as `airflow_errors` does; the sentence is then pushed too, so that `report`, and who is notified, reads it.
    """
    ti, params = context["ti"], context["params"]
    with airflow_errors(partial(push_problem, ti)):
        refuse_unknown_keys(context["dag_run"].conf, context["dag"].params.keys())
        with closing(_run_of(run_type, context)) as run:
            validated = run.validated()
            wanted = {name: bool(params.get(name)) for name in ("dry_run", "ask_first")}
            validated = announce(run, validated, ti, **wanted)
    for sentence in validated.refused.values():
        log.error("Refused: %s", sentence)
    return push_validated(ti, validated)


def thaw(run_type: type[DownloadRun], value: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    """A task `thaw`: has the archived objects of one shard restored, and ends when all are ready or the wait is over.

    Raises AirflowRescheduleException where it is to look again, AirflowSkipException where nothing is archived. What
    cannot be done at all fails the files in `download`, and nothing here.
    """
    with airflow_errors(), closing(_run_of(run_type, context)) as run:
        shard, terms = _shard_of(value), run.thaw_terms
        if terms is None:
            return
        wait = ThawWait(shard, terms, context)
        try:
            item = run.item(shard.item)
            look = item.thaw(item.listed(shard), terms)
        except (DownloadError, CatalogueError, Refusal) as error:
            problem = error
        else:
            wait.conclude(look)
            return
        if problem.retryable:
            wait.put_off(problem)
        else:
            log.error("Nothing is thawed: %s", problem)


def download(run_type: type[DownloadRun], value: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    """A task `download`: downloads one shard. Raises `failure`.

    What became of the files is pushed in either case, also while it runs.
    """
    with airflow_errors():
        shard = _shard_of(value)
        attempt = Attempt(shard, context)
        try:
            with closing(_run_of(run_type, context)) as run:
                item = run.item(shard.item)
                files = item.listed(shard, attempt.show_listing)
                thawed = pull_thaw(context["ti"], shard) if run.thaw_terms else None
                files = item.explained(files, thawed) if thawed else files
        except DownloadError as error:
            attempt.refuse(error)
        try:
            results = attempt.download(files, run.options, quiet=run.quiet)
        except AirflowTaskTimeout:
            limit = duration(context["task"].execution_timeout.total_seconds())
            sentence = f"stopped by its time limit of {limit}; the next try goes on from what is there"
            raise failure(sentence, retryable=True) from None
        conclude(results, context)


def report(run_type: type[DownloadRun], context: Mapping[str, Any]) -> None:
    """The task `report`: writes and prints a report for each item. Raises `failure` if anything failed.

    The result of the run is pushed in either case. A run that succeeded has an asset event for each report, unless it
    was an audit, behind which nothing is new.
    """
    ti, audit = context["ti"], bool(context["params"].get("audit"))

    def push_without_reports(sentence: str, status: str | None = None) -> None:
        push_result(ti, result_of([], [sentence], status, audit=audit), [])

    received = Received.pull(ti, context["dag_run"].clear_number)
    if context["params"].get("dry_run") and not received.problem:
        publish_dry_run(ti)
        return
    if not received.shards:
        problem = received.problem or "validate answered nothing to download: clear the task"
        push_without_reports(problem, REFUSED)
        raise failure(problem)
    with airflow_errors(push_without_reports), closing(_run_of(run_type, context)) as run:
        receipts, unreported = receipts_of(run, received)
    unreported += received.refused.values()
    published = [publish(receipt) for receipt in receipts]
    result = result_of(published, unreported, audit=audit)
    push_result(ti, result, texts_of(published))
    problems = [*(problem for each in published for problem in each.problems), *unreported]
    if problems:
        raise failure(one_sentence(problems))
    if not audit:
        _emit_asset_events(context, published, result["reports"])


def _emit_asset_events(
    context: Mapping[str, Any], published: Sequence[Published], reports: Sequence[dict[str, Any]]
) -> None:
    """One for each report, as Airflow records them once the task has succeeded."""
    events = context["outlet_events"][AssetAlias(context["dag"].dag_id)]
    for each, report in zip(published, reports, strict=True):
        uri = uri_of(each.receipt.folder)
        if uri is None:
            log.warning("The path %s is too long for an asset event; none was made", report["destination"])
        else:
            events.add(Asset(name=uri, uri=uri), extra=report)


def _shard_of(value: Mapping[str, Any]) -> Shard:
    """The shard that a mapped task was given. Raises SetupError."""
    shard = Shard.from_xcom(value)
    if shard is None:
        raise SetupError("this run was planned by another version of its DAG; clear its task validate")
    return shard


def _run_of(run_type: type[DownloadRun], context: Mapping[str, Any]) -> DownloadRun:
    """The run. The parameters that all DAGs have are read here. Raises as `DownloadRun.of`."""
    params = context["params"]
    return run_type.of(params, load().slowed_to(max_speed(params)))
