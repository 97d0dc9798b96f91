"""A pause that a server asked for, shared by all streams of one source: where one of them has to slow down, all do.

It delays requests and retries nothing: `retry.RetryPolicy` does, and its waits run at the same time. tenacity knows the
waits of one call alone, pyrate-limiter a rate that is known beforehand; neither has a pause that all threads share.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Final

from ...retry import Clock

__all__ = ["Throttle"]

_FIRST: Final = 1.0
_LONGEST: Final = 64.0
_LONGEST_ASKED: Final = 300.0
"""Seconds that a server's ``Retry-After`` is honoured for. Without one, Google advises backoffs of up to 64 seconds."""
_STEP: Final = 1.0


class Throttle:
    """Pauses when the server asks for it. The pauses double until requests succeed again."""

    def __init__(self, clock: Clock | None = None, dice: Callable[[], float] = random.random) -> None:
        """`dice` returns numbers from 0 to 1."""
        self._clock = clock or Clock()
        self._dice = dice
        self._lock = threading.Lock()
        self._until = 0.0
        self._level = 0

    def wait(self) -> None:
        """Sleeps until the pause is over. Call it before each request."""
        while (left := self._until - self._clock.now()) > 0:
            self._clock.sleep(min(left, _STEP))

    def slow_down(self, retry_after: float | None = None) -> None:
        """The server asked for a pause: begins one, of `retry_after` seconds at least.

        Requests in flight when a pause begins get the same answer; they do not make the next pause longer.
        """
        with self._lock:
            now = self._clock.now()
            wait = min(retry_after or 0.0, _LONGEST_ASKED)
            if now >= self._until:
                backoff = min(_FIRST * 2.0 ** min(self._level, 10), _LONGEST)
                wait = max(wait, backoff * (0.5 + self._dice() / 2))  # one half fixed, the other random
                self._level += 1
            self._until = max(self._until, now + wait)

    def succeeded(self) -> None:
        """A request succeeded: the next pause is half as long."""
        if self._level:
            with self._lock:
                if self._clock.now() >= self._until:
                    self._level = max(self._level - 1, 0)
