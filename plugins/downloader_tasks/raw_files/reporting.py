"""The task `report`: one receipt for each raw file, and the run's failure if anything failed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from airflow.sdk.exceptions import AirflowFailException

from downloader.catalogue import CatalogueError
from downloader.errors import DownloadError
from downloader.planning import local_name
from downloader.remote_file import Planned
from downloader.report import Report
from downloader.results import FileResult, failed

from ..execution import RESULTS, expected, results_of
from ..failures import Refusal, airflow_errors
from ..receipts import Receipt, one_sentence, publish
from ..settings import Configuration, catalogue, load
from ..shards import PlanChanged, Shard
from ..wording import one_line
from .request import RawFileRequest
from .restores import Restore, find_restore
from .validate import PROBLEM, REFUSED

__all__ = ["report"]

TITLE: Final = "S3 Download Status Report"

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
    with airflow_errors():
        receipts, lost = _receipts(shards, handed, RawFileRequest.from_params(context["params"]), load())
    problems = [problem for receipt in receipts if (problem := publish(receipt))]
    problems += [*lost, *refused.values()]
    if problems:
        raise AirflowFailException(one_sentence(problems))


_Handed = Mapping[tuple[str, int], Mapping[str, Any]]
"""What the tasks handed over, by raw file and by where their slice begins."""


def _by_shard(pulled: Any) -> _Handed:
    """`pulled`: what all mapped tasks pushed; a single one's is not in a list."""
    values = pulled if isinstance(pulled, list) else [pulled]
    return {(value["raw_file_id"], value["start"]): value for value in values if value}


def _receipts(
    shards: Iterable[Shard], handed: _Handed, request: RawFileRequest, configuration: Configuration
) -> tuple[list[Receipt], list[str]]:
    """The reports, and sentences on raw files that there can be none for. Raises what may pass by itself."""
    receipts: list[Receipt] = []
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


def _receipt(restore: Restore, shards: Sequence[Shard], handed: _Handed) -> Receipt:
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
    return Receipt(
        text, restore.destination, restore.destination.parent, raw_file_id, f"raw file {one_line(raw_file_id)}"
    )


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
            yield from results_of(expected(planned), handed.get((shard.raw_file_id, shard.start)))
    yield from _all_failed(files[stop:], changed)


def _all_failed(files: Sequence[Planned], error: DownloadError) -> Iterable[FileResult]:
    return (failed(local_name(item), error) for item in files)
