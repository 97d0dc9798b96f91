"""Who tries again, when, and for how long: the exact waits, on a clock that nobody sits out."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.errors import (
    AccessDenied,
    CredentialsExpired,
    DownloadError,
    NetworkError,
    NotTried,
    ObjectChanged,
    ServerBusy,
)
from downloader.retry import Clock, Halt, RetryPolicy
from support.restoring import FakeClock


@pytest.fixture
def longest_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dice always show the most."""
    monkeypatch.setattr("random.uniform", lambda least, most: most)


class Failing:
    """An action that raises what it is given, then answers "done"."""

    def __init__(self, *errors: DownloadError) -> None:
        self._errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return "done"


def down(times: int) -> list[DownloadError]:
    return [NetworkError(f"down {n}") for n in range(times)]


def test_what_goes_well_is_called_once(clock: FakeClock) -> None:
    action = Failing()
    assert RetryPolicy(clock=clock.clock).call(action) == "done"
    assert (action.calls, clock.slept) == (1, [])


@pytest.mark.usefixtures("longest_jitter")
def test_the_waits_double(clock: FakeClock) -> None:
    policy = RetryPolicy(clock=clock.clock)
    times = [clock.time]

    def action() -> None:
        times.append(clock.time)
        raise NetworkError("down")

    with pytest.raises(NetworkError):
        policy.call(action)
    assert [later - earlier for earlier, later in pairwise(times)] == [0, 0.5, 1, 2, 4, 8]


@pytest.mark.usefixtures("longest_jitter")
def test_no_wait_is_longer_than_the_longest(clock: FakeClock) -> None:
    policy = RetryPolicy(attempts=100, longest_wait=30, clock=clock.clock)
    policy.wait(99, NetworkError("down"))
    assert clock.waited == 30


@given(st.integers(1, 5))
def test_the_jitter_is_full(failures: int) -> None:
    clock = FakeClock()
    RetryPolicy(clock=clock.clock).wait(failures, NetworkError("down"))
    assert 0 <= clock.waited <= 0.5 * 2 ** (failures - 1)


def test_the_last_error_is_the_one_that_is_told(clock: FakeClock) -> None:
    action = Failing(*down(6))
    with pytest.raises(NetworkError, match="down 5"):
        RetryPolicy(clock=clock.clock).call(action)
    assert action.calls == 6


def test_it_ends_well_at_the_last_attempt(clock: FakeClock) -> None:
    action = Failing(*down(5))
    assert RetryPolicy(clock=clock.clock).call(action) == "done"
    assert action.calls == 6


@pytest.mark.parametrize("first", [[], down(2)], ids=["at first", "later"])
def test_what_will_not_pass_is_raised_at_once(clock: FakeClock, first: list[DownloadError]) -> None:
    action = Failing(*first, AccessDenied("no"))
    with pytest.raises(AccessDenied):
        RetryPolicy(clock=clock.clock).call(action)
    assert action.calls == len(first) + 1


@pytest.mark.parametrize("first", [[], down(2)], ids=["at first", "later"])
def test_content_that_is_gone_is_not_asked_for_again(clock: FakeClock, first: list[DownloadError]) -> None:
    """It passes for the next run, which asks for what is there then; not for the same question."""
    action = Failing(*first, ObjectChanged("replaced"))
    with pytest.raises(ObjectChanged):
        RetryPolicy(clock=clock.clock).call(action)
    assert action.calls == len(first) + 1


def test_faults_of_ours_are_not_tried_again(clock: FakeClock) -> None:
    def action() -> None:
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        RetryPolicy(clock=clock.clock).call(action)
    assert clock.slept == []


@pytest.mark.parametrize("seconds", [0, 3, 7.5, 300])
def test_the_server_says_how_long_to_wait(clock: FakeClock, seconds: float) -> None:
    action = Failing(ServerBusy("503", retry_after=seconds))
    assert RetryPolicy(clock=clock.clock).call(action) == "done"
    assert clock.waited == seconds


def test_a_server_that_asks_for_too_much_patience_is_not_waited_for(clock: FakeClock) -> None:
    action = Failing(ServerBusy("503", retry_after=301))
    with pytest.raises(ServerBusy):
        RetryPolicy(clock=clock.clock).call(action)
    assert (action.calls, clock.slept) == (1, [])


@pytest.mark.parametrize("seconds", [-5.0, float("nan")])
def test_a_time_that_is_none_is_not_waited_for(clock: FakeClock, seconds: float) -> None:
    action = Failing(ServerBusy("503", retry_after=seconds))
    assert RetryPolicy(clock=clock.clock).call(action) == "done"
    assert clock.waited == 0


def test_each_wait_is_by_what_the_last_answer_said(clock: FakeClock) -> None:
    action = Failing(ServerBusy("503", retry_after=10), ServerBusy("503", retry_after=2), CredentialsExpired("late"))
    RetryPolicy(clock=clock.clock, first_wait=0).call(action)
    assert clock.waited == 12


# --- the halt ---------------------------------------------------------------------------------------------------------


def test_a_stopped_batch_calls_nothing(clock: FakeClock) -> None:
    policy = RetryPolicy(clock=clock.clock)
    policy.halt.set("disk full")
    action = Failing()
    with pytest.raises(NotTried, match="Not tried: the batch was stopped: disk full; run it again"):
        policy.call(action)
    assert action.calls == 0


def test_the_first_reason_stays() -> None:
    halt = Halt()
    halt.set("first")
    halt.set("second")
    assert halt.is_set()
    assert halt.reason == "first"


def test_a_batch_that_stops_is_not_kept_waiting_by_a_patient_server(clock: FakeClock) -> None:
    halt = Halt()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.waited >= 3:
            halt.set("the task was killed")

    policy = RetryPolicy(clock=Clock(clock.now, sleep), halt=halt)
    action = Failing(ServerBusy("503", retry_after=300))
    with pytest.raises(NotTried, match="the task was killed"):
        policy.call(action)
    assert clock.waited <= 4
    assert action.calls == 1


def test_many_threads_stop_it_once() -> None:
    halt = Halt()
    threads = [threading.Thread(target=halt.set, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reason = halt.reason
    halt.set("later")
    assert halt.reason == reason
