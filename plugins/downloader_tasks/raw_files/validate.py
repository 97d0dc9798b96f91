"""The task `validate`: fails early, with one sentence that says what to do, or answers the shards to download.

What is refused here and what is left to the report:

| what is wrong | what happens |
| --- | --- |
| parameters, configuration, feature switched off, output location | the task fails |
| database or S3 endpoint does not answer | the task fails, and is tried again |
| one raw file: no record, backup, project, files, room or access, or a name taken | it is refused, the others go on |
| every raw file is refused | the task fails |
| the bucket does not exist | nothing here: each file becomes a FAILURE line in the report |
| the record's backup is not done | a warning in the log |

A raw file that is refused beside others that are not is handed to `report`, which names it and fails the run.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk.exceptions import AirflowException

from downloader.catalogue import Catalogue, CatalogueError
from downloader.errors import DownloadError, ObjectNotFound
from downloader.remote_file import RemoteFile

from ..failures import Refusal, airflow_errors
from ..folders import refuse_links
from ..parameters import refuse_unknown_keys
from ..settings import Configuration, catalogue, load, s3_access, writable_location
from ..shards import Outline, bounds_of, cut
from ..space import Space
from ..wording import counted, one_line, shown_size
from .name_reservations import NameReservations
from .request import RawFileRequest
from .restores import Restore, find_restore

if TYPE_CHECKING:
    from downloader.sources.s3 import S3Access

__all__ = ["PROBLEM", "REFUSED", "validate"]

REFUSED: Final = "refused"
"""Key of the XCom that names the raw files that are not restored: id -> sentence."""
PROBLEM: Final = "problem"
"""Key of the XCom that says why the task failed."""
_BACKED_UP: Final = "upload_done"

log = logging.getLogger(__name__)


def validate(context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The shards of all raw files that can be restored, as XComs. The refused ones are pushed as `REFUSED`.

    Where it fails, the sentence is pushed as `PROBLEM`, so that whoever is told of the run's failure reads it.
    """
    try:
        return _validated(context)
    except AirflowException as problem:
        context["ti"].xcom_push(key=PROBLEM, value=str(problem))
        raise


def _validated(context: Mapping[str, Any]) -> list[dict[str, Any]]:
    with airflow_errors():
        refuse_unknown_keys(context["dag_run"].conf, context["dag"].params.keys())
        request = RawFileRequest.from_params(context["params"])
        configuration = load()
        _refuse_disabled(configuration)
        writable_location(configuration, "output")
        with catalogue(configuration) as records:
            outlines, refused = _sorted_out(request, records, configuration)
        if not outlines:
            raise Refusal(_all_refused(refused))
    for sentence in refused.values():
        log.error("Refused: %s", sentence)
    context["ti"].xcom_push(key=REFUSED, value=refused)
    return [shard.to_xcom() for shard in cut(outlines, bounds_of(configuration))]


def _refuse_disabled(configuration: Configuration) -> None:
    if not configuration.s3.enabled:
        raise Refusal(f"restoring from S3 is switched off; set s3.enabled to true in {configuration.file}")


def _sorted_out(
    request: RawFileRequest, records: Catalogue, configuration: Configuration
) -> tuple[list[Outline], dict[str, str]]:
    """The plans of the raw files that can be restored, and why the others cannot. Raises what may pass by itself."""
    checks = _Checks(s3_access(configuration), several=len(request.raw_file_ids) > 1)
    outlines: list[Outline] = []
    refused: dict[str, str] = {}
    for raw_file_id in request.raw_file_ids:
        try:
            restore = find_restore(records, configuration, raw_file_id, request.patterns).made()
            checks.run(restore)
        except (CatalogueError, DownloadError, Refusal) as error:
            if getattr(error, "retryable", False):
                raise
            refused[raw_file_id] = one_line(str(error))
        else:
            _announce(restore)
            outlines.append(restore.plan.outline())
    return outlines, refused


class _Checks:
    """What has to be so of each raw file, and of all of them together."""

    def __init__(self, access: S3Access, *, several: bool) -> None:
        self._access = access
        self._several = several
        self._buckets: set[str] = set()
        self._claims = NameReservations()
        self._space = Space()

    def run(self, restore: Restore) -> None:
        """Raises DownloadError or Refusal, in one sentence."""
        _check_folder(restore.destination)
        refuse_links(restore.destination.parent, restore.destination)
        if restore.upload.bucket not in self._buckets:
            _check_bucket(restore, self._access)
            self._buckets.add(restore.upload.bucket)
        shares = self._space.share(restore.plan.files, restore.destination)
        if self._several:  # the only one has nobody to share its names with
            self._claims.take(restore.raw_file.id, restore.plan.files, restore.destination)
        self._space.promise(shares)


def _check_folder(folder: Path) -> None:
    if folder.is_dir():
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Refusal(f"the project's folder {folder} may not be written to; give the user of this task the right")
    elif os.path.lexists(folder):
        raise Refusal(f"{folder} is no folder, and the project's files belong there; move it away")


def _check_bucket(restore: Restore, access: S3Access) -> None:
    """Asks the bucket one question. That there is no such bucket is for the report to say, of every file."""
    from downloader.sources.s3 import check_bucket

    probe = next((item.key for item in restore.plan.files if isinstance(item, RemoteFile)), None)
    try:
        check_bucket(access.bucket(restore.upload.bucket), probe)
    except ObjectNotFound as error:
        log.warning("%s", error)


def _announce(restore: Restore) -> None:
    raw_file, files = restore.raw_file, restore.plan.files
    if raw_file.backup_status != _BACKED_UP:
        log.warning(
            "The backup of raw file %s is not recorded as done (backup_status is %s): files may be missing in S3",
            one_line(raw_file.id),
            one_line(raw_file.backup_status or "none"),
        )
    size = sum(item.size or 0 for item in files)
    log.info(
        "Raw file %s: %s, %s, from s3://%s/%s to %s",
        one_line(raw_file.id),
        counted(len(files)),
        shown_size(size),
        restore.upload.bucket,
        one_line(restore.upload.prefix),
        restore.destination,
    )


def _all_refused(refused: dict[str, str]) -> str:
    if len(refused) == 1:
        return next(iter(refused.values()))
    sentences = "; ".join(f"({number}) {sentence}" for number, sentence in enumerate(refused.values(), start=1))
    return f"none of the {len(refused)} raw files can be restored: {sentences}"
