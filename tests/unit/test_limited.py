"""The speed limit: exact over all threads, even, given up at once by a batch that is stopped."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from downloader.checksums import MIB
from downloader.errors import NetworkError, NotTried, ObjectNotFound
from downloader.remote_file import RemoteFile
from downloader.retry import Clock, Halt, RetryPolicy
from downloader.source import Capabilities, probe
from downloader.sources.memory import MemorySource
from downloader.transfer.batch import restore
from downloader.transfer.limited import LimitedSource, SpeedLimit, limited
from downloader.transfer.options import TransferLimits, TransferOptions
from support.restoring import KIB, LIMITS, FakeClock, content, file_for, files_for, transfer_options
from support.scripted import Fault, ScriptedSource, cut_after, reset

RATE = 1_000_000.0
SLICE = 100_000
"""A tenth of a second's worth."""
ALONE = replace(LIMITS, threads=1, large_threads=1, read_ahead=1)
"""One thread a lane: the time of `FakeClock` is then that of the batch."""


def limit_of(clock: FakeClock, rate: float = RATE, halt: Halt | None = None) -> SpeedLimit:
    return SpeedLimit(rate, clock.clock, halt or Halt())


def test_what_was_taken_is_at_no_time_more_than_the_limit_and_its_burst(clock: FakeClock) -> None:
    limit, taken, began = limit_of(clock), 0, clock.time
    for count in (1, 99_999, 250_000, 7, 600_000, 16_000, 1_000_000):
        limit.take(count)
        taken += count
        assert taken <= RATE * (clock.time - began + 0.1) + 1
    assert clock.time - began == pytest.approx(taken / RATE - 0.1)


def test_time_in_which_nothing_was_taken_is_not_made_up_for(clock: FakeClock) -> None:
    limit = limit_of(clock)
    limit.take(SLICE)
    clock.time += 3600
    before = clock.time
    limit.take(SLICE)
    assert clock.time == before
    limit.take(SLICE)
    assert clock.time - before == pytest.approx(0.1)


def test_threads_share_one_limit_and_wait_their_turn() -> None:
    """Time stands still, so each wait is counted from the same moment."""
    waited = threading.local()

    def sleep(seconds: float) -> None:
        waited.seconds += seconds

    limit = SpeedLimit(RATE, Clock(lambda: 0.0, sleep), Halt())

    def take(_: int) -> float:
        waited.seconds = 0.0
        limit.take(50_000)
        seconds: float = waited.seconds
        return seconds

    with ThreadPoolExecutor(8) as pool:
        waits = sorted(pool.map(take, range(100)))
    assert waits == pytest.approx([max(0.0, 0.05 * turn - 0.1) for turn in range(1, 101)], abs=1e-6)


def test_a_stopped_batch_does_not_wait(clock: FakeClock) -> None:
    halt = Halt()
    limit = limit_of(clock, halt=halt)
    limit.take(10_000_000)
    before = clock.time
    halt.set("enough")
    with pytest.raises(NotTried, match="enough"):
        limit.take(10_000_000)
    assert clock.time - before == pytest.approx(0.1), "of twenty seconds"


def test_large_buffers_are_handed_out_in_slices(clock: FakeClock) -> None:
    data = content(1_000_000)
    source = LimitedSource(MemorySource({"a": data}, step=len(data)), limit_of(clock))
    began = clock.time
    times, parts = [], []
    with closing(source.open(RemoteFile(file_for("a", data).path, None, "a"))) as stream:
        for piece in stream:
            times.append(clock.time - began)
            parts.append(bytes(piece))
    assert b"".join(parts) == data
    assert max(map(len, parts)) == SLICE
    assert times == pytest.approx([0.1 * n for n in range(10)])


def test_a_request_waits_for_its_turn_before_it_is_sent(clock: FakeClock) -> None:
    """An answer comes whether it is read or not: small files are spaced by their requests."""
    files = {str(n): content(50_000, n) for n in range(6)}
    inner = MemorySource(files)
    source, began, asked = LimitedSource(inner, limit_of(clock)), clock.time, []
    for name, data in files.items():
        with closing(source.open(file_for(name, data))) as stream:
            asked.append(clock.time - began)
            assert b"".join(stream) == data
            assert clock.time - began == asked[-1], "what was waited for before is not waited for again"
    assert asked == pytest.approx([0.0, 0.0, 0.05, 0.1, 0.15, 0.2])


