"""The bytes of one file in order, whatever the connection does.

`steady` reopens a broken stream where it ended. `ReadAhead` runs several of them ahead, a range each, and hands their
bytes on in order. Both read from the same three calls of a source.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future
from contextlib import closing
from dataclasses import replace

from ..checksums import MIB, same_object
from ..errors import NetworkError, ObjectChanged, RangeRefused, RetryableError, SizeMismatch
from ..remote_file import RemoteFile
from ..retry import RetryPolicy
from ..source import ByteStream, Source
from .concurrency import MemoryBudget

__all__ = ["ReadAhead", "open_checked", "refuse_excess", "steady"]

_PROGRESS = 64 * 1024
"""Bytes after which a broken stream counts as having got somewhere, so that its failures are counted from one again."""
_STEP = 8 * MIB

Buffer = bytes | memoryview


def open_checked(source: Source, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
    """A stream that really begins at `start` and is of the expected length.

    Raises what `Source.open` raises; `RangeRefused` where the server began elsewhere, `SizeMismatch` where it speaks of
    a file of another length, `ObjectChanged` where the answer has another ETag than the expected one. Proxies make one
    of the two weak, or add an encoding, which is no change: the checksum decides, and where none does `single_file`
    reads a file with a weak ETag in one stream.
    """
    stream = source.open(file, start, stop)
    try:
        _check(stream, file, start, stop)
    except BaseException:
        stream.close()
        raise
    return stream


def _check(stream: ByteStream, file: RemoteFile, start: int, stop: int | None) -> None:
    if file.etag and stream.etag and not same_object(stream.etag, file.etag):
        raise ObjectChanged(f"{file.path} was replaced at its source while it was read")
    if stream.start != start:
        raise RangeRefused(f"asked for byte {start} of {file.path}, the server began at byte {stream.start}")
    if None not in (stream.size, file.size) and stream.size != file.size:
        raise SizeMismatch(f"{file.path} has {stream.size} bytes at its source, {file.size} are expected")
    if stop is not None and stream.size is not None and stream.size < stop:
        raise SizeMismatch(f"{file.path} has {stream.size} bytes at its source, {stop} of it were asked for")


def _uncounted(count: int) -> None: ...


def steady(
    source: Source,
    file: RemoteFile,
    policy: RetryPolicy,
    start: int = 0,
    stop: int | None = None,
    received: Callable[[int], None] = _uncounted,
) -> Generator[Buffer, None, int | None]:
    """The bytes `start` to `stop` (exclusive; None: the end) of `file`, reopened where the stream breaks or ends early.

    `received` is called with the length of each buffer. Returns the end that they were held to; None where no answer
    announced a length, so that an early end shows nowhere. Where no ETag is expected of the file, the first answer's is
    expected of the others. Raises the last `RetryableError` once `policy.attempts` streams in a row got nowhere, and
    any other error at once.
    """
    end = file.size if stop is None else stop
    position = start
    failures = 0
    while True:
        before = position
        try:
            policy.halt.check()
            with closing(open_checked(source, file, position, stop)) as stream:
                end = stream.size if end is None else end
                file = _expecting(file, stream)
                for buffer in stream:
                    policy.halt.check()
                    position += len(buffer)
                    refuse_excess(file, position, end, stop)
                    received(len(buffer))
                    yield buffer
            if end is None or position == end:
                return end
            raise NetworkError(f"{file.path} ended after {position} of {end} bytes")
        except RetryableError as error:
            if before < position == end:
                return end  # broke behind the last byte
            failures = 1 if position - before >= _PROGRESS else failures + 1
            policy.wait(failures, error)


def _expecting(file: RemoteFile, stream: ByteStream) -> RemoteFile:
    return file if file.etag or not stream.etag else replace(file, etag=stream.etag)


def refuse_excess(file: RemoteFile, position: int, end: int | None, stop: int | None = None) -> None:
    """Raises `RangeRefused` where a stream went beyond the range, `SizeMismatch` where it went beyond the file."""
    if stop is not None and position > stop:
        raise RangeRefused(f"asked for {file.path} up to byte {stop}, the server went on")
    if end is not None and position > end:
        raise SizeMismatch(f"the source sent more bytes of {file.path} than the {end} that are expected")


class ReadAhead:
    """Ranges of one file, up to `depth` of them under way at once, delivered in order.

    Begins with two, takes twice as many each time the reader had to wait for all that were under way, and one less
    where it has not waited for long: a slow network is given all that it needs, while on a fast one, where the checksum
    or the disk is the limit, few buffers are in use. They stay in the processor's cache, and are little to lose should
    the process die. Each range takes of the `memory` that all files share; one is waited for, more are taken if they
    are free.
    """

    def __init__(
        self,
        source: Source,
        file: RemoteFile,
        policy: RetryPolicy,
        pool: Executor,
        depth: int = 8,
        memory: MemoryBudget | None = None,
    ) -> None:
        self._source = source
        self._file = file
        self._policy = policy
        self._pool = pool
        self._most = depth
        self._depth = self._least = min(2, depth)
        self._memory = memory or MemoryBudget(depth * _STEP)
        self._received: Callable[[int], None] = _uncounted
        self._unwaited = 0
        """Ranges in a row that were there before the reader was."""
        self._before_more = 0
        """Ranges still to come that were asked for before the depth was raised: they tell nothing of it."""
        self._ahead: deque[tuple[Future[list[Buffer]], int]] = deque()
        """What is under way, and the memory that each takes."""

    def run(
        self, start: int, size: int, step: int = _STEP, received: Callable[[int], None] = _uncounted
    ) -> Generator[Buffer]:
        """The bytes `start` to `size`, `step` bytes a range. Raises what `steady` raises.

        `received`: as of `steady`; called by the threads that fetch the ranges.
        """
        self._received = received
        ranges = iter(range(start, size, step))
        try:
            while self._fill(ranges, size, step):
                next_range, taken = self._ahead[0]
                self._adapt(next_range.done())
                yield from next_range.result()
                self._ahead.popleft()
                self._memory.give_back(taken)
        finally:
            for future, taken in self._ahead:
                future.cancel()
                self._memory.give_back(taken)
            self._ahead.clear()

    def _adapt(self, is_there: bool) -> None:
        """Chooses the depth. `is_there`: whether the reader need not wait for its next range.

        On a slow network ranges that are fetched side by side come together, and only the first is waited for: so fewer
        in a row than there may be under way say nothing.
        """
        self._unwaited = self._unwaited + 1 if is_there else 0
        self._before_more = max(self._before_more - 1, 0)
        if not is_there:
            if not self._before_more:
                self._before_more = self._depth
                self._depth = min(2 * self._depth, self._most)
        elif self._unwaited >= self._most:
            self._depth, self._unwaited = max(self._depth - 1, self._least), 0

    def _fill(self, ranges: Iterator[int], size: int, step: int) -> bool:
        while len(self._ahead) < self._depth:
            taken = self._memory.try_take(step) if self._ahead else self._memory.take(step)
            at = next(ranges, None) if taken else None
            if at is None:
                self._memory.give_back(taken)
                break
            self._ahead.append((self._pool.submit(self._fetch, at, min(at + step, size)), taken))
        return bool(self._ahead)

    def _fetch(self, start: int, stop: int) -> list[Buffer]:
        return list(steady(self._source, self._file, self._policy, start, stop, self._received))
