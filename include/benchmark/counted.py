"""Counts the bytes that a stand-in sends where they are made: never fewer than were sent."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

from ..stand_ins.contents import FileContent
from ..stand_ins.wire import Answer

__all__ = ["SENT", "Counted", "sent_of"]

SENT: Final = "/sent"
"""The path that answers `sent_of`."""


class Counted:
    """Content that counts what is taken of it."""

    def __init__(self, content: FileContent) -> None:
        self._content = content
        self._lock = threading.Lock()
        self.taken = 0

    def __len__(self) -> int:
        return len(self._content)

    def __getitem__(self, span: slice) -> bytes:
        data = self._content[span]
        with self._lock:
            self.taken += len(data)
        return data


def sent_of(contents: Iterable[Counted]) -> Answer:
    """The number of bytes that were sent of all of them."""
    sent = sum(content.taken for content in contents)
    return Answer(200, {"Content-Type": "text/plain"}, str(sent).encode())
