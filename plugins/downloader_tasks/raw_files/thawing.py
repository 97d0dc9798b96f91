"""The archived objects of a shard: found, restored, and named in the FAILURE lines where that was not possible.

What is on the disk with the right size is not thawed: to compare its checksum costs time, to thaw it costs money. Where
it turns out to be damaged, its line says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from downloader.disk import Destination
from downloader.errors import Archived
from downloader.planning import local_name
from downloader.remote_file import RemoteFile
from downloader.source import ByteStream, Source
from downloader.sources.s3 import Archive, RestoreStage, Stored, ThawOrder, ThawRefusal

from ..execution import ThawLook, ThawTerms
from ..folders import is_kept
from ..settings import Configuration, s3_access, transfer_options
from ..shards import ShardFiles
from ..xcoms import ShardThaw

__all__ = ["Thawing", "explained"]

_KEPT: Final = (
    ", and was not thawed, because a file of its size is at the destination, which is damaged; move that file away, "
    "then run it again"
)
_AGAIN: Final = (
    " again: it could be read when this run asked, and its restored copy has expired since; run it again, or raise "
    "s3.thaw_days of the configuration"
)


class Thawing:
    """The objects of one shard. `files` as they were listed."""

    def __init__(self, bucket: str, configuration: Configuration, files: ShardFiles) -> None:
        policy = transfer_options(configuration.transfer).retry
        self._archive = Archive(s3_access(configuration).bucket(bucket), policy)
        self._planned = files.planned
        destination = Destination(files.run_target.folder)
        remote = ((at, item) for at, item in enumerate(files.planned) if isinstance(item, RemoteFile))
        self._kept: list[int] = []
        self._to_come: dict[int, RemoteFile] = {}
        for at, item in remote:
            if is_kept(item, destination):
                self._kept.append(at)
            else:
                self._to_come[at] = item

    def archived(self) -> dict[str, bool]:
        """As `RunItem.archived`."""
        stored = self._stored()
        return {
            local_name(file): stored[file.key].stage is RestoreStage.UNDER_WAY
            for file in self._to_come.values()
            if stored[file.key].stage is not RestoreStage.READABLE
        }

    def look(self, terms: ThawTerms) -> ThawLook:
        """Has all that is archived restored, and answers where each object is then."""
        stored = self._stored()
        stages: dict[str, RestoreStage | ThawRefusal] = {key: each.stage for key, each in stored.items()}
        archived = {key: each for key, each in stored.items() if each.stage is RestoreStage.ARCHIVED}
        stages |= self._archive.thaw(archived, ThawOrder(terms.tier, terms.days))
        refused: dict[str, list[int]] = {}
        under_way: list[int] = []
        for at, file in self._to_come.items():
            stage = stages[file.key]
            if isinstance(stage, ThawRefusal):
                refused.setdefault(f", and {stage.why}; {stage.advice}", []).append(at)
            elif stage is RestoreStage.UNDER_WAY:
                under_way.append(at)
        sizes = [item.size or 0 for item in self._planned]
        return ThawLook(sizes, under_way, refused, {_KEPT: self._kept})

    def _stored(self) -> dict[str, Stored]:
        return self._archive.stored(file.key for file in self._to_come.values())


def explained(files: ShardFiles, bucket: str, thaw: ShardThaw) -> ShardFiles:
    """`files`, read from a source that says why an object lies in an archive tier still, or again."""
    keys = [item.key if isinstance(item, RemoteFile) else "" for item in files.planned]
    reasons = {keys[at]: sentence for at, sentence in thaw.by_position() if at < len(keys)}
    return replace(files, connect=lambda: _Explained(files.connect(), bucket, reasons))


class _Explained:
    """A source whose archived objects fail for the reasons that are known of them, by key."""

    def __init__(self, source: Source, bucket: str, reasons: Mapping[str, str]) -> None:
        self._source = source
        self._bucket = bucket
        self._reasons = reasons
        self.capabilities = source.capabilities

    def describe(self, file: RemoteFile) -> RemoteFile:
        """As `Source.describe`."""
        try:
            return self._source.describe(file)
        except Archived:
            problem = self._reason(file)
        raise problem

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        """As `Source.open`."""
        try:
            return self._source.open(file, start, stop)
        except Archived:
            problem = self._reason(file)
        raise problem

    def _reason(self, file: RemoteFile) -> Archived:
        why, _, advice = self._reasons.get(file.key, _AGAIN).partition("; ")
        return Archived(f"s3://{self._bucket}/{file.key} lies in an archive tier{why}", advice)
