"""Asks many questions at once, and waits for the answers no longer than it may.

A folder of a network disk whose server is away answers never. So each question is asked in a thread of its own, which
is not asked again before it has ended, and does not keep the process from ending.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

__all__ = ["Lookout"]

Answer = TypeVar("Answer")


class _Asked(Generic[Answer]):
    """A question that is being asked, or was."""

    def __init__(self, question: Callable[[], Answer], now: Callable[[], float]) -> None:
        self.answer: Answer | None = None
        self.ended_at: float | None = None
        self._question = question
        self._now = now
        self._ended = threading.Event()
        threading.Thread(target=self._ask, name="downloader-readiness", daemon=True).start()

    def _ask(self) -> None:
        try:
            self.answer = self._question()
        finally:
            self.ended_at = self._now()
            self._ended.set()

    def wait(self, seconds: float) -> Answer | None:
        """The answer; None if there is none by then."""
        self._ended.wait(max(0.0, seconds))
        return self.answer


class Lookout(Generic[Answer]):
    """Answers to questions, each known by its key. Any thread may ask."""

    def __init__(self, patience: float, fresh: float, now: Callable[[], float] = time.monotonic) -> None:
        """`patience`: seconds that all questions together may take. `fresh`: seconds for which an answer is kept."""
        self._patience = patience
        self._fresh = fresh
        self._now = now
        self._asked: dict[Hashable, _Asked[Answer]] = {}
        self._lock = threading.Lock()

    def ask(self, questions: Mapping[Hashable, Callable[[], Answer]]) -> dict[Hashable, Answer | None]:
        """The answers; None for one that does not come in time. A later call may find it there."""
        deadline = self._now() + self._patience
        with self._lock:
            asked = {key: self._of(key, question) for key, question in questions.items()}
        return {key: each.wait(deadline - self._now()) for key, each in asked.items()}

    def _of(self, key: Hashable, question: Callable[[], Answer]) -> _Asked[Answer]:
        known = self._asked.get(key)
        if known is None or (known.ended_at is not None and self._now() - known.ended_at > self._fresh):
            known = self._asked[key] = _Asked(question, self._now)
        return known
