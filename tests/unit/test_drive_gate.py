"""The gate at which all streams of one source wait."""

from __future__ import annotations

import pytest

from downloader.errors import NotTried
from downloader.retry import Clock, Halt, RetryPolicy
from downloader.sources.drive.throttle import Gate
from support.restoring import FakeClock


def waits(gate: Gate, clock: FakeClock) -> float:
    before = clock.waited
    gate.hold()
    return clock.waited - before


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def gate_of(clock: FakeClock, dice: float = 1.0) -> Gate:
    return Gate(clock.clock, lambda: dice)


def test_it_is_open_at_first(clock: FakeClock) -> None:
    assert waits(gate_of(clock), clock) == 0


def test_it_shuts_for_twice_as_long_each_time_up_to_a_minute(clock: FakeClock) -> None:
    gate = gate_of(clock)
    seen = []
    for _ in range(9):
        gate.throttled()
        seen.append(waits(gate, clock))
    assert seen == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    assert max(clock.slept) == 1, "a batch that is stopped would sit that out"


def test_half_of_a_wait_is_up_to_the_dice(clock: FakeClock) -> None:
    gate = gate_of(clock, 0.0)
    gate.throttled()
    assert waits(gate, clock) == 0.5


def test_those_under_way_make_it_no_worse(clock: FakeClock) -> None:
    gate = gate_of(clock)
    for _ in range(5):
        gate.throttled()
    assert waits(gate, clock) == 1
    gate.throttled()
    assert waits(gate, clock) == 2


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 1), (0.2, 1), (40.0, 40), (9999.0, 300), (float("inf"), 300)])
def test_what_the_server_asks_for_is_given_in_bounds(clock: FakeClock, asked: float, waited: float) -> None:
    gate = gate_of(clock)
    gate.throttled(asked)
    assert waits(gate, clock) == waited


def test_what_the_server_asks_for_counts_while_it_is_shut_too(clock: FakeClock) -> None:
    gate = gate_of(clock)
    gate.throttled()
    gate.throttled(40.0)
    gate.throttled(2.0)
    assert waits(gate, clock) == 40


def test_it_recovers_step_by_step(clock: FakeClock) -> None:
    gate = gate_of(clock)
    for _ in range(4):
        gate.throttled()
        gate.hold()
    for _ in range(2):
        gate.passed()
    gate.throttled()
    assert waits(gate, clock) == 4
    for _ in range(9):
        gate.passed()
    gate.throttled()
    assert waits(gate, clock) == 1


def test_an_answer_from_before_it_was_shut_is_no_recovery(clock: FakeClock) -> None:
    gate = gate_of(clock)
    gate.throttled()
    gate.passed()
    gate.hold()
    gate.throttled()
    assert waits(gate, clock) == 2


def test_a_batch_that_is_stopped_does_not_wait(clock: FakeClock) -> None:
    policy = RetryPolicy(clock=clock.clock, halt=Halt())
    gate = Gate(Clock(clock.now, policy.pause))
    gate.throttled(200.0)
    policy.halt.set("the disk is full")
    with pytest.raises(NotTried, match="the disk is full"):
        gate.hold()
    assert clock.waited <= 1
