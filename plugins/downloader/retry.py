"""What is retried, when, and for how long.

Three places retry, each with a job of its own: a source's call (here, seconds apart), the transfer that reopens a
broken stream where it ended (`streaming`, by this module's waits), and Airflow's task retry for an outage of minutes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import tenacity

from .errors import DownloadError, NotTried, ObjectChanged, RetryableError

__all__ = ["Clock", "Halt", "RetryPolicy"]

T = TypeVar("T")

_STEP = 1.0
"""Seconds slept at once: a batch that is stopped does not wait for as long as a server asked."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, handed in, so that tests assert the waits instead of waiting."""

    now: Callable[[], float] = time.monotonic
    """Seconds, only ever forward."""
    sleep: Callable[[float], None] = time.sleep


class Halt:
    """Tells every thread of a batch to stop, and why."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.reason = ""

    def set(self, reason: str) -> None:
        """Stops the batch. The first reason stays."""
        if not self._event.is_set():
            self.reason = reason
            self._event.set()

    def is_set(self) -> bool:
        """Whether the batch has been stopped."""
        return self._event.is_set()

    def check(self) -> None:
        """Raises NotTried once the batch has been stopped."""
        if self._event.is_set():
            raise NotTried(f"the batch was stopped: {self.reason}")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter; a server's ``Retry-After`` goes before it."""

    attempts: int = 6
    """Calls in all, the first one included."""
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_retry_after: float = 300.0
    """A server that asks for more seconds than this is not waited for."""
    clock: Clock = field(default_factory=Clock)
    halt: Halt = field(default_factory=Halt)

    def call(self, action: Callable[[], T]) -> T:
        """The result of `action`, called again after a `RetryableError`. Raises the last one, others at once."""
        self.halt.check()
        try:
            return action()
        except RetryableError as error:
            return self._again(action, error)

    def wait(self, failures: int, error: DownloadError) -> None:
        """Sleeps for the backoff of the given number of consecutive failures, the last of them `error`.

        Raises `error` where no further attempt is due (content that was replaced does not come back), NotTried where
        the batch is stopped meanwhile.
        """
        hopeless = isinstance(error, ObjectChanged) or (isinstance(error, RetryableError) and not error.retryable)
        hopeless = hopeless or (error.retry_after or 0) > self.longest_retry_after
        if hopeless or failures >= self.attempts:
            raise error
        backoff = tenacity.wait_random_exponential(multiplier=self.first_wait, max=self.longest_wait)
        state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
        state.attempt_number = failures
        self.pause(backoff(state) if error.retry_after is None else error.retry_after)

    def pause(self, seconds: float) -> None:
        """Sleeps. Raises NotTried once the batch has been stopped."""
        while seconds > 0:
            self.clock.sleep(min(seconds, _STEP))
            self.halt.check()
            seconds -= _STEP
        self.halt.check()

    def _again(self, action: Callable[[], T], error: DownloadError) -> T:
        """The second call and those behind it: kept off the path of the calls that succeed."""
        failures = 1
        while True:
            self.wait(failures, error)
            try:
                return action()
            except RetryableError as again:
                error = again
                failures += 1
