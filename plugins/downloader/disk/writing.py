"""Writing a part file in a thread of its own, so that hashing need not wait for the disk."""

from __future__ import annotations

import threading
from queue import Queue
from types import TracebackType
from typing import Self

from ..checksums import MIB
from .part_file import PartFile

__all__ = ["WriteBehind"]

_BLOCK = 2 * MIB
"""Bytes handed over at once: handing over costs more than writing a small buffer does."""
_AHEAD = 1
"""Blocks that may wait for the disk. They are in no budget, and fetched again should the process be killed: so, few."""


class WriteBehind:
    """A context manager: what is given to `write` is in the part file once it is left without an error.

    It is written from byte `at` of the part file on.
    """

    def __init__(self, part: PartFile, at: int) -> None:
        self._part = part
        self._at = at
        self._block: list[bytes | memoryview] = []
        self._size = 0
        self._queue: Queue[list[bytes | memoryview] | None] = Queue(_AHEAD)
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="write-behind", daemon=True)

    def write(self, data: bytes | memoryview) -> None:
        """Takes `data`; it must not change any more. Raises the error of an earlier write."""
        if self._error is not None:
            raise self._error
        self._block.append(data)
        self._size += len(data)
        if self._size >= _BLOCK:
            self._hand_over()

    def _hand_over(self) -> None:
        self._queue.put(self._block)
        self._block, self._size = [], 0

    def _run(self) -> None:
        while (block := self._queue.get()) is not None:
            if self._error is None:
                try:
                    for data in block:
                        self._part.write(data, self._at)
                        self._at += len(data)
                except Exception as error:  # noqa: BLE001 raised in the thread that hands over
                    self._error = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hand_over()
        self._queue.put(None)
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error
