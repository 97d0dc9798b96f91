"""The resource type of each export: by its key, and where that tells none by the first resource in it, if asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Final

from downloader.content import first_type
from downloader.errors import PermanentError
from downloader.fhir import UNKNOWN, ExportLayout, NameLevel, is_export, type_of
from downloader.remote_file import RemoteFile
from downloader.retry import RetryPolicy
from downloader.source import Source
from downloader.sources.s3.minio import Listed

__all__ = ["ExportTypes"]

_HEAD: Final = 64 * 1024
"""Bytes of an export that are looked at."""
_THREADS: Final = 16
_BATCH: Final = 256
"""Objects that are typed together; as many may be read in vain where a listing is left early."""


class ExportTypes:
    """Answers types. `source`: where exports are looked at; None where their keys alone count."""

    def __init__(self, source: Source | None, retry: RetryPolicy) -> None:
        self._source = source
        self._retry = retry

    def of_all(self, objects: Iterable[Listed]) -> Iterator[tuple[Listed, str]]:
        """The exports among `objects`, in their order, each with its type; other objects with ``""``.

        Raises RetryableError.
        """
        source = self._source
        if source is None:
            yield from ((listed, _by_key(listed)) for listed in objects)
            return
        objects = iter(objects)
        with ThreadPoolExecutor(_THREADS) as pool:
            while batch := list(islice(objects, _BATCH)):
                yield from zip(batch, pool.map(partial(self._of, source), batch), strict=True)

    def _of(self, source: Source, listed: Listed) -> str:
        kind = _by_key(listed)
        if kind != UNKNOWN or not listed.size:
            return kind
        try:
            return first_type(self._retry.call(lambda: _head(source, listed)))
        except PermanentError:
            return UNKNOWN  # what is wrong with it is found out when it is downloaded


def _head(source: Source, listed: Listed) -> bytes:
    """The first bytes of an object. Raises DownloadError."""
    file = RemoteFile(ExportLayout().path(listed.key, NameLevel.HASH), listed.size, listed.key)
    with closing(source.open(file, 0, min(listed.size, _HEAD))) as stream:
        return b"".join(stream)


def _by_key(listed: Listed) -> str:
    return type_of(listed.key) if is_export(listed.key) else ""
