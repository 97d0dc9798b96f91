"""Many small files: downloaded whole by many threads, flushed and named by the group.

The same inspection, decision and verification as for large files (`single_file`), with another writer. Only the plain
case is finished here: the file is intact, or it is missing, comes in one piece, and is right at once. The others (a
wrong copy under the final name, a mismatch, another run at work) are left to `single_file`, which knows all cases.

What is missing altogether is written without a name by the thread that fetched it, in a folder that is held open (see
`disk.nameless_file`), and gets its name in a group. What may have to be replaced, and all of a file system that has no
such files, is written to part files by one thread at a time, the one that also commits the groups: threads that make
names in one folder wait for its lock in the kernel, spinning. No thread is kept for that: it is whichever completes a
group , for to wake another one for each file costs as much as to write it.
"""

from __future__ import annotations

import logging
import resource
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
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
    refusal,
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
    lacks_files,
)
from ..remote_file import RemoteFile
from ..results import FileResult, Outcome, failed, joined
from .concurrency import Concurrency, MemoryBudget
from .context import BatchContext
from .decision import Action, decide
from .hedging import Answer, Hedge
from .inspection import MISSING, DescribedFile, inspect
from .one_processor import OneProcessor
from .single_file import kept
from .streaming import Buffer, open_checked, refuse_excess
from .verification import first_to_try, judge

__all__ = ["SmallFiles"]

log = logging.getLogger(__name__)

_GROUP: Final = (256, 1024)
"""Files that one flush is shared by: it begins with the first number, and takes up to the second if they are there.

Each holds an open file, so fewer where few may be opened."""
_LONGEST_WAIT: Final = 0.1
"""Seconds that a written file waits for company before it is flushed."""
_MEMORY: Final = 64 * MIB
"""Bytes of small files in memory at once, besides those of at most `_LITTLE`, of which each thread may hold one."""
_LITTLE: Final = 64 * 1024


_UNCHECKED: Final = ContentInfo()


@dataclass(slots=True, eq=False)
class _SmallFile:
    """A small file on its way.

    `is_free`: whether its name was. `taken`: bytes of memory that are lent for its `body`, which is dropped once that
    is written. `result`: what is reported once it is committed, and `whole`: what is to be.
    """

    file: RemoteFile
    place: Place
    is_free: bool
    began: float
    taken: int
    body: Sequence[Buffer] = ()
    result: FileResult | None = None
    whole: WholeFile | None = None


