"""The bytes of one file in order, whatever the connection does: reopened where it ended, fetched ahead, never mixed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.errors import (
    AccessDenied,
    DownloadError,
    NetworkError,
    NotTried,
    ObjectChanged,
    RangeRefused,
    ServerBusy,
    SizeMismatch,
    StreamStalled,
)
from downloader.remote_file import RemoteFile
from downloader.retry import RetryPolicy
from downloader.source import ByteStream
from downloader.sources.memory import MemoryObject, MemorySource
from downloader.transfer.concurrency import MemoryBudget
from downloader.transfer.progress import Counters, Received
from downloader.transfer.streaming import Buffer, ReadAhead, open_checked, steady
from support.restoring import KIB, RANGE, FakeClock, content, file_for
from support.scripted import (
    Fault,
    Opening,
    ScriptedSource,
    announces_size,
    busy,
    cut_after,
    ends_after,
    goes_on,
    ignore_range,
    out_of_range,
    replaced,
    reset,
    stall_after,
)

SIZE = 200 * KIB
DATA = content(SIZE)
FILE = file_for("x", DATA)
UNSIZED = replace(FILE, size=None)


@pytest.fixture
def policy(clock: FakeClock) -> RetryPolicy:
    return RetryPolicy(clock=clock.clock)


def scripted(*script: Fault | None, always: Fault | None = None) -> ScriptedSource:
    return ScriptedSource(MemorySource({"x": DATA}, step=8 * KIB), {"x": script}, {"x": always} if always else {})


def all_of(stream: Iterator[bytes | memoryview]) -> bytes:
    return b"".join(stream)


# --- opening ----------------------------------------------------------------------------------------------------------


class Closing(ScriptedSource):
    """Counts the streams that are open."""

    open_now = 0

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        stream = super().open(file, start, stop)
        close, self.open_now = stream.close, self.open_now + 1

        def counted() -> None:
            self.open_now -= 1
            close()

        stream.close = counted  # type: ignore[method-assign]
        return stream


@pytest.mark.parametrize(
    ("fault", "file", "start", "error"),
    [
        (ignore_range, FILE, 10, RangeRefused),
        (announces_size(SIZE - 1), FILE, 0, SizeMismatch),
        (announces_size(SIZE + 1), FILE, 0, SizeMismatch),
        (None, replace(FILE, etag="another"), 0, ObjectChanged),
        (out_of_range, FILE, 10, SizeMismatch),
    ],
)
def test_an_answer_to_another_question_is_refused_and_closed(
    fault: Fault | None, file: RemoteFile, start: int, error: type[DownloadError]
) -> None:
    source = Closing(MemorySource({"x": DATA}), {"x": [fault]})
    with pytest.raises(error):
        open_checked(source, file, start)
    assert source.open_now == 0


def test_an_answer_with_another_pin_is_refused_even_where_the_source_does_not_look() -> None:
    class Careless(MemorySource):
        def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
            return super().open(replace(file, etag=None), start, stop)

    with pytest.raises(ObjectChanged, match="x was replaced at its source while it was read"):
        open_checked(Careless({"x": DATA}), replace(FILE, etag="the old one"))


# --- one stream, kept steady ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [FILE, UNSIZED], ids=["known size", "unknown size"])
@pytest.mark.parametrize("make", [cut_after, stall_after, ends_after])
@pytest.mark.parametrize("at", [0, 1, 64 * KIB, SIZE - 1])
def test_a_stream_that_ends_early_is_reopened_where_it_ended(
    policy: RetryPolicy, make: Callable[[int], Fault], at: int, file: RemoteFile
) -> None:
    source = scripted(make(at))
    assert all_of(steady(source, file, policy)) == DATA
    assert source.spans == [("x", 0, None), ("x", at, None)]


@pytest.mark.parametrize("file", [FILE, UNSIZED], ids=["known size", "unknown size"])
def test_a_stream_that_breaks_behind_its_last_byte_is_complete(
    policy: RetryPolicy, clock: FakeClock, file: RemoteFile
) -> None:
    source = scripted(cut_after(SIZE))
    assert all_of(steady(source, file, policy)) == DATA
    assert source.opens["x"] == 1
    assert clock.slept == []


def test_a_range_that_breaks_behind_its_last_byte_is_complete(policy: RetryPolicy) -> None:
    source = scripted(cut_after(100))
    assert all_of(steady(source, FILE, policy, 10, 110)) == DATA[10:110]
    assert source.spans == [("x", 10, 110)]


def test_an_opening_that_fails_is_tried_six_times_and_no_more(policy: RetryPolicy) -> None:
    source = scripted(always=reset)
    with pytest.raises(NetworkError, match="connection reset"):
        all_of(steady(source, FILE, policy))
    assert source.opens["x"] == policy.attempts == 6


def test_streams_that_get_nowhere_end_after_six(policy: RetryPolicy) -> None:
    source = scripted(always=stall_after(0))
    with pytest.raises(StreamStalled):
        all_of(steady(source, FILE, policy))
    assert source.opens["x"] == 6


def test_openings_and_streams_that_fail_are_counted_together(policy: RetryPolicy) -> None:
    source = scripted(reset, stall_after(0), reset, stall_after(10), *busy(1, 5), always=reset)
    with pytest.raises(NetworkError):
        all_of(steady(source, FILE, policy))
    assert source.opens["x"] == 6


def test_who_gets_somewhere_may_break_as_often_as_it_likes(policy: RetryPolicy) -> None:
    """Each stream brings 64 KiB at least, so it counts as a first failure."""
    data = content(40 * RANGE)
    source = ScriptedSource(MemorySource({"x": data}), always={"x": cut_after(RANGE)})
    assert all_of(steady(source, file_for("x", data), policy)) == data
    assert source.opens["x"] == 40


def test_the_waits_are_by_the_server_s_word(policy: RetryPolicy, clock: FakeClock) -> None:
    assert all_of(steady(scripted(*busy(2, 7.0)), FILE, policy)) == DATA
    assert clock.waited == 14


@pytest.mark.parametrize(
    ("fault", "error"),
    [(replaced, ObjectChanged), (out_of_range, SizeMismatch), (goes_on(b"!"), SizeMismatch)],
)
def test_what_will_not_pass_is_raised_at_once(
    policy: RetryPolicy, clock: FakeClock, fault: Fault, error: type[DownloadError]
) -> None:
    source = scripted(fault)
    with pytest.raises(error):
        all_of(steady(source, FILE, policy))
    assert source.opens["x"] == 1
    assert clock.slept == []


def test_no_byte_behind_the_expected_end_is_handed_on(policy: RetryPolicy) -> None:
    got: list[Buffer] = []
    with pytest.raises(SizeMismatch, match="more bytes of x than the 204800 that are expected"):
        got.extend(steady(scripted(goes_on(b"!" * 100)), FILE, policy))
    assert all_of(iter(got)) == DATA


def test_a_server_that_sends_the_whole_for_its_beginning_refuses_ranges(policy: RetryPolicy) -> None:
    """It begins where it was asked to, so only what comes too much gives it away."""
    with pytest.raises(RangeRefused):
        all_of(steady(scripted(ignore_range), FILE, policy, 0, RANGE))


def test_a_file_without_a_pin_is_held_to_the_first_answer(policy: RetryPolicy) -> None:
    inner = MemorySource({"x": MemoryObject(DATA, etag="first")})

    def replace_it(opening: Opening) -> ByteStream:
        inner.put("x", MemoryObject(content(SIZE, 1), etag="second"))
        return opening.stream()

    source = ScriptedSource(inner, {"x": [cut_after(70 * KIB), replace_it]})
    with pytest.raises(ObjectChanged):
        all_of(steady(source, FILE, policy))


def test_a_stopped_batch_stops_at_the_next_buffer(policy: RetryPolicy) -> None:
    stream = steady(scripted(), FILE, policy)
    next(stream)
    policy.halt.set("disk full")
    with pytest.raises(NotTried):
        next(stream)


def test_streams_are_closed_whatever_happens(policy: RetryPolicy) -> None:
    source = Closing(MemorySource({"x": DATA}, step=KIB), {"x": [cut_after(10), ends_after(5), goes_on(b"!")]})
    with pytest.raises(SizeMismatch):
        all_of(steady(source, FILE, policy))
    early = steady(source, FILE, policy)
    next(early)
    early.close()
    assert source.open_now == 0


# --- many ranges ahead ------------------------------------------------------------------------------------------------


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


@given(st.integers(0, SIZE), st.integers(1, 9), st.integers(5 * KIB, SIZE + 1))
def test_ranges_come_in_order_and_complete(start: int, depth: int, step: int) -> None:
    with ThreadPoolExecutor(4) as threads:
        ahead = ReadAhead(MemorySource({"x": DATA}), FILE, RetryPolicy(clock=FakeClock().clock), threads, depth)
        assert all_of(ahead.run(start, SIZE, step)) == DATA[start:]


def test_a_range_that_breaks_is_fetched_on_from_where_it_broke(policy: RetryPolicy, pool: ThreadPoolExecutor) -> None:
    source = scripted(cut_after(100), ends_after(200), None, stall_after(300))
    assert all_of(ReadAhead(source, FILE, policy, pool, 4).run(0, SIZE, RANGE)) == DATA
    assert source.served["x"] == SIZE


@pytest.mark.parametrize("depth", [1, 4])
def test_what_comes_is_counted_once_however_often_a_stream_breaks(
    policy: RetryPolicy, pool: ThreadPoolExecutor, depth: int
) -> None:
    source, counters = scripted(cut_after(100), ends_after(200), None, stall_after(300)), Counters()
    count = Received(counters, done=5, fetched=7)
    stream: Iterator[Buffer] = steady(source, FILE, policy, 0, None, count.add)
    if depth > 1:
        stream = ReadAhead(source, FILE, policy, pool, depth).run(0, SIZE, RANGE, count.add)
    assert all_of(stream) == DATA
    assert (count.done, count.fetched, counters.fetched) == (SIZE + 5, SIZE + 7, SIZE)


def test_never_more_ranges_than_allowed_are_under_way_or_waiting(policy: RetryPolicy, pool: ThreadPoolExecutor) -> None:
    source = scripted()
    stream = ReadAhead(source, FILE, policy, pool, 3).run(0, SIZE, 8 * KIB)
    consumed = 0
    for buffer in stream:
        consumed += len(buffer)
        assert source.opens["x"] <= consumed // (8 * KIB) + 3


class Scripted(Executor):
    """Fetches at once, and says of each range in turn whether it was there before the reader came."""

    def __init__(self, *ready: bool) -> None:
        self._ready = iter(ready)
        self.fetched = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        self.fetched += 1
        ready = next(self._ready, True)
        future.done = lambda: ready  # type: ignore[method-assign]
        return future


def test_more_is_fetched_ahead_for_a_reader_that_waits_and_less_again_where_all_lies_ready(policy: RetryPolicy) -> None:
    pool = Scripted(*[False] * 10, *[True] * 60, False)
    reader = ReadAhead(scripted(), FILE, policy, pool, 8).run(0, SIZE, KIB)
    ahead = [pool.fetched - number for number, _ in enumerate(reader)]
    assert [depth for depth, _ in groupby(ahead)] == [2, 4, 8, 7, 6, 5, 4, 3, 2, 4, 3, 2, 1]
    assert [len(list(group)) for _, group in groupby(ahead)][:4] == [1, 2, 15, 8], (
        "twice as many once all were waited for"
    )


def test_no_more_is_fetched_ahead_than_there_is_memory_for(policy: RetryPolicy) -> None:
    memory = MemoryBudget(5 * KIB)
    pool = Scripted(*[False] * 10_000)
    reader = ReadAhead(scripted(), FILE, policy, pool, 8, memory).run(0, SIZE, KIB)
    ahead = [pool.fetched - number for number, _ in enumerate(reader)]
    assert max(ahead) == 5
    taken = memory.take(5 * KIB)
    one = ReadAhead(scripted(), FILE, policy, Scripted(*[False] * 10_000), 8, memory).run(0, SIZE, KIB)
    threading.Timer(0, lambda: memory.give_back(taken - KIB)).start()
    assert sum(len(buffer) for buffer in one) == SIZE, "one range is always waited for"
    assert memory.take(4 * KIB) == 4 * KIB, "all is given back"
    broken = ReadAhead(scripted(), FILE, policy, Scripted(*[False] * 10_000), 8, memory).run(0, SIZE, KIB)
    memory.give_back(5 * KIB)
    next(broken)
    broken.close()
    assert memory.try_take(5 * KIB) == 5 * KIB
    assert memory.try_take(1) == 0


def test_ranges_that_come_side_by_side_are_not_taken_for_a_fast_network(policy: RetryPolicy) -> None:
    pool = Scripted(*([False] + [True] * 7) * 30)
    reader = ReadAhead(scripted(), FILE, policy, pool, 8).run(0, SIZE, KIB)
    ahead = [pool.fetched - number for number, _ in enumerate(reader)]
    assert set(ahead[60:-8]) == {8}


def test_the_error_of_a_range_reaches_the_reader_and_stops_the_rest(
    policy: RetryPolicy, pool: ThreadPoolExecutor
) -> None:
    def denied(opening: Opening) -> ByteStream:
        raise AccessDenied("no")

    source = scripted(None, denied)
    with pytest.raises(AccessDenied):
        all_of(ReadAhead(source, FILE, policy, pool, 2).run(0, SIZE, 8 * KIB))
    pool.shutdown()
    assert source.opens["x"] <= 6


def test_a_reader_that_leaves_lets_the_rest_go(policy: RetryPolicy) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(opening: Opening) -> ByteStream:
        begun.set()
        go_on.wait(10)
        return opening.stream()

    source = scripted(None, slow, None, None)
    with ThreadPoolExecutor(1) as threads:
        stream = ReadAhead(source, FILE, policy, threads, 4).run(0, SIZE, 8 * KIB)
        next(stream)
        begun.wait(10)
        stream.close()
        go_on.set()
    assert source.opens["x"] == 2


def test_a_busy_server_is_waited_for_in_every_range(policy: RetryPolicy, pool: ThreadPoolExecutor) -> None:
    source = scripted(*busy(3, 2.0))
    assert all_of(ReadAhead(source, FILE, policy, pool, 2).run(0, SIZE, RANGE)) == DATA
    with pytest.raises(ServerBusy):
        all_of(ReadAhead(scripted(always=busy(1)[0]), FILE, policy, pool, 2).run(0, SIZE, RANGE))
