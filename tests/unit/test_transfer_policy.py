"""How a batch handles what is there: fetched again or kept, gone on with or begun anew, and the times of files."""

from __future__ import annotations

import errno
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from downloader.disk.destination import Destination
from downloader.disk.part_file import PartFile
from downloader.remote_file import RemoteFile
from downloader.results import SIZE_ONLY, FileResult, Outcome
from downloader.source import ByteStream, Capabilities, Source
from downloader.sources.memory import MemorySource
from downloader.transfer.batch import restore
from downloader.transfer.options import TransferPolicy
from support.restoring import (
    KIB,
    FakeClock,
    content,
    files_for,
    part_files,
    part_path,
    transfer_options,
    tree,
)
from support.scripted import Fault, Opening, ScriptedSource, cut_after, flip_bit, reset
from support.shapes import RANGED, SMALL, STREAM, Shape

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(100, method="thread")]

OVERWRITE, ANEW = TransferPolicy(overwrite=True), TransferPolicy(resume=False)
SHAPES = {
    "small": SMALL,
    "ranged": RANGED,
    "stream": STREAM,
    "no ranges": Shape(RANGED.size, Capabilities(ranges=False, parallel_ranges=1)),
    "one lane": Shape(1000, Capabilities(connections=4)),
}
RESUMABLE = ["ranged", "stream"]


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param]


class Play:
    """One file, restored while a script is played."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.folder = folder
        self.shape = shape
        self.inner = MemorySource({"x": shape.data}, shape.capabilities, step=8 * KIB)
        self.source = ScriptedSource(self.inner)

    def restore(
        self, policy: TransferPolicy, *script: Fault | None, always: Fault | None = None, file: RemoteFile | None = None
    ) -> FileResult:
        self.source = ScriptedSource(self.inner, {"x": script}, {"x": always} if always else {})
        (result,) = restored(self.source, self.folder, policy, file or self.shape.file)
        return result

    def put(self, data: bytes) -> None:
        (self.folder / "x").write_bytes(data)


def restored(source: Source, folder: Path, policy: TransferPolicy, *files: RemoteFile) -> list[FileResult]:
    return restore(files, source, folder, replace(transfer_options(FakeClock()), policy=policy))


@pytest.fixture
def play(tmp_path: Path, shape: Shape) -> Play:
    return Play(tmp_path, shape)


# --- overwriting ------------------------------------------------------------------------------------------------------

COPIES: dict[str, Callable[[bytes], bytes]] = {
    "right": lambda data: data,
    "damaged": lambda data: data[:-1] + b"!",
    "a beginning": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + b"!",
    "empty": lambda data: b"",
}


@pytest.mark.parametrize("copy", COPIES)
def test_overwriting_fetches_whatever_lies_there(play: Play, copy: str) -> None:
    play.put(COPIES[copy](play.shape.data))
    result = play.restore(OVERWRITE)
    assert (result.outcome, result.message) == (Outcome.DOWNLOADED, "")
    assert result.fetched == play.source.served["x"] == play.shape.size
    assert result.assurance == str(play.shape.file.checksums[0])
    assert tree(play.folder) == {"x": play.shape.data}


def test_overwriting_where_nothing_lies_is_a_download(play: Play) -> None:
    assert play.restore(OVERWRITE).outcome is Outcome.DOWNLOADED
    assert tree(play.folder) == {"x": play.shape.data}


def test_overwriting_makes_another_file_of_it(play: Play) -> None:
    """Who holds the old one open reads it to its end."""
    play.put(play.shape.data)
    before = os.stat(play.folder / "x").st_ino
    with (play.folder / "x").open("rb") as reader:
        play.restore(OVERWRITE)
        assert reader.read() == play.shape.data
    assert os.stat(play.folder / "x").st_ino != before


def test_the_old_file_stands_there_until_the_new_one_is_verified(play: Play) -> None:
    old = b"an old copy"
    play.put(old)
    seen: list[object] = []

    def looks(opening: Opening) -> ByteStream:
        stream = opening.stream()
        seen.append(tree(play.folder)["x"])
        return Looking(stream, lambda: seen.append(tree(play.folder)["x"]))

    play.restore(OVERWRITE, always=looks)
    assert tree(play.folder) == {"x": play.shape.data}
    assert len(seen) > 1
    assert all(copy == old for copy in seen)


@dataclass
class Looking:
    """A stream that has a look between its buffers."""

    inner: ByteStream
    look: Callable[[], None]

    def __post_init__(self) -> None:
        self.start, self.size = self.inner.start, self.inner.size
        self.etag, self.checksums = self.inner.etag, self.inner.checksums

    def __iter__(self) -> Iterator[bytes | memoryview]:
        for buffer in self.inner:
            self.look()
            yield buffer

    def close(self) -> None:
        self.inner.close()


@pytest.mark.parametrize("fault", [reset, cut_after(10), flip_bit(3)], ids=["reset", "cut", "flipped"])
@pytest.mark.parametrize("copy", COPIES)
def test_where_the_new_one_does_not_come_the_old_one_stays(play: Play, copy: str, fault: Fault) -> None:
    old = COPIES[copy](play.shape.data)
    play.put(old)

    def breaks(opening: Opening) -> ByteStream:
        return fault(opening) if opening.start < 10 else reset(opening)

    result = play.restore(OVERWRITE, always=breaks)
    assert not result.ok
    assert tree(play.folder)["x"] == old


@pytest.mark.parametrize("shape", [SHAPES[name] for name in RESUMABLE], indirect=False, ids=RESUMABLE)
def test_overwriting_goes_on_where_an_earlier_overwriting_ended(tmp_path: Path, shape: Shape) -> None:
    play = Play(tmp_path, shape)
    play.put(shape.data)
    part_path(play.folder, shape.file).write_bytes(shape.data[: 100 * KIB])
    result = play.restore(OVERWRITE)
    assert (result.outcome, result.fetched) == (Outcome.RESUMED, shape.size - 100 * KIB)


def test_overwriting_many_at_once(tmp_path: Path) -> None:
    objects = {f"{n:03}": content(300 + n, n) for n in range(200)}
    source, files = ScriptedSource(MemorySource(objects)), files_for(objects)
    for _ in range(2):
        results = restored(source, tmp_path, OVERWRITE, *files)
        assert {result.outcome for result in results} == {Outcome.DOWNLOADED}
    assert tree(tmp_path) == objects
    assert source.opens == Counter(dict.fromkeys(objects, 2))


class Remembers:
    """What an earlier try of the same task has verified."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    def holds(self, file: RemoteFile, seen: os.stat_result) -> bool:
        return True

    def note(self, file: RemoteFile, seen: os.stat_result) -> None:
        self.noted.append(str(file.path))


