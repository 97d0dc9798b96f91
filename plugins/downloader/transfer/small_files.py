"""Many small files: fetched whole by many threads, written by one, flushed and renamed by the group.

Only the plain case is handled here: the file is missing, comes in one piece, and is right at once. Whatever is not
plain (a wrong copy under the final name, a mismatch, another run at work) is left to `transfer`, which knows all cases.

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
from ..errors import DownloadError, InUse, NetworkError, ObjectChanged, RangeRefused, TooManyFiles, as_download_error
from ..remote_file import RemoteFile
from ..results import FileResult, Outcome, failed
from ..source import ByteStream
from .concurrency import Concurrency
from .inspection import inspect, look
from .job import Job
from .single_file import kept
from .streaming import Buffer, open_checked, refuse_excess
from .verification import first_to_try

__all__ = ["SmallFiles"]

_GROUP = 256
"""Files that one flush is shared by. Each holds an open file: well below the usual limit of 1,024."""
_LONGEST_WAIT = 0.1
"""Seconds that a written file waits for company before it is flushed."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A small file that came whole and right, not yet on the disk."""

    file: RemoteFile
    place: Place
    body: list[Buffer]
    size: int
    assurance: str
    content_info: ContentInfo
    seconds: float


class SmallFiles:
    """The lane of small files of one job."""

    def __init__(
        self, job: Job, done: Callable[[list[FileResult]], None], careful: Callable[[RemoteFile, int], None]
    ) -> None:
        """`done` takes results; `careful` takes what `transfer` has to look after, with the tries that are left."""
        self._job = job
        self._done = done
        self._careful = careful
        self._ready: SimpleQueue[_Fetched | None] = SimpleQueue()
        self._most_ready = 2 * job.limits.threads
        self._room = threading.Event()

    def run(self, files: Iterator[RemoteFile], threads: int) -> None:
        """Brings all `files` home with `threads` fetching and one writing. Returns when every one is answered for."""
        writer = threading.Thread(target=self._write, name="small-writer", daemon=True)
        writer.start()
        turn = threading.Lock()
        pace = Concurrency(threads, self._job.clock)

        def fetch_all(index: int) -> None:
            while pace.admit(index):
                with turn:
                    file = next(files, None)
                if file is None:
                    pace.end()
                else:
                    self._fetch_or_end(file, pace)

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

    def _fetch_or_end(self, file: RemoteFile, pace: Concurrency) -> None:
        try:
            self._fetch_one(file)
        except BaseException:  # a client's panic ends this thread; the others must not wait for it
            pace.end()
            raise
        pace.count()

    def _fetch_one(self, file: RemoteFile) -> None:
        began = self._job.clock.now()
        try:
            self._fetch(file, began)
        except Exception as error:  # noqa: BLE001 one bad file never stops the others
            self._fail(file, as_download_error(error, str(file.path)), began)

    def _fail(self, file: RemoteFile, error: DownloadError, began: float = 0.0) -> None:
        if error.stops_batch:
            self._job.halt.set(error.what)
        seconds = self._job.clock.now() - began if began else 0.0
        self._done([failed(str(file.path), error, seconds=seconds)])

    def _fetch(self, file: RemoteFile, began: float) -> None:
        self._job.halt.check()
        place = self._job.destination.place(file.path)
        if self._is_there(file, place, began):
            return
        try:
            fetched = self._job.retry.call(lambda: self._get(file, place, began))
        except (ObjectChanged, RangeRefused):
            self._careful(file, 2)
            return
        if fetched is None:
            self._careful(file, 1 if _is_decided(file) else 2)
        else:
            self._hand_over(fetched)

    def _hand_over(self, fetched: _Fetched) -> None:
        """Gives a file to the writer; waits while too many wait there already (memory stays bounded)."""
        while self._ready.qsize() > self._most_ready:
            self._room.clear()
            self._room.wait(_LONGEST_WAIT)
        self._ready.put(fetched)

    def _is_there(self, file: RemoteFile, place: Place, began: float) -> bool:
        """Answers for a file of which something is there already: keeps it, or leaves it to the careful way."""
        seen = look(place)
        if seen is None:
            return False
        if self._holds_more(file):
            self._careful(file, 2)
            return True
        if self._job.verified.holds(file, seen):
            self._done([FileResult(str(file.path), Outcome.SKIPPED, seen.st_size, assurance=str(file.checksums[0]))])
            return True
        if self._job.policy.overwrite:
            return False
        found = inspect(place, file, seen, self._job.halt.check) if file.checksums else None
        if found is not None and found.is_proven:
            self._job.note(file, found.assurance, seen)
            self._done([kept(file, found, self._job.clock.now() - began)])
        else:
            self._careful(file, 2)
        return True

    def _holds_more(self, file: RemoteFile) -> bool:
        """Whether its content is to be looked at as well."""
        return self._job.policy.content.begin(file) is not None

    def _get(self, file: RemoteFile, place: Place, began: float) -> _Fetched | None:
        """The file, whole and right; None where it came but was not proved right."""
        with closing(open_checked(self._job.source, file)) as stream:
            body = _all_of(stream, file)
            claims = stream.checksums
        size = sum(map(len, body))
        self._job.tally.add(size)
        if size != file.size:
            raise NetworkError(f"{file.path} ended after {size} of {file.size} bytes")
        assurance = _proof(file, claims, body, size)
        content_info = self._finding(file, body)
        if assurance is None or content_info is None:
            return None
        return _Fetched(file, place, body, size, assurance, content_info, self._job.clock.now() - began)

    def _finding(self, file: RemoteFile, body: list[Buffer]) -> ContentInfo | None:
        """What the file holds; None where it is not what it ought to hold, which `transfer` finds out about."""
        tee = Tee(None, self._job.policy.content.begin(file))
        for buffer in body:
            tee.update(buffer)
        try:
            return tee.conclude()
        except DownloadError:
            return None

    def _write(self) -> None:
        group: list[tuple[_Fetched, PartFile]] = []
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

    def _write_one(self, item: _Fetched, group: list[tuple[_Fetched, PartFile]]) -> None:
        part: PartFile | None = None
        try:
            self._job.halt.check()
            part = self._acquire(item, group)
            if part.size:
                part.truncate()
            for buffer in item.body:
                part.write(buffer)
            part.set_time(item.file.modified)
            item.body.clear()  # the group waits for its flush without the bytes
        except InUse:
            self._careful(item.file, 2)
        except Exception as error:  # noqa: BLE001 one bad file never stops the others
            if part is not None:
                _drop(part)
            self._fail(item.file, as_download_error(error, str(item.file.path)))
        else:
            group.append((item, part))

    def _acquire(self, item: _Fetched, group: list[tuple[_Fetched, PartFile]]) -> PartFile:
        """The part file. Where no file more may be open the group is brought home first, which closes its own."""
        try:
            return PartFile.acquire(self._job.destination, item.place, item.file.identity)
        except TooManyFiles:
            if not group:
                raise
        self._commit(group)
        return PartFile.acquire(self._job.destination, item.place, item.file.identity)

    def _commit(self, group: list[tuple[_Fetched, PartFile]]) -> None:
        """Brings the files of `group` home, and empties it."""
        mine, group[:] = list(group), []
        refused = commit([part for _, part in mine])
        for item, part in mine:
            if part in refused:
                self._fail(item.file, refused[part])
        self._done([_result(item) for item, part in mine if part not in refused])


