"""A source with scripted faults, around any other source.

A script holds, for each key, what happens at its first opening, its second, and so on; None is "nothing". Openings
behind the end of the script go well, unless `always` says otherwise. Positions are those of the file, but for
`cut_after`, `stall_after` and `ends_after`, which count the bytes of one stream.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from downloader.checksums import Checksum
from downloader.errors import (
    CredentialsExpired,
    DownloadError,
    NetworkError,
    ObjectChanged,
    RangeRefused,
    ServerBusy,
    SizeMismatch,
    StreamStalled,
)
from downloader.remote_file import RemoteFile, RemotePart
from downloader.source import ByteStream, Source, parts_of

__all__ = [
    "Fault",
    "Opening",
    "ScriptedSource",
    "announces_size",
    "busy",
    "credentials_expire",
    "cut_after",
    "ends_after",
    "flip_bit",
    "goes_on",
    "ignore_range",
    "out_of_range",
    "refuse_range",
    "replaced",
    "reset",
    "stall_after",
]

Buffer = bytes | memoryview


@dataclass(frozen=True)
class Opening:
    """One call of `Source.open`, about to be played."""

    source: Source
    file: RemoteFile
    start: int
    stop: int | None

    def stream(self) -> ByteStream:
        """What the source itself answers."""
        return self.source.open(self.file, self.start, self.stop)


Fault = Callable[[Opening], ByteStream]


@dataclass
class _Stream:
    """A stream with its bytes, or what it says of itself, altered."""

    inner: ByteStream
    alter: Callable[[Iterator[Buffer]], Iterator[Buffer]] = iter
    start: int = 0
    size: int | None = None
    etag: str | None = None
    checksums: tuple[Checksum, ...] = ()

    def __iter__(self) -> Iterator[Buffer]:
        return self.alter(iter(self.inner))

    def close(self) -> None:
        self.inner.close()


def _altered(inner: ByteStream, alter: Callable[[Iterator[Buffer]], Iterator[Buffer]]) -> _Stream:
    return _Stream(inner, alter, inner.start, inner.size, inner.etag, inner.checksums)


def _first(buffers: Iterator[Buffer], count: int) -> Iterator[Buffer]:
    for buffer in buffers:
        yield buffer[:count]
        count -= len(buffer)
        if count <= 0:
            return


def _breaking(count: int, error: DownloadError) -> Fault:
    def broken(buffers: Iterator[Buffer]) -> Iterator[Buffer]:
        if count:
            yield from _first(buffers, count)
        raise error

    return lambda opening: _altered(opening.stream(), broken)


def _refusing(error: Callable[[], DownloadError]) -> Fault:
    def refuse(opening: Opening) -> ByteStream:
        raise error()

    return refuse


def cut_after(count: int) -> Fault:
    """The connection breaks after `count` bytes of this stream."""
    return _breaking(count, NetworkError("the connection broke"))


def stall_after(count: int) -> Fault:
    """No byte comes behind the first `count` of this stream."""
    return _breaking(count, StreamStalled("no byte for 60 s"))


def ends_after(count: int) -> Fault:
    """The stream ends after `count` bytes as if that were all."""
    return lambda opening: _altered(opening.stream(), lambda buffers: _first(buffers, count))


def goes_on(more: bytes) -> Fault:
    """The stream goes on behind its end."""

    def longer(buffers: Iterator[Buffer]) -> Iterator[Buffer]:
        yield from buffers
        yield more

    return lambda opening: _altered(opening.stream(), longer)


def flip_bit(at: int) -> Fault:
    """The lowest bit of byte `at` of the file comes the wrong way round, where this stream delivers that byte."""

    def play(opening: Opening) -> ByteStream:
        stream = opening.stream()
        return _altered(stream, lambda buffers: _flipped(buffers, at - stream.start))

    return play


def _flipped(buffers: Iterator[Buffer], at: int) -> Iterator[Buffer]:
    for buffer in buffers:
        if 0 <= at < len(buffer):
            wrong = bytearray(buffer)
            wrong[at] ^= 1
            yield bytes(wrong)
        else:
            yield buffer
        at -= len(buffer)


def announces_size(size: int) -> Fault:
    """The answer says that the file has `size` bytes."""

    def play(opening: Opening) -> ByteStream:
        stream = opening.stream()
        return _Stream(stream, iter, stream.start, size, stream.etag, stream.checksums)

    return play


def ignore_range(opening: Opening) -> ByteStream:
    """The whole file comes, whatever range was asked for."""
    return opening.source.open(opening.file)


refuse_range: Fault = _refusing(lambda: RangeRefused("asked for a range, got the whole"))
out_of_range: Fault = _refusing(lambda: SizeMismatch("416: the file is shorter than expected"))
reset: Fault = _refusing(lambda: NetworkError("connection reset"))
replaced: Fault = _refusing(lambda: ObjectChanged("replaced while it was read"))
credentials_expire: Fault = _refusing(lambda: CredentialsExpired("the token ended"))


def busy(times: int, retry_after: float | None = None) -> list[Fault]:
    """`times` openings that the server is too busy for. A list: ``[*busy(3), None]``."""
    return [_refusing(lambda: ServerBusy("503 SlowDown", retry_after=retry_after))] * times


@dataclass
class ScriptedSource:
    """`inner`, breaking by the script."""

    inner: Source
    script: Mapping[str, Sequence[Fault | None]] = field(default_factory=dict)
    always: Mapping[str, Fault] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.capabilities = self.inner.capabilities
        self.opens: Counter[str] = Counter()
        """How often each key was opened."""
        self.served: Counter[str] = Counter()
        """How many bytes of each key were delivered."""
        self.asked_for_parts: Counter[str] = Counter()
        """How often the parts of each key were asked for."""
        self.spans: list[tuple[str, int, int | None]] = []
        """Key, start and stop of each opening, in order."""
        self._lock = threading.Lock()

    def describe(self, file: RemoteFile) -> RemoteFile:
        return self.inner.describe(file)

    def parts(self, file: RemoteFile) -> tuple[RemotePart, ...]:
        self.asked_for_parts[file.key] += 1
        return parts_of(self.inner, file)

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        opening = Opening(self.inner, file, start, stop)
        fault = self._next_fault(opening)
        stream = opening.stream() if fault is None else fault(opening)
        return _altered(stream, lambda buffers: self._counted(file.key, buffers))

    def _next_fault(self, opening: Opening) -> Fault | None:
        key = opening.file.key
        with self._lock:
            number = self.opens[key]
            self.opens[key] += 1
            self.spans.append((key, opening.start, opening.stop))
        script = self.script.get(key, ())
        return script[number] if number < len(script) else self.always.get(key)

    def _counted(self, key: str, buffers: Iterator[Buffer]) -> Iterator[Buffer]:
        for buffer in buffers:
            with self._lock:
                self.served[key] += len(buffer)
            yield buffer
