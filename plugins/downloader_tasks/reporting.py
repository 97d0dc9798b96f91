"""The task `report`: one receipt for each raw file, and the run's failure if anything failed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from airflow.sdk.exceptions import AirflowFailException

from downloader.catalogue import CatalogueError
from downloader.errors import DownloadError, NotTried
from downloader.planning import local_name
from downloader.remote_file import Planned
from downloader.report import Report, write
from downloader.report.layout import lines_of
from downloader.results import FileResult, Outcome, failed

from . import handover
from .configuration import Configuration, load
from .connections import catalogue
from .failures import Refusal, told_to_airflow
from .outbox import RESULTS
from .parameters import Request
from .progress import FEW
from .restores import Restore, find_restore
from .shards import PlanChanged, Shard
from .validate import PROBLEM, REFUSED
from .wording import counted, one_line

__all__ = ["report"]

TITLE: Final = "S3 Download Status Report"
_OK: Final = ": OK - "
_FAILURE: Final = ": FAILURE - "
_MOST_PROBLEMS: Final = 20
_DIED: Final = "the download task died before it came to this file"

log = logging.getLogger(__name__)


def report(context: Mapping[str, Any]) -> None:
    """Writes the reports, prints them, and raises AirflowFailException if a file failed or a raw file was refused."""
    ti = context["ti"]
    shards = [Shard.from_xcom(value) for value in ti.xcom_pull(task_ids="validate") or []]
    if not shards:
        problem = ti.xcom_pull(task_ids="validate", key=PROBLEM)
        raise AirflowFailException(f"validate failed: {problem or 'see its log'}")
    refused: dict[str, str] = ti.xcom_pull(task_ids="validate", key=REFUSED) or {}
    handed = _by_shard(ti.xcom_pull(task_ids="download", key=RESULTS))
    with told_to_airflow():
        receipts, lost = _receipts(shards, handed, Request.from_params(context["params"]), load())
    problems = [problem for receipt in receipts if (problem := _publish(receipt))]
    problems += [*lost, *refused.values()]
    if problems:
        raise AirflowFailException(_sentence(problems))


@dataclass(frozen=True, slots=True)
class _Receipt:
    report: Report
    folder: Path
    raw_file_id: str


_Handed = Mapping[tuple[str, int], Mapping[str, Any]]
"""What the tasks handed over, by raw file and by where their slice begins."""


def _by_shard(pulled: Any) -> _Handed:
    """`pulled`: what all mapped tasks pushed; a single one's is not in a list."""
    values = pulled if isinstance(pulled, list) else [pulled]
    return {(value["raw_file_id"], value["start"]): value for value in values if value}


def _receipts(
    shards: Iterable[Shard], handed: _Handed, request: Request, configuration: Configuration
) -> tuple[list[_Receipt], list[str]]:
    """The reports, and sentences on raw files that there can be none for. Raises what may pass by itself."""
    receipts: list[_Receipt] = []
    lost: list[str] = []
    with catalogue(configuration) as records:
        for raw_file_id, group in groupby(shards, key=lambda shard: shard.raw_file_id):
            try:
                restore = find_restore(records, configuration, raw_file_id, request.patterns)
            except (CatalogueError, DownloadError, Refusal) as error:
                if getattr(error, "retryable", False):
                    raise
                lost.append(f"no report on raw file {one_line(raw_file_id)}: {one_line(str(error))}")
            else:
                receipts.append(_receipt(restore, list(group), handed))
    return receipts, lost


def _receipt(restore: Restore, shards: Sequence[Shard], handed: _Handed) -> _Receipt:
    raw_file_id = restore.raw_file.id
    mine = [handed[shard.raw_file_id, shard.start] for shard in shards if (shard.raw_file_id, shard.start) in handed]
    began = min((value["began"] for value in mine), default=0.0)
    ended = max((value["ended"] for value in mine), default=0.0)
    text = Report(
        title=TITLE,
        timestamp=datetime.now(UTC),
        destination=str(restore.destination),
        head=(
            ("Raw File ID", raw_file_id),
            ("Project ID", restore.raw_file.project_id),
            ("S3 Bucket", restore.raw_file.s3_upload_path or ""),
        ),
        results=tuple(_joined(restore, shards, handed)),
        duration=max(0.0, ended - began),
    )
    return _Receipt(text, restore.destination, raw_file_id)


def _joined(restore: Restore, shards: Sequence[Shard], handed: _Handed) -> Iterable[FileResult]:
    """One result for each file that is planned now. What was planned otherwise when the run began says so."""
    files = restore.plan.files
    changed = PlanChanged(f"the record of raw file {restore.raw_file.id} was changed after the run began")
    stop = 0
    for shard in shards:
        planned = shard.cut(restore.plan)
        stop = shard.stop
        if planned is None:
            yield from _all_failed(files[shard.start : shard.stop], changed)
        else:
            yield from _of_shard(planned, handed.get((shard.raw_file_id, shard.start)))
    yield from _all_failed(files[stop:], changed)


def _all_failed(files: Sequence[Planned], error: DownloadError) -> Iterable[FileResult]:
    return (failed(local_name(item), error) for item in files)


def _of_shard(planned: Sequence[Planned], value: Mapping[str, Any] | None) -> Iterable[FileResult]:
    results: Sequence[FileResult | None] = [None] * len(planned)
    if value is not None and value["results"]:
        results = handover.unpack(value["results"], planned)
    note = value["note"] if value is not None else ""
    for item, result in zip(planned, results, strict=True):
        if result is not None:
            yield result
        elif note:
            yield FileResult(local_name(item), Outcome.FAILED, message=note)
        else:
            yield failed(local_name(item), NotTried(_DIED))


def _publish(receipt: _Receipt) -> str:
    """Prints the report and writes it. Answers what failed, ``""`` for nothing."""
    _print(receipt.report)
    summary = receipt.report.summary
    counts = f"{summary.failed:,} of {counted(summary.total)} of raw file {one_line(receipt.raw_file_id)} failed"
    try:
        receipt.folder.mkdir(exist_ok=True)
        path = write(receipt.report, receipt.folder, receipt.raw_file_id)
    except (DownloadError, OSError) as error:
        return f"{counts}, and the report could not be written (it stands in the log): {error}"
    log.info("Report: %s", path)
    return f"{counts}, see {path}" if summary.failed else ""


def _print(text: Report) -> None:
    """The whole report of a small restore; of a large one the head, the first failures, and the summary."""
    few = len(text.results) <= FEW
    failures = 0
    for line in lines_of(text):
        failures += _FAILURE in line
        if few or not (_OK in line or (_FAILURE in line and failures > FEW)):
            log.info("%s", line)


def _sentence(problems: Sequence[str]) -> str:
    more = len(problems) - _MOST_PROBLEMS
    return "; ".join(problems[:_MOST_PROBLEMS]) + (f"; and {more:,} more, see the logs" if more > 0 else "")
