"""NDJSON as its bytes pass: counted as if it were read line by line, whatever the buffers, packed or not."""

from __future__ import annotations

import gzip
import json
import threading
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from downloader.checksums import MIB
from downloader.content import ndjson
from downloader.content.ndjson import NdjsonCheck
from downloader.errors import BrokenContent
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile

BOM = "\ufeff".encode()
PLAIN, PACKED = "Patient.ndjson", "Patient.ndjson.gz"
PATIENT = b'{"resourceType":"Patient"}'
GROUP = b'{"resourceType": "Group", "name": "a\\nb"}'

Lines = Sequence[bytes]


def look(chunks: Iterable[bytes | bytearray | memoryview], name: str = PLAIN) -> dict[str, int]:
    """What is counted; the content info and the check agree on it."""
    check = NdjsonCheck()
    content = check.begin(RemoteFile(safe_path(name), None, name))
    for chunk in chunks:
        content.update(chunk)
    content_info = content.conclude()
    counts = check.counts([name])
    assert content_info.resources == sum(counts.values())
    assert content_info.form == "", "that every line parses is no proof of being whole"
    return counts


def broken(chunks: Iterable[bytes], name: str = PLAIN) -> str:
    with pytest.raises(BrokenContent) as raised:
        look(chunks, name)
    assert not raised.value.retryable
    return raised.value.what


def line_by_line(data: bytes) -> Counter[str]:
    """What Python's own reader makes of it."""
    text = data.decode().removeprefix("\ufeff")
    return Counter(json.loads(line)["resourceType"] for line in text.split("\n") if line.strip(" \t\r"))


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[start:stop] for start, stop in zip([0, *ends], [*ends, len(data)], strict=True)]


# --- however it is cut ------------------------------------------------------------------------------------------------

letters = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
kinds = st.sampled_from(["Patient", "Observation", "Binary", "List"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | letters,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(letters, inner, max_size=3),
    max_leaves=8,
)
resources = st.builds(
    lambda kind, more, plain: json.dumps({**more, "resourceType": kind}, ensure_ascii=plain).encode(),
    kinds,
    st.dictionaries(letters, values, max_size=3),
    st.booleans(),
)
lines = st.lists(resources | st.sampled_from([b"", b" ", b"\t \r"]), max_size=12)
places = st.lists(st.integers(0, 2**20), max_size=8)
endings = st.sampled_from([b"\n", b"\r\n"])


@given(lines, places, endings, st.booleans(), st.booleans())
@example([PATIENT, GROUP], [0, 1, 26, 27, 28], b"\n", True, True)
def test_any_buffers_give_what_python_reads_line_by_line(
    rows: Lines, where: list[int], ending: bytes, ended: bool, marked: bool
) -> None:
    data = BOM * marked + ending.join(rows) + ending * ended
    assert look(cut(data, where)) == line_by_line(data)


@given(lines, places, st.lists(st.integers(0, 2**20), max_size=3), st.integers(0, 9))
@example([PATIENT], list(range(0, 80, 9)), [3, 9], 2)
def test_any_buffers_of_gzip_members_as_well(rows: Lines, where: list[int], members: list[int], padding: int) -> None:
    """A member may end in the middle of a line, and tapes pad behind each with zeros."""
    data = b"\n".join(rows)
    packed = b"".join(gzip.compress(part) + bytes(padding) for part in cut(data, members))
    assert look(cut(packed, where), PACKED) == line_by_line(data)


@given(st.lists(resources, min_size=1, max_size=8), st.integers(0, 7), places, st.booleans())
def test_the_number_of_a_broken_line_is_exact(rows: Lines, at: int, where: list[int], packed: bool) -> None:
    at %= len(rows)
    data = b"\n".join([*rows[:at], rows[at][:-1], *rows[at + 1 :]])
    name = PACKED if packed else PLAIN
    chunks = cut(gzip.compress(data) if packed else data, where)
    assert broken(chunks, name) == f"line {at + 1} of {name}: it is no JSON"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_buffer(kind: type) -> None:
    assert look([kind(PATIENT[:9]), kind(PATIENT[9:]), kind(b"")]) == {"Patient": 1}


def test_a_buffer_may_be_filled_anew_once_it_was_taken() -> None:
    """Files on the disk are read into a ring of buffers."""
    content = (check := NdjsonCheck()).begin(RemoteFile(safe_path(PLAIN), None, PLAIN))
    buffer = bytearray(PATIENT[:10])
    content.update(buffer)
    buffer[:] = b"x" * 10
    content.update(PATIENT[10:])
    assert content.conclude().resources == check.counts([PLAIN])["Patient"] == 1


# --- lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (b"", 0),
        (b"\n", 0),
        (b"\r\n \t\n\n", 0),
        (BOM, 0),
        (PATIENT, 1),
        (PATIENT + b"\n", 1),
        (PATIENT + b"\r\n" + PATIENT + b"\r\n", 2),
        (PATIENT + b"\n\n\n" + PATIENT, 2),
        (BOM + PATIENT + b"\n", 1),
        (b" \t" + PATIENT + b" \r\n", 1),
    ],
)
def test_what_ends_and_empty_lines_do_not_matter(data: bytes, count: int) -> None:
    assert look([data]) == ({"Patient": count} if count else {})


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{", "it is no JSON"),
        (b"{}{}", "it is no JSON"),
        (PATIENT + b"," + PATIENT, "it is no JSON"),
        (b"{'resourceType':'Patient'}", "it is no JSON"),
        (b'{"resourceType":"Patient","n":NaN}', "it is no JSON"),
        (b'{"resourceType":"Patient","name":"\xff"}', "it is no JSON"),
        (b'{"resourceType":"Patient"}\0', "it is no JSON"),
        (BOM + PATIENT, "it is no JSON"),
        (b"[" * 100_000, "it is no JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "it is no JSON"),
        (b"null", "it has no resourceType"),
        (b"[" + PATIENT + b"]", "it has no resourceType"),
        (b'"Patient"', "it has no resourceType"),
        (b"{}", "it has no resourceType"),
        (b'{"ResourceType":"Patient"}', "it has no resourceType"),
        (b'{"resourceType":null}', "it has no resourceType"),
        (b'{"resourceType":["Patient"]}', "it has no resourceType"),
        (b'{"resourceType":""}', "it has no resourceType"),
        (b'{"resourceType":"patient"}', "it has no resourceType"),
        (b'{"resourceType":"Patient\\n"}', "it has no resourceType"),
        (b'{"resourceType":"../../Patient"}', "it has no resourceType"),
        (b'{"resourceType":"P%s"}' % (b"a" * 70), "it has no resourceType"),
        (b'{"resourceType":"P\\u0000atient"}', "it has no resourceType"),
    ],
)
def test_a_broken_line_is_told_by_its_number_and_never_shown(line: bytes, problem: str) -> None:
    """What stands in it is a patient's."""
    assert broken([PATIENT + b"\n\r\n" + line + b"\n" + PATIENT]) == f"line 3 of {PLAIN}: {problem}"


