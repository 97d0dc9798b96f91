"""Healing by parts: what of a damaged file is fetched, what is copied, and what happens where that breaks off."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from downloader.checksums import Checksum
from downloader.errors import AccessDenied, DownloadError, ServerBusy
from downloader.remote_file import RemoteFile, RemotePart
from downloader.results import FileResult, Outcome
from downloader.source import Capabilities, Source
from downloader.sources.memory import MemoryObject, MemorySource
from downloader.transfer.progress import FileProgress
from downloader.transfer.single_file import SingleFile
from support.restoring import (
    KIB,
    FakeClock,
    content,
    context_for,
    file_for,
    part_files,
    part_path,
    plain_copy,
    restored,
    tree,
)
from support.scripted import Fault, ScriptedSource, flip_bit, refuse_range, replaced, reset
from support.stored_parts import damaged, in_parts, parts_of_data

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(100, method="thread")]

PART = 8 * KIB
PARTS = 50
DATA = content(PARTS * PART - 5)
FILE = file_for("x", DATA)
SAMPLE = 64 * KIB


def source_of(
    *script: Fault | None, stored: MemoryObject | None = None, capabilities: Capabilities | None = None
) -> ScriptedSource:
    return ScriptedSource(MemorySource({"x": stored or in_parts(DATA, PART)}, capabilities, step=KIB), {"x": script})


def healed(source: Source, folder: Path, copy: bytes | None, part: bytes | None = None) -> FileResult:
    if copy is not None:
        (folder / "x").write_bytes(copy)
    if part is not None:
        part_path(folder, FILE).write_bytes(part)
    return restored(source, folder, [FILE])["x"]


def came_home(result: FileResult, folder: Path, outcome: Outcome = Outcome.SELF_HEALED) -> None:
    assert (result.outcome, result.size, result.assurance) == (outcome, len(DATA), str(FILE.checksums[0]))
    assert tree(folder) == {"x": DATA}


def begin(number: int) -> int:
    return number * PART


# --- what is fetched --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("copy", "fetched", "reason"),
    [
        (damaged(DATA, begin(17) + 3), PART, "hash mismatch detected"),
        (damaged(DATA, begin(17), begin(18) - 1, begin(30)), 2 * PART, "hash mismatch detected"),
        (damaged(DATA, begin(17) - 1, begin(17)), 2 * PART, "hash mismatch detected"),
        (damaged(DATA, 0), PART, "hash mismatch detected"),
        (damaged(DATA, len(DATA) - 1), PART - 5, "hash mismatch detected"),
        (bytes(begin(40)) + DATA[begin(40) :], begin(40), "hash mismatch detected"),
        (DATA + b"!", 0, "size mismatch detected"),
        (damaged(DATA, 9) + DATA, PART, "size mismatch detected"),
    ],
)
def test_only_parts_that_are_wrong_are_fetched(tmp_path: Path, copy: bytes, fetched: int, reason: str) -> None:
    source = source_of()
    result = healed(source, tmp_path, copy)
    came_home(result, tmp_path)
    assert (result.fetched, source.served["x"], result.message) == (fetched, fetched, reason)
    assert source.asked_for_parts["x"] == 1


def test_an_incomplete_copy_is_continued_as_ever(tmp_path: Path) -> None:
    """That costs less than parts: the half of one that is there need not come again."""
    source = source_of()
    result = healed(source, tmp_path, DATA[: begin(49) + 100])
    came_home(result, tmp_path, Outcome.RESUMED)
    assert result.fetched == len(DATA) - begin(49) - 100 + SAMPLE
    assert not source.asked_for_parts


@pytest.mark.parametrize("wrong", [0, begin(20) + 1, begin(39) + 5])
def test_an_incomplete_copy_that_is_altered_costs_what_is_broken(tmp_path: Path, wrong: int) -> None:
    source = source_of()
    result = healed(source, tmp_path, damaged(DATA[: begin(40)], wrong))
    came_home(result, tmp_path)
    assert result.fetched == len(DATA) - begin(40) + PART + SAMPLE
    assert (result.message, source.asked_for_parts["x"]) == ("incomplete copy detected", 1)


def test_a_part_file_that_turns_out_altered_keeps_what_is_right(tmp_path: Path) -> None:
    result = healed(source_of(), tmp_path, None, damaged(DATA[: begin(30) + 7], begin(3)))
    came_home(result, tmp_path, Outcome.RESUMED)
    assert result.fetched == len(DATA) - begin(30) - 7 + PART


def test_bytes_that_were_altered_on_the_way_are_fetched_once_more(tmp_path: Path) -> None:
    result = healed(source_of(flip_bit(begin(1) + 7)), tmp_path, None)
    came_home(result, tmp_path, Outcome.DOWNLOADED)
    assert result.fetched == len(DATA) + PART


@pytest.mark.parametrize("copy", [None, DATA, DATA[: begin(20)]], ids=["missing", "intact", "a beginning"])
def test_parts_are_asked_for_where_something_is_damaged(tmp_path: Path, copy: bytes | None) -> None:
    source = source_of()
    assert healed(source, tmp_path, copy).ok
    assert not source.asked_for_parts


@pytest.mark.parametrize("algorithm", ["sha256", "crc32", "crc32c", "crc64nvme", "sha1", "md5"])
def test_parts_have_checksums_of_any_kind(tmp_path: Path, algorithm: str) -> None:
    stored = in_parts(DATA, PART, algorithm)
    result = healed(source_of(stored=stored), tmp_path, damaged(DATA, begin(8)))
    came_home(result, tmp_path)
    assert result.fetched == PART


def test_the_log_says_how_many_parts_are_fetched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "downloader.transfer"):
        healed(source_of(), tmp_path, damaged(DATA, 1, begin(9)))
    assert "x: 2 of its 50 parts are wrong, and fetched" in caplog.messages


# --- where it cannot be -----------------------------------------------------------------------------------------------


class Refusing(ScriptedSource):
    """A source that does not tell the parts of its files."""

    def __init__(self, error: DownloadError | None) -> None:
        super().__init__(MemorySource({"x": DATA}, step=KIB))
        self._error = error

    def parts(self, file: RemoteFile) -> tuple[RemotePart, ...]:
        self.asked_for_parts[file.key] += 1
        if self._error is None:
            return ()
        raise self._error


@pytest.mark.parametrize(
    ("error", "asked"), [(None, 1), (AccessDenied("no"), 1), (ServerBusy("503"), 3)], ids=["none", "refused", "busy"]
)
def test_without_parts_the_whole_is_fetched(tmp_path: Path, error: DownloadError | None, asked: int) -> None:
    source = Refusing(error)
    result = healed(source, tmp_path, damaged(DATA, 9))
    came_home(result, tmp_path)
    assert (result.fetched, source.asked_for_parts["x"]) == (len(DATA), asked)


def test_where_nothing_is_right_the_whole_is_fetched(tmp_path: Path) -> None:
    result = healed(source_of(), tmp_path, bytes(len(DATA)))
    came_home(result, tmp_path)
    assert result.fetched == len(DATA)


def test_a_source_without_ranges_sends_the_whole(tmp_path: Path) -> None:
    source = source_of(capabilities=Capabilities(ranges=False, parallel_ranges=1))
    result = healed(source, tmp_path, damaged(DATA, 9))
    came_home(result, tmp_path)
    assert (result.fetched, source.asked_for_parts["x"]) == (len(DATA), 0)


def test_a_server_that_refuses_the_range_sends_the_whole(tmp_path: Path) -> None:
    result = healed(source_of(refuse_range), tmp_path, damaged(DATA, 9))
    came_home(result, tmp_path)
    assert result.fetched == len(DATA)


@pytest.mark.parametrize("wrong", [3, 49], ids=["one", "the last"])
def test_parts_that_do_not_fit_the_file_prove_nothing(tmp_path: Path, wrong: int) -> None:
    """The part's checksum is that of other bytes: the whole file's decides, and the whole is fetched."""
    parts = list(parts_of_data(DATA, PART))
    parts[wrong] = replace(parts[wrong], checksum=Checksum("crc64nvme", "0" * 16))
    parts[7] = replace(parts[7], checksum=parts_of_data(damaged(DATA, begin(7)), PART)[7].checksum)
    result = healed(source_of(stored=MemoryObject(DATA, parts=tuple(parts))), tmp_path, damaged(DATA, begin(7)))
    came_home(result, tmp_path)
    assert result.fetched == len(parts[wrong].span) + len(DATA)


def test_what_is_wrong_at_its_source_fails_and_the_copy_stays(tmp_path: Path) -> None:
    wrong, copy = damaged(DATA, begin(5)), damaged(DATA, begin(6))
    result = healed(source_of(stored=in_parts(wrong, PART)), tmp_path, copy)
    assert (result.outcome, result.message.split(":")[0]) == (Outcome.FAILED, "Checksum mismatch")
    assert tree(tmp_path) == {"x": copy}


def test_a_link_in_the_place_of_the_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(damaged(DATA, 9))
    (tmp_path / "x").symlink_to("elsewhere")
    result = restored(source_of(), tmp_path, [FILE])["x"]
    assert (result.outcome, result.fetched, result.message) == (Outcome.SELF_HEALED, len(DATA), "not a regular file")
    assert (tmp_path / "x").read_bytes() == DATA


def test_a_file_that_is_to_be_overwritten_is_fetched_whole(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(damaged(DATA, 9))
    source = source_of()
    with context_for(source, tmp_path) as batch:
        policy = replace(batch.options.policy, overwrite=True)
        result = SingleFile(FILE, replace(batch, options=replace(batch.options, policy=policy))).run()
    assert (result.outcome, result.fetched) == (Outcome.DOWNLOADED, len(DATA))


# --- where it breaks off ----------------------------------------------------------------------------------------------


def test_a_healing_that_broke_off_goes_on(tmp_path: Path) -> None:
    """The first of three wrong parts came; the second run fetches the other two, and copies none again."""
    copy = damaged(DATA, begin(3), begin(20), begin(40))
    broken = ScriptedSource(source_of().inner, {"x": [None, *[reset] * 6]})
    result = healed(broken, tmp_path, copy)
    assert (result.outcome, result.fetched) == (Outcome.FAILED, PART)
    assert plain_copy(tmp_path, "x") == copy
    assert part_path(tmp_path, FILE).read_bytes() == DATA[: begin(20)]
    again = healed(source_of(), tmp_path, None)
    came_home(again, tmp_path)
    assert again.fetched == 2 * PART


def test_a_part_file_with_holes_is_filled(tmp_path: Path) -> None:
    """As a power cut may leave it: as long as it was, with zeros for what was not on the disk yet."""
    hole = DATA[: begin(10)] + bytes(begin(5)) + DATA[begin(15) : begin(30)]
    result = healed(source_of(), tmp_path, damaged(DATA, begin(12), begin(45)), hole)
    came_home(result, tmp_path)
    assert result.fetched == 2 * PART


def test_an_object_that_was_replaced_is_fetched_as_it_is_now(tmp_path: Path) -> None:
    """The parts of the new one are asked for. The record's checksum refuses its bytes."""
    source = source_of(replaced)
    result = healed(source, tmp_path, damaged(DATA, begin(3)))
    came_home(result, tmp_path)
    assert (result.fetched, source.asked_for_parts["x"]) == (PART, 2)


