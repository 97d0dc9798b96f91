"""So many requests a minute, on a clock that nobody sits out."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from downloader.errors import NotTried
from downloader.retry import Clock, Halt, RetryPolicy
from downloader.sources.slooh.rate_limit import RequestLimit
from support.restoring import FakeClock


def gone_at(per_minute: int, requests: int, clock: FakeClock) -> list[float]:
    limit = RequestLimit(per_minute, RetryPolicy(clock=clock.clock))
    times = []
    for _ in range(requests):
        limit()
        times.append(clock.time)
    return times


def test_requests_are_spaced_evenly() -> None:
    times = gone_at(30, 40, FakeClock())
    assert [later - earlier for earlier, later in pairwise(times)] == pytest.approx([2.0] * 39, abs=0.01)


@pytest.mark.parametrize("per_minute", [1, 7, 30, 600])
def test_no_minute_has_more_than_the_limit(per_minute: int) -> None:
    times = gone_at(per_minute, 3 * per_minute, FakeClock())
    minutes = [later - earlier for earlier, later in zip(times, times[per_minute:], strict=False)]
    assert min(minutes) == pytest.approx(60, rel=0.02)
    assert min(minutes) >= 60 - 1e-6, "one request more than the limit within a minute"


def test_time_without_requests_saves_none_up() -> None:
    clock = FakeClock()
    limit = RequestLimit(30, RetryPolicy(clock=clock.clock))
    limit()
    clock.time += 3600
    clock.slept.clear()
    limit()
    limit()
    assert clock.waited == pytest.approx(2, abs=0.01)


def test_zero_is_no_limit() -> None:
    clock = FakeClock()
    assert gone_at(0, 1000, clock) == [1000.0] * 1000
    assert clock.slept == []


def test_the_limit_is_that_of_all_threads_together() -> None:
    clock = FakeClock()
    limit = RequestLimit(60, RetryPolicy(clock=clock.clock))

    def ten() -> None:
        for _ in range(10):
            limit()

    threads = [threading.Thread(target=ten) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.time - 1000 >= 58.9


def test_who_waits_ends_with_the_batch() -> None:
    halt, clock = Halt(), FakeClock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        halt.set("the disk is full")

    limit = RequestLimit(1, RetryPolicy(clock=Clock(clock.now, sleep), halt=halt))
    limit()
    with pytest.raises(NotTried, match="the disk is full"):
        limit()
    assert clock.waited <= 1, "a minute was sat out"


@pytest.mark.parametrize("per_minute", [0, 30])
def test_a_batch_that_was_stopped_sends_nothing_more(per_minute: int) -> None:
    halt = Halt()
    halt.set("enough")
    with pytest.raises(NotTried):
        RequestLimit(per_minute, RetryPolicy(halt=halt))()
