"""Many small files: downloaded whole by many threads, flushed and named by the group.

The same inspection, decision and verification as for large files (`single_file`), with another writer. Only the plain
case is finished here: the file is intact, or it is missing, comes in one piece, and is right at once. The others (a
wrong copy under the final name, a mismatch, another run at work) are left to `single_file`, which knows all cases.

What is missing altogether is written without a name by the thread that fetched it, in a folder that is held open (see
`disk.nameless_file`), and gets its name in a group. What may have to be replaced, and all of a file system that has no
such files, is written to part files by the one thread that also commits the groups: threads that make names in one
folder wait for its lock in the kernel, spinning.
"""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final

from ..checksums import MIB, Checksum
from ..content import ContentInfo, Tee
from ..disk import (
    HeldFolders,
    NamelessFile,
    NoNamelessFiles,
    PartFile,
    Place,
    StalePartFiles,
    WholeFile,
    commit,
    lost_with_their_folders,
)
from ..errors import (
    DiskUnavailable,
    DownloadError,
    InUse,
    NetworkError,
    ObjectChanged,
    RangeRefused,
    TooManyFiles,
    as_download_error,
    from_os_error,
    lacks_files,
)
from ..remote_file import RemoteFile
from ..results import FileResult, Outcome, failed, joined
from .concurrency import Concurrency, MemoryBudget
from .context import BatchContext
from .decision import Action, decide
from .inspection import MISSING, DescribedFile, inspect
from .single_file import kept
from .streaming import Buffer, open_checked, refuse_excess
from .verification import first_to_try, judge

__all__ = ["SmallFiles"]

_GROUP: Final = (256, 1024)
"""Files that one flush is shared by: it begins with the first number, and takes up to the second if they are there.

Each holds an open file, so fewer where few may be opened."""
_LONGEST_WAIT: Final = 0.1
"""Seconds that a written file waits for company before it is flushed."""
_MEMORY: Final = 64 * MIB
"""Bytes of small files in memory at once, besides those of at most `_LITTLE`, of which each thread may hold one."""
_LITTLE: Final = 64 * 1024


@dataclass(slots=True)
class _Verified:
    """A small file that was downloaded whole and verified.

    `whole`: where it was written already. `body`: its bytes until then, for which `taken` bytes of memory are lent.
    """

    file: RemoteFile
    place: Place
    result: FileResult
    whole: WholeFile | None = None
    body: list[Buffer] | None = None
    taken: int = 0


