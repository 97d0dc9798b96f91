"""The source that breaks on purpose breaks as it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from downloader.errors import DownloadError, NetworkError, RangeRefused, ServerBusy, SizeMismatch, StreamStalled
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from downloader.sources.memory import MemorySource
from support import scripted
from support.scripted import Fault, ScriptedSource

DATA = bytes(range(250))
FILE = RemoteFile(SafePath("k"), None, "k")


def source_with(*faults: Fault | None, always: Fault | None = None) -> ScriptedSource:
    inner = MemorySource({"k": DATA}, step=64)
    return ScriptedSource(inner, {"k": faults}, {"k": always} if always else {})


def read(source: ScriptedSource, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join(source.open(FILE, start, stop))


@pytest.mark.parametrize(
    ("fault", "error", "count"),
    [(scripted.cut_after(100), NetworkError, 100), (scripted.stall_after(0), StreamStalled, 0)],
)
def test_streams_break_after_so_many_bytes(fault: Fault, error: type[DownloadError], count: int) -> None:
    source = source_with(None, fault)
    assert read(source) == DATA
    with pytest.raises(error):
        read(source, 10)
    assert (source.opens["k"], source.served["k"]) == (2, len(DATA) + count)
    assert read(source) == DATA
    assert source.spans == [("k", 0, None), ("k", 10, None), ("k", 0, None)]


@pytest.mark.parametrize("start", [0, 77, 100])
def test_a_bit_is_flipped_where_it_stands_in_the_file(start: int) -> None:
    wrong = bytearray(DATA)
    wrong[100] ^= 1
    source = source_with(scripted.flip_bit(100))
    assert read(source, start) == wrong[start:]
    assert read(source, start) == DATA[start:]


def test_always_is_always() -> None:
    source = source_with(always=scripted.flip_bit(3))
    assert read(source) == read(source) != DATA
    assert read(source, 4) == DATA[4:]


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (scripted.ends_after(70), lambda stream: b"".join(stream) == DATA[50:120]),
        (scripted.goes_on(b"more"), lambda stream: b"".join(stream) == DATA[50:] + b"more"),
        (scripted.announces_size(7), lambda stream: stream.size == 7),
        (scripted.ignore_range, lambda stream: (stream.start, b"".join(stream)) == (0, DATA)),
    ],
)
def test_wrong_answers(fault: Fault, check: Callable[[object], bool]) -> None:
    assert check(source_with(fault).open(FILE, 50))


def test_refusals() -> None:
    source = source_with(*scripted.busy(2, retry_after=3), scripted.reset, scripted.refuse_range, scripted.out_of_range)
    for error in (ServerBusy, ServerBusy, NetworkError, RangeRefused, SizeMismatch):
        with pytest.raises(error):
            source.open(FILE)
    assert read(source) == DATA
