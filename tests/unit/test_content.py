"""Looks into files while their bytes pass: what the tee, the inspection and the transfers make of them."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from downloader.checksums import Checksum, Hasher
from downloader.content.check import AnyContent, Content, ContentInfo, Tee
from downloader.disk.destination import Destination
from downloader.errors import BrokenContent, Truncated
from downloader.remote_file import RemoteFile
from downloader.report.file_line import parse_line, render_line
from downloader.results import FORMS, SIZE_ONLY, UNVERIFIED, FileResult, Outcome
from downloader.source import ByteStream, Capabilities, Source
from downloader.sources.memory import MemoryObject, MemorySource
from downloader.transfer.batch import restore
from downloader.transfer.inspection import Inspection, State, assured, compare, look
from downloader.transfer.options import TransferPolicy
from support.restoring import KIB, FakeClock, content, file_for, part_files, transfer_options, tree
from support.scripted import ScriptedSource, cut_after, ends_after, flip_bit, reset

pytestmark = pytest.mark.usefixtures("quick_disk")

PNG = FORMS[0]
BROKEN, CUT, ODD, ENDLESS = b"broken", b"cut", b"odd", b"endless"
REMARK = "it holds odd words"
LACK = "it lacks its full stop"
AT_SOURCE = "the file lies like this at its source; replace it there"


class Letters:
    """Counts bytes. They are broken where they hold `BROKEN`, incomplete where they do not end in a full stop.

    `ENDLESS` ones may lack it where they came whole.
    """

    def __init__(self) -> None:
        self.seen = b""
        self.begun = 0
        self.concluded = 0

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        self.seen += bytes(data)
        if BROKEN in self.seen:
            raise BrokenContent("it is broken")

    def conclude(self, *, whole: bool = False) -> ContentInfo:
        self.concluded += 1
        if whole and self.seen.endswith(ENDLESS):
            return ContentInfo(PNG, len(self.seen), LACK)
        if not self.seen.endswith(b"."):
            raise Truncated("it does not end")
        return ContentInfo(PNG, len(self.seen), REMARK if ODD in self.seen else "")


@dataclass
class LettersCheck:
    """Looks into files whose names do not end in ``.any``."""

    looks: list[Letters] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, file: RemoteFile) -> Content | None:
        if file.path.name.endswith(".any"):
            return None
        look = Letters()
        with self.lock:
            self.looks.append(look)
        return look


# --- the tee ----------------------------------------------------------------------------------------------------------


def hasher() -> Hasher:
    return Checksum("md5", "").hasher()


def test_all_that_is_given_is_hashed_and_looked_into() -> None:
    look = Letters()
    tee = Tee(hasher(), look)
    for data in (b"one ", bytearray(b"two "), memoryview(b"three.")):
        tee.update(data)
    assert look.seen == b"one two three."
    assert tee.value() == hashlib.md5(look.seen).hexdigest()
    assert tee.conclude() == ContentInfo(PNG, len(look.seen))


def test_what_is_broken_is_kept_for_the_end_and_hashed_on() -> None:
    """Bytes that came wrong are for the checksum to find first."""
    look = Letters()
    tee = Tee(hasher(), look)
    for data in (b"a", BROKEN, b"more", BROKEN):
        tee.update(data)
    assert tee.value() == hashlib.md5(b"a" + BROKEN + b"more" + BROKEN).hexdigest()
    assert look.seen == b"a" + BROKEN, "no more is given to a look that has seen enough"
    for _ in range(2):
        with pytest.raises(BrokenContent, match="it is broken"):
            tee.conclude()
    assert look.concluded == 0


def test_a_fault_of_ours_is_no_verdict_on_the_content() -> None:
    class Faulty(Letters):
        def update(self, data: bytes | bytearray | memoryview, /) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Tee(None, Faulty()).update(b"x")


@pytest.mark.parametrize(
    ("hashes", "looks", "idle"), [(True, True, False), (True, False, False), (False, True, False), (False, False, True)]
)
def test_either_may_be_missing(hashes: bool, looks: bool, idle: bool) -> None:
    tee = Tee(hasher() if hashes else None, Letters() if looks else None)
    tee.update(b"x.")
    assert tee.is_idle is idle
    assert tee.value() == (hashlib.md5(b"x.").hexdigest() if hashes else "")
    assert tee.conclude() == (ContentInfo(PNG, 2) if looks else ContentInfo())


def test_any_content_is_looked_at_by_nobody() -> None:
    assert AnyContent().begin(file_for("x", b"")) is None


# --- the better of two assurances -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("assurance", "content_info", "expected"),
    [
        ("md5:1", ContentInfo(PNG), "md5:1"),
        ("md5:1", ContentInfo(), "md5:1"),
        (SIZE_ONLY, ContentInfo(PNG), PNG),
        (UNVERIFIED, ContentInfo(PNG), PNG),
        (SIZE_ONLY, ContentInfo(), SIZE_ONLY),
        (UNVERIFIED, ContentInfo(resources=3), UNVERIFIED),
    ],
)
def test_a_checksum_goes_before_a_form_and_a_form_before_the_size(
    assurance: str, content_info: ContentInfo, expected: str
) -> None:
    assert assured(assurance, content_info) == expected


# --- what lies on the disk --------------------------------------------------------------------------------------------

GOOD = b"one two three."


def inspected(folder: Path, data: bytes, file: RemoteFile, check: LettersCheck | None = None) -> Inspection:
    (folder / file.path.name).write_bytes(data)
    place = Destination(folder).place(file.path)
    seen = look(place)
    assert seen is not None
    return compare(place, file, seen, lambda: None, (check or LettersCheck()).begin(file))


def bare(data: bytes, *, sized: bool = True) -> RemoteFile:
    """Of which no checksum is known."""
    return replace(file_for("x", data), checksums=(), size=len(data) if sized else None)


@pytest.mark.parametrize(
    ("file", "assurance"),
    [
        (file_for("x", GOOD), str(file_for("x", GOOD).checksums[0])),
        (bare(GOOD), PNG),
        (bare(GOOD, sized=False), PNG),
        (replace(file_for("x", GOOD), checksums=(Checksum("md5", "0" * 32, guessed=True),)), PNG),
    ],
    ids=["checksum", "size", "nothing", "wrong guess"],
)
def test_a_good_copy(tmp_path: Path, file: RemoteFile, assurance: str) -> None:
    found = inspected(tmp_path, GOOD, file)
    assert (found.state, found.assurance, found.content_info) == (State.INTACT, assurance, ContentInfo(PNG, len(GOOD)))
    assert found.is_proven is (assurance != PNG)


@pytest.mark.parametrize(("data", "advice"), [(b"broken", BrokenContent.advice), (b"no end", AT_SOURCE)])
def test_a_copy_that_a_checksum_proves_and_that_is_no_good_is_the_sources_fault(
    tmp_path: Path, data: bytes, advice: str
) -> None:
    with pytest.raises(BrokenContent) as caught:
        inspected(tmp_path, data, file_for("x", data))
    assert caught.value.to_do == advice


@pytest.mark.parametrize(("sized", "state", "remark"), [(True, State.INTACT, LACK), (False, State.ALTERED, "")])
def test_a_copy_may_lack_at_its_end_what_it_may_lack_at_its_source(
    tmp_path: Path, sized: bool, state: State, remark: str
) -> None:
    """Where its size is known: else it may have lost that here."""
    found = inspected(tmp_path, ENDLESS, bare(ENDLESS, sized=sized))
    assert (found.state, found.remark) == (state, remark)


@pytest.mark.parametrize("data", [b"broken", b"no end"])
@pytest.mark.parametrize("sized", [True, False])
def test_a_copy_that_nothing_proves_and_that_is_no_good_is_to_be_fetched(
    tmp_path: Path, data: bytes, sized: bool
) -> None:
    found = inspected(tmp_path, data, bare(data, sized=sized))
    assert (found.state, found.reason, found.content_info) == (State.ALTERED, "incomplete copy detected", ContentInfo())


def test_a_copy_with_the_wrong_checksum_is_altered_whatever_it_holds(tmp_path: Path) -> None:
    found = inspected(tmp_path, b"broken", file_for("x", b"whole."))
    assert (found.state, found.reason) == (State.ALTERED, "hash mismatch detected")


@pytest.mark.parametrize(("data", "state"), [(GOOD[:-1], State.PARTIAL), (GOOD + b".", State.ALTERED)])
def test_a_copy_of_another_size_is_not_looked_into(tmp_path: Path, data: bytes, state: State) -> None:
    check = LettersCheck()
    assert inspected(tmp_path, data, file_for("x", GOOD), check).state is state
    assert [letters.seen for letters in check.looks] == [b""]


def test_a_copy_is_looked_into_once_however_many_checksums_are_tried(tmp_path: Path) -> None:
    check = LettersCheck()
    right = file_for("x", GOOD).checksums[0]
    guesses = tuple(Checksum("md5", f"{n:032x}", guessed=True) for n in range(3))
    found = inspected(tmp_path, GOOD, replace(file_for("x", GOOD), checksums=(*guesses, right)), check)
    assert (found.assurance, found.content_info) == (str(right), ContentInfo(PNG, len(GOOD)))
    assert [letters.seen for letters in check.looks] == [GOOD]


# --- on the way -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """How a file is fetched."""

    size: int
    capabilities: Capabilities = field(default_factory=Capabilities)

    def data(self, ending: bytes = b".") -> bytes:
        return content(self.size - len(ending), 1).replace(b".", b",") + ending


SHAPES = {
    "small": Shape(1000),
    "ranged": Shape(300 * KIB),
    "stream": Shape(300 * KIB, Capabilities(parallel_ranges=1)),
    "one lane": Shape(1000, Capabilities(connections=4)),
}


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param]


class Play:
    """One file, restored with a look into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.check = LettersCheck()

    def restore(self, source: Source, *files: RemoteFile, overwrite: bool = False) -> list[FileResult]:
        policy = TransferPolicy(content=self.check, overwrite=overwrite)
        return restore(files, source, self.folder, replace(transfer_options(self.clock), policy=policy))

    def restore_one(self, source: Source, file: RemoteFile) -> FileResult:
        (result,) = self.restore(source, file)
        return result


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return Play(tmp_path)


