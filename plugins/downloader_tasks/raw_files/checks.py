"""What has to be true of each raw file of a run, and of all of them together, before anything is downloaded."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from downloader.errors import DownloadError, NetworkError, ObjectNotFound
from downloader.planning import local_name
from downloader.remote_file import Planned, RemoteFile
from downloader.source import probe

from ..failures import Refusal
from ..folders import Share, Space, first_to_come, refuse_links
from ..shards import digest_of
from ..wording import one_line
from .restores import Restore

if TYPE_CHECKING:
    from downloader.sources.s3 import S3Access

__all__ = ["Checks"]

log = logging.getLogger(__name__)


class Checks:
    """Checks one raw file after the other."""

    def __init__(self, access: S3Access | None, *, several: bool) -> None:
        """`access`: None in an audit, which needs neither S3 nor room. `several`: whether there is more than one."""
        self._access = access
        self._several = several
        self._buckets: set[str] = set()
        self._probed: set[str] = set()
        self._names = _NameReservations()
        self._space = Space()

    def run(self, restore: Restore) -> None:
        """Raises DownloadError or Refusal, in one sentence."""
        folder = restore.destination
        if not folder.is_dir() and os.path.lexists(folder):
            raise Refusal(f"{folder} is not a folder, and the project's files belong there; move it away")
        needed, done = (os.X_OK, "entered") if restore.audit else (os.W_OK | os.X_OK, "written to")
        if folder.is_dir() and not os.access(folder, needed):
            raise Refusal(f"the project's folder {folder} may not be {done}; give the user of this task the right")
        refuse_links(folder.parent, folder)
        shares: list[Share] = []
        if self._access is not None:
            if restore.upload.bucket not in self._buckets:
                self._check_bucket(restore, self._access)
                self._buckets.add(restore.upload.bucket)
            shares = self._space.share(restore.plan.files, folder)
            self._probe(restore, self._access)
        if self._several:  # the names of a single raw file are its own
            self._names.reserve(restore.raw_file.id, restore.plan.files, folder)
        self._space.promise(shares)

    def _check_bucket(self, restore: Restore, access: S3Access) -> None:
        """Asks the bucket one question. That it does not exist is left to the report, which says so of every file."""
        from downloader.sources.s3 import S3Source, check_bucket

        file = next((item for item in restore.plan.files if isinstance(item, RemoteFile)), None)
        problem: DownloadError | None = None
        try:
            check_bucket(access.bucket(restore.upload.bucket), file.key if file else None)
        except ObjectNotFound as error:
            log.warning("%s", error)
        except NetworkError as error:
            problem = error
        if problem is not None:
            if file is not None:
                probe(S3Source(restore.upload.bucket, access), file)  # its client may be told why
            raise problem

    def _probe(self, restore: Restore, access: S3Access) -> None:
        """Reads a byte of the first file that is to come, once for each bucket, by the client that will download."""
        from downloader.sources.s3 import S3Source

        bucket = restore.upload.bucket
        file = None if bucket in self._probed else first_to_come(restore.plan.files, restore.destination)
        if file is not None:
            probe(S3Source(bucket, access), file)
            self._probed.add(bucket)


class _NameReservations:
    """The raw file of a run that each final name belongs to: two of one project may have files of the same name."""

    def __init__(self) -> None:
        self._held: dict[tuple[Path, str], tuple[str, bytes]] = {}

    def reserve(self, raw_file_id: str, files: Sequence[Planned], destination: Path) -> None:
        """Reserves the names of `files`.

        Raises Refusal, and reserves nothing, where a name is reserved for other content of another raw file: each would
        replace what the other downloaded.
        """
        wanted = {(destination, local_name(item)): digest_of(item) for item in files if isinstance(item, RemoteFile)}
        for place in wanted.keys() & self._held.keys():
            holder, content = self._held[place]
            if content != wanted[place]:
                raise Refusal(
                    f"raw files {one_line(holder)} and {one_line(raw_file_id)} would both be written to "
                    f"{destination}/{one_line(place[1])}; restore {one_line(holder)}, move its files away, and then "
                    f"restore {one_line(raw_file_id)}"
                )
        self._held |= {place: (raw_file_id, content) for place, content in wanted.items()}
