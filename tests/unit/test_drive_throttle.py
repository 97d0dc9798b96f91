"""The pause that all streams of one source share."""

from __future__ import annotations

import pytest

from downloader.errors import NotTried
from downloader.retry import Clock, Halt, RetryPolicy
from downloader.sources.drive.throttle import Throttle
from support.restoring import FakeClock


def waits(throttle: Throttle, clock: FakeClock) -> float:
    before = clock.waited
    throttle.wait()
    return clock.waited - before


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def throttle_of(clock: FakeClock, dice: float = 1.0) -> Throttle:
    return Throttle(clock.clock, lambda: dice)


def test_it_does_not_wait_at_first(clock: FakeClock) -> None:
    assert waits(throttle_of(clock), clock) == 0


def test_it_pauses_for_twice_as_long_each_time_up_to_a_minute(clock: FakeClock) -> None:
    throttle = throttle_of(clock)
    seen = []
    for _ in range(9):
        throttle.slow_down()
        seen.append(waits(throttle, clock))
    assert seen == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    assert max(clock.slept) == 1, "a batch that is stopped would sit that out"


def test_half_of_a_wait_is_up_to_the_dice(clock: FakeClock) -> None:
    throttle = throttle_of(clock, 0.0)
    throttle.slow_down()
    assert waits(throttle, clock) == 0.5


def test_those_under_way_make_it_no_worse(clock: FakeClock) -> None:
    throttle = throttle_of(clock)
    for _ in range(5):
        throttle.slow_down()
    assert waits(throttle, clock) == 1
    throttle.slow_down()
    assert waits(throttle, clock) == 2


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 1), (0.2, 1), (40.0, 40), (9999.0, 300), (float("inf"), 300)])
def test_what_the_server_asks_for_is_given_in_bounds(clock: FakeClock, asked: float, waited: float) -> None:
    throttle = throttle_of(clock)
    throttle.slow_down(asked)
    assert waits(throttle, clock) == waited


def test_what_the_server_asks_for_counts_while_it_pauses_too(clock: FakeClock) -> None:
    throttle = throttle_of(clock)
    throttle.slow_down()
    throttle.slow_down(40.0)
    throttle.slow_down(2.0)
    assert waits(throttle, clock) == 40


def test_it_recovers_step_by_step(clock: FakeClock) -> None:
    throttle = throttle_of(clock)
    for _ in range(4):
        throttle.slow_down()
        throttle.wait()
    for _ in range(2):
        throttle.succeeded()
    throttle.slow_down()
    assert waits(throttle, clock) == 4
    for _ in range(9):
        throttle.succeeded()
    throttle.slow_down()
    assert waits(throttle, clock) == 1


def test_an_answer_from_before_the_pause_is_no_recovery(clock: FakeClock) -> None:
    throttle = throttle_of(clock)
    throttle.slow_down()
    throttle.succeeded()
    throttle.wait()
    throttle.slow_down()
    assert waits(throttle, clock) == 2


def test_a_batch_that_is_stopped_does_not_wait(clock: FakeClock) -> None:
    policy = RetryPolicy(clock=clock.clock, halt=Halt())
    throttle = Throttle(Clock(clock.now, policy.pause))
    throttle.slow_down(200.0)
    policy.halt.set("the disk is full")
    with pytest.raises(NotTried, match="the disk is full"):
        throttle.wait()
    assert clock.waited <= 1
