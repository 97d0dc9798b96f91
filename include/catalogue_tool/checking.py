"""Whether a raw file can be restored from its record: what `validate` of `s3_downloader` checks, and its objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from os.path import commonprefix
from typing import NamedTuple

from downloader.catalogue import BACKED_UP, Catalogue, CatalogueError
from downloader.errors import AccessDenied, DownloadError
from downloader.remote_file import Refused, RemoteFile
from downloader.retry import RetryPolicy
from downloader.sources.s3 import S3Access
from downloader_tasks.failures import Refusal
from downloader_tasks.raw_files import Checks, Restore, find_restore
from downloader_tasks.settings import Configuration
from downloader_tasks.wording import a_few, counted, one_line

from .bucket import Stored, list_objects
from .showing import shown_files

__all__ = ["Checking", "State", "Verdict"]


class State(StrEnum):
    """DOUBTFUL: a run of the DAG would begin, with a warning or with less known than should be."""

    OK = "ok"
    DOUBTFUL = "doubtful"
    WRONG = "not restorable"


class Verdict(NamedTuple):
    """What is known of one record."""

    state: State
    sentence: str


@dataclass
class Checking:
    """`access`: None where S3 is not to be asked."""

    records: Catalogue
    configuration: Configuration
    access: S3Access | None
    policy: RetryPolicy = field(default_factory=RetryPolicy)

    def look(self, raw_file_id: str) -> Verdict:
        """What is known of a record. Raises CatalogueError and DownloadError that are about none alone."""
        try:
            restore = find_restore(self.records, self.configuration, raw_file_id, ())
            files = _files_of(restore)
            doubts = [] if self.access is None else self._ask(restore, files, self.access)
        except (CatalogueError, DownloadError, Refusal) as error:
            if error.retryable:
                raise
            return Verdict(State.WRONG, one_line(str(error)))
        status = restore.raw_file.backup_status
        if status != BACKED_UP:
            doubts.append(f"its backup_status is {one_line(status or 'empty')}, so files may be missing in S3")
        told = shown_files(restore.raw_file)
        return Verdict(State.DOUBTFUL, "; ".join([told, *doubts])) if doubts else Verdict(State.OK, told)

    def _ask(self, restore: Restore, files: Sequence[RemoteFile], access: S3Access) -> list[str]:
        """Compares the record with the bucket. Answers doubts. Raises as `look`, and Refusal."""
        Checks(access, several=False).run(restore)
        try:
            stored = {one.key: one for one in self._stored(access, restore.upload.bucket, files)}
        except AccessDenied:
            return ["its objects cannot be listed, so they were not compared"]
        missing = [file.path.text for file in files if file.key not in stored]
        if missing:
            raise Refusal(
                f"{_of(missing, files)} not in the bucket {restore.upload.bucket} ({a_few(missing, 3)}); "
                "upload them again, or correct s3_upload_path or file_info of the record"
            )
        others = [file.path.text for file in files if _differ(file.size, stored[file.key].size)]
        if others:
            raise Refusal(
                f"{_of(others, files)} of another size in the bucket {restore.upload.bucket} ({a_few(others, 3)}); "
                "the objects were replaced, or the record is wrong: add the raw file again with --replace"
            )
        frozen = [file.path.text for file in files if stored[file.key].archived]
        if frozen:
            return [f"{_of(frozen, files)} in an archive tier ({a_few(frozen, 3)}), to be restored there first"]
        return []

    def _stored(self, access: S3Access, bucket: str, files: Sequence[RemoteFile]) -> Iterator[Stored]:
        """The objects of `files`, as they are listed: no more of the bucket than is needed."""
        wanted = {file.key for file in files}
        prefix = commonprefix(sorted(wanted))  # noqa: RUF071  (of keys, in which a slash is a character like others)
        for one in list_objects(access, bucket, prefix, self.policy):
            if one.key in wanted:
                yield one
                wanted.remove(one.key)
            if not wanted:
                return


def _files_of(restore: Restore) -> list[RemoteFile]:
    """Raises Refusal where entries of the record cannot be used."""
    files = list(restore.plan.files)
    refused = [item for item in files if isinstance(item, Refused)]
    if refused:
        raise Refusal(f"{_of(refused, files)} refused, first {one_line(refused[0].name)}: {refused[0].error}")
    return [item for item in files if isinstance(item, RemoteFile)]


def _differ(recorded: int | None, stored: int | None) -> bool:
    return recorded is not None and stored is not None and recorded != stored


def _of(some: Sequence[object], files: Sequence[object]) -> str:
    return f"{len(some):,} of {counted(len(files))} {'is' if len(some) == 1 else 'are'}"