def _all_of(stream: ByteStream, file: RemoteFile) -> list[Buffer]:
    """The bytes of a stream, as long as they are not more than are expected."""
    body, size = [], 0
    for buffer in stream:
        size += len(buffer)
        refuse_excess(file, size, file.size)
        body.append(buffer)
    return body


def _is_decided(file: RemoteFile) -> bool:
    """Whether bytes that `_proof` does not prove are wrong: they need not be where there was nothing to go by."""
    form = first_to_try(file, file.size or 0)
    return form is not None and not form.guessed


def _drop(part: PartFile) -> None:
    """Lets go of a part file that could not be filled."""
    with suppress(OSError):
        part.discard()
    part.close()


def _result(item: _Fetched) -> FileResult:
    return FileResult(
        str(item.file.path),
        Outcome.DOWNLOADED,
        item.size,
        item.size,
        item.seconds,
        item.assurance,
        resources=item.content_info.resources,
    )


def _proof(file: RemoteFile, claims: tuple[Checksum, ...], body: list[Buffer], size: int) -> str | None:
    """By which checksum the bytes are right; None where none proves it.

    The file's own checksum comes first. Where it has none, the answer's claim may prove (an ETag that equals the MD5 is
    one), but cannot disprove: under SSE-KMS it never equals, and whoever asks the source has to decide.
    """
    form = first_to_try(file, size)
    forms = [form] if form is not None else [c for claim in claims for c in claim.candidates(size)]
    for candidate in forms:
        hasher = candidate.hasher()
        for buffer in body:
            hasher.update(buffer)
        if hasher.value() == candidate.value:
            return str(candidate)
    return None