class SmallFiles:
    """The lane of small files of one batch."""

    def __init__(
        self,
        batch: BatchContext,
        there: StalePartFiles,
        done: Callable[[list[FileResult]], None],
        careful: Callable[[RemoteFile, int], None],
    ) -> None:
        """`there`: what lies at the destination. `done` takes results.

        `careful` takes what is left to `single_file`, with the tries that it still has.
        """
        self._batch = batch
        self._there = there
        self._done = done
        self._careful = careful
        self._folders = HeldFolders(batch.destination)
        self._memory = MemoryBudget(_MEMORY)
        self._ready: SimpleQueue[_Verified | None] = SimpleQueue()
        self._most = min(_GROUP[1], _share_of_open_files() // 2)
        """Files of a commit group at most."""
        self._most_ready = min(self._most, 2 * batch.options.limits.threads)
        """Files that may wait for the writer."""
        self._room = threading.Event()

    def run(self, files: Iterator[RemoteFile], threads: int) -> None:
        """Downloads `files` with `threads`, and commits them with one more. Returns when each has its result."""
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
        """Does what can be done for a file at once. What cannot be finished goes to the writer or to `careful`."""
        began = self._batch.clock.now()
        size = file.size or 0
        taken = self._memory.take(size) if size > _LITTLE else 0
        verified: _Verified | None = None
        try:
            self._batch.halt.check()
            verified = self._fetch_missing(file, began)
        except (ObjectChanged, RangeRefused, DiskUnavailable):
            self._careful(file, 2)
        except Exception as error:  # noqa: BLE001 one bad file never stops the others
            self._fail(file, as_download_error(error, str(file.path)), self._batch.clock.now() - began)
        if verified is not None:
            verified.taken, taken = taken, 0
            self._hand_over(verified)
        if taken:
            self._memory.give_back(taken)

    def _fetch_missing(self, file: RemoteFile, began: float) -> _Verified | None:
        """Inspects and decides; downloads what is missing. None where there is nothing to commit.

        Raises DownloadError.
        """
        batch = self._batch
        place = batch.destination.place(file.path)
        known = DescribedFile(file, batch)
        is_free = self._there.is_free(file.path)
        found = MISSING if is_free else inspect(known, place, batch)
        action = decide(found, known.file).action
        if action is Action.KEEP:
            self._done([kept(known.file, found, batch.clock.now() - began)])
            return None
        if action is not Action.DOWNLOAD:
            self._careful(file, 2)
            return None
        verified = batch.retry.call(lambda: self._download(file, place, began))
        if verified is None:
            self._careful(file, 1 if _is_decided(file) else 2)
        elif is_free:
            self._write_nameless(verified)
        return verified

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
        return _Verified(file, place, result, body=body)

    def _content_info(self, file: RemoteFile, body: list[Buffer]) -> ContentInfo | None:
        """What the file contains; None where it is not what it has to be, which `single_file` finds out about."""
        tee = Tee(None, self._batch.options.policy.content.begin(file))
        for buffer in body:
            tee.update(buffer)
        try:
            return tee.conclude(whole=True)
        except DownloadError:
            return None

    def _write_nameless(self, verified: _Verified) -> None:
        """Writes a file without a name, where that can be; else the writer makes a part file. Raises DownloadError."""
        place, destination = verified.place, self._batch.destination
        self._wait_for_room()
        try:
            folder = self._folders.hold(place)
            body = verified.body or ()
            verified.whole = NamelessFile.write(destination, place, folder, body, verified.file.modified)
            verified.body = None
        except NoNamelessFiles:
            pass
        except OSError as error:
            if not lacks_files(error):  # the writer closes others first
                raise from_os_error(error, str(place.path)) from error

    def _hand_over(self, verified: _Verified) -> None:
        """Gives a file to the writer, and its memory back if its bytes are on the disk."""
        if verified.whole is None:
            self._wait_for_room()
        else:
            self._free(verified)
        self._ready.put(verified)

    def _wait_for_room(self) -> None:
        """Waits while too many files wait for the writer: memory and open files stay bounded."""
        while self._ready.qsize() >= self._most_ready:
            self._room.clear()
            self._room.wait(_LONGEST_WAIT)

    def _free(self, verified: _Verified) -> None:
        """Gives up the bytes of a file: the group waits for its flush without them."""
        verified.body = None
        if verified.taken:
            self._memory.give_back(verified.taken)
            verified.taken = 0

    def _write(self) -> None:
        group: list[_Verified] = []
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
            if item is not None and (item.whole is not None or self._write_one(item, group)):
                group.append(item)
            if not more or len(group) >= self._most or (len(group) >= _GROUP[0] and self._ready.empty()):
                self._commit(group)

    def _write_one(self, item: _Verified, group: list[_Verified]) -> bool:
        """Writes a file to its part file. False where that failed, and the file has its result."""
        part: PartFile | None = None
        try:
            self._batch.halt.check()
            part = self._acquire(item, group)
            if part.size:
                part.truncate()
            for buffer in item.body or ():
                part.write(buffer)
            part.set_time(item.file.modified)
        except Exception as error:  # noqa: BLE001 one bad file never stops the others
            if part is not None:
                with suppress(OSError):
                    part.discard()
                part.close()
            self._refuse(item.file, as_download_error(error, str(item.file.path)))
            return False
        finally:
            self._free(item)
        item.whole = part
        return True

    def _acquire(self, item: _Verified, group: list[_Verified]) -> PartFile:
        """The part file. Where no more files may be opened the group is committed first, which closes its own."""
        try:
            return PartFile.acquire(self._batch.destination, item.place, item.file.identity, whole=True)
        except TooManyFiles:
            if not group:
                raise
        self._commit(group)
        return PartFile.acquire(self._batch.destination, item.place, item.file.identity, whole=True)

    def _commit(self, group: list[_Verified]) -> None:
        """Commits the files of `group`, and empties it."""
        mine = {item.whole: item for item in group if item.whole is not None}
        group.clear()
        for lost in lost_with_their_folders(mine):
            lost.close()
            self._careful(mine.pop(lost).file, 2)
        refused = commit(list(mine))
        for whole, error in refused.items():
            self._refuse(mine[whole].file, error)
        self._done([item.result for whole, item in mine.items() if whole not in refused])

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


def _share_of_open_files() -> int:
    """How many of the files that this process may open at once are for those that wait for their names."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(most // 4, 2) if most != resource.RLIM_INFINITY else 4 * _GROUP[1]


def _is_decided(file: RemoteFile) -> bool:
    """Whether bytes that are not proven are wrong: they need not be where there was nothing to compare them with."""
    form = first_to_try(file, file.size or 0)
    return form is not None and not form.guessed
