"""What all streams of one source wait at: where one of them is told to slow down, all do.

It holds requests back, and retries nothing: that is for `retry.RetryPolicy`, whose waits run at the same time.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Final

from ...retry import Clock

__all__ = ["Gate"]

_FIRST: Final = 1.0
_LONGEST: Final = 64.0
_LONGEST_ASKED: Final = 300.0
"""Seconds that a server's ``Retry-After`` is honoured for. Google's own advice is to go up to 64 seconds unasked."""
_STEP: Final = 1.0


class Gate:
    """Open until the server asks for patience; then shut for a while that doubles, until requests pass again."""

    def __init__(self, clock: Clock | None = None, dice: Callable[[], float] = random.random) -> None:
        """`dice` answers numbers from 0 to 1."""
        self._clock = clock or Clock()
        self._dice = dice
        self._lock = threading.Lock()
        self._until = 0.0
        self._level = 0

    def hold(self) -> None:
        """Waits until the gate is open. Call it ahead of each request."""
        while (left := self._until - self._clock.now()) > 0:
            self._clock.sleep(min(left, _STEP))

    def throttled(self, retry_after: float | None = None) -> None:
        """The server asked for patience: shuts the gate, for `retry_after` seconds at least.

        Those that were under way when it was shut already are told the same, which makes it no worse.
        """
        with self._lock:
            now = self._clock.now()
            wait = min(retry_after or 0.0, _LONGEST_ASKED)
            if now >= self._until:
                wait = max(wait, self._backoff())
                self._level += 1
            self._until = max(self._until, now + wait)

    def passed(self) -> None:
        """A request got what it wanted: a step back towards no waiting at all."""
        if self._level:
            with self._lock:
                if self._clock.now() >= self._until:
                    self._level = max(self._level - 1, 0)

    def _backoff(self) -> float:
        """Seconds: half of them certain, half of them up to the dice."""
        return min(_FIRST * 2.0 ** min(self._level, 10), _LONGEST) * (0.5 + self._dice() / 2)
