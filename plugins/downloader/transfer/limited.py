"""The speed limit of a batch: so many bytes a second over all of its streams together, evenly and not in bursts.

The source is wrapped, so that whatever reads files from it is limited: small files, ranges, samples. Listings, probes
and descriptions are not.

An answer that was requested comes, whether it is read or not: some MiB of it wait in the buffers of the connection. So
it is the requests that are spaced. A small file and a range are waited for before they are requested, and ranges are
small enough that ten of them or more come in a second. Only what is read in one long stream may run ahead of its limit
by as much as the buffers hold, once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

from ..checksums import MIB
from ..remote_file import RemoteFile, RemotePart
from ..retry import Clock, Halt
from ..source import ByteStream, Source, parts_of
from .options import TransferOptions

__all__ = ["LimitedSource", "SpeedLimit", "limited"]

_BURST = 0.1
"""Seconds of the limit that may come at once, and that are taken at once."""
_LEAST_SLICE = 16 * 1024
_LEAST_RANGE = 64 * 1024
_BUFFERED = 4 * MIB
"""Bytes of an answer that may come though nobody reads them."""
_STEP = 0.1
"""Seconds slept at once: a batch that is stopped ends."""


class SpeedLimit:
    """A token bucket that all threads of a batch share. Who comes first is served first."""

    def __init__(self, bytes_a_second: float, clock: Clock, halt: Halt) -> None:
        self.bytes_a_second = bytes_a_second
        self.slice_size = max(_LEAST_SLICE, int(bytes_a_second * _BURST))
        """Bytes that are best taken at once."""
        self._clock = clock
        self._halt = halt
        self._lock = threading.Lock()
        self._paid_at = clock.now() - _BURST
        """The time by which all that was taken so far is within the limit."""

    def take(self, count: int) -> None:
        """Waits until `count` more bytes are within the limit. Raises NotTried once the batch has been stopped."""
        with self._lock:
            now = self._clock.now()
            self._paid_at = max(self._paid_at, now - _BURST) + count / self.bytes_a_second
            wait = self._paid_at - now
        while wait > 0:
            self._clock.sleep(min(wait, _STEP))
            self._halt.check()
            wait -= _STEP

    def give_back(self, count: int) -> None:
        """Returns `count` bytes that were taken and did not come."""
        with self._lock:
            self._paid_at -= count / self.bytes_a_second


class LimitedSource:
    """A source whose streams together keep within a speed limit. Answers of `describe` and `parts` do not count."""

    def __init__(self, source: Source, limit: SpeedLimit) -> None:
        self._source = source
        self._limit = limit
        self.capabilities = source.capabilities

    def describe(self, file: RemoteFile) -> RemoteFile:
        """As `Source.describe`."""
        return self._source.describe(file)

    def parts(self, file: RemoteFile) -> tuple[RemotePart, ...]:
        """As `KnowsParts.parts`."""
        return parts_of(self._source, file)

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        """As `Source.open`. Waits for what the answer brings before it is requested."""
        end = stop if file.size is None or (stop is not None and stop < file.size) else file.size
        prepaid = self._limit.slice_size if end is None else max(0, end - start)
        prepaid = prepaid if prepaid <= _BUFFERED else self._limit.slice_size
        self._limit.take(prepaid)
        try:
            return _LimitedStream(self._source.open(file, start, stop), self._limit, prepaid)
        except BaseException:
            self._limit.give_back(prepaid)
            raise


class _LimitedStream:
    """A stream that takes what it hands out, the first `prepaid` bytes excepted."""

    def __init__(self, stream: ByteStream, limit: SpeedLimit, prepaid: int) -> None:
        self._stream = stream
        self._limit = limit
        self._prepaid = prepaid
        self.start = stream.start
        self.size = stream.size
        self.etag = stream.etag
        self.checksums = stream.checksums

    def __iter__(self) -> Iterator[bytes | memoryview]:
        """The buffers in order, cut where they are too large to be handed out at once."""
        step = self._limit.slice_size
        for buffer in self._stream:
            for at in range(0, len(buffer), step):
                piece = buffer if len(buffer) <= step else memoryview(buffer)[at : at + step]
                prepaid = min(self._prepaid, len(piece))
                self._prepaid -= prepaid
                self._limit.take(len(piece) - prepaid)
                yield piece

    def close(self) -> None:
        """Closes the connection."""
        self._stream.close()
        unused, self._prepaid = self._prepaid, 0
        self._limit.give_back(unused)


def limited(source: Source, options: TransferOptions) -> tuple[Source, TransferOptions]:
    """The source and the options of a batch that keeps within `TransferLimits.max_speed`."""
    limits, retry = options.limits, options.retry
    if not limits.max_speed:
        return source, options
    limit = SpeedLimit(limits.max_speed, retry.clock, retry.halt)
    range_size = min(limits.range_size, max(_LEAST_RANGE, limit.slice_size))
    return LimitedSource(source, limit), replace(options, limits=replace(limits, range_size=range_size))