def test_progress_never_goes_above_the_whole(tmp_path: Path) -> None:
    seen: list[FileProgress] = []
    source = source_of()
    (tmp_path / "x").write_bytes(damaged(DATA, begin(3), begin(20), begin(40)))
    with context_for(source, tmp_path) as batch:
        real = source.open

        def looked(file: RemoteFile, start: int = 0, stop: int | None = None):  # type: ignore[no-untyped-def]
            seen.extend(batch.counters.under_way())
            return real(file, start, stop)

        source.open = looked  # type: ignore[method-assign]
        assert SingleFile(FILE, batch).run().ok
    assert [(look.done, look.fetched) for look in seen] == [
        (begin(3), 0),
        (begin(20), PART),
        (begin(40), 2 * PART),
    ]


def test_a_batch_that_is_stopped_stops_copying(tmp_path: Path) -> None:
    source = source_of()
    copy = damaged(DATA, begin(3), begin(20))
    (tmp_path / "x").write_bytes(copy)
    with context_for(source, tmp_path) as batch:
        real = source.open

        def stopped(file: RemoteFile, start: int = 0, stop: int | None = None):  # type: ignore[no-untyped-def]
            stream = real(file, start, stop)
            batch.halt.set("the task was marked as failed")
            return stream

        source.open = stopped  # type: ignore[method-assign]
        result = SingleFile(FILE, batch).run()
    assert (result.outcome, plain_copy(tmp_path, "x")) == (Outcome.FAILED, copy)
    assert "stopped" in result.message


