"""A run of `s3_downloader`: each raw file is an item, with a report of its own.

What `validate` refuses, and what it leaves to the report:

| what is wrong | what happens |
| --- | --- |
| parameters, configuration, feature switched off, output location | the task fails |
| database or S3 endpoint does not answer | the task fails, and is tried again |
| one raw file: no record, backup, project, files, room or access, or a name taken | it is refused, the others go on |
| every raw file is refused, or the project has none, or too many | the task fails |
| the bucket does not exist | nothing here: each file becomes a FAILURE line in the report |
| the record's backup is not done | a warning in the log |

In an audit S3 is not asked here, and need not be there: what is on the disk is compared with the record.

A raw file that is refused beside others that are not is handed to `report`, which names it and fails the run.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from downloader.catalogue import BACKED_UP, Catalogue, CatalogueError
from downloader.errors import DownloadError
from downloader.transfer import TransferOptions

from ..download_run import DownloadRun
from ..execution import ThawTerms
from ..failures import Refusal
from ..settings import (
    Configuration,
    catalogue,
    readable_location,
    refuse_switched_off,
    s3_access,
    transfer_options,
    writable_location,
)
from ..shards import Outline, bounds_of, cut
from ..wording import counted, one_line, shown_size
from ..xcoms import Validated
from .checks import Checks
from .request import RawFileRequest
from .restores import Restore, find_restore

__all__ = ["RawFilesRun"]

log = logging.getLogger(__name__)


@dataclass
class RawFilesRun(DownloadRun):
    """Restores raw files."""

    request: RawFileRequest
    configuration: Configuration
    options: TransferOptions
    quiet: bool = False
    _open: ExitStack = field(init=False, default_factory=ExitStack)

    @classmethod
    def of(cls, params: Mapping[str, Any], configuration: Configuration) -> Self:
        """As `DownloadRun`."""
        return cls(RawFileRequest.from_params(params), configuration, transfer_options(configuration.transfer))

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue, opened when it is asked for. Raises CatalogueError."""
        return self._open.enter_context(catalogue(self.configuration))

    @property
    def thaw_terms(self) -> ThawTerms | None:
        """As `DownloadRun`."""
        tier, s3 = self.request.thaw, self.configuration.s3
        if not tier:
            return None
        expedited = tier == "Expedited"
        return ThawTerms(tier, s3.thaw_days, s3.thaw_wait_hours * 3600, s3.thaw_look_minutes * 60, expedited)

    def close(self) -> None:
        """Closes the catalogue."""
        self._open.close()

    def about(self, name: str) -> str:
        """As `DownloadRun`."""
        return f"raw file {one_line(name)}"

    def item(self, name: str) -> Restore:
        """As `DownloadRun`."""
        return self._find(self.catalogue, name)

    def _find(self, records: Catalogue, raw_file_id: str) -> Restore:
        request = self.request
        return find_restore(records, self.configuration, raw_file_id, request.patterns, audit=request.audit)

    def validated(self) -> Validated:
        """As `DownloadRun`."""
        refuse_switched_off(self.configuration)
        (readable_location if self.request.audit else writable_location)(self.configuration, "output")
        records = self.catalogue
        raw_file_ids = self.request.ids_in(records)
        access = None if self.request.audit else s3_access(self.configuration)
        checks = Checks(access, several=len(raw_file_ids) > 1)
        outlines: list[Outline] = []
        refused: dict[str, str] = {}
        for raw_file_id in raw_file_ids:
            try:
                restore = self._find(records, raw_file_id)
                checks.run(restore)
            except (CatalogueError, DownloadError, Refusal) as error:
                if error.retryable:
                    raise
                refused[raw_file_id] = one_line(str(error))
            else:
                outlines.append(restore.plan.outline())
                _announce(restore, outlines[-1])
        if not outlines:
            raise Refusal(_all_refused(refused))
        return Validated(cut(outlines, bounds_of(self.configuration)), refused)


def _announce(restore: Restore, outline: Outline) -> None:
    raw_file = restore.raw_file
    if raw_file.backup_status != BACKED_UP:
        log.warning(
            "The backup of raw file %s is not recorded as done (backup_status is %s): files may be missing in S3",
            one_line(raw_file.id),
            one_line(raw_file.backup_status or "none"),
        )
    log.info(
        "Raw file %s: %s, %s, recorded in s3://%s/%s, audited in %s"
        if restore.audit
        else "Raw file %s: %s, %s, from s3://%s/%s to %s",
        one_line(raw_file.id),
        counted(len(outline)),
        shown_size(outline.bytes),
        restore.upload.bucket,
        one_line(restore.upload.prefix),
        restore.destination,
    )


def _all_refused(refused: dict[str, str]) -> str:
    if len(refused) == 1:
        return next(iter(refused.values()))
    sentences = "; ".join(f"({number}) {sentence}" for number, sentence in enumerate(refused.values(), start=1))
    return f"none of the {len(refused)} raw files can be restored: {sentences}"
