"""The rate limit of an account: requests a minute, over all threads."""

from __future__ import annotations

import threading
from typing import Final, cast

from pyrate_limiter import GCRA, Decision, Duration, Rate, RateItem, StateBucket

from ...retry import RetryPolicy

__all__ = ["RequestLimit"]

_ITEM: Final = "request"


class RequestLimit:
    """Called before each request, it waits until the request may be sent. Safe to use from many threads.

    Requests are spaced evenly, without bursts. So the limit also holds over two tasks in succession, each of which
    starts with a new count. pyrate-limiter decides; the policy sleeps, on its clock, until the batch is stopped.
    """

    def __init__(self, per_minute: int, policy: RetryPolicy) -> None:
        """`per_minute`: 0 for no limit."""
        self._policy = policy
        rate = [Rate(per_minute, Duration.MINUTE, burst=1)] if per_minute else []
        self._bucket = StateBucket(rate, GCRA()) if rate else None
        self._turn = threading.Lock()

    def __call__(self) -> None:
        """Sleeps until the next request may be sent. Raises NotTried if the batch has been stopped."""
        self._policy.halt.check()
        while (seconds := self._due()) > 0:
            self._policy.pause(seconds)

    def _due(self) -> float:
        """Seconds until a request may be sent; 0 if it may be sent now, which counts it."""
        if self._bucket is None:
            return 0.0
        item = RateItem(_ITEM, int(self._policy.clock.now() * 1000))
        with self._turn:
            decision = cast(Decision, self._bucket.put_decision(item))
        milliseconds = 0 if decision.allowed else max(decision.retry_after_ms or 0, 1)
        return milliseconds / 1000