# --- the disk ---------------------------------------------------------------------------------------------------------


def _refused(number: int) -> Callable[..., int]:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize(
    "answer",
    [_refused(errno.ENOSYS), _refused(errno.EXDEV), _refused(errno.EINVAL), lambda *_: 0],
    ids=["no such call", "another disk", "refused", "nothing copied"],
)
def test_a_disk_that_cannot_copy_is_read_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Callable[..., int]
) -> None:
    monkeypatch.setattr(os, "copy_file_range", answer)
    result = healed(source_of(), tmp_path, damaged(DATA, begin(3)))
    came_home(result, tmp_path)
    assert result.fetched == PART


def test_what_is_copied_wrong_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the checksum of the whole, which reads what was written."""

    def zeros(_: int, to: int, count: int, __: int, at: int) -> int:
        return os.pwrite(to, bytes(count), at)

    monkeypatch.setattr(os, "copy_file_range", zeros)
    result = healed(source_of(), tmp_path, damaged(DATA, begin(3)))
    came_home(result, tmp_path)
    assert result.fetched == PART + len(DATA)


def test_a_disk_that_is_full_leaves_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = damaged(DATA, begin(3))
    (tmp_path / "x").write_bytes(copy)
    full = _refused(errno.ENOSPC)
    with monkeypatch.context() as patched:
        patched.setattr(os, "copy_file_range", full)
        patched.setattr(os, "pwrite", full)
        result = restored(source_of(), tmp_path, [FILE])["x"]
    assert (result.outcome, result.message.split(":")[0]) == (Outcome.FAILED, "Disk full")
    assert plain_copy(tmp_path, "x") == copy
    came_home(healed(source_of(), tmp_path, None), tmp_path)


def test_a_part_that_cannot_be_read_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad sector: the whole cannot be read for its checksum, and all parts but one can."""
    preadv, pread = os.preadv, os.pread

    def look(descriptor: int, count: int, at: int) -> None:
        if at <= begin(11) < at + count and os.readlink(f"/proc/self/fd/{descriptor}") == f"{tmp_path}/x":
            raise OSError(errno.EIO, "Input/output error")

    def bad_pread(descriptor: int, count: int, at: int) -> bytes:
        look(descriptor, count, at)
        return pread(descriptor, count, at)

    def bad_preadv(descriptor: int, buffers: list[memoryview], at: int) -> int:
        look(descriptor, len(buffers[0]), at)
        return preadv(descriptor, buffers, at)

    monkeypatch.setattr(os, "pread", bad_pread)
    monkeypatch.setattr(os, "preadv", bad_preadv)
    result = healed(source_of(), tmp_path, DATA)
    came_home(result, tmp_path)
    assert (result.fetched, result.message) == (PART, "unreadable copy detected (OSError)")


def test_no_part_file_is_left(tmp_path: Path) -> None:
    healed(source_of(), tmp_path, damaged(DATA, 9), DATA[: begin(3)])
    assert part_files(tmp_path) == []
    assert FakeClock().waited == 0
