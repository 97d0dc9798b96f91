"""Healing by parts, held against anything that hypothesis can think of: which parts are damaged, which are fetched."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from downloader.results import Outcome
from downloader.sources.memory import MemorySource
from support.fast_folder import fast_folder
from support.restoring import KIB, content, file_for, part_path, restored, tree
from support.scripted import ScriptedSource, reset
from support.stored_parts import damaged, in_parts

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(100, method="thread")]

HEALINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

PART, PARTS = 3 * KIB, 12
DATA = content(PARTS * PART - 100)
FILE = file_for("x", DATA)
SOME = st.frozensets(st.integers(0, PARTS - 1))


def size_of(part: int) -> int:
    return len(DATA[part * PART : (part + 1) * PART])


def wrong_in(parts: frozenset[int], at: int) -> bytes:
    return damaged(DATA, *(part * PART + at % size_of(part) for part in parts))


def source_of(breaks: int = 0) -> ScriptedSource:
    """Its streams after the first `breaks` break until nobody asks any more, if there are any."""
    script = [*[None] * breaks, *[reset] * 6] if breaks else []
    return ScriptedSource(MemorySource({"x": in_parts(DATA, PART)}, step=KIB), {"x": script})


@HEALINGS
@given(wrong=SOME.filter(bool), at=st.integers(0, PART - 1), more=st.binary(max_size=5))
@example(frozenset(range(PARTS)), 0, b"")
def test_what_is_damaged_is_fetched_and_nothing_else(wrong: frozenset[int], at: int, more: bytes) -> None:
    with tempfile.TemporaryDirectory(dir=fast_folder()) as name:
        folder = Path(name)
        (folder / "x").write_bytes(wrong_in(wrong, at) + more)
        source = source_of()
        result = restored(source, folder, [FILE])["x"]
        assert (result.outcome, result.assurance) == (Outcome.SELF_HEALED, str(FILE.checksums[0]))
        assert tree(folder) == {"x": DATA}
        assert result.fetched == source.served["x"] == sum(map(size_of, wrong))
        asked = {at // PART for _, start, stop in source.spans for at in range(start, stop or len(DATA), KIB)}
        assert asked == wrong


@HEALINGS
@given(
    copy=SOME.filter(bool),
    part=SOME,
    length=st.integers(1, len(DATA)),
    at=st.integers(0, PART - 1),
    breaks=st.integers(0, 4),
)
def test_whatever_is_right_in_copy_or_part_file_is_kept(
    copy: frozenset[int], part: frozenset[int], length: int, at: int, breaks: int
) -> None:
    """Also where the first run breaks off: what it fetched is not fetched again."""
    with tempfile.TemporaryDirectory(dir=fast_folder()) as name:
        folder = Path(name)
        old = wrong_in(copy, at)
        (folder / "x").write_bytes(old)
        part_path(folder, FILE).write_bytes(wrong_in(part, at)[:length])
        missing = [number for number in copy if number in part or min((number + 1) * PART, len(DATA)) > length]
        first = restored(source_of(breaks), folder, [FILE])["x"] if breaks else None
        if first is None or not first.ok:
            assert (folder / "x").read_bytes() == old
            result = restored(source_of(), folder, [FILE])["x"]
            assert (result.outcome, result.verified) == (Outcome.SELF_HEALED, True)
            fetched = result.fetched + (first.fetched if first else 0)
            if len(missing) < PARTS:
                assert fetched == sum(map(size_of, missing))
        assert tree(folder) == {"x": DATA}