def source_of(shape: Shape, data: bytes) -> MemorySource:
    return MemorySource({"x": data}, shape.capabilities, step=8 * KIB)


def test_what_it_finds_stands_in_the_result(play: Play, shape: Shape) -> None:
    data = shape.data()
    for outcome in (Outcome.DOWNLOADED, Outcome.SKIPPED):
        result = play.restore_one(source_of(shape, data), file_for("x", data))
        assert (result.outcome, result.resources, result.verified) == (outcome, len(data), True)


def test_a_remark_stands_in_the_line_of_the_report(play: Play, shape: Shape) -> None:
    data = shape.data(b"odd.")
    wrong = bytes([data[0] ^ 1]) + data[1:]
    for before, message in {None: REMARK, data: REMARK, wrong: f"hash mismatch detected; {REMARK}"}.items():
        if before is not None:
            (play.folder / "x").write_bytes(before)
        result = play.restore_one(source_of(shape, data), file_for("x", data))
        assert (result.ok, result.message) == (True, message)
        assert parse_line(render_line(result)) == result


def test_where_there_is_no_checksum_the_form_is_the_assurance(play: Play, shape: Shape) -> None:
    data = shape.data()
    for outcome in (Outcome.DOWNLOADED, Outcome.SKIPPED):
        result = play.restore_one(source_of(shape, data), bare(data))
        assert (result.outcome, result.assurance, result.verified) == (outcome, PNG, False)


