"""What a DAG's run brings home where the source itself is asked for the list: told anew in each of its tasks.

A list may be another one a moment later. So each task `download` lists its own shard, and tells the report what it
planned; the report lists a shard itself only where its task died before that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from downloader.errors import DownloadError
from downloader.remote_file import Planned
from downloader.report import Pairs, Report
from downloader.results import FileResult
from downloader.source import Source
from downloader.transfer import TransferOptions

from .execution import PLAN, RESULTS, Attempt, Expected, conclude, expected, pack_expected, results_of, unpack_expected
from .failures import airflow_errors
from .parameters import refuse_unknown_keys
from .receipts import Receipt, one_sentence, publish
from .settings import Configuration, load
from .shards import digest_of, fingerprint_of
from .wording import one_line

__all__ = ["PROBLEM", "DownloadRun", "RunTarget", "download", "refused_before", "report_on", "validated"]

PROBLEM: Final = "problem"
"""Key of the XCom that says why `validate` failed."""

log = logging.getLogger(__name__)

Handed = Sequence[Mapping[str, Any]]
"""What the tasks handed over, those that got so far."""


@dataclass(frozen=True, slots=True)
class RunTarget:
    """Where the files go, and what the report says above them."""

    folder: Path
    location: Path
    """What the configuration names; it is the folder or lies above it."""
    title: str
    report_id: str
    about: str
    """What the files belong to, in words for the log."""
    head: Pairs = field(default=())


class DownloadRun(Protocol):
    """One run, seen from one of its tasks. A shard is what `validate` made, with its `number`."""

    @property
    def target(self) -> RunTarget:
        """Where the files go."""

    @property
    def options(self) -> TransferOptions:
        """How they travel."""

    @property
    def quiet(self) -> bool:
        """Whether the log is kept to the failures and the summary."""

    def planned(self, shard: Mapping[str, Any]) -> list[Planned]:
        """The files of a shard as they are now. Raises DownloadError."""

    def source(self, planned: Sequence[Planned]) -> Source:
        """Where they are read. Raises DownloadError."""

    def found(self, results: Sequence[FileResult]) -> Mapping[str, Any]:
        """What the report is to know of a shard besides its results, in terms of JSON."""

    def summary(self, results: Sequence[FileResult], handed: Handed) -> Pairs:
        """More lines of the report's summary."""


def download(run: DownloadRun, shard: dict[str, Any], context: Mapping[str, Any]) -> None:
    """Brings one shard home. Raises as `airflow_errors` and `conclude` do; hands its results over in any case."""
    with airflow_errors():
        key, folder = {"shard": shard["number"]}, run.target.folder
        try:
            planned = run.planned(shard)
        except DownloadError as error:
            Attempt(key, "", context).refuse(error)
        attempt = Attempt(key, fingerprint_of(str(folder), map(digest_of, planned)), context, quiet=run.quiet)
        attempt.tell_plan({"plan": pack_expected(expected(planned))})
        source = attempt.prepared(lambda: run.source(planned), folder, run.target.location)
        results = attempt.restore(planned, source, folder, run.options, run.found)
        conclude(results, context)


def validated(
    context: Mapping[str, Any], shards_of: Callable[[Mapping[str, Any], Configuration], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """What `shards_of` parameters and configuration makes: the shards, as XComs.

    Raises as `airflow_errors` does; the sentence is then pushed as `PROBLEM`, so that whoever is told of the run's
    failure reads it.
    """
    try:
        with airflow_errors():
            refuse_unknown_keys(context["dag_run"].conf, context["dag"].params.keys())
            return shards_of(context["params"], load())
    except AirflowException as problem:
        context["ti"].xcom_push(key=PROBLEM, value=str(problem))
        raise


def refused_before(context: Mapping[str, Any]) -> str:
    """The sentence that `validate` failed with, ``""`` where it did not."""
    return context["ti"].xcom_pull(task_ids="validate", key=PROBLEM) or ""


def report_on(errand_of: Callable[[Mapping[str, Any]], DownloadRun], context: Mapping[str, Any]) -> None:
    """Writes the report, prints it, and raises AirflowFailException if anything failed."""
    shards = context["ti"].xcom_pull(task_ids="validate")
    if not shards:
        raise AirflowFailException(f"validate failed: {refused_before(context) or 'see its log'}")
    with airflow_errors():
        problems = _reported(errand_of(context["params"]), shards, context["ti"])
    if problems:
        raise AirflowFailException(one_sentence(problems))


def _reported(run: DownloadRun, shards: Sequence[Mapping[str, Any]], ti: Any) -> list[str]:
    """Writes the report, and answers what failed."""
    handed = _by_shard(ti.xcom_pull(task_ids="download", key=RESULTS))
    plans = _by_shard(ti.xcom_pull(task_ids="download", key=PLAN))
    results, problems = _joined(run, shards, handed, plans)
    text, target = _text(run, results, list(handed.values())), run.target
    failed = publish(Receipt(text, target.folder, target.location, target.report_id, target.about))
    return [*filter(None, [failed]), *problems]


def _by_shard(pulled: Any) -> dict[int, Mapping[str, Any]]:
    """`pulled`: what all mapped tasks pushed; a single one's is not in a list."""
    values: Iterable[Any] = pulled if isinstance(pulled, list) else [pulled]
    return {value["shard"]: value for value in values if value}


def _joined(
    run: DownloadRun,
    shards: Sequence[Mapping[str, Any]],
    handed: Mapping[int, Mapping[str, Any]],
    plans: Mapping[int, Mapping[str, Any]],
) -> tuple[list[FileResult], list[str]]:
    """One result for each file that was planned, and sentences on shards of which no files can be named."""
    results: list[FileResult] = []
    problems: list[str] = []
    for shard in shards:
        number = shard["number"]
        try:
            files = _expected(run, shard, plans.get(number))
        except DownloadError as error:
            problems.append(f"{one_line(shard['label'])}: no files can be named: {one_line(str(error))}")
        else:
            results += results_of(files, handed.get(number))
    return list(_unique(results)), problems


def _expected(run: DownloadRun, shard: Mapping[str, Any], plan: Mapping[str, Any] | None) -> list[Expected]:
    return unpack_expected(plan["plan"]) if plan is not None else expected(run.planned(shard))


def _unique(results: Iterable[FileResult]) -> Iterator[FileResult]:
    """A file that moved from one shard to the next while they were listed has two results: the better one counts."""
    best: dict[str, FileResult] = {}
    for result in results:
        held = best.get(result.name)
        if held is None or (result.ok and not held.ok):
            best[result.name] = result
    return iter(best.values())


def _text(run: DownloadRun, results: Sequence[FileResult], handed: Handed) -> Report:
    began = min((value["began"] for value in handed), default=0.0)
    ended = max((value["ended"] for value in handed), default=0.0)
    return Report(
        title=run.target.title,
        timestamp=datetime.now(UTC),
        destination=str(run.target.folder),
        head=run.target.head,
        results=tuple(results),
        duration=max(0.0, ended - began),
        extra=run.summary(results, handed),
    )
