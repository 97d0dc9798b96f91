"""Second requests: few, only for what takes far longer than the others, and answered once whoever is first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from downloader.errors import NetworkError, ObjectNotFound
from downloader.transfer import hedging
from downloader.transfer.hedging import Answer, Hedge
from downloader.transfer.progress import Counters
from support.restoring import FakeClock

pytestmark = pytest.mark.timeout(60, method="thread")

PATIENCE = 30.0
"""Seconds that a thread of a test waits for another one before the test fails."""


@dataclass
class Request:
    """One call, each of whose two attempts waits until the test lets it go."""

    hedge: Hedge
    answers: list[tuple[str, object]] = field(default_factory=list)
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _turns: Iterator[int] = field(default_factory=lambda: iter(range(2)))
    _goes: list[threading.Event] = field(default_factory=lambda: [threading.Event(), threading.Event()])
    _outcomes: list[str | Exception] = field(default_factory=lambda: ["first", "second"])

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self.hedge.call, args=(self._attempt, self._finish), name="caller")
        self.thread.start()
        self.has_begun()

    def has_begun(self) -> None:
        assert self.begun.acquire(timeout=PATIENCE)

    def go(self, attempt: int, outcome: str | Exception | None = None) -> None:
        """Lets an attempt end."""
        if outcome is not None:
            self._outcomes[attempt] = outcome
        self._goes[attempt].set()

    def _attempt(self) -> str:
        turn = next(self._turns)
        self.begun.release()
        assert self._goes[turn].wait(PATIENCE)
        outcome = self._outcomes[turn]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _finish(self, answer: Answer[str]) -> None:
        try:
            found: object = answer.get()
        except Exception as error:  # noqa: BLE001 whatever it is
            found = error
        self.answers.append((threading.current_thread().name, found))


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def hedge(clock: FakeClock, counters: Counters) -> Hedge:
    """One that looks only when a test says so, and has seen enough calls for four second requests."""
    made = Hedge(clock.clock, counters)
    usual(made, clock, 200)
    return made


def usual(hedge: Hedge, clock: FakeClock, calls: int, seconds: float = 0.05) -> None:
    def take() -> int:
        clock.time += seconds
        return 5

    got: list[int] = []
    for _ in range(calls):
        hedge.call(take, lambda answer: got.append(answer.get()))
    assert got == [5] * calls


@contextmanager
def several(hedge: Hedge, count: int) -> Iterator[list[Request]]:
    """Requests under way; in the end all are let go, and have ended."""
    requests = [Request(hedge) for _ in range(count)]
    yield requests
    for request in requests:
        for attempt in (0, 1):
            request.go(attempt)
    for request in requests:
        request.thread.join(PATIENCE)
        assert not request.thread.is_alive()
    hedge.join([], 0.1, lambda: None)
    assert [len(request.answers) for request in requests] == [1] * count


def test_what_takes_its_usual_time_is_asked_for_once(hedge: Hedge, clock: FakeClock, counters: Counters) -> None:
    with several(hedge, 1) as (request,):
        for seconds in (0.0, 0.9, 0.09):
            clock.time += seconds
            hedge.look()
        assert counters.hedged == 0
        clock.time += 0.02
        hedge.look()
        hedge.look()
        assert counters.hedged == 1
        request.has_begun()


def test_what_is_far_longer_is_told_from_the_other_calls(clock: FakeClock, counters: Counters) -> None:
    """Eight times what 95 in 100 take: 2 s here, one call in 20 of 60 s is no measure."""
    hedge = Hedge(clock.clock, counters)
    for _ in range(10):
        usual(hedge, clock, 19, 2.0)
        usual(hedge, clock, 1, 1.0)
    with several(hedge, 1):
        clock.time += 15.9
        hedge.look()
        assert counters.hedged == 0
        clock.time += 0.2
        hedge.look()
        assert counters.hedged == 1


@pytest.mark.parametrize("late", [None, NetworkError("given up")])
def test_the_second_answer_goes_on_where_it_is_the_first(
    hedge: Hedge, clock: FakeClock, counters: Counters, late: Exception | None
) -> None:
    request = Request(hedge)
    clock.time += 2
    hedge.look()
    request.has_begun()
    request.go(1)
    hedge.join([request.thread], 0.1, lambda: None)  # which is not waited for: it is still at its request
    assert request.answers == [("hedge-second", "second")]
    assert request.thread.is_alive()
    request.go(0, late)
    request.thread.join(PATIENCE)
    assert request.answers == [("hedge-second", "second")]
    assert (counters.hedged, counters.hedges_won) == (1, 1)
    assert hedge._lost == set(), "from now on it is waited for again"


@pytest.mark.parametrize("late", [None, NetworkError("given up")])
def test_the_first_answer_goes_on_where_it_is_first_after_all(
    hedge: Hedge, clock: FakeClock, counters: Counters, late: Exception | None
) -> None:
    with several(hedge, 1) as (request,):
        clock.time += 2
        hedge.look()
        request.has_begun()
        request.go(0)
        request.thread.join(PATIENCE)
        assert request.answers == [("caller", "first")]
        request.go(1, late)
    assert request.answers == [("caller", "first")]
    assert (counters.hedged, counters.hedges_won) == (1, 0)


@pytest.mark.parametrize(("fails", "name", "found"), [(0, "hedge-second", "second"), (1, "caller", "first")])
def test_an_error_waits_for_the_other_answer(hedge: Hedge, clock: FakeClock, fails: int, name: str, found: str) -> None:
    with several(hedge, 1) as (request,):
        clock.time += 2
        hedge.look()
        request.has_begun()
        request.go(fails, NetworkError("reset"))
        if not fails:
            request.thread.join(PATIENCE)
            assert request.answers == []
        request.go(1 - fails)
    assert request.answers == [(name, found)]


def test_two_errors_are_one(hedge: Hedge, clock: FakeClock, counters: Counters) -> None:
    with several(hedge, 1) as (request,):
        clock.time += 2
        hedge.look()
        request.has_begun()
        first = NetworkError("reset")
        request.go(0, first)
        request.thread.join(PATIENCE)
        request.go(1, ObjectNotFound("gone"))
        hedge.join([request.thread], 0.1, lambda: None)
    assert request.answers == [("hedge-second", first)]
    assert (counters.hedged, counters.hedges_won) == (1, 0)


def test_an_error_without_a_second_request_is_the_answer(hedge: Hedge) -> None:
    with several(hedge, 1) as (request,):
        problem = ObjectNotFound("gone")
        request.go(0, problem)
    assert request.answers == [("caller", problem)]


@pytest.mark.parametrize(("calls", "most"), [(10, 0), (49, 0), (50, 1), (100, 2), (1000, 8)])
def test_second_requests_are_few(clock: FakeClock, counters: Counters, calls: int, most: int) -> None:
    """One in 50 calls, and eight at once; the calls that are late are among them."""
    hedge = Hedge(clock.clock, counters)
    usual(hedge, clock, calls - 10)
    with several(hedge, 10):
        clock.time += 2
        for _ in range(3):
            hedge.look()
        assert counters.hedged == most


def test_others_get_their_turn_once_a_call_is_over(clock: FakeClock, counters: Counters) -> None:
    hedge = Hedge(clock.clock, counters)
    usual(hedge, clock, 1000)
    with several(hedge, 10) as requests:
        clock.time += 2
        hedge.look()
        hedged = requests[:8]
        for request in hedged:
            request.has_begun()
        hedged[0].go(1)
        hedge.look()
        assert counters.hedged == 8, "its first request is still under way"
        hedged[0].go(0)
        hedged[0].thread.join(PATIENCE)
        while counters.hedged < 9:  # its second thread may have to be scheduled yet
            hedge.look()
        hedge.look()
        assert counters.hedged == 9


def test_a_thread_that_cannot_be_started_changes_nothing(
    hedge: Hedge, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with several(hedge, 1) as (request,):
        clock.time += 2
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            hedge.look()
        problem = NetworkError("reset")
        request.go(0, problem)
    assert request.answers == [("caller", problem)]


def test_within_its_context_it_looks_by_itself(
    clock: FakeClock, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hedging, "_TICK", 0.001)
    before = set(threading.enumerate())
    with Hedge(clock.clock, counters) as hedge:
        usual(hedge, clock, 100)
        with several(hedge, 1) as (request,):
            clock.time += 2
            request.has_begun()
            request.go(1)
            hedge.join([request.thread], 0.1, lambda: None)
            assert request.answers == [("hedge-second", "second")]
    assert set(threading.enumerate()) <= before


def test_every_call_of_many_threads_is_finished_once(clock: FakeClock, counters: Counters) -> None:
    """Each call is hedged that can be, at random moments, while hundreds end."""
    hedge = Hedge(clock.clock, counters)
    finished: dict[int, list[int]] = {n: [] for n in range(2000)}
    numbers = iter(range(2000))
    turn = threading.Lock()

    def returns(number: int) -> Callable[[], int]:
        def function() -> int:
            clock.time += 0.5
            if number % 7 == 0:
                raise NetworkError("reset")
            return number

        return function

    def finishes(number: int) -> Callable[[Answer[int]], None]:
        return lambda answer: finished[number].append(-1 if answer.error else answer.get())

    def work() -> None:
        while True:
            with turn:
                number = next(numbers, None)
            if number is None:
                return
            hedge.call(returns(number), finishes(number))
            hedge.look()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    hedge.join(threads, 0.1, lambda: None)
    assert {n: got for n, got in finished.items() if got != [-1 if n % 7 == 0 else n]} == {}
