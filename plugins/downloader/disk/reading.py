"""Reading local files and hashing them: the next bytes are read while the last are hashed, parts side by side."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Final, TypeVar

from ..checksums import MIB, PROCESSORS, Checksum, Hasher

__all__ = ["digest_of", "hash_bytes", "hash_parts", "open_for_reading", "side_by_side"]

T = TypeVar("T")
R = TypeVar("R")

_READING: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC

_STEP = 1 * MIB
_BUFFERS = 3


def open_for_reading(name: str) -> int:
    """A descriptor of a local file. No link is followed, and a named pipe put in its place does not block.

    Raises OSError.
    """
    try:
        return os.open(name, _READING | os.O_NONBLOCK)
    except BlockingIOError:
        # A file server recalls it from another client (a lease); a pipe would have been opened at once.
        return os.open(name, _READING)


def hash_bytes(descriptor: int, length: int, hasher: Hasher, check: Callable[[], None] = lambda: None) -> None:
    """Feeds the first `length` bytes of an open file to `hasher`. `check` is called now and then, and may raise.

    Raises OSError; EOFError where the file is shorter.
    """
    if length > 2 * _STEP:
        _Pipeline(descriptor, length).run(hasher, check)
        return
    data = os.pread(descriptor, length, 0)
    if len(data) != length:
        raise EOFError(f"{len(data)} of {length} bytes")
    hasher.update(data)


def hash_parts(descriptor: int, length: int, form: Checksum, check: Callable[[], None] = lambda: None) -> str:
    """The value of `form`, which is over parts, of the first `length` bytes of an open file.

    As many parts are read and hashed at once as there are processors. Raises as `hash_bytes`.
    """
    return form.of_parts(side_by_side(partial(digest_of, descriptor, form=form, check=check), form.cut(length)))


def digest_of(descriptor: int, span: range, form: Checksum, check: Callable[[], None] = lambda: None) -> bytes:
    """The digest of bytes of an open file. Raises as `hash_bytes`."""
    digest, buffer, at = form.digest(), bytearray(min(_STEP, len(span))), span.start
    while at < span.stop:
        check()
        window = memoryview(buffer)[: span.stop - at]
        count = os.preadv(descriptor, [window], at)
        if not count:
            raise EOFError(f"{at} of {span.stop} bytes")
        digest.update(window[:count])
        at += count
    return digest.digest()


def side_by_side(look: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """What `look` answers for each item, in order: as many at once as there are processors. Raises what it raises."""
    pool = ThreadPoolExecutor(PROCESSORS, "part-hash")
    try:
        return list(pool.map(look, items))
    finally:
        pool.shutdown(cancel_futures=True)


class _Pipeline:
    """A thread that reads ahead into a ring of three buffers, while the caller's thread hashes."""

    def __init__(self, descriptor: int, length: int) -> None:
        self._descriptor = descriptor
        self._length = length
        self._empty: SimpleQueue[bytearray | None] = SimpleQueue()
        self._full: SimpleQueue[tuple[bytearray, int] | OSError | EOFError] = SimpleQueue()
        for _ in range(_BUFFERS):
            self._empty.put(bytearray(_STEP))

    def run(self, hasher: Hasher, check: Callable[[], None]) -> None:
        os.posix_fadvise(self._descriptor, 0, self._length, os.POSIX_FADV_SEQUENTIAL)
        reader = threading.Thread(target=self._read, name="read-ahead", daemon=True)
        reader.start()
        try:
            self._hash(hasher, check)
        finally:
            self._empty.put(None)
            reader.join()

    def _hash(self, hasher: Hasher, check: Callable[[], None]) -> None:
        done = 0
        while done < self._length:
            item = self._full.get()
            if isinstance(item, OSError | EOFError):
                raise item
            buffer, count = item
            hasher.update(memoryview(buffer)[:count])
            done += count
            self._empty.put(buffer)
            check()

    def _read(self) -> None:
        position = 0
        try:
            while position < self._length and (buffer := self._empty.get()) is not None:
                window = memoryview(buffer)[: self._length - position]
                count = os.preadv(self._descriptor, [window], position)
                if not count:
                    raise EOFError(f"{position} of {self._length} bytes")
                position += count
                self._full.put((buffer, count))
        except (OSError, EOFError) as error:
            self._full.put(error)
