"""Hedged requests: a second one for what takes far longer than the others do, so that it does not hold the rest.

A client that waits for a server cannot be interrupted: obstore has no such call, and gives up after the stall timeout.
So it is not the thread that is freed but its work: whichever of two threads is answered first goes on with the file,
and the other one drops what it gets. Second requests are few: each is one more for a server that may be at its limit.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

from ..retry import Clock
from .progress import Counters

__all__ = ["Answer", "Hedge"]

T = TypeVar("T")

_TICK = 0.25
"""Seconds between two looks at what is under way."""
_LEAST = 1.0
"""Seconds that a call may always take."""
_TIMES = 8
"""What a call may take, in times of what 95 in 100 calls take at most."""
_RECENT = 500
"""Calls that this is measured over."""
_ONE_IN = 50
"""Calls for one second request, at most."""
_AT_ONCE = 8
"""Calls that two threads may be at, at once. The second one holds an answer that nobody reckoned with."""


@dataclass(slots=True)
class Answer(Generic[T]):
    """What a call returned, or raised."""

    value: T | None = None
    error: BaseException | None = None

    def get(self) -> T:
        """What it returned. Raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # T may be None itself


@dataclass(eq=False, slots=True)
class _Call:
    function: Callable[[], Any]
    finish: Callable[[Answer[Any]], None]
    since: float
    thread: threading.Thread = field(default_factory=threading.current_thread)
    """The one that called."""
    running: int = 1
    """Threads that are at it."""
    is_answered: bool = False
    failed: Answer[Any] | None = None
    """What one of two threads raised while the other one was still at it."""


class Hedge:
    """Makes calls, from many threads. Within its context a thread of its own looks after what takes long."""

    def __init__(self, clock: Clock, counters: Counters) -> None:
        self._now = clock.now
        self._counters = counters
        self._change = threading.Condition()
        self._waiting: dict[_Call, None] = {}
        """Calls without an answer, in the order in which they began."""
        self._twice: dict[_Call, None] = {}
        """Those that two threads are at."""
        self._lost: set[threading.Thread] = set()
        """Threads that are still at a call which another one has answered."""
        self._seconds: deque[float] = deque(maxlen=_RECENT)
        self._calls = 0
        self._hedged = 0
        self._at_once = 0
        self._finishing = 0
        self._ends = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="hedge", daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._watcher.join()

    def call(self, function: Callable[[], T], finish: Callable[[Answer[T]], None]) -> None:
        """Calls `function`, then `finish` with its answer; the latter once, in this thread or in another one.

        `function` may run in two threads at once: it must change nothing, and close what it opens. An error is the
        answer only where no other thread is at it. Returns when this thread has nothing to do for it any more.
        """
        self._calls += 1  # may lose one to another thread: it is a measure, not a sum
        call = _Call(function, finish, self._now())
        self._waiting[call] = None
        answer: Answer[Any] | None = self._attempt(call)
        # Whoever takes a call out decides it: this thread on the usual way, without a lock, or the one that looks.
        if self._waiting.pop(call, call) is call:
            answer = self._first_answer(call, answer)
        if answer is not None:
            finish(answer)

    def look(self) -> None:
        """Makes a second request for what takes far longer than the others do, as far as that is allowed."""
        if self._calls < _ONE_IN or len(self._seconds) < _ONE_IN // 2:
            return
        usual = sorted(self._seconds.copy())
        limit = max(_LEAST, _TIMES * usual[len(usual) * 95 // 100])
        with self._change:
            since = self._now() - limit
            allowed = max(0, min(_AT_ONCE - self._at_once, self._calls // _ONE_IN - self._hedged))
            late = [call for call in self._waiting.copy() if call.since < since][:allowed]
            late = [call for call in late if self._waiting.pop(call, call) is None]
            self._at_once += len(late)
            self._hedged += len(late)
            for call in late:
                call.running += 1
                self._twice[call] = None
        for call in late:
            self._counters.note_hedge()
            try:
                threading.Thread(target=self._second, args=(call,), name="hedge-second", daemon=True).start()
            except RuntimeError:  # no more threads may be started: the first request goes on
                self._finish_second(call, None)

    def join(self, threads: Iterable[threading.Thread], every: float, look: Callable[[], None]) -> None:
        """Waits until `threads` have ended and every call is finished; calls `look` about each `every` seconds.

        A thread that waits for what another one got is not waited for: it ends when its client gives up, with one
        small file in its memory, and changes nothing.
        """
        for thread in threads:
            while thread.is_alive() and thread not in self._lost:
                thread.join(every)
                if thread.is_alive():
                    look()
        with self._change:
            while not self._change.wait_for(lambda: not self._twice and not self._finishing, every):
                look()

    def _attempt(self, call: _Call) -> Answer[Any]:
        began = self._now()
        try:
            answer: Answer[Any] = Answer(call.function())
        except BaseException as error:  # noqa: BLE001 it is raised where the answer is taken
            answer = Answer(error=error)
        self._seconds.append(self._now() - began)
        return answer

    def _second(self, call: _Call) -> None:
        self._finish_second(call, self._attempt(call))

    def _finish_second(self, call: _Call, answer: Answer[Any] | None) -> None:
        first = self._first_answer(call, answer, second=True)
        if first is None:
            return
        try:
            call.finish(first)
        finally:
            with self._change:
                self._finishing -= 1
                self._change.notify_all()

    def _first_answer(self, call: _Call, answer: Answer[Any] | None, *, second: bool = False) -> Answer[Any] | None:
        """Takes the answer of one thread, if it has one. Returns that of the call, where this decides it."""
        good = answer is not None and answer.error is None
        with self._change:
            call.running -= 1
            if not call.running:
                self._at_once -= 1
            if not second:
                self._lost.discard(call.thread)
            if call.is_answered:
                return None
            if call.running and not good:
                call.failed = answer
                return None
            call.is_answered = True
            del self._twice[call]
            if second:
                self._finishing += 1
            if second and good:
                self._counters.note_hedge_won()
            if second and call.running:
                self._lost.add(call.thread)
            if not self._twice:
                self._change.notify_all()
        return answer if good else call.failed or answer

    def _watch(self) -> None:
        while not self._ends.wait(_TICK):
            self.look()
