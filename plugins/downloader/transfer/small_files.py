"""Many small files: downloaded whole by many threads, written by one, flushed and renamed by the group.

The same inspection, decision and verification as for large files (`single_file`), with another writer. Only the plain
case is finished here: the file is intact, or it is missing, comes in one piece, and is right at once. The others (a
wrong copy under the final name, a mismatch, another run at work) are left to `single_file`, which knows all cases.

Why one writer: threads that make names in one folder wait for its lock in the kernel, spinning; one thread makes twice
as many files a second as eight do (measured on ext4).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from ..checksums import Checksum
from ..content import ContentInfo, Tee
from ..disk import PartFile, Place, commit
from ..errors import (
    DiskUnavailable,
    DownloadError,
    InUse,
    NetworkError,
    ObjectChanged,
    RangeRefused,
    TooManyFiles,
    as_download_error,
)
from ..remote_file import RemoteFile
from ..results import FileResult, Outcome, failed, joined
from .concurrency import Concurrency
from .context import BatchContext
from .decision import Action, decide
from .inspection import DescribedFile, inspect
from .single_file import kept
from .streaming import Buffer, open_checked, refuse_excess
from .verification import first_to_try, judge

__all__ = ["SmallFiles"]

_GROUP = 256
"""Files that one flush is shared by. Each holds an open file: well below the usual limit of 1,024."""
_LONGEST_WAIT = 0.1
"""Seconds that a written file waits for company before it is flushed."""


@dataclass(frozen=True, slots=True)
class _Verified:
    """A small file that was downloaded whole and verified, not yet on the disk."""

    file: RemoteFile
    place: Place
    body: list[Buffer]
    result: FileResult


class SmallFiles:
    """The lane of small files of one batch."""

    def __init__(
        self, batch: BatchContext, done: Callable[[list[FileResult]], None], careful: Callable[[RemoteFile, int], None]
    ) -> None:
        """`done` takes results; `careful` takes what is left to `single_file`, with the tries that it still has."""
        self._batch = batch
        self._done = done
        self._careful = careful
        self._ready: SimpleQueue[_Verified | None] = SimpleQueue()
        self._most_ready = 2 * batch.options.limits.threads
        self._room = threading.Event()

    def run(self, files: Iterator[RemoteFile], threads: int) -> None:
        """Downloads `files` with `threads`, and writes them with one more. Returns when each has its result."""
        writer = threading.Thread(target=self._write, name="small-writer", daemon=True)
        writer.start()
        turn = threading.Lock()
        concurrency = Concurrency(threads, self._batch.clock)

        def fetch_all(index: int) -> None:
            try:
                while concurrency.admit(index):
                    with turn:
                        file = next(files, None)
                    if file is None:
                        break
                    self._fetch(file)
                    concurrency.count()
            finally:  # also where a client's panic ends this thread: the others must not wait for it
                concurrency.end()

        fetchers = [
            threading.Thread(target=fetch_all, args=(index,), name="small-fetch", daemon=True)
            for index in range(threads)
        ]
        for fetcher in fetchers:
            fetcher.start()
        for fetcher in fetchers:
            fetcher.join()
        self._ready.put(None)
        writer.join()

    def _fetch(self, file: RemoteFile) -> None:
        """Inspects and decides; downloads what is missing. What it cannot finish goes to the writer or to `careful`."""
        batch = self._batch
        began = batch.clock.now()
        try:
            batch.halt.check()
            place = batch.destination.place(file.path)
            known = DescribedFile(file, batch)
            found = inspect(known, place, batch)
            action = decide(found, known.file).action
            if action is Action.KEEP:
                self._done([kept(known.file, found, batch.clock.now() - began)])
            elif action is not Action.DOWNLOAD:
                self._careful(file, 2)
            else:
                verified = batch.retry.call(lambda: self._download(file, place, began))
                if verified is None:
                    self._careful(file, 1 if _is_decided(file) else 2)
                else:
                    self._hand_over(verified)
        except (ObjectChanged, RangeRefused, DiskUnavailable):
            self._careful(file, 2)
        except Exception as error:  # noqa: BLE001 one bad file never stops the others
            self._fail(file, as_download_error(error, str(file.path)), batch.clock.now() - began)

    def _download(self, file: RemoteFile, place: Place, began: float) -> _Verified | None:
        """The file, whole and verified; None where it came but is not proven right."""
        with closing(open_checked(self._batch.source, file)) as stream:
            body, size = [], 0
            for buffer in stream:
                size += len(buffer)
                refuse_excess(file, size, file.size)
                body.append(buffer)
            advertised = stream.checksums
        self._batch.counters.add(size)
        if size != file.size:
            raise NetworkError(f"{file.path} ended after {size} of {file.size} bytes")

        def value_of(form: Checksum) -> str:
            hasher = form.hasher()
            for buffer in body:
                hasher.update(buffer)
            return hasher.value()

        verdict = judge(file, size, value_of, advertised)
        content_info = self._content_info(file, body)
        if not verdict.is_proven or content_info is None:
            return None
        result = FileResult(
            str(file.path),
            Outcome.DOWNLOADED,
            size,
            size,
            self._batch.clock.now() - began,
            verdict.assurance,
            joined(verdict.remark, content_info.remark),
            resources=content_info.resources,
        )
        return _Verified(file, place, body, result)

    def _content_info(self, file: RemoteFile, body: list[Buffer]) -> ContentInfo | None:
        """What the file contains; None where it is not what it has to be, which `single_file` finds out about."""
        tee = Tee(None, self._batch.options.policy.content.begin(file))
        for buffer in body:
            tee.update(buffer)
        try:
            return tee.conclude(whole=True)
        except DownloadError:
            return None

    def _hand_over(self, verified: _Verified) -> None:
        """Gives a file to the writer; waits while too many wait there already (memory stays bounded)."""
        while self._ready.qsize() > self._most_ready:
            self._room.clear()
            self._room.wait(_LONGEST_WAIT)
        self._ready.put(verified)

    def _write(self) -> None:
        group: list[tuple[_Verified, PartFile]] = []
        more = True
        while more:
            try:
                item = self._ready.get(timeout=_LONGEST_WAIT) if group else self._ready.get()
            except Empty:
                self._commit(group)
                continue
            if not self._room.is_set() and self._ready.qsize() <= self._most_ready // 2:
                self._room.set()
            more = item is not None
            if item is not None:
                self._write_one(item, group)
            if len(group) >= _GROUP or not more:
                self._commit(group)

    def _write_one(self, item: _Verified, group: list[tuple[_Verified, PartFile]]) -> None:
        part: PartFile | None = None
        try:
            self._batch.halt.check()
            part = self._acquire(item, group)
            if part.size:
                part.truncate()
            for buffer in item.body:
                part.write(buffer)
            part.set_time(item.file.modified)
            item.body.clear()  # the group waits for its flush without the bytes
        except Exception as error:  # noqa: BLE001 one bad file never stops the others
            if part is not None:
                with suppress(OSError):
                    part.discard()
                part.close()
            self._refuse(item.file, as_download_error(error, str(item.file.path)))
        else:
            group.append((item, part))

    def _acquire(self, item: _Verified, group: list[tuple[_Verified, PartFile]]) -> PartFile:
        """The part file. Where no more files may be opened the group is committed first, which closes its own."""
        try:
            return PartFile.acquire(self._batch.destination, item.place, item.file.identity, whole=True)
        except TooManyFiles:
            if not group:
                raise
        self._commit(group)
        return PartFile.acquire(self._batch.destination, item.place, item.file.identity, whole=True)

    def _commit(self, group: list[tuple[_Verified, PartFile]]) -> None:
        """Commits the files of `group`, and empties it."""
        mine, group[:] = list(group), []
        refused = commit([part for _, part in mine])
        for item, part in mine:
            if part in refused:
                self._refuse(item.file, refused[part])
        self._done([item.result for item, part in mine if part not in refused])

    def _refuse(self, file: RemoteFile, error: DownloadError) -> None:
        """What may pass soon is left to `single_file`, which waits for it."""
        if isinstance(error, InUse | DiskUnavailable):
            self._careful(file, 2)
        else:
            self._fail(file, error)

    def _fail(self, file: RemoteFile, error: DownloadError, seconds: float = 0.0) -> None:
        if error.stops_batch:
            self._batch.halt.set(error.what)
        self._done([failed(str(file.path), error, seconds=seconds)])


def _is_decided(file: RemoteFile) -> bool:
    """Whether bytes that are not proven are wrong: they need not be where there was nothing to compare them with."""
    form = first_to_try(file, file.size or 0)
    return form is not None and not form.guessed
