"""Scripted faults: what the network and the server do wrong, and what becomes of the file, small or large.

Every case is played at a small file, a large one fetched in ranges, and a large one fetched as one stream; nothing lies
at the destination, or a damaged copy, or a beginning. Whatever happens, the final name holds what was there before, or
the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from downloader.errors import (
    AccessDenied,
    Archived,
    CredentialsExpired,
    DownloadError,
    NetworkError,
    ObjectNotFound,
    ServerBusy,
)
from downloader.remote_file import RemoteFile
from downloader.results import FileResult, Outcome
from downloader.source import ByteStream
from downloader.sources.memory import MemoryObject, MemorySource
from downloader.transfer.batch import restore
from support.restoring import (
    KIB,
    RANGE,
    FakeClock,
    content,
    file_for,
    part_files,
    plain_copy,
    transfer_options,
    tree,
)
from support.scripted import (
    Fault,
    Opening,
    ScriptedSource,
    announces_size,
    busy,
    credentials_expire,
    cut_after,
    ends_after,
    flip_bit,
    goes_on,
    ignore_range,
    out_of_range,
    refuse_range,
    replaced,
    reset,
    stall_after,
)
from support.shapes import RANGED, SMALL, STREAM, Shape

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(100, method="thread")]

SHAPES = {"small": SMALL, "ranged": RANGED, "stream": STREAM}


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> Shape:
    return SHAPES[request.param]


@pytest.fixture(params=["nothing", "damaged", "beginning"])
def copy(request: pytest.FixtureRequest, shape: Shape) -> bytes | None:
    """What lies under the final name."""
    copies = {"nothing": None, "damaged": bytes(shape.size), "beginning": shape.data[: shape.size // 2]}
    return copies[request.param]


class Play:
    """One file, restored while a script is played."""

    def __init__(self, folder: Path, shape: Shape, copy: bytes | None = None) -> None:
        self.destination = folder / "destination"
        self.destination.mkdir()
        if copy is not None:
            (self.destination / "x").write_bytes(copy)
        self.shape = shape
        self.copy = copy
        self.clock = FakeClock()
        self.inner = MemorySource({"x": shape.data}, shape.capabilities, step=8 * KIB)

    def restore(
        self, script: Sequence[Fault | None] = (), always: Fault | None = None, file: RemoteFile | None = None
    ) -> FileResult:
        self.source = ScriptedSource(self.inner, {"x": script}, {"x": always} if always else {})
        (result,) = restore([file or self.shape.file], self.source, self.destination, transfer_options(self.clock))
        return result

    def came_home(self, result: FileResult) -> None:
        assert result.ok, result.message
        assert result.verified
        assert tree(self.destination) == {"x": self.shape.data}

    def changed_nothing(self, result: FileResult) -> None:
        assert not result.ok
        assert (result.size, result.assurance) == (0, "")
        assert plain_copy(self.destination, "x") == self.copy


@pytest.fixture
def play(tmp_path: Path, shape: Shape, copy: bytes | None) -> Play:
    return Play(tmp_path, shape, copy)


# --- what passes ------------------------------------------------------------------------------------------------------

RETRYABLE: dict[str, list[Fault | None]] = {
    "cut at the first byte": [cut_after(0)],
    "cut behind the first byte": [cut_after(1)],
    "cut again and again": [cut_after(n) for n in (0, 10, 0, 100, 0)],
    "cut in the middle": [cut_after(40 * KIB), None, cut_after(20 * KIB)],
    "ends early, as if that were all": [ends_after(0), ends_after(7), ends_after(500)],
    "reset": [reset, reset],
    "stalls": [stall_after(0), stall_after(300)],
    "503, then fine": list(busy(3)),
    "500 in the middle": [None, *busy(2), None, *busy(1)],
    "credentials expire, and are renewed": [credentials_expire, None, credentials_expire],
    "a bit is flipped once": [flip_bit(17)],
    "a later bit is flipped once": [None, flip_bit(70 * KIB)],
    "the whole comes for a range": [ignore_range],
    "a range is refused": [None, refuse_range],
    "replaced, by the same content": [replaced],
}


@pytest.mark.parametrize("what", RETRYABLE)
def test_what_passes_is_sat_out(play: Play, what: str) -> None:
    play.came_home(play.restore(RETRYABLE[what]))


@pytest.mark.parametrize("at", [0, 1, 4095, 8 * KIB, RANGE - 1, RANGE, RANGE + 1, 300 * KIB - 1])
@pytest.mark.parametrize("make", [cut_after, ends_after, stall_after])
@pytest.mark.parametrize("shape", ["ranged", "stream"], indirect=True)
@pytest.mark.parametrize("copy", ["nothing"], indirect=True)
def test_a_stream_may_break_at_any_byte(play: Play, make: Callable[[int], Fault], at: int) -> None:
    result = play.restore([make(at)])
    play.came_home(result)
    assert result.fetched == play.shape.size, "what came before the break was fetched twice"


@pytest.mark.parametrize("copy", ["nothing"], indirect=True)
def test_a_bit_that_is_flipped_once_costs_one_more_fetch(play: Play) -> None:
    play.came_home(play.restore([flip_bit(17)]))
    assert play.source.served["x"] == 2 * play.shape.size


@pytest.mark.parametrize("copy", ["nothing"], indirect=True)
def test_a_server_that_asks_for_patience_is_given_it(play: Play) -> None:
    play.came_home(play.restore(busy(2, 20.0)))
    assert play.clock.waited == 40


@pytest.mark.parametrize("at", [0, 2, 4])
@pytest.mark.parametrize("copy", ["nothing"], indirect=True)
def test_whatever_the_range_an_answer_of_the_whole_is_never_taken_for_it(play: Play, at: int) -> None:
    play.came_home(play.restore([*[None] * at, ignore_range]))


@pytest.mark.parametrize("fault", [ignore_range, refuse_range])
def test_a_server_that_grants_no_ranges_at_all(play: Play, fault: Fault) -> None:
    def only_whole(opening: Opening) -> ByteStream:
        return opening.stream() if not opening.start and opening.stop is None else fault(opening)

    play.came_home(play.restore(always=only_whole))


@pytest.mark.parametrize("shape", ["stream"], indirect=True)
@pytest.mark.parametrize("copy", ["nothing"], indirect=True)
def test_a_server_that_grants_no_ranges_and_breaks_is_read_from_the_start_again(play: Play) -> None:
    def breaks(opening: Opening) -> ByteStream:
        return cut_after(200 * KIB)(opening) if not opening.start else refuse_range(opening)

    play.came_home(play.restore([breaks] * 6))
    assert play.source.served["x"] == 3 * 200 * KIB + play.shape.size


# --- what does not pass -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ending:
    """A fault that never ends, and the failure that it becomes."""

    what: str
    fault: Fault
    message: str
    retryable: bool = False


def refusing(error: DownloadError) -> Fault:
    def refuse(opening: Opening) -> ByteStream:
        raise error

    return refuse


def flips_the_last_bit(opening: Opening) -> ByteStream:
    return flip_bit((opening.file.size or 0) - 1)(opening)


AGAIN = "; run it again; what is already there is kept"
LENGTH = "bytes at its source, {size} are expected"
RECORD = "; compare what is recorded of the file with the file at its source"
ENDINGS = [
    Ending("the network is down", reset, f"Network error: connection reset{AGAIN}", retryable=True),
    Ending("not a byte comes", stall_after(0), f"Stalled: no byte for 60 s{AGAIN}", retryable=True),
    Ending("it breaks at once", cut_after(0), f"Network error: the connection broke{AGAIN}", retryable=True),
    Ending("503", busy(1)[0], f"Server busy: 503 SlowDown{AGAIN}", retryable=True),
    Ending("503 for an hour", busy(1, 3600.0)[0], f"Server busy: 503 SlowDown{AGAIN}", retryable=True),
    Ending(
        "credentials expire",
        credentials_expire,
        "Credentials expired: the token ended; renew the credentials of the connection, then run it again",
        retryable=True,
    ),
    Ending(
        "it is replaced all the time",
        replaced,
        "Object changed: replaced while it was read; run it again when no program writes to it any more",
        retryable=True,
    ),
    Ending("416", out_of_range, f"Size mismatch: 416: the file is shorter than expected{RECORD}"),
    Ending("longer", announces_size(9**9), f"Size mismatch: x has {9**9} {LENGTH}{RECORD}"),
    Ending("shorter", announces_size(5), f"Size mismatch: x has 5 {LENGTH}{RECORD}"),
    Ending("no such key", refusing(ObjectNotFound("no x")), "Not found: no x; check the bucket and the key"),
    Ending(
        "access denied",
        refusing(AccessDenied("no")),
        "Access denied: no; give the credentials of the connection the right to read it",
    ),
    Ending("in Glacier", refusing(Archived("frozen", "restore it")), "Archived: frozen; restore it"),
    Ending(
        "a bit is always wrong",
        flips_the_last_bit,
        "Checksum mismatch: x came wrong twice: md5 * instead of *; "
        "the file at its source is damaged or was replaced, or the expected checksum is wrong: compare the two",
    ),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.what)
def test_what_does_not_pass_fails_in_a_sentence_and_changes_nothing(play: Play, ending: Ending) -> None:
    result = play.restore(always=ending.fault)
    play.changed_nothing(result)
    expected = re.escape(ending.message.format(size=play.shape.size)).replace(r"\*", "[0-9a-f]{32}")
    assert re.fullmatch(expected, result.message), result.message
    assert result.retryable is ending.retryable
    assert play.clock.waited < 60


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.what)
@pytest.mark.parametrize("copy", ["beginning"], indirect=True)
def test_once_it_passes_the_next_run_brings_it_home(play: Play, ending: Ending) -> None:
    play.restore(always=ending.fault)
    play.came_home(play.restore())


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.what)
def test_a_fault_in_the_middle_ends_the_same_way(play: Play, ending: Ending) -> None:
    result = play.restore([cut_after(300)], always=ending.fault)
    if result.ok:
        play.came_home(result)
    else:
        play.changed_nothing(result)


def test_more_bytes_than_expected_are_never_taken(play: Play) -> None:
    result = play.restore(always=goes_on(b"more"))
    play.changed_nothing(result)
    assert result.message.startswith(("Size mismatch: the source sent more bytes of x than", "Ranges not supported"))


@pytest.mark.parametrize("copy", ["nothing"], indirect=True)
def test_what_came_before_the_network_went_down_is_not_fetched_again(play: Play) -> None:
    first = play.restore([cut_after(200 * KIB)], always=reset)
    assert not first.ok
    kept = sum(len(data) for data in tree(play.destination).values())
    second = play.restore()
    play.came_home(second)
    assert second.fetched == play.shape.size - kept
    if play.shape is STREAM:
        assert kept == 200 * KIB
        assert second.outcome is Outcome.RESUMED


# --- the object is another one, all of a sudden -----------------------------------------------------------------------


def swap(play: Play, data: bytes) -> Fault:
    """From this opening on the object is another one."""

    def fault(opening: Opening) -> ByteStream:
        play.inner.put("x", MemoryObject(data, checksums=file_for("x", data).checksums))
        return opening.stream()

    return fault


@pytest.mark.parametrize("copy", ["nothing", "beginning"], indirect=True)
@pytest.mark.parametrize("at", [0, 1, 2, 3])
@pytest.mark.parametrize("length", [0, 1], ids=["as long", "longer"])
def test_an_object_that_is_replaced_between_two_ranges_is_never_mixed(play: Play, at: int, length: int) -> None:
    """The record has nothing but the size, so the expected ETag is all that can show it."""
    other = content(play.shape.size + length, 2)
    bare = replace(play.shape.file, checksums=(), size=None)
    result = play.restore([*[None] * at, swap(play, other)], file=bare)
    here = plain_copy(play.destination, "x")
    assert here in (play.shape.data, other) if result.ok else here == play.copy
    assert part_files(play.destination) == []


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_an_object_that_is_no_longer_the_recorded_one_never_comes_home(play: Play, at: int) -> None:
    other = content(play.shape.size, 2)
    result = play.restore([*[None] * at, swap(play, other)])
    if result.ok:
        play.came_home(result)
    else:
        play.changed_nothing(result)
        assert result.message.startswith("Checksum mismatch: ")


# --- how long it takes to give up -------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [NetworkError, ServerBusy, CredentialsExpired])
@pytest.mark.parametrize("copy", ["nothing"], indirect=True)
def test_six_attempts_are_made_and_no_more(play: Play, error: type[DownloadError]) -> None:
    play.restore(always=refusing(error("down")))
    ranges = -(-play.shape.size // RANGE) if play.shape is RANGED else 1
    assert 6 <= play.source.opens["x"] <= 6 * ranges


@pytest.mark.parametrize("copy", ["nothing"], indirect=True)
def test_what_will_not_pass_is_asked_for_once(play: Play) -> None:
    play.restore(always=refusing(AccessDenied("no")))
    assert play.source.opens["x"] <= (3 if play.shape is RANGED else 1)
    assert play.clock.slept == []