@pytest.mark.parametrize("fault", [reset, cut_after(0)])
def test_what_did_not_come_does_not_count(clock: FakeClock, fault: Fault) -> None:
    data = content(SLICE)
    source = LimitedSource(ScriptedSource(MemorySource({"a": data}), always={"a": fault}), limit_of(clock))
    before = clock.time
    for _ in range(20):
        with pytest.raises(NetworkError), closing(source.open(file_for("a", data))) as stream:
            list(stream)
    with pytest.raises(ObjectNotFound):
        source.open(file_for("b", data))
    assert clock.time == before


def test_descriptions_are_not_limited(clock: FakeClock) -> None:
    data = content(SLICE)
    limit = limit_of(clock)
    source = LimitedSource(MemorySource({"a": data}), limit)
    limit.take(SLICE)
    before = clock.time
    for _ in range(100):
        assert source.describe(file_for("a", data)).size == SLICE
    assert clock.time == before
    probe(source, file_for("a", data))
    assert clock.time - before < 1e-5, "one byte"


def test_an_answer_that_the_buffers_hold_is_waited_for_before_it_is_requested(clock: FakeClock) -> None:
    """One that they do not hold begins at once, and is then read as slowly as the limit wants it."""
    files = {"held": content(4 * MIB), "long": content(4 * MIB + 1)}
    source = LimitedSource(MemorySource(files), limit_of(clock))
    waited = []
    for name, data in files.items():
        before = clock.time
        with closing(source.open(file_for(name, data))) as stream:
            waited.append(clock.time - before)
            assert b"".join(stream) == data
        waited.append(clock.time - before)
    assert waited == pytest.approx([4.094, 4.094, 0.1, 4.194], abs=0.002)


@pytest.mark.parametrize(
    ("max_speed", "range_size"),
    [(0, 4 * MIB), (1e4, 64 * KIB), (5e6, 500_000), (20e6, 2_000_000), (1e9, 4 * MIB)],
)
def test_ranges_are_small_enough_to_come_evenly(max_speed: float, range_size: int) -> None:
    source = MemorySource({}, Capabilities(parallel_ranges=3))
    wrapped, options = limited(source, TransferOptions(TransferLimits(max_speed=max_speed)))
    assert options.limits == TransferLimits(max_speed=max_speed, range_size=range_size)
    assert (wrapped is source) is (max_speed == 0)
    assert wrapped.capabilities == source.capabilities


@pytest.mark.usefixtures("quick_disk")
@pytest.mark.parametrize("objects", [{"large": content(600 * KIB)}, {str(n): content(4 * KIB, n) for n in range(150)}])
def test_a_batch_keeps_to_its_limit(destination: Path, clock: FakeClock, objects: dict[str, bytes]) -> None:
    total, rate = sum(map(len, objects.values())), 100_000.0
    options = transfer_options(clock, replace(ALONE, max_speed=rate))
    began = clock.time
    results = restore(files_for(objects), MemorySource(objects), destination, options)
    assert all(result.verified for result in results)
    assert clock.time - began == pytest.approx(total / rate - 0.1, abs=0.02)


@pytest.mark.usefixtures("quick_disk")
def test_a_batch_without_a_limit_never_waits(destination: Path, clock: FakeClock) -> None:
    assert TransferLimits().max_speed == 0
    objects = {"large": content(600 * KIB), "small": content(KIB)}
    assert all(r.ok for r in restore(files_for(objects), MemorySource(objects), destination, transfer_options(clock)))
    assert clock.slept == []


@pytest.mark.usefixtures("quick_disk")
@pytest.mark.timeout(60, method="thread")
def test_a_limited_batch_that_is_stopped_ends(destination: Path) -> None:
    """At its limit it would take for ever: time passes, and the bytes do not come."""
    halt, waits = Halt(), threading.Event()

    def sleep(seconds: float) -> None:
        waits.set()
        halt.set("a person stopped it")

    options = transfer_options(limits=replace(LIMITS, max_speed=1e-3))
    options = replace(options, retry=RetryPolicy(clock=Clock(lambda: 0.0, sleep), halt=halt))
    objects = {"large": content(600 * KIB)} | {str(n): content(4 * KIB, n) for n in range(20)}
    results = restore(files_for(objects), MemorySource(objects), destination, options)
    assert waits.is_set()
    assert {result.message.split(":")[0] for result in results} == {"Not tried"}