_Downloaded = tuple[FileResult, Sequence[Buffer]]


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
        self._now = batch.clock.now
        self._halt = batch.halt
        self._there = there
        self._done = done
        self._careful = careful
        self._hedge = Hedge(batch.clock, batch.counters)
        self._processor = OneProcessor(batch.clock)
        self._folders = HeldFolders(batch.destination)
        self._memory = MemoryBudget(_MEMORY)
        self._unwritten: deque[_SmallFile] = deque()
        """Downloaded, to be written to part files."""
        self._written: deque[_SmallFile] = deque()
        """On the disk, to be flushed and named."""
        most = min(_GROUP[1], _share_of_open_files() // 2)
        self._least, self._most = min(_GROUP[0], most), most
        """Files of a commit group."""
        self._newest: _SmallFile | None = None
        """Of those that waited at the last look."""
        self._most_waiting = min(most, 2 * batch.options.limits.threads)
        """Files that may wait while another thread writes or commits: memory and open files stay bounded."""
        self._turn = threading.Lock()
        """Held by the thread that writes part files, or commits a group."""

    def run(self, files: Sequence[RemoteFile], threads: int) -> None:
        """Downloads `files` with `threads`. Returns when each has its result."""
        concurrency = Concurrency(threads, self._batch.clock)
        rest = iter(files)  # of a list: safe to use from many threads

        def fetch_all(index: int) -> None:
            try:
                is_kept = False
                while concurrency.admit(index):
                    file = next(rest, None)
                    if file is None:
                        break
                    self._fetch(file)
                    if not is_kept:  # a client's own threads, which the first call starts, are not to be kept there
                        self._processor.enter()
                        is_kept = True
                    concurrency.count()
            finally:  # also where a client's panic ends this thread: the others must not wait for it
                self._processor.leave()
                concurrency.end()

        fetchers = [
            threading.Thread(target=fetch_all, args=(index,), name="small-fetch", daemon=True)
            for index in range(threads)
        ]
        with self._hedge:
            for fetcher in fetchers:
                fetcher.start()
            self._hedge.join(fetchers, _LONGEST_WAIT, self._look)
        counters = self._batch.counters
        if counters.hedged:
            log.info("%d requests took far longer than others and were sent twice", counters.hedged)
        while self._unwritten or self._written:
            self._finish_group()

    def _fetch(self, file: RemoteFile) -> None:
        """Inspects and decides; downloads what is missing. What cannot be finished here is left to `careful`."""
        batch, size = self._batch, file.size or 0
        began = self._now()
        taken = self._memory.take(size) if size > _LITTLE else 0
        try:
            self._halt.check()
            item = _SmallFile(file, batch.destination.place(file.path), self._there.is_free(file.path), began, taken)
            if self._is_to_be_downloaded(item):
                taken = 0  # it goes with the item, perhaps to another thread
                self._hedge.call(partial(self._download, item), partial(self._finish, item))
        except Exception as error:  # noqa: BLE001 one bad file never stops the others
            self._settle(file, began, error)
        if taken:
            self._memory.give_back(taken)

    def _is_to_be_downloaded(self, item: _SmallFile) -> bool:
        """Inspects and decides. What is there is kept or left to `careful`. Raises DownloadError."""
        if item.is_free:
            return decide(MISSING, item.file).action is Action.DOWNLOAD
        known = DescribedFile(item.file, self._batch)
        found = inspect(known, item.place, self._batch)
        action = decide(found, known.file).action
        if action is Action.KEEP:
            self._done([kept(known.file, found, self._now() - item.began)])
        elif action is not Action.DOWNLOAD:
            self._careful(item.file, 2)
        return action is Action.DOWNLOAD

    def _finish(self, item: _SmallFile, answer: Answer[_Downloaded | None]) -> None:
        """Goes on with the answer to the first request, or to the second: tries again, writes, hands over."""
        try:
            found = answer.value if answer.error is None else self._tried_again(item, answer)
            if found is not None:
                item.result, item.body = found
                if item.is_free:
                    self._write_nameless(item)
                self._hand_over(item)
                return
            self._careful(item.file, 1 if _is_decided(item.file) else 2)
        except Exception as error:  # noqa: BLE001 one bad file never stops the others
            self._settle(item.file, item.began, error)
        self._free(item)

    def _tried_again(self, item: _SmallFile, answer: Answer[_Downloaded | None]) -> _Downloaded | None:
        """As `_download`, whose first answer is there: an error, after which it is called again where that may help."""
        again = partial(self._download, item)
        attempts: Iterator[Callable[[], _Downloaded | None]] = chain([answer.get], repeat(again))

        def attempt() -> _Downloaded | None:
            return next(attempts)()

        return self._batch.retry.call(attempt)

    def _settle(self, file: RemoteFile, began: float, error: Exception) -> None:
        """Leaves a file to `careful` where that may help, or fails it."""
        if isinstance(error, ObjectChanged | RangeRefused | DiskUnavailable):
            self._careful(file, 2)
        else:
            self._fail(file, as_download_error(error, str(file.path)), self._now() - began)

    def _download(self, item: _SmallFile) -> _Downloaded | None:
        """The bytes, whole and verified, and their result; None where they came but are not proven right."""
        file = item.file
        body: list[Buffer] = []
        size = 0

        def value_of(form: Checksum) -> str:
            hasher = form.hasher()
            for buffer in body:
                hasher.update(buffer)
            return hasher.value()

        stream = open_checked(self._batch.source, file)
        try:
            for buffer in stream:
                size += len(buffer)
                refuse_excess(file, size, file.size)
                body.append(buffer)
            self._batch.counters.add(size)
            if size != file.size:
                raise NetworkError(f"{file.path} ended after {size} of {file.size} bytes")
            verdict = judge(file, size, value_of, lambda: stream.checksums)
        finally:
            stream.close()
        content_info = self._content_info(file, body)
        if not verdict.is_proven or content_info is None:
            return None
        result = FileResult(
            str(file.path),
            Outcome.DOWNLOADED,
            size,
            size,
            self._now() - item.began,
            verdict.assurance,
            joined(verdict.remark, content_info.remark),
            resources=content_info.resources,
        )
        return result, body

    def _content_info(self, file: RemoteFile, body: list[Buffer]) -> ContentInfo | None:
        """What the file contains; None where it is not what it has to be, which `single_file` finds out about."""
        content = self._batch.options.policy.content.begin(file)
        if content is None:
            return _UNCHECKED
        tee = Tee(None, content)
        for buffer in body:
            tee.update(buffer)
        try:
            return tee.conclude(whole=True)
        except DownloadError:
            return None

    def _write_nameless(self, item: _SmallFile) -> None:
        """Writes a file without a name, where that can be; else it gets a part file. Raises DownloadError."""
        try:
            folder = self._folders.hold(item.place)
            item.whole = NamelessFile.write(self._batch.destination, item.place, folder, item.body, item.file.modified)
        except NoNamelessFiles:
            pass
        except OSError as error:
            if not lacks_files(error):  # a commit closes others first
                raise refusal(error, item.place) from error

    def _hand_over(self, item: _SmallFile) -> None:
        """Leaves a file to the next commit, which this thread makes if it is due. Gives its memory back if it can."""
        if item.whole is None:
            self._unwritten.append(item)
        else:
            self._free(item)
            self._written.append(item)
        while self._unwritten or len(self._written) >= self._least:
            waiting = len(self._unwritten) + len(self._written)
            if not self._turn.acquire(blocking=waiting >= self._most_waiting):
                return  # whoever has the turn looks again
            try:
                self._write()
                if len(self._written) >= self._least:
                    self._commit()
            finally:
                self._turn.release()

    def _look(self) -> None:
        """Commits what has waited for company in vain since the look before."""
        self._processor.look()
        newest = self._written[-1] if self._written else None
        if self._unwritten or (newest is not None and newest is self._newest):
            self._finish_group()
        self._newest = newest

    def _finish_group(self) -> None:
        with self._turn:
            self._write()
            self._commit()

    def _free(self, item: _SmallFile) -> None:
        """Gives up the bytes of a file: the group waits for its flush without them."""
        item.body = ()
        if item.taken:
            self._memory.give_back(item.taken)
            item.taken = 0

    def _write(self) -> None:
        """Writes the part files of what is unwritten. Only with the turn."""
        while self._unwritten:
            item = self._unwritten.popleft()
            if self._write_one(item):
                self._written.append(item)

    def _write_one(self, item: _SmallFile) -> bool:
        """Writes a file to its part file. False where that failed, and the file has its result."""
        part: PartFile | None = None
        try:
            self._halt.check()
            part = self._acquire(item)
            if part.size:
                part.truncate()
            for buffer in item.body:
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

    def _acquire(self, item: _SmallFile) -> PartFile:
        """The part file. Where no more files may be opened what is written is committed first, which closes it."""
        try:
            return PartFile.acquire(self._batch.destination, item.place, item.file.identity, whole=True)
        except TooManyFiles:
            if not self._written:
                raise
        self._commit()
        return PartFile.acquire(self._batch.destination, item.place, item.file.identity, whole=True)

    def _commit(self) -> None:
        """Commits what is written, as much as one group may hold. Only with the turn."""
        group = [self._written.popleft() for _ in range(min(len(self._written), self._most))]
        mine = {item.whole: item for item in group if item.whole is not None}
        for lost in lost_with_their_folders(mine):
            lost.close()
            self._careful(mine.pop(lost).file, 2)
        refused = commit(list(mine))
        for whole, error in refused.items():
            self._refuse(mine[whole].file, error)
        self._done([item.result for whole, item in mine.items() if whole not in refused and item.result])

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
