"""Being interrupted: by Airflow's SIGTERM (a person, a worker that shuts down), or by the task's time limit.

A task exchanges requests and answers with its supervisor. An exception raised between the two would leave an answer
that the next request takes for its own, so signals are held back meanwhile.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, Self

__all__ = ["Interruptions"]

_SIGNALS: Final = (signal.SIGTERM, signal.SIGALRM)


class Interruptions:
    """A context manager: within it SIGTERM raises SystemExit in the main thread, the time limit what Airflow raises.

    Airflow itself waits for five seconds after SIGTERM, and then kills.
    """

    def __init__(self, last_words: Callable[[], None] = lambda: None) -> None:
        """`last_words` is called at SIGTERM, before anything ends: it saves what has to leave the task in time."""
        self._last_words = last_words
        self._holding = False
        self._waiting: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before = {}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Signals are held back within, and take effect directly afterwards."""
        if self._holding:
            yield
            return
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
            if self._waiting:
                self._act(self._waiting.pop(0), None)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._holding:
            self._waiting.append(number)
        else:
            self._act(number, frame)

    def _act(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            self._last_words()
            raise SystemExit("Stopped by SIGTERM; part files are kept, and the next try resumes them")
        before = self._before.get(number)
        if callable(before):
            before(number, frame)
