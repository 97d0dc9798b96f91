"""So many requests a minute, over everything that an account does."""

from __future__ import annotations

import threading
from typing import Final, cast

from pyrate_limiter import GCRA, Decision, Duration, Rate, RateItem, StateBucket

from ...retry import RetryPolicy

__all__ = ["RequestLimit"]

_ITEM: Final = "request"


class RequestLimit:
    """Called ahead of each request, it waits until that one is due. Safe to use from many threads.

    Requests are spaced evenly, and none is saved up: so the limit holds over two tasks that follow each other, too,
    each of which begins to count anew. pyrate-limiter decides; the waiting is the policy's, whose clock a test hands in
    and which ends with the batch.
    """

    def __init__(self, per_minute: int, policy: RetryPolicy) -> None:
        """`per_minute`: 0 for no limit."""
        self._policy = policy
        rate = [Rate(per_minute, Duration.MINUTE, burst=1)] if per_minute else []
        self._bucket = StateBucket(rate, GCRA()) if rate else None
        self._turn = threading.Lock()

    def __call__(self) -> None:
        """Waits as long as behoves. Raises NotTried once the batch has been stopped."""
        self._policy.halt.check()
        while (seconds := self._due()) > 0:
            self._policy.pause(seconds)

    def _due(self) -> float:
        """Seconds until a request may go; 0 where it may go now, and then it is counted."""
        if self._bucket is None:
            return 0.0
        item = RateItem(_ITEM, int(self._policy.clock.now() * 1000))
        with self._turn:
            decision = cast(Decision, self._bucket.put_decision(item))
        milliseconds = 0 if decision.allowed else max(decision.retry_after_ms or 0, 1)
        return milliseconds / 1000