def test_of_several_broken_lines_the_first_is_told() -> None:
    assert broken([PATIENT, b"\n{}\n{\n"]).startswith("line 2 of")


def test_lines_are_counted_beyond_a_thousand() -> None:
    assert broken([(PATIENT + b"\n") * 1233 + b"{"]).startswith("line 1,234 of")


def test_types_that_nobody_knows_are_counted_together() -> None:
    """A file may hold as many as it has lines; they travel between tasks, and stand in the report."""
    made_up = b"".join(b'{"resourceType":"X%s"}\n' % bytes(97 + int(d) for d in f"{n:05}") for n in range(5000))
    assert look([made_up, PATIENT]) == {"Patient": 1, "Unknown": 5000}


# --- long lines, and what is packed -----------------------------------------------------------------------------------


@pytest.fixture
def low_limit(monkeypatch: pytest.MonkeyPatch) -> int:
    """Bytes that a line may have."""
    monkeypatch.setattr(ndjson, "_LONGEST", 2 * MIB)
    return 2 * MIB


def long_line(size: int) -> bytes:
    head, tail = b'{"resourceType":"Binary","data":"', b'"}'
    return head + b"A" * (size - len(head) - len(tail)) + tail


def pieces(data: bytes, step: int = 100_000) -> list[bytes]:
    return cut(data, range(step, len(data), step))


@pytest.mark.parametrize("packed", [False, True])
def test_a_line_as_long_as_it_may_be(low_limit: int, packed: bool) -> None:
    data = PATIENT + b"\n" + long_line(low_limit)
    chunks = pieces(gzip.compress(data) if packed else data)
    assert look(chunks, PACKED if packed else PLAIN) == {"Patient": 1, "Binary": 1}


@pytest.mark.parametrize("packed", [False, True])
def test_a_line_that_never_ends_is_refused_in_time(low_limit: int, packed: bool) -> None:
    name = PACKED if packed else PLAIN
    endless = long_line(40 * MIB)
    chunks = pieces(gzip.compress(PATIENT + b"\n" + endless) if packed else PATIENT + b"\n" + endless)
    tracemalloc.start()
    try:
        assert broken(chunks, name) == f"line 2 of {name}: the line is longer than 2 MiB"
        assert tracemalloc.get_traced_memory()[1] < 4 * low_limit
    finally:
        tracemalloc.stop()


