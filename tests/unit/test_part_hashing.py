"""Parts hashed side by side: the same value as one after the other, whatever the sizes."""

from __future__ import annotations

import itertools
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from downloader.checksums import MIB, S3_ETAG, Checksum
from downloader.disk.reading import hash_parts
from downloader.transfer.concurrency import MemoryBudget
from downloader.transfer.part_hashing import PartHasher, hashing
from support.restoring import KIB, content

DATA = content(300 * KIB)


def form_of(size: int, part_sizes: tuple[int, ...], algorithm: str = S3_ETAG) -> Checksum:
    count = len(part_sizes) if len(part_sizes) > 1 else max(1, -(-size // part_sizes[0]))
    return Checksum(algorithm, f"{'0' * 32}-{count}", part_sizes)


def one_after_the_other(form: Checksum, data: bytes) -> str:
    hasher = form.hasher()
    hasher.update(data)
    return hasher.value()


cuts = st.lists(st.integers(1, 40_000), min_size=1, max_size=40)


@given(cuts, cuts, st.sampled_from([S3_ETAG, "sha256", "crc32"]), st.booleans())
def test_any_parts_in_any_buffers(parts: list[int], buffers: list[int], algorithm: str, reused: bool) -> None:
    size = min(sum(parts), len(DATA))
    form = form_of(size, (parts[0],) if sum(parts) > len(DATA) else tuple(parts), algorithm)
    memory, at, buffer = MemoryBudget(50_000), 0, bytearray()
    with PartHasher(form, memory, 3) as hasher:
        for step in buffers * (size // sum(buffers) + 1):
            if reused:
                buffer[:] = DATA[at : min(at + step, size)]
                hasher.update(buffer)
            else:
                hasher.update(DATA[at : min(at + step, size)])
            at += step
        assert hasher.value() == one_after_the_other(form, DATA[:size])
    assert memory.try_take(50_000) == 50_000, "all is given back"


# A part costs as much as a thread's turn, so that no example has more than a few hundred, but for one of single bytes.
@example(size=3_000, part=1)
@given(st.integers(0, len(DATA)), st.integers(len(DATA) // 300, 60_000))
def test_a_file_that_lies_there(tmp_path_factory: pytest.TempPathFactory, size: int, part: int) -> None:
    form = form_of(size, (part,))
    path = tmp_path_factory.getbasetemp() / "file"
    path.write_bytes(DATA)
    with path.open("rb") as file:
        assert hash_parts(file.fileno(), size, form) == one_after_the_other(form, DATA[:size])


def test_a_file_that_is_shorter_than_it_was(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(DATA[:-1])
    with (tmp_path / "x").open("rb") as file, pytest.raises(EOFError):
        hash_parts(file.fileno(), len(DATA), form_of(len(DATA), (10_000,)))


def test_a_batch_that_is_stopped_reads_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(DATA)
    checks, reads, preadv = itertools.count(1), [], os.preadv

    def read(*arguments: Any) -> int:
        reads.append(arguments)
        return preadv(*arguments)

    def check() -> None:
        if next(checks) > 5:
            raise RuntimeError("stopped")

    monkeypatch.setattr(os, "preadv", read)
    with (tmp_path / "x").open("rb") as file, pytest.raises(RuntimeError, match="stopped"):
        hash_parts(file.fileno(), len(DATA), form_of(len(DATA), (1_000,)), check)
    assert len(reads) == 5


def test_a_part_that_broke_off_leaves_no_thread_and_no_memory_behind() -> None:
    before, memory = set(threading.enumerate()), MemoryBudget(MIB)
    with PartHasher(form_of(len(DATA), (100_000,)), memory) as hasher:
        hasher.update(DATA[:150_000])
    assert set(threading.enumerate()) <= before
    assert memory.try_take(MIB) == MIB


def test_a_buffer_larger_than_the_memory() -> None:
    form = form_of(len(DATA), (200_000,))
    with PartHasher(form, MemoryBudget(1_000)) as hasher:
        hasher.update(DATA)
        assert hasher.value() == one_after_the_other(form, DATA)


@pytest.mark.parametrize(
    ("form", "size", "parallel"),
    [
        (form_of(64 * MIB, (8 * MIB,)), 64 * MIB, True),
        (form_of(64 * MIB, (64 * MIB,)), 64 * MIB, False),
        (form_of(8 * MIB, (MIB,)), 8 * MIB, False),
        (Checksum("md5", "0" * 32), 64 * MIB, False),
    ],
)
def test_more_than_one_thread_is_begun_where_that_pays(
    monkeypatch: pytest.MonkeyPatch, form: Checksum, size: int, parallel: bool
) -> None:
    monkeypatch.setattr("downloader.transfer.part_hashing.PROCESSORS", 2)
    with hashing(form, size, MemoryBudget(MIB)) as hasher:
        assert isinstance(hasher, PartHasher) == parallel
    with hashing(None, size, MemoryBudget(MIB)) as nothing:
        assert nothing is None
    monkeypatch.setattr("downloader.transfer.part_hashing.PROCESSORS", 1)
    with hashing(form, size, MemoryBudget(MIB)) as hasher:
        assert not isinstance(hasher, PartHasher)
