"""The three tasks of `drive_datasets`.

`validate` refuses, in one sentence, what no file could come home with: parameters, configuration, the manifest as a
whole, room on the disk. What concerns one file (private, quota exceeded, missing) is left to the report.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from ..download_run import download as download_shard
from ..download_run import refused_before, report_on, validated
from ..failures import Refusal, airflow_errors
from ..settings import Configuration
from ..shards import bounds_of, cut
from ..space import Space
from ..wording import counted, one_line, shown_size
from .download_run import DriveRun
from .preview import preview, told

__all__ = ["download", "report", "validate"]

_MANY: Final = 5

log = logging.getLogger(__name__)


def validate(context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The shards of what is to come home, as XComs; none for a dry run. A failure's sentence is pushed as `PROBLEM`."""
    return validated(context, _shards)


def download(shard: dict[str, Any], context: Mapping[str, Any]) -> None:
    """Brings one shard home."""
    with airflow_errors():
        run = DriveRun.of(context["params"])
    download_shard(run, shard, context)


def report(context: Mapping[str, Any]) -> None:
    """Writes the report, and fails the run if anything failed."""
    if context["params"].get("dry_run") and not refused_before(context):
        log.info("A dry run: nothing was fetched and nothing written; the log of validate lists what would be done")
        return
    report_on(DriveRun.of, context)


def _shards(params: Mapping[str, Any], configuration: Configuration) -> list[dict[str, Any]]:
    run = DriveRun.of(params, configuration)
    request, plan = run.request, run.plan
    if not plan.files:
        raise Refusal(
            f"the manifest {request.manifest} lists no data sets; make it anew: "
            "python include/generate_manifest.py FOLDER_URL"
        )
    if request.concurrency > _MANY:
        log.warning(
            "concurrency is %s: above %s Google Drive soon answers that there are too many requests",
            request.concurrency,
            _MANY,
        )
    size = sum(item.size or 0 for item in plan.files)
    log.info("Manifest: %s", one_line(str(request.manifest)))
    log.info("Destination: %s", request.location)
    log.info("%s, %s, %s streams at once", counted(len(plan.files)), shown_size(size), request.concurrency)
    if request.dry_run:
        for line in told(preview(plan.files, request.location, resume=request.resume)):
            log.info("%s", line)
        return []
    Space().share(plan.files, request.location)
    shards = cut([plan.outline()], bounds_of(configuration))
    return [{"number": number, **shard.to_xcom()} for number, shard in enumerate(shards)]