def bomb(line: bytes, size: int) -> bytes:
    """About `size` bytes of the same line, packed."""
    packer = zlib.compressobj(9, wbits=31)
    block = line * (MIB // len(line))
    return b"".join(packer.compress(block) for _ in range(size // MIB)) + packer.flush()


def test_what_unpacks_to_a_thousand_times_its_size_takes_no_more_memory() -> None:
    packed = bomb(b'{"resourceType":"Binary","data":"%s"}\n' % (b"A" * 100_000), 100 * MIB)
    assert len(packed) < MIB
    tracemalloc.start()
    try:
        assert look([packed], PACKED)["Binary"] > 900
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["a.ndjson.gz", "A.NDJSON.GZ"])
def test_the_ending_says_that_it_is_packed(name: str) -> None:
    assert look([gzip.compress(PATIENT)], name) == {"Patient": 1}


def test_what_is_packed_within_the_limits_of_an_unpacker_that_holds_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of a byte: there is always more to come than is given out."""
    monkeypatch.setattr(ndjson, "_STEP", 1)
    data = gzip.compress(PATIENT) + gzip.compress(b"\n" + GROUP * 1 + b"\n" + PATIENT)
    for step in (1, 7, len(data)):
        assert look(pieces(data, step), PACKED) == {"Patient": 2, "Group": 1}


PACKED_LINE = gzip.compress(PATIENT + b"\n" + GROUP)


def test_nothing_is_a_whole_file_and_packed_nothing_too() -> None:
    assert look([], PACKED) == look([b""], PACKED) == look([gzip.compress(b"")], PACKED) == {}


@pytest.mark.parametrize("at", range(1, len(PACKED_LINE)))
def test_packed_bytes_that_end_anywhere_else_are_broken(at: int) -> None:
    assert broken([PACKED_LINE[:at]], PACKED).endswith("its packed bytes end in the middle")


@pytest.mark.parametrize("at", [1, 5, 9])
def test_a_second_member_may_not_end_in_the_middle_either(at: int) -> None:
    assert broken([PACKED_LINE, PACKED_LINE[:at]], PACKED).endswith("its packed bytes end in the middle")


@pytest.mark.parametrize(
    "data",
    [
        PATIENT,
        PACKED_LINE + b"rubbish",
        PACKED_LINE + bytes(5) + b"rubbish",
        PACKED_LINE[:-6] + b"\0\0" + PACKED_LINE[-4:],
        zlib.compress(PATIENT),
        bytes(100),
    ],
    ids=["not packed", "rubbish behind", "rubbish behind padding", "wrong checksum", "zlib", "zeros"],
)
def test_what_gzip_cannot_unpack_is_broken(data: bytes) -> None:
    for chunks in ([data], pieces(data, 1)):
        assert broken(chunks, PACKED).endswith("it is not packed by gzip, or its packed bytes are damaged")


# --- many files -------------------------------------------------------------------------------------------------------


def test_counts_are_those_of_the_files_that_are_asked_for() -> None:
    check = NdjsonCheck()
    for name, data in {"a": PATIENT, "b": PATIENT + b"\n" + GROUP, "c": b""}.items():
        content = check.begin(RemoteFile(safe_path(name), None, name))
        content.update(data)
        content.conclude()
    unfinished = check.begin(RemoteFile(safe_path("d"), None, "d"))
    unfinished.update(PATIENT + b"\n")
    assert check.counts(["a", "b", "c", "d", "no such"]) == {"Patient": 2, "Group": 1}
    assert check.counts(["b"]) == {"Patient": 1, "Group": 1}
    assert check.counts([]) == {}


def test_a_file_that_is_looked_into_twice_counts_once() -> None:
    check = NdjsonCheck()
    for data in (PATIENT + b"\n" + PATIENT, PATIENT):
        content = check.begin(RemoteFile(safe_path("a"), None, "a"))
        content.update(data)
        content.conclude()
    assert check.counts(["a"]) == {"Patient": 1}


def test_many_threads_look_at_once() -> None:
    check = NdjsonCheck()
    names = [f"{number}.ndjson" for number in range(64)]

    def look_into(name: str) -> None:
        content = check.begin(RemoteFile(safe_path(name), None, name))
        content.update(PATIENT)
        content.conclude()

    threads = [threading.Thread(target=look_into, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert check.counts(names) == {"Patient": len(names)}
