"""One file, from inspection to its final name: the table of what is there, and what becomes of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from downloader.checksums import MIB, S3_ETAG, Checksum
from downloader.disk.commit_group import commit
from downloader.disk.destination import Destination
from downloader.disk.part_file import PartFile
from downloader.errors import NetworkError, ObjectNotFound, SizeMismatch
from downloader.remote_file import RemoteFile
from downloader.results import SIZE_ONLY, UNVERIFIED, FileResult, Outcome
from downloader.retry import Clock
from downloader.source import ByteStream, Capabilities, Source
from downloader.sources.memory import MemoryObject, MemorySource
from downloader.transfer.context import BatchContext
from downloader.transfer.single_file import SingleFile
from downloader.transfer.streaming import ReadAhead
from downloader_tasks.execution.verified_files import TaskVerifiedFiles
from include.stand_ins.secrets import secret
from support.restoring import (
    KIB,
    LIMITS,
    RANGE,
    FakeClock,
    content,
    context_for,
    file_for,
    part_files,
    part_path,
    plain_copy,
    tree,
)
from support.scripted import (
    Fault,
    Opening,
    ScriptedSource,
    cut_after,
    flip_bit,
    goes_on,
    ignore_range,
    refuse_range,
    replaced,
    reset,
)

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(100, method="thread")]

SECRET = secret("text")
SIZE = 200 * KIB
SAMPLE = 64 * KIB
DATA = content(SIZE)
FILE = file_for("x", DATA)
MD5 = str(FILE.checksums[0])
BARE = replace(FILE, checksums=())
UNSIZED = replace(FILE, checksums=(), size=None)
SILENT = Capabilities(describes=False)
"""Of a source that knows nothing beyond its listing."""


def memory(*, capabilities: Capabilities | None = None, data: bytes | MemoryObject = DATA) -> MemorySource:
    return MemorySource({"x": data}, capabilities, step=8 * KIB)


def scripted(*script: Fault | None, always: Fault | None = None, inner: Source | None = None) -> ScriptedSource:
    return ScriptedSource(inner or memory(), {"x": script}, {"x": always} if always else {})


def transferred(source: Source, destination: Path, file: RemoteFile = FILE, tries: int = 2) -> FileResult:
    with context_for(source, destination) as batch:
        return SingleFile(file, batch, tries).run()


def with_options(batch: BatchContext, **changes: Any) -> BatchContext:
    return replace(batch, options=replace(batch.options, **changes))


def plant_part(destination: Path, data: bytes, file: RemoteFile = FILE) -> None:
    """What an earlier run left."""
    part_path(destination, file).write_bytes(data)


# --- the table --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """What lies there, and what becomes of it."""

    what: str
    copy: bytes | None
    part: bytes | None
    outcome: Outcome
    fetched: int
    message: str = ""


def damaged(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


HALF = DATA[: 100 * KIB]
TABLE = [
    Case("nothing", None, None, Outcome.DOWNLOADED, SIZE),
    Case("the file", DATA, None, Outcome.SKIPPED, 0),
    Case("a damaged copy", damaged(DATA, 9), None, Outcome.SELF_HEALED, SIZE, "hash mismatch detected"),
    Case("a longer copy", DATA + b"!", None, Outcome.SELF_HEALED, SIZE, "size mismatch detected"),
    Case("a true beginning", HALF, None, Outcome.RESUMED, SIZE - len(HALF) + SAMPLE),
    Case("a true beginning of one byte", DATA[:1], None, Outcome.RESUMED, SIZE),
    Case("all but a byte", DATA[:-1], None, Outcome.RESUMED, SAMPLE + 1),
    Case(
        "a beginning with a wrong end",
        damaged(HALF, len(HALF) - 1),
        None,
        Outcome.SELF_HEALED,
        SIZE + SAMPLE,
        "incomplete copy detected",
    ),
    Case(
        "a beginning with a wrong start",
        damaged(HALF, 0),
        None,
        Outcome.SELF_HEALED,
        SIZE + SIZE - len(HALF) + SAMPLE,
        "incomplete copy detected",
    ),
    Case("an empty copy", b"", None, Outcome.SELF_HEALED, SIZE, "incomplete copy detected"),
    Case("half a part file", None, HALF, Outcome.RESUMED, SIZE - len(HALF)),
    Case("a whole part file", None, DATA, Outcome.RESUMED, 0),
    Case("a damaged part file", None, damaged(HALF, 9), Outcome.DOWNLOADED, SIZE + SIZE - len(HALF)),
    Case("a whole but damaged part file", None, damaged(DATA, 9), Outcome.DOWNLOADED, SIZE),
    Case("a part file that is too long", None, DATA + b"!", Outcome.DOWNLOADED, SIZE),
    Case("a part file longer than the copy", DATA[:9], HALF, Outcome.RESUMED, SIZE - len(HALF)),
    Case("a copy longer than the part file", HALF, DATA[:9], Outcome.RESUMED, SIZE - len(HALF) + SAMPLE),
    Case("a false copy longer than the part file", b"?" * len(HALF), DATA[:9], Outcome.RESUMED, SIZE - 9 + SAMPLE),
    Case(
        "a damaged copy and half a part file",
        damaged(DATA, 9),
        HALF,
        Outcome.SELF_HEALED,
        SIZE - len(HALF),
        "hash mismatch detected",
    ),
]


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.what)
def test_what_is_there_decides_what_becomes_of_it(destination: Path, case: Case) -> None:
    if case.copy is not None:
        (destination / "x").write_bytes(case.copy)
    if case.part is not None:
        plant_part(destination, case.part)
    source = scripted()
    result = transferred(source, destination)
    assert result == FileResult("x", case.outcome, SIZE, case.fetched, assurance=MD5, message=case.message)
    assert tree(destination) == {"x": DATA}
    assert source.served["x"] == case.fetched


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.what)
def test_while_the_network_is_down_what_is_there_stays(destination: Path, case: Case) -> None:
    if case.copy is not None:
        (destination / "x").write_bytes(case.copy)
    if case.part is not None:
        plant_part(destination, case.part)
    result = transferred(scripted(always=reset), destination)
    assert plain_copy(destination, "x") == (DATA if result.ok else case.copy)
    assert result.outcome is (case.outcome if not case.fetched else Outcome.FAILED)
    assert result.retryable is not result.ok


def plant_link(path: Path) -> None:
    path.with_name("elsewhere").write_bytes(DATA)
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("plant", [plant_link, os.mkfifo], ids=["link", "FIFO"])
def test_what_is_no_plain_file_is_replaced(destination: Path, plant: Callable[[Path], None]) -> None:
    plant(destination / "x")
    result = transferred(memory(), destination)
    assert (result.outcome, result.message) == (Outcome.SELF_HEALED, "not a regular file")
    assert tree(destination)["x"] == DATA


def test_a_folder_in_the_way_fails_in_a_sentence(destination: Path) -> None:
    (destination / "x").mkdir()
    result = transferred(memory(), destination)
    assert result.message == (
        "Path conflict: x is a folder on the disk, and the file to download has the same name; move one of the two away"
    )
    assert not result.retryable
    assert tree(destination) == {"x": "folder"}


def test_an_empty_file_comes_home(destination: Path) -> None:
    result = transferred(memory(data=b""), destination, file_for("x", b""))
    assert (result.outcome, result.verified) == (Outcome.DOWNLOADED, True)
    assert tree(destination) == {"x": b""}


# --- another run is at it ---------------------------------------------------------------------------------------------


def test_what_another_run_brings_home_while_this_one_waits_is_kept(destination: Path) -> None:
    folder = Destination(destination)
    theirs = PartFile.acquire(folder, folder.place(FILE.path), FILE.identity)
    theirs.write(DATA)
    clock = FakeClock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        commit([theirs])

    source = scripted()
    with context_for(source, destination) as batch:
        waiting = with_options(batch, retry=replace(batch.retry, clock=Clock(clock.now, sleep)))
        result = SingleFile(FILE, waiting).run()
    assert (result.outcome, result.assurance) == (Outcome.SKIPPED, MD5)
    assert source.spans == []


def test_what_another_run_brought_home_between_the_look_and_the_lock_is_kept(destination: Path) -> None:
    """It let go of the lock just in time: nobody was waited for."""

    class Slow(MemorySource):
        def describe(self, file: RemoteFile) -> RemoteFile:
            (destination / "x").write_bytes(DATA)
            return super().describe(file)

    source = ScriptedSource(Slow({"x": DATA}, step=8 * KIB))
    result = transferred(source, destination)
    assert (result.outcome, result.assurance) == (Outcome.SKIPPED, MD5)
    assert source.spans == []
    assert tree(destination) == {"x": DATA}


def test_what_a_record_has_besides_its_md5_proves_and_is_remembered(destination: Path) -> None:
    etag = Checksum(S3_ETAG, "", (64 * KIB,), same_original=True)
    hasher = replace(etag, value="0-4").hasher()
    hasher.update(DATA)
    etag = replace(etag, value=hasher.value())
    file = replace(FILE, checksums=(*FILE.checksums, etag))
    notes = TaskVerifiedFiles([file])
    with context_for(memory(capabilities=SILENT), destination) as batch:
        assert SingleFile(file, with_options(batch, verified=notes)).run().assurance == str(etag)
    with context_for(memory(capabilities=SILENT), destination) as batch:
        (destination / "x").touch()
        again = TaskVerifiedFiles([file], notes.text())
        assert SingleFile(file, with_options(batch, verified=again)).run().assurance == str(etag)
        assert again.changed
        assert SingleFile(file, with_options(batch, verified=again)).run().assurance == str(etag)
    (destination / "x").write_bytes(damaged(DATA, 100))
    result = transferred(memory(capabilities=SILENT), destination, file)
    assert (result.outcome, result.assurance) == (Outcome.SELF_HEALED, str(etag))


def test_what_is_remembered_is_the_file_that_was_verified_not_the_one_that_replaced_it(
    destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run, with another content, gives its file the same name a moment later."""

    def replaced_at_once(folder: str) -> None:
        (destination / "theirs").write_bytes(b"other" * (SIZE // 5))
        (destination / "theirs").rename(destination / "x")

    monkeypatch.setattr("downloader.disk.destination.flush_folder", replaced_at_once)
    notes = TaskVerifiedFiles([FILE])
    with context_for(memory(), destination) as batch:
        assert SingleFile(FILE, with_options(batch, verified=notes)).run().ok
    assert notes.changed
    assert not notes.holds(FILE, os.lstat(destination / "x"))


def test_what_another_run_writes_is_waited_for_no_longer_than_was_said(destination: Path) -> None:
    folder = Destination(destination)
    clock = FakeClock()
    with (
        PartFile.acquire(folder, folder.place(FILE.path), FILE.identity),
        context_for(memory(), destination, clock) as batch,
    ):
        result = SingleFile(FILE, with_options(batch, limits=replace(batch.options.limits, lock_wait=30))).run()
    assert result.message.startswith("In use: another run is writing x")
    assert clock.waited == pytest.approx(30, abs=0.3)


def test_a_stopped_batch_does_not_wait_for_another_run(destination: Path) -> None:
    folder = Destination(destination)
    clock = FakeClock()
    with PartFile.acquire(folder, folder.place(FILE.path), FILE.identity), context_for(memory(), destination) as batch:

        def sleep(seconds: float) -> None:
            clock.sleep(seconds)
            batch.halt.set("the task was killed")

        waiting = with_options(batch, retry=replace(batch.retry, clock=Clock(clock.now, sleep)))
        result = SingleFile(FILE, waiting).run()
    assert result.message.startswith("Not tried: the batch was stopped: the task was killed")
    assert clock.waited < 1


# --- wrong bytes ------------------------------------------------------------------------------------------------------


def test_one_wrong_bit_is_fetched_again(destination: Path) -> None:
    source = scripted(flip_bit(7))
    result = transferred(source, destination)
    assert (result.outcome, result.fetched) == (Outcome.DOWNLOADED, 2 * SIZE)
    assert tree(destination) == {"x": DATA}


@pytest.mark.parametrize("copy", [None, b"old", damaged(DATA, 5)], ids=["none", "short", "damaged"])
def test_a_bit_that_is_always_wrong_fails_and_nothing_changes(destination: Path, copy: bytes | None) -> None:
    if copy is not None:
        (destination / "x").write_bytes(copy)
    source = scripted(always=flip_bit(SIZE - 1))
    result = transferred(source, destination)
    found = hashlib.md5(damaged(DATA, SIZE - 1)).hexdigest()
    assert result.message == (
        f"Checksum mismatch: x came wrong twice: md5 {found} instead of {FILE.checksums[0].value}; "
        "the file at its source is damaged or was replaced, or the expected checksum is wrong: compare the two"
    )
    assert not result.retryable
    assert tree(destination) == ({"x": copy} if copy is not None else {})


def test_a_wrong_beginning_does_not_cost_a_try(destination: Path) -> None:
    """Bytes of an earlier run are nobody's second chance: the file is fetched twice from the start all the same."""
    plant_part(destination, damaged(HALF, 9))
    result = transferred(scripted(None, None, flip_bit(3)), destination)
    assert result.outcome is Outcome.DOWNLOADED
    assert tree(destination) == {"x": DATA}


@pytest.mark.parametrize("more", [b"!", b"!" * SIZE])
def test_more_bytes_than_expected_fail(destination: Path, more: bytes) -> None:
    result = transferred(scripted(always=goes_on(more)), destination)
    assert result.outcome is Outcome.FAILED
    assert plain_copy(destination, "x") is None


# --- ranges -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [refuse_range, ignore_range])
@pytest.mark.parametrize("part", [None, HALF], ids=["from the start", "resumed"])
def test_a_server_that_grants_no_ranges_is_read_from_the_start(
    destination: Path, fault: Fault, part: bytes | None
) -> None:
    def only_whole(opening: Opening) -> ByteStream:
        whole = opening.start == 0 and opening.stop is None
        return opening.stream() if whole else fault(opening)

    if part is not None:
        plant_part(destination, part)
    result = transferred(scripted(always=only_whole), destination)
    assert result.outcome is Outcome.DOWNLOADED
    assert tree(destination) == {"x": DATA}


def test_a_short_copy_is_of_no_use_where_there_are_no_ranges(destination: Path) -> None:
    (destination / "x").write_bytes(HALF)
    source = scripted(inner=memory(capabilities=Capabilities(ranges=False)))
    result = transferred(source, destination)
    assert (result.outcome, result.fetched) == (Outcome.SELF_HEALED, SIZE)
    assert source.spans == [("x", 0, None)]


def test_a_stream_that_breaks_where_there_are_no_ranges_starts_over_once(destination: Path) -> None:
    source = scripted(cut_after(HALF.__len__()), inner=memory(capabilities=Capabilities(ranges=False)))
    result = transferred(source, destination)
    assert result.outcome is Outcome.DOWNLOADED
    assert source.spans == [("x", 0, None), ("x", len(HALF), None), ("x", 0, None)]


@pytest.mark.parametrize("most", [1, 2, 8])
def test_no_more_ranges_at_once_than_the_source_bears(
    destination: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    depths: list[int] = []

    class Recording(ReadAhead):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            depths.append(arguments[4])
            assert arguments[5] is batch.memory

    monkeypatch.setattr("downloader.transfer.single_file.ReadAhead", Recording)
    data = content(20 * RANGE)
    source = MemorySource({"x": data}, Capabilities(parallel_ranges=most))
    with context_for(source, destination) as batch:
        assert SingleFile(file_for("x", data), batch).run().ok
    assert depths == {1: [], 2: [2], 8: [LIMITS.read_ahead]}[most]


# --- the object is replaced -------------------------------------------------------------------------------------------

OTHER = content(SIZE + 7, 9)


def replacing(inner: MemorySource, with_what: bytes | MemoryObject) -> Fault:
    """From this opening on there is another object."""

    def play(opening: Opening) -> ByteStream:
        inner.put("x", with_what)
        return opening.stream()

    return play


def test_an_object_without_a_record_that_is_replaced_comes_home_as_it_is_now(destination: Path) -> None:
    inner = memory(data=MemoryObject(DATA, checksums=FILE.checksums))
    now = MemoryObject(OTHER, checksums=file_for("x", OTHER).checksums)
    source = scripted(None, None, replacing(inner, now), inner=inner)
    result = transferred(source, destination, UNSIZED)
    assert (result.outcome, result.size) == (Outcome.DOWNLOADED, len(OTHER))
    assert result.assurance == str(now.checksums[0])
    assert tree(destination) == {"x": OTHER}


def test_an_object_that_is_replaced_by_one_as_long_comes_home_unmixed(destination: Path) -> None:
    inner = memory()
    same_length = content(SIZE, 9)
    source = scripted(None, None, replacing(inner, same_length), inner=inner)
    result = transferred(source, destination, BARE)
    assert (result.outcome, result.assurance) == (Outcome.DOWNLOADED, SIZE_ONLY)
    assert tree(destination) == {"x": same_length}


def test_an_object_that_is_replaced_and_is_not_the_recorded_one_fails(destination: Path) -> None:
    inner = memory()
    source = scripted(None, replacing(inner, content(SIZE, 9)), inner=inner)
    result = transferred(source, destination)
    assert result.message.startswith("Checksum mismatch: x came wrong twice")
    assert tree(destination) == {}


def test_an_object_that_is_replaced_all_the_time_fails_for_now(destination: Path) -> None:
    result = transferred(scripted(always=replaced), destination)
    assert result.message.startswith("Object changed: ")
    assert result.retryable
    assert part_files(destination) == []


def test_nothing_of_a_replaced_object_is_left_behind(destination: Path) -> None:
    inner = memory()

    def replace_after_a_while(opening: Opening) -> ByteStream:
        inner.put("x", content(SIZE, 9))
        return opening.stream()

    steady = Capabilities(parallel_ranges=1)
    source = ScriptedSource(inner, {"x": [cut_after(HALF.__len__()), replace_after_a_while]})
    source.capabilities = steady
    assert transferred(source, destination, BARE).ok
    assert tree(destination) == {"x": content(SIZE, 9)}


@pytest.mark.parametrize("parallel", [1, 8])
def test_ranges_of_two_contents_are_never_mixed_where_nothing_would_show_it(destination: Path, parallel: int) -> None:
    """No record, no expected ETag in the listing, no description: the answers' own ETags are all there is."""
    inner = memory(data=MemoryObject(DATA, etag="one"))
    other = MemoryObject(content(SIZE, 9), etag="two")
    source = scripted(cut_after(100 * KIB), replacing(inner, other), inner=inner)
    source.capabilities = Capabilities(describes=False, parallel_ranges=parallel)
    result = transferred(source, destination, BARE)
    assert plain_copy(destination, "x") in ((other.data,) if result.ok else (None,))


# --- what is known of it ----------------------------------------------------------------------------------------------


def test_what_the_source_knows_beyond_the_listing_is_used(destination: Path) -> None:
    inner = memory(data=MemoryObject(DATA, checksums=FILE.checksums))
    assert transferred(inner, destination, UNSIZED).assurance == MD5


@pytest.mark.parametrize(
    ("file", "assurance"),
    [(BARE, SIZE_ONLY), (UNSIZED, UNVERIFIED), (replace(BARE, checksums=(Checksum("blake3", "00"),)), SIZE_ONLY)],
)
def test_what_nothing_is_known_of_is_never_called_verified(destination: Path, file: RemoteFile, assurance: str) -> None:
    first = transferred(memory(capabilities=SILENT), destination, file)
    assert (first.outcome, first.assurance, first.verified) == (Outcome.DOWNLOADED, assurance, False)
    again = transferred(memory(capabilities=SILENT), destination, file)
    assert (again.outcome, again.assurance, again.verified) == (Outcome.SKIPPED, assurance, False)


@pytest.mark.parametrize("left", [1, 100, 100 * KIB])
@pytest.mark.parametrize("size", [0, 1, 50, 90 * KIB])
def test_a_part_file_longer_than_a_remote_file_of_unknown_size_is_begun_anew(
    destination: Path, left: int, size: int
) -> None:
    plant_part(destination, DATA[:left], UNSIZED)
    source = memory(capabilities=SILENT, data=DATA[:size])
    assert transferred(source, destination, UNSIZED).ok
    assert tree(destination) == {"x": DATA[:size]}


@pytest.mark.parametrize("file", [BARE, UNSIZED], ids=["size", "nothing"])
def test_half_a_part_file_of_which_nothing_is_known_is_compared_at_its_end(destination: Path, file: RemoteFile) -> None:
    plant_part(destination, HALF, file)
    result = transferred(memory(capabilities=SILENT), destination, file)
    assert (result.outcome, result.fetched) == (Outcome.RESUMED, SIZE - len(HALF) + SAMPLE)
    plant_part(destination, damaged(HALF, len(HALF) - 1), file)
    (destination / "x").unlink()
    result = transferred(memory(capabilities=SILENT), destination, file)
    assert (result.outcome, result.fetched) == (Outcome.DOWNLOADED, SIZE + SAMPLE)
    assert tree(destination) == {"x": DATA}


@pytest.mark.parametrize("part", [DATA, DATA + b"!", DATA + bytes(SIZE)], ids=["whole", "longer", "much longer"])
def test_a_part_file_as_long_as_the_file_whose_length_nobody_knows_starts_over(destination: Path, part: bytes) -> None:
    plant_part(destination, part, UNSIZED)
    result = transferred(memory(capabilities=SILENT), destination, UNSIZED)
    assert result.outcome is Outcome.DOWNLOADED
    assert tree(destination) == {"x": DATA}


def test_a_short_copy_of_which_nothing_is_known_is_not_built_on(destination: Path) -> None:
    (destination / "x").write_bytes(damaged(HALF, 0))
    result = transferred(memory(capabilities=SILENT), destination, BARE)
    assert (result.outcome, result.fetched) == (Outcome.SELF_HEALED, SIZE)
    assert tree(destination) == {"x": DATA}


def test_a_missing_object_says_so_and_the_copy_stays(destination: Path) -> None:
    (destination / "x").write_bytes(b"old")
    result = transferred(MemorySource({}), destination)
    assert result.message == "Not found: there is no object 'x'; check the bucket and the key"
    assert tree(destination) == {"x": b"old"}


def test_another_length_than_recorded_fails_before_a_byte_is_fetched(destination: Path) -> None:
    result = transferred(memory(data=DATA + b"!"), destination)
    assert result.message == (
        f"Size mismatch: x has {SIZE + 1} bytes at its source, {SIZE} are expected; "
        "compare what is recorded of the file with the file at its source"
    )
    assert result.fetched == 0


# --- multipart ETags --------------------------------------------------------------------------------------------------

PART = MIB
LARGE = content(PART + 100, 3)


def etag_of(data: bytes, part_size: int = PART) -> Checksum:
    digests = [hashlib.md5(data[at : at + part_size]).digest() for at in range(0, len(data), part_size)]
    return Checksum(S3_ETAG, f"{hashlib.md5(b''.join(digests)).hexdigest()}-{len(digests)}")


ETAG = etag_of(LARGE)
RECORDED = RemoteFile(FILE.path, len(LARGE), "x", (ETAG,))
ODD = RemoteFile(FILE.path, len(LARGE), "x", (etag_of(LARGE, PART + 7),))
"""Uploaded in parts of a size that nobody would guess."""


class Knowing(MemorySource):
    """A source that knows the size of the parts, as S3 does."""

    sizes: tuple[int, ...] = (PART + 7,)

    def describe(self, file: RemoteFile) -> RemoteFile:
        known = super().describe(file)
        return replace(known, checksums=tuple(replace(c, part_sizes=self.sizes) for c in known.checksums))


def test_a_part_size_that_fits_is_found(destination: Path) -> None:
    assert transferred(memory(data=LARGE, capabilities=SILENT), destination, RECORDED).assurance == str(ETAG)
    again = transferred(memory(data=LARGE, capabilities=SILENT), destination, RECORDED)
    assert (again.outcome, again.assurance) == (Outcome.SKIPPED, str(ETAG))


def test_a_part_size_that_cannot_be_guessed_is_not_called_verified(destination: Path) -> None:
    result = transferred(memory(data=LARGE, capabilities=SILENT), destination, ODD)
    assert (result.ok, result.assurance) == (True, SIZE_ONLY)


def test_a_copy_that_only_its_size_speaks_for_is_held_against_what_the_source_knows(destination: Path) -> None:
    source = Knowing({"x": LARGE})
    assert transferred(source, destination, ODD).assurance == str(ODD.checksums[0])
    assert transferred(source, destination, ODD).outcome is Outcome.SKIPPED
    (destination / "x").write_bytes(damaged(LARGE, 17))
    result = transferred(source, destination, ODD)
    assert (result.outcome, result.message) == (Outcome.SELF_HEALED, "hash mismatch detected")
    assert tree(destination) == {"x": LARGE}


def test_a_beginning_that_nothing_proves_in_the_end_is_not_built_on(destination: Path) -> None:
    """The ETag cannot be computed, so damage in what an earlier run left would never show."""
    plant_part(destination, damaged(LARGE[:PART], 0), ODD)
    result = transferred(memory(data=LARGE, capabilities=SILENT), destination, ODD)
    assert (result.ok, result.assurance) == (True, SIZE_ONLY)
    assert tree(destination) == {"x": LARGE}


class Encrypted(MemorySource):
    """A source that says the recorded ETag is no MD5, as S3 does of an object that KMS encrypted."""

    def describe(self, file: RemoteFile) -> RemoteFile:
        return replace(super().describe(file), checksums=())


def test_a_right_copy_is_kept_where_the_record_is_no_checksum_after_all(destination: Path) -> None:
    recorded = replace(FILE, checksums=(Checksum(S3_ETAG, f"{'0' * 32}-1"),))
    source = ScriptedSource(Encrypted({"x": DATA}))
    first = transferred(source, destination, recorded)
    assert (first.outcome, first.assurance) == (Outcome.DOWNLOADED, SIZE_ONLY)
    again = transferred(source, destination, recorded)
    assert (again.outcome, again.assurance, again.fetched) == (Outcome.SKIPPED, SIZE_ONLY, 0)


# --- what an earlier try verified -------------------------------------------------------------------------------------


class Notes:
    """Remembers by name alone."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    def holds(self, file: RemoteFile, seen: os.stat_result) -> bool:
        return str(file.path) in self.noted

    def note(self, file: RemoteFile, seen: os.stat_result) -> None:
        self.noted.append(str(file.path))


def with_notes(batch: BatchContext, notes: Notes) -> BatchContext:
    return with_options(batch, verified=notes)


@pytest.mark.parametrize("times", [1, 2], ids=["downloaded", "found there"])
def test_what_was_verified_is_noted_and_not_read_again(destination: Path, times: int) -> None:
    notes = Notes()
    for _ in range(times):
        notes.noted.clear()
        with context_for(memory(), destination) as batch:
            SingleFile(FILE, with_notes(batch, notes)).run()
    assert notes.noted == ["x"]
    (destination / "x").chmod(0)
    with context_for(MemorySource({}), destination) as batch:
        result = SingleFile(FILE, with_notes(batch, notes)).run()
    assert (result.outcome, result.assurance) == (Outcome.SKIPPED, MD5)


@pytest.mark.parametrize(
    "checksums",
    [(), (Checksum("blake3", "00"),), (Checksum("md5", "0" * 32, guessed=True),)],
    ids=["none", "unknown", "doubted"],
)
def test_what_was_not_verified_is_never_noted_as_verified(destination: Path, checksums: tuple[Checksum, ...]) -> None:
    """Noted, it would be called verified by that checksum in the next try."""
    notes = Notes()
    for _ in range(2):
        with context_for(memory(capabilities=SILENT), destination) as batch:
            result = SingleFile(replace(FILE, checksums=checksums), with_notes(batch, notes)).run()
        assert not result.verified
    assert notes.noted == []


def test_what_another_checksum_than_the_first_proved_is_not_noted_as_proved_by_the_first(destination: Path) -> None:
    notes = Notes()
    file = replace(FILE, checksums=(Checksum("blake3", "00"), *FILE.checksums))
    for _ in range(2):
        with context_for(memory(), destination) as batch:
            assert SingleFile(file, with_notes(batch, notes)).run().assurance == MD5


# --- nothing escapes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [ValueError(SECRET), AssertionError(SECRET), RecursionError(SECRET), KeyError(SECRET)]
)
def test_a_fault_of_ours_is_a_failure_of_this_file_without_its_text(
    destination: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(opening: Opening) -> ByteStream:
        raise error

    result = transferred(scripted(always=broken), destination)
    assert result.message == (
        f"Unexpected error: {type(error).__name__} while x was fetched; "
        "report it, with the task's log; the other files are not touched by it"
    )
    assert SECRET not in caplog.text
    assert "test_single_file.py" in caplog.text


def test_time_and_bytes_of_a_failure_are_told(destination: Path) -> None:
    clock = FakeClock()
    with context_for(scripted(cut_after(70 * KIB), always=reset), destination, clock) as batch:
        result = SingleFile(replace(FILE, etag=None), batch).run()
    assert result.seconds == pytest.approx(clock.waited, abs=0.1)
    assert result.size == 0


def test_errors_of_describing_are_results(destination: Path) -> None:
    class Mute(MemorySource):
        def describe(self, file: RemoteFile) -> RemoteFile:
            raise error

    for error in (NetworkError("down"), ObjectNotFound("gone"), SizeMismatch("other")):
        assert transferred(Mute({"x": DATA}), destination).message == str(error)