def test_what_nobody_looks_into_has_nothing_found(play: Play, shape: Shape) -> None:
    data = shape.data(BROKEN)
    file = file_for("x.any", data)
    result = play.restore_one(MemorySource({"x.any": data}, shape.capabilities), file)
    assert (result.outcome, result.resources) == (Outcome.DOWNLOADED, None)


def test_broken_content_fails_at_once_and_leaves_nothing(play: Play, shape: Shape) -> None:
    data = shape.data(BROKEN)
    source = ScriptedSource(source_of(shape, data))
    result = play.restore_one(source, file_for("x", data))
    assert (result.message, result.retryable) == (
        "Broken content: it is broken; the file is like this at its source: replace it there",
        False,
    )
    assert tree(play.folder) == {}
    assert play.clock.slept == []


@pytest.mark.parametrize("old", [b"an old copy", b""])
def test_broken_content_leaves_what_was_there(play: Play, shape: Shape, old: bytes) -> None:
    (play.folder / "x").write_bytes(old)
    data = shape.data(BROKEN)
    assert not play.restore_one(source_of(shape, data), file_for("x", data)).ok
    assert tree(play.folder) == {"x": old}


def test_a_kept_copy_that_is_broken_at_its_source_too_fails_without_a_fetch(play: Play, shape: Shape) -> None:
    data = shape.data(BROKEN)
    (play.folder / "x").write_bytes(data)
    source = ScriptedSource(source_of(shape, data))
    assert play.restore_one(source, file_for("x", data)).message.startswith("Broken content: it is broken")
    assert tree(play.folder) == {"x": data}
    assert source.served == Counter()


