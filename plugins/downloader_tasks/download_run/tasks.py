"""What the tasks `validate`, `download` and `report` of all DAGs do.

Each task makes its `DownloadRun` again from the parameters and the configuration. `validate` answers shards; each task
`download` lists the files of its own shard, which may have changed by then, and pushes what it planned and what
became of it; `report` writes one report for each item, and lists the files of a shard itself where its task pushed
nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from downloader.catalogue import CatalogueError
from downloader.errors import DownloadError
from downloader.report import Report
from downloader.results import FileResult

from ..execution import Attempt, conclude
from ..failures import Refusal, SetupError, airflow_errors
from ..parameters import refuse_unknown_keys
from ..settings import load
from ..shards import PlanChanged
from ..wording import one_line
from ..xcoms import Received, Shard, ShardResults, expected, push_problem, push_validated, results_of
from .receipts import Receipt, one_sentence, publish
from .run import DownloadRun, RunItem

__all__ = ["download", "report", "validate"]

log = logging.getLogger(__name__)


def validate(run_type: type[DownloadRun], context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The task `validate`: answers the shards, as XComs.

    Raises as `airflow_errors` does; the sentence is then pushed too, so that `report`, and who is notified, reads it.
    """
    ti = context["ti"]
    try:
        with airflow_errors():
            refuse_unknown_keys(context["dag_run"].conf, context["dag"].params.keys())
            with closing(run_type.of(context["params"], load())) as run:
                validated = run.validated()
    except AirflowException as problem:
        push_problem(ti, str(problem))
        raise
    for sentence in validated.refused.values():
        log.error("Refused: %s", sentence)
    return push_validated(ti, validated)


def download(run_type: type[DownloadRun], value: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    """A task `download`: downloads one shard. Raises as `airflow_errors` and `conclude` do.

    What became of the files is pushed in either case, also while it runs.
    """
    with airflow_errors():
        shard = Shard.from_xcom(value)
        if shard is None:
            raise SetupError("this run was planned by another version of its DAG; clear its task validate")
        attempt = Attempt(shard, context)
        try:
            with closing(run_type.of(context["params"], load())) as run:
                files = run.item(shard.item).listed(shard, attempt.show_listing)
        except DownloadError as error:
            attempt.refuse(error)
        conclude(attempt.download(files, run.options, quiet=run.quiet), context)


def report(run_type: type[DownloadRun], context: Mapping[str, Any]) -> None:
    """The task `report`: writes and prints a report for each item. Raises AirflowFailException if anything failed."""
    received = Received.pull(context["ti"])
    if context["params"].get("dry_run") and not received.problem:
        log.info("A dry run: nothing was fetched and nothing written; the log of validate lists what would be done")
        return
    if not received.shards:
        raise AirflowFailException(f"validate failed: {received.problem or 'see its log'}")
    with airflow_errors(), closing(run_type.of(context["params"], load())) as run:
        receipts, problems = _receipts(run, received)
    problems = [*filter(None, map(publish, receipts)), *problems, *received.refused.values()]
    if problems:
        raise AirflowFailException(one_sentence(problems))


def _receipts(run: DownloadRun, received: Received) -> tuple[list[Receipt], list[str]]:
    """The reports, and sentences on what cannot be reported. Raises what may pass by itself."""
    receipts: list[Receipt] = []
    problems: list[str] = []
    for name, group in groupby(received.shards, key=lambda shard: shard.item):
        try:
            item = run.item(name)
        except (CatalogueError, DownloadError, Refusal) as error:
            if error.retryable:
                raise
            problems.append(f"no report on {run.about(name)}: {one_line(str(error))}")
        else:
            shards = list(group)
            results, missing = _joined(item, shards, received)
            handed = [received.results[shard.number] for shard in shards if shard.number in received.results]
            text, where = _report(item, results, handed), item.run_target
            receipts.append(Receipt(text, where.folder, where.location, where.report_id, run.about(name)))
            problems += missing
    return receipts, problems


def _joined(item: RunItem, shards: Sequence[Shard], received: Received) -> tuple[list[FileResult], list[str]]:
    """One result for each file that was planned, and sentences on shards of which no files can be named."""
    results: list[FileResult] = []
    problems: list[str] = []
    for shard in shards:
        plan = received.plans.get(shard.number)
        files = None if plan is None else plan.expected()
        try:
            files = expected(item.planned(shard)) if files is None else files
        except DownloadError as error:
            failures = error.results() if isinstance(error, PlanChanged) else []
            results += failures
            if not failures:
                problems.append(f"{one_line(shard.label)}: no files can be named: {one_line(str(error))}")
        else:
            results += results_of(files, received.results.get(shard.number))
    return _unique([*results, *item.unplanned(shards[-1])]), problems


def _unique(results: Iterable[FileResult]) -> list[FileResult]:
    """A file that moved from one shard to the next while they were listed has two results: the better one counts."""
    best: dict[str, FileResult] = {}
    for result in results:
        held = best.get(result.name)
        if held is None or (result.ok and not held.ok):
            best[result.name] = result
    return list(best.values())


def _report(item: RunItem, results: Sequence[FileResult], handed: Sequence[ShardResults]) -> Report:
    began = min((each.began for each in handed), default=0.0)
    ended = max((each.ended for each in handed), default=0.0)
    return Report(
        title=item.run_target.title,
        timestamp=datetime.now(UTC),
        destination=str(item.run_target.folder),
        head=item.run_target.head,
        results=tuple(results),
        duration=max(0.0, ended - began),
        extra=item.summary(results, handed),
    )
