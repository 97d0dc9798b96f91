"""The three tasks of `minio_downloader`.

`validate` refuses, in one sentence, what no file could come home with: parameters, configuration, connection, bucket,
rights, room on the disk. What concerns one file is left to the report.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from downloader.disk import folds_case
from downloader.fhir import ExportLayout

from ..download_run import download as download_shard
from ..download_run import report_on, validated
from ..failures import Refusal, airflow_errors
from ..settings import Configuration
from ..shards import bounds_of
from ..space import Space, nearest, size_there
from ..wording import a_few, counted, one_line, shown_size
from .download_run import MinioRun
from .survey import BucketSurvey

__all__ = ["download", "report", "validate"]

log = logging.getLogger(__name__)


def validate(context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The shards of what is to come home, as XComs. A failure's sentence is pushed as `PROBLEM`."""
    return validated(context, _shards)


def download(shard: dict[str, Any], context: Mapping[str, Any]) -> None:
    """Brings one shard home."""
    with airflow_errors():
        run = MinioRun.of(context["params"])
    download_shard(run, shard, context)


def report(context: Mapping[str, Any]) -> None:
    """Writes the report, and fails the run if anything failed."""
    report_on(MinioRun.of, context)


def _shards(params: Mapping[str, Any], configuration: Configuration) -> list[dict[str, Any]]:
    run = MinioRun.of(params, configuration)
    request = run.request
    log.info("=== MinIO Resource Downloader ===")
    log.info("Source: %s@%s", one_line(request.bucket), run.server.endpoint)
    log.info("Destination: %s", request.output)
    survey = BucketSurvey(request, bounds_of(configuration))
    to_come = _surveyed(run, survey)
    _tell_of_filter(run, survey)
    if not survey.files:
        raise Refusal(_nothing(run, survey))
    Space().room(to_come, request.output)
    log.info("Found %s to download (%s)...", counted(survey.files), shown_size(survey.bytes))
    folds = survey.folds_matter and folds_case(nearest(request.output))
    return [keys.to_xcom() for keys in survey.ranges(folds_case=folds)]


def _surveyed(run: MinioRun, survey: BucketSurvey) -> int:
    """Shows the whole listing to `survey`. Answers the bytes that are not on the disk yet."""
    request, to_come = run.request, 0
    fresh = request.overwrite or not request.output.is_dir()
    for listed in run.listing().objects(request.prefix):
        if survey.add(listed) and (fresh or not _is_there(run, listed.key, listed.size)):
            to_come += listed.size
    return to_come


def _is_there(run: MinioRun, key: str, size: int) -> bool:
    """Whether a file of that size stands under one of the names that the object may get."""
    return any(size_there(run.request.output / path) == size for path in ExportLayout(run.request.organize).paths(key))


def _tell_of_filter(run: MinioRun, survey: BucketSurvey) -> None:
    request = run.request
    strangers = [*request.unheard, *sorted(kind for kind in request.types if kind not in survey.present)]
    if strangers:
        log.warning(
            "The filter names %s, of which there is nothing in %s; there are %s",
            a_few(strangers),
            one_line(request.bucket),
            _kinds(survey),
        )


def _kinds(survey: BucketSurvey) -> str:
    """``Observation (12), Patient (1)``; ``no exports at all``."""
    return ", ".join(f"{kind} ({count:,})" for kind, count in sorted(survey.present.items())) or "no exports at all"


def _nothing(run: MinioRun, survey: BucketSurvey) -> str:
    request = run.request
    where = f"bucket {one_line(request.bucket)}" + (f" below {one_line(request.prefix)}" if request.prefix else "")
    if survey.present:
        return f"the filter leaves nothing of what is in {where}; there are {_kinds(survey)}"
    return f"there is no .ndjson file in {where}; check the bucket and the prefix"
