"""What a stand-in has sent, counted where the bytes are made: never less than what went out."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

from ..stand_ins.contents import Content
from ..stand_ins.wire import Answer

__all__ = ["SENT", "Counted", "told"]

SENT: Final = "/sent"
"""The path that answers `told`."""


class Counted:
    """Content that counts what is taken of it."""

    def __init__(self, content: Content) -> None:
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


def told(contents: Iterable[Counted]) -> Answer:
    """How many bytes of all of them went out."""
    said = str(sum(content.taken for content in contents)).encode()
    return Answer(200, {"Content-Type": "text/plain"}, said)