def test_one_broken_file_never_stops_the_others(play: Play) -> None:
    objects = {f"{n:02}": content(500, n).replace(b".", b",") + (BROKEN if n % 3 else b".") for n in range(30)}
    results = play.restore(MemorySource(objects), *(file_for(name, data) for name, data in objects.items()))
    assert [result.ok for result in results] == [n % 3 == 0 for n in range(30)]
    assert set(tree(play.folder)) == {f"{n:02}" for n in range(0, 30, 3)}


def test_bytes_that_came_wrong_are_healed_and_not_called_broken(play: Play, shape: Shape) -> None:
    """A bit that is flipped makes them broken; the checksum tells first."""
    data = shape.data(b"brokeo.")
    source = ScriptedSource(source_of(shape, data), {"x": [flip_bit(len(data) - 2)]})
    result = play.restore_one(source, file_for("x", data))
    assert (result.outcome, result.resources) == (Outcome.DOWNLOADED, len(data))


def test_a_stream_that_breaks_is_looked_into_once_and_in_order(play: Play, shape: Shape) -> None:
    data = shape.data()
    source = ScriptedSource(source_of(shape, data), {"x": [cut_after(500), ends_after(100), reset]})
    result = play.restore_one(source, file_for("x", data))
    assert result.resources == len(data)
    assert play.check.looks[-1].seen == data


def test_what_an_earlier_run_left_is_looked_into_first(play: Play) -> None:
    shape = SHAPES["stream"]
    data = shape.data()
    broken = ScriptedSource(source_of(shape, data), {"x": [cut_after(100 * KIB)]}, {"x": reset})
    assert not play.restore_one(broken, file_for("x", data)).ok
    result = play.restore_one(source_of(shape, data), file_for("x", data))
    assert (result.outcome, result.fetched) == (Outcome.RESUMED, len(data) - 100 * KIB)
    assert play.check.looks[-1].seen == data


def test_broken_content_that_an_earlier_run_began_is_fetched_from_its_start_before_it_is_believed(play: Play) -> None:
    shape = SHAPES["stream"]
    data = shape.data(BROKEN)
    broken = ScriptedSource(source_of(shape, data), {"x": [cut_after(100 * KIB)]}, {"x": reset})
    play.restore_one(broken, bare(data))
    source = ScriptedSource(source_of(shape, data))
    assert play.restore_one(source, bare(data)).message.startswith("Broken content: ")
    assert source.served["x"] > len(data)
    assert part_files(play.folder) == []


