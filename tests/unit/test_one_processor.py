"""Threads that take turns at Python's lock are kept on one processor, and not on one that others use."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from downloader.retry import Clock
from downloader.transfer import one_processor
from downloader.transfer.one_processor import OneProcessor, Reservation, idle_seconds


@dataclass
class Machine:
    """Four processors, whose use is told, and what each thread was kept on."""

    now: float = 0.0
    idle: dict[int, float] = field(default_factory=lambda: dict.fromkeys(range(4), 0.0))
    used: float = 0.0
    kept: dict[int, set[int]] = field(default_factory=dict)
    refuses: bool = False
    address: str = field(default_factory=lambda: f"\0test-{uuid4()}-{{}}")

    def keep(self, native: int, processors: set[int]) -> None:
        if self.refuses:
            raise PermissionError(1, "Operation not permitted")
        self.kept[native or threading.get_native_id()] = processors

    def second(self, idle: Mapping[int, float], ours: float = 0.0) -> None:
        """One second passes, in which processors were idle for so long, and our threads used so much."""
        self.now += 1
        for one, seconds in idle.items():
            self.idle[one] += seconds
        self.used += ours

    def processor(self) -> OneProcessor:
        clock = Clock(now=lambda: self.now)
        return OneProcessor(clock, lambda: dict(self.idle), lambda threads: self.used, Reservation(self.address))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    monkeypatch.setattr(os, "sched_setaffinity", made.keep)
    return made


ME = threading.get_native_id()


def test_the_processor_that_was_least_used_is_taken(machine: Machine) -> None:
    one = machine.processor()
    machine.second({0: 0.2, 1: 0.9, 2: 0.1, 3: 0.5})
    one.enter()
    assert machine.kept == {ME: {1}}
    one.leave()
    assert machine.kept == {ME: {0, 1, 2, 3}}


def test_another_one_is_taken_where_others_come(machine: Machine) -> None:
    one = machine.processor()
    machine.second({1: 0.9})
    one.enter()
    machine.second({0: 0.1, 1: 0.0, 2: 0.6, 3: 0.9}, ours=0.5)
    one.look()
    assert machine.kept == {ME: {3}}


@pytest.mark.parametrize(
    ("idle", "ours", "why"),
    [
        ({1: 0.0, 3: 0.9}, 1.0, "we alone fill it"),
        ({1: 0.4, 3: 0.9}, 0.4, "others use little of it"),
        ({1: 0.0, 3: 0.4}, 0.5, "the others are used as well"),
        ({}, 0.5, "nothing is known"),
    ],
)
def test_else_it_is_kept(machine: Machine, idle: dict[int, float], ours: float, why: str) -> None:
    one = machine.processor()
    machine.second({1: 0.9})
    one.enter()
    machine.second(idle, ours)
    one.look()
    assert machine.kept == {ME: {1}}, why


def test_no_two_tasks_take_the_same_one(machine: Machine) -> None:
    first, second = machine.processor(), machine.processor()
    machine.second({1: 0.9, 2: 0.5})
    first.enter()
    second.enter()
    assert (first.chosen, second.chosen) == (1, 2)
    first.leave()
    third = machine.processor()
    machine.second({1: 0.9})
    third.enter()
    assert third.chosen == 1
    second.leave()
    third.leave()


def test_where_all_are_taken_threads_run_anywhere(machine: Machine) -> None:
    reservations = [Reservation(machine.address) for _ in range(4)]
    assert all(one.take(number) for number, one in enumerate(reservations))
    one = machine.processor()
    one.enter()
    one.look()
    one.leave()
    assert (one.chosen, machine.kept) == (None, {})
    for reservation in reservations:
        reservation.give_up()


def test_what_others_have_reserved_is_not_taken_later(machine: Machine) -> None:
    one, other = machine.processor(), Reservation(machine.address)
    machine.second({1: 0.9})
    one.enter()
    assert other.take(3)
    machine.second({3: 0.9}, ours=0.5)
    one.look()
    assert one.chosen == 1
    one.leave()
    other.give_up()


def test_looks_are_a_second_apart(machine: Machine) -> None:
    one = machine.processor()
    machine.second({1: 0.9})
    one.enter()
    one.look()
    machine.now += 0.5
    machine.idle[3] += 0.5
    one.look()
    assert machine.kept == {ME: {1}}


def test_where_it_is_forbidden_threads_run_anywhere(machine: Machine) -> None:
    machine.refuses = True
    one = machine.processor()
    one.enter()
    machine.second({3: 0.9})
    one.look()
    one.leave()
    assert machine.kept == {}


def test_where_there_is_no_choice_nothing_is_done(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {2})
    one = machine.processor()
    one.enter()
    assert machine.kept == {}


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one processor")
def test_a_real_thread_is_kept_and_let_go() -> None:
    one = OneProcessor(Clock())
    seen: list[set[int]] = []

    def work() -> None:
        one.enter()
        seen.append(os.sched_getaffinity(0))
        one.leave()
        seen.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    everywhere = os.sched_getaffinity(0)
    assert seen == [everywhere if one.chosen is None else {one.chosen}, everywhere]


def test_a_look_at_a_real_machine_does_no_harm() -> None:
    now = [0.0]
    one = OneProcessor(Clock(now=lambda: now[0]))
    one.enter()
    now[0] = 5.0
    one.look()
    one.leave()
    assert len(os.sched_getaffinity(0)) == len(os.sched_getaffinity(os.getpid()))


def test_a_system_that_does_not_tell_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(idle_seconds()) >= len(os.sched_getaffinity(0))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(one_processor, "open", refuse, raising=False)
    assert idle_seconds() == {}
