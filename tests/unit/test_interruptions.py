from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from downloader_tasks.execution.interruptions import Interruptions


class TimeLimit(BaseException):
    """What Airflow raises."""


def over(number: int, frame: object) -> None:
    raise TimeLimit


@pytest.fixture(autouse=True)
def airflows_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    signal.signal(signal.SIGALRM, over)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


BOTH = pytest.mark.parametrize(("number", "kind"), [(signal.SIGTERM, SystemExit), (signal.SIGALRM, TimeLimit)])


@BOTH
def test_a_signal_interrupts(number: int, kind: type[BaseException]) -> None:
    with pytest.raises(kind), Interruptions():
        send(number)


def test_the_last_words_come_before_the_end() -> None:
    events: list[str] = []
    with pytest.raises(SystemExit), Interruptions(lambda: events.append("last words")):
        send(signal.SIGTERM)
    assert events == ["last words"]


@BOTH
def test_a_talk_is_not_interrupted_but_what_follows_is(number: int, kind: type[BaseException]) -> None:
    events: list[str] = []

    def talk(interruptions: Interruptions) -> None:
        with interruptions.held():
            send(number)
            with interruptions.held():
                events.append("within")
            events.append("to its end")
        events.append("afterwards")

    with pytest.raises(kind), Interruptions() as interruptions:
        talk(interruptions)
    assert events == ["within", "to its end"]


def test_a_talk_that_fails_is_followed_by_the_interruption() -> None:
    def talk(interruptions: Interruptions) -> None:
        with contextlib.suppress(ConnectionError), interruptions.held():
            send(signal.SIGTERM)
            raise ConnectionError

    with pytest.raises(SystemExit), Interruptions() as interruptions:
        talk(interruptions)


def test_last_words_are_spoken_in_a_talk_of_their_own() -> None:
    events: list[str] = []

    def speak() -> None:
        with interruptions.held():
            events.append("last words")

    interruptions = Interruptions(speak)
    with pytest.raises(SystemExit), interruptions, interruptions.held():
        send(signal.SIGTERM)
    assert events == ["last words"]


def test_afterwards_all_is_as_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interruptions():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
    with Interruptions().held():
        pass
