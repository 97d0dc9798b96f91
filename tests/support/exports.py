"""Buckets of exports that need no server: listed, surveyed, cut into shards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from downloader.errors import DownloadError
from downloader.fhir.exports import ExportLayout, is_export
from downloader.sources.s3.minio.pages import Listed
from downloader_tasks.minio.request import ExportRequest
from downloader_tasks.minio.survey import BucketSurvey, unpack_levels
from downloader_tasks.shards import ShardBounds
from downloader_tasks.xcoms import Shard

__all__ = ["ALL", "chosen", "listed", "paths_of", "request_for", "survey_of"]

ALL: Final = ShardBounds(2**40, 2**60)
"""One shard, whatever there is."""


def listed(key: str, size: int = 1) -> Listed:
    """An object; its ETag stands for its key."""
    return Listed(key, size, hashlib.md5(key.encode("utf-8", "surrogatepass")).hexdigest())


def request_for(*, organize: bool = False, types: Iterable[str] = ()) -> ExportRequest:
    """What a run was asked for."""
    here = Path("/nowhere")
    return ExportRequest("bucket", "", frozenset(types), (), organize, False, False, here, here)


def survey_of(keys: Iterable[str], bounds: ShardBounds = ALL, *, organize: bool = False) -> BucketSurvey:
    """A survey that has seen these keys, in the order of a listing."""
    survey = BucketSurvey(request_for(organize=organize), bounds)
    for key in sorted(keys):
        survey.add(listed(key))
    return survey


def chosen(keys: Iterable[str], part: Shard) -> Iterator[str]:
    """The exports among `keys` that fall into a shard, as its task lists them."""
    return (key for key in sorted(keys) if part.after < key <= part.upto and is_export(key))


def paths_of(
    keys: set[str], *, organize: bool = False, folds_case: bool = False, bounds: ShardBounds = ALL
) -> dict[str, str | None]:
    """Where each export goes, shard by shard; None for one whose name no disk takes."""
    layout = ExportLayout(organize)
    paths: dict[str, str | None] = {}
    for part in survey_of(keys, bounds, organize=organize).shards(folds_case=folds_case):
        levels = unpack_levels(part.levels, part.files)
        for key, level in zip(chosen(keys, part), levels, strict=True):
            assert key not in paths, "in two shards"
            try:
                paths[key] = layout.path(key, level).text
            except DownloadError:
                paths[key] = None
    return paths
