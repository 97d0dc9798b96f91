"""The checksum over parts of a file whose bytes come in order, by as many processors as there are."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from queue import SimpleQueue
from types import TracebackType
from typing import Final, Self

from ..checksums import MIB, PROCESSORS, Checksum, Hasher
from .concurrency import MemoryBudget

__all__ = ["PartHasher", "hashing"]

_WORTHWHILE: Final = 16 * MIB
"""Bytes of a file that more than one thread is begun for."""


def hashing(form: Checksum | None, size: int, memory: MemoryBudget) -> AbstractContextManager[Hasher | None]:
    """A hasher of `form` for a file of `size` bytes; None where nothing is to be hashed."""
    if form is None or PROCESSORS == 1 or size < _WORTHWHILE or (form.parts or 1) == 1:
        return nullcontext(None if form is None else form.hasher())
    return PartHasher(form, memory)


class PartHasher:
    """A `Hasher` that takes bytes in order and hashes parts side by side. A context manager: it ends its threads.

    What waits to be hashed takes of `memory`, which may be shared: it is given back as fast as bytes are hashed.
    """

    def __init__(self, form: Checksum, memory: MemoryBudget, processors: int = PROCESSORS) -> None:
        self._form = form
        self._memory = memory
        self._pool = ThreadPoolExecutor(processors, "part-hash")
        self._parts: list[Future[bytes]] = []
        self._open: SimpleQueue[tuple[memoryview, int] | None] | None = None
        """What the last part still gets; None where it has all its bytes."""
        self._room = 0

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Takes the next bytes. Waits while too many wait to be hashed."""
        rest = memoryview(data)
        if not rest.readonly:
            rest = memoryview(bytes(rest))  # the caller reads the next bytes into it
        while rest:
            part = self._open or self._begin()
            step = rest[: self._room]
            part.put((step, self._memory.take(len(step))))
            self._room -= len(step)
            rest = rest[len(step) :]
            if not self._room:
                self._end()

    def value(self) -> str:
        """The checksum of all bytes taken so far; none may come behind that."""
        if not self._parts:
            self._begin()
        self._end()
        return self._form.of_parts([part.result() for part in self._parts])

    def _begin(self) -> SimpleQueue[tuple[memoryview, int] | None]:
        sizes = self._form.part_sizes
        self._room = sizes[min(len(self._parts), len(sizes) - 1)]
        part = self._open = SimpleQueue()
        self._parts.append(self._pool.submit(self._digest_of, part))
        return part

    def _end(self) -> None:
        if self._open is not None:
            self._open.put(None)
            self._open = None

    def _digest_of(self, part: SimpleQueue[tuple[memoryview, int] | None]) -> bytes:
        digest = self._form.digest()
        while (item := part.get()) is not None:
            step, taken = item
            digest.update(step)
            self._memory.give_back(taken)
        return digest.digest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._pool.shutdown()