def test_what_an_earlier_try_of_the_same_run_has_overwritten_is_not_overwritten_again(play: Play) -> None:
    play.put(play.shape.data)
    given = replace(transfer_options(FakeClock()), policy=OVERWRITE, verified=Remembers())
    (result,) = restore([play.shape.file], play.source, play.folder, given)
    assert result.outcome is Outcome.SKIPPED
    assert play.source.opens == Counter()


def test_nothing_is_overwritten_unless_asked_for(play: Play) -> None:
    play.put(play.shape.data)
    assert play.restore(TransferPolicy()).outcome is Outcome.SKIPPED
    assert play.source.opens == Counter()


# --- beginning anew ---------------------------------------------------------------------------------------------------


def test_what_an_earlier_run_left_is_thrown_away(play: Play) -> None:
    part_path(play.folder, play.shape.file).write_bytes(play.shape.data[: play.shape.size // 2])
    result = play.restore(ANEW)
    assert (result.outcome, result.fetched) == (Outcome.DOWNLOADED, play.shape.size)
    assert tree(play.folder) == {"x": play.shape.data}
    assert all(span != ("x", play.shape.size // 2, None) for span in play.source.spans)


def test_a_beginning_under_the_final_name_is_healed_and_not_gone_on_with(play: Play) -> None:
    play.put(play.shape.data[: play.shape.size // 2])
    result = play.restore(ANEW)
    assert (result.outcome, result.message) == (Outcome.SELF_HEALED, "incomplete copy detected")
    assert result.fetched == play.shape.size
    assert tree(play.folder) == {"x": play.shape.data}


def test_what_is_right_is_kept_all_the_same(play: Play) -> None:
    play.put(play.shape.data)
    assert play.restore(ANEW).outcome is Outcome.SKIPPED


@pytest.mark.parametrize("shape", [SHAPES[name] for name in RESUMABLE], ids=RESUMABLE)
def test_a_stream_that_breaks_is_gone_on_with_within_the_run(tmp_path: Path, shape: Shape) -> None:
    play = Play(tmp_path, shape)
    result = play.restore(ANEW, cut_after(40 * KIB))
    assert (result.outcome, result.fetched) == (Outcome.DOWNLOADED, shape.size)


@pytest.mark.parametrize("shape", [SHAPES[name] for name in RESUMABLE], ids=RESUMABLE)
def test_unless_told_so_it_is_gone_on_with(tmp_path: Path, shape: Shape) -> None:
    play = Play(tmp_path, shape)
    part_path(play.folder, shape.file).write_bytes(shape.data[: 100 * KIB])
    result = play.restore(TransferPolicy())
    assert (result.outcome, result.fetched) == (Outcome.RESUMED, shape.size - 100 * KIB)


def test_both_at_once(play: Play) -> None:
    play.put(play.shape.data)
    part_path(play.folder, play.shape.file).write_bytes(play.shape.data[: play.shape.size // 2])
    result = play.restore(TransferPolicy(overwrite=True, resume=False))
    assert (result.outcome, result.fetched) == (Outcome.DOWNLOADED, play.shape.size)


# --- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("modified", [0.0, 1_700_000_000.0, 1_700_000_000.25, -86_400.0, 2**33 + 0.5])
def test_a_file_is_given_its_time(play: Play, modified: float) -> None:
    result = play.restore(TransferPolicy(), file=replace(play.shape.file, modified=modified))
    assert result.ok, result.message
    assert os.stat(play.folder / "x").st_mtime == pytest.approx(modified, abs=1e-6)


def test_without_a_time_it_has_that_of_its_coming(play: Play) -> None:
    before = time.time()
    play.restore(TransferPolicy())
    assert before - 5 < os.stat(play.folder / "x").st_mtime < time.time() + 5


@pytest.mark.parametrize("script", [[cut_after(500)], [flip_bit(17)], [reset]])
def test_whatever_happened_on_the_way(play: Play, script: list[Fault]) -> None:
    play.restore(TransferPolicy(), *script, file=replace(play.shape.file, modified=1e9))
    assert os.stat(play.folder / "x").st_mtime == 1e9


@pytest.mark.parametrize("shape", [SHAPES[name] for name in RESUMABLE], ids=RESUMABLE)
def test_one_that_is_resumed_too(tmp_path: Path, shape: Shape) -> None:
    play = Play(tmp_path, shape)
    timed = replace(shape.file, modified=1e9)
    part_path(play.folder, timed).write_bytes(shape.data[: 100 * KIB])
    assert play.restore(TransferPolicy(), file=timed).outcome is Outcome.RESUMED
    assert os.stat(play.folder / "x").st_mtime == 1e9


def test_many_small_ones_have_each_their_own(tmp_path: Path) -> None:
    objects = {f"{n:03}": content(50, n) for n in range(100)}
    files = [replace(file, modified=1e9 + n) for n, file in enumerate(files_for(objects))]
    restored(MemorySource(objects), tmp_path, TransferPolicy(), *files)
    assert [os.stat(tmp_path / name).st_mtime for name in objects] == [1e9 + n for n in range(100)]


def test_a_copy_that_is_kept_keeps_its_time(play: Play) -> None:
    play.put(play.shape.data)
    os.utime(play.folder / "x", (5, 5))
    assert play.restore(TransferPolicy(), file=replace(play.shape.file, modified=1e9)).outcome is Outcome.SKIPPED
    assert os.stat(play.folder / "x").st_mtime == 5


def test_the_time_is_no_part_of_what_a_file_is(shape: Shape) -> None:
    """So a listing that tells another time goes on with the same part file."""
    assert replace(shape.file, modified=1.0).identity == shape.file.identity


@pytest.mark.parametrize("modified", [1e300, -1e300, float("inf"), float("nan")])
def test_a_time_that_no_disk_knows_is_let_go(play: Play, modified: float) -> None:
    """It is from outside; the file is what matters."""
    result = play.restore(TransferPolicy(), file=replace(play.shape.file, modified=modified))
    assert result.ok, result.message
    assert tree(play.folder) == {"x": play.shape.data}


@pytest.mark.parametrize("reason", [errno.EPERM, errno.EINVAL, errno.ENOSYS])
def test_a_disk_that_gives_no_times_is_no_failure(play: Play, monkeypatch: pytest.MonkeyPatch, reason: int) -> None:
    """Some that are mounted from elsewhere give theirs to the owner alone, or to nobody."""

    def refuse(*args: object, **more: object) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(os, "utime", refuse)
    assert play.restore(TransferPolicy(), file=replace(play.shape.file, modified=1e9)).ok


def test_a_part_file_is_given_its_time_once_it_is_whole(tmp_path: Path, shape: Shape) -> None:
    destination = Destination(tmp_path)
    with PartFile.acquire(destination, destination.place(shape.file.path), "0" * 16) as part:
        part.write(b"x")
        part.set_time(None)
        assert os.fstat(part.descriptor).st_mtime > 1e9
        part.set_time(7.5)
        assert os.fstat(part.descriptor).st_mtime == 7.5
        part.discard()


def test_where_no_checksum_is_known_overwriting_is_by_size(play: Play) -> None:
    play.put(play.shape.data[::-1])
    result = play.restore(OVERWRITE, file=replace(play.shape.file, checksums=()))
    assert result.outcome is Outcome.DOWNLOADED
    assert result.assurance in (SIZE_ONLY, str(play.shape.file.checksums[0]))
    assert tree(play.folder) == {"x": play.shape.data}
    assert part_files(play.folder) == []