@pytest.mark.parametrize("sized", [True, False], ids=["size known", "length announced"])
def test_what_came_whole_and_does_not_end_twice_lies_like_this_at_its_source(
    play: Play, shape: Shape, sized: bool
) -> None:
    data = shape.data(CUT)
    result = play.restore_one(ScriptedSource(source_of(shape, data)), bare(data, sized=sized))
    assert (result.message, result.retryable) == (f"Broken content: it does not end; {AT_SOURCE}", False)
    assert (len(play.clock.slept), play.check.looks[-1].seen) == (1, data)
    assert tree(play.folder) == {}


class Lengthless(MemorySource):
    """Announces no length. Behind each answer the next of `versions` takes the place of the object."""

    def __init__(self, *versions: bytes, announced: bool = False) -> None:
        self.versions = list(versions)
        self.announced = announced
        silent = Capabilities(parallel_ranges=1, describes=False)
        super().__init__({"x": MemoryObject(self.versions.pop(0), etag="same")}, silent)

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        stream = super().open(file, start, stop)
        stream.size = stream.size if self.announced else None
        if self.versions:
            self.put(file.key, MemoryObject(self.versions.pop(0), etag="same"))
        return stream


def test_what_does_not_end_and_announced_no_length_is_fetched_again_and_then_given_up(play: Play) -> None:
    data = SHAPES["stream"].data(CUT)
    result = play.restore_one(Lengthless(data), bare(data, sized=False))
    assert (result.message, result.retryable) == (
        "Truncated: it does not end; run it again; what is already there is kept",
        True,
    )
    assert len(play.clock.slept) >= 5
    assert tree(play.folder) == {}


def test_what_does_not_end_each_time_in_other_bytes_may_be_right_at_its_source(play: Play) -> None:
    data = SHAPES["stream"].data(CUT)
    source = Lengthless(*(data[:-at] for at in range(1, 20)), announced=True)
    result = play.restore_one(source, bare(data, sized=False))
    advice = "look at the file at its source; if it is right there, run it again"
    assert (result.message, result.retryable) == (f"Broken content: it does not end; {advice}", False)
    assert tree(play.folder) == {}


def test_what_ends_the_second_time_comes_home(play: Play) -> None:
    whole = SHAPES["stream"].data()
    result = play.restore_one(Lengthless(whole[:-9], whole), bare(whole, sized=False))
    assert (result.outcome, result.assurance, result.size) == (Outcome.DOWNLOADED, PNG, len(whole))
    assert tree(play.folder) == {"x": whole}
    assert len(play.clock.slept) == 1


@pytest.mark.parametrize("announced", [True, False])
def test_a_missing_end_is_believed_only_of_what_came_whole(play: Play, announced: bool) -> None:
    data = SHAPES["stream"].data(CUT) + ENDLESS
    source = Lengthless(data, announced=announced)
    result = play.restore_one(source, bare(data, sized=False))
    assert (result.ok, result.message.partition(":")[0]) == ((True, LACK) if announced else (False, "Truncated"))


def test_files_that_are_there_are_read_again_though_they_were_verified_before(play: Play, shape: Shape) -> None:
    """What they hold is in no cache."""

    class Remembers:
        def holds(self, file: RemoteFile, seen: object) -> bool:
            return True

        def note(self, file: RemoteFile, seen: object) -> None: ...

    data = shape.data()
    (play.folder / "x").write_bytes(data)
    policy = TransferPolicy(content=play.check)
    given = replace(transfer_options(play.clock), policy=policy, verified=Remembers())
    (result,) = restore([file_for("x", data)], source_of(shape, data), play.folder, given)
    assert (result.outcome, result.resources) == (Outcome.SKIPPED, len(data))


def test_a_look_that_goes_wrong_itself_fails_its_file_alone(play: Play, shape: Shape) -> None:
    class Faulty(LettersCheck):
        def begin(self, file: RemoteFile) -> Content | None:
            if file.path.name == "x":
                raise ZeroDivisionError
            return super().begin(file)

    play.check = Faulty()
    data = shape.data()
    source = MemorySource({"x": data, "y": data}, shape.capabilities)
    bad, good = play.restore(source, file_for("x", data), file_for("y", data))
    assert bad.message.startswith("Unexpected error: ZeroDivisionError")
    assert good.ok
