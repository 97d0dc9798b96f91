"""NDJSON as its bytes pass: counted as if it were read line by line, whatever the buffers, packed or not."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import threading
import tracemalloc
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from downloader.checksums import MIB
from downloader.content import ndjson
from downloader.content.ndjson import NdjsonCheck, first_type
from downloader.errors import BrokenContent
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile

BOM = "\ufeff".encode()
PLAIN, PACKED = "Patient.ndjson", "Patient.ndjson.gz"
PATIENT = b'{"resourceType":"Patient"}'
GROUP = b'{"resourceType": "Group", "name": "a\\nb"}'

Lines = Sequence[bytes]


def look(chunks: Iterable[bytes | bytearray | memoryview], name: str = PLAIN, *, remark: str = "") -> dict[str, int]:
    """What is counted; the content info and the check agree on it."""
    check = NdjsonCheck()
    content = check.begin(RemoteFile(safe_path(name), None, name))
    for chunk in chunks:
        content.update(chunk)
    content_info = content.conclude()
    counts = check.counts([name])
    assert content_info.resources == sum(counts.values())
    assert content_info.form == "", "that every line parses is no proof of being whole"
    assert content_info.remark == remark
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
    told = broken(chunks, name)
    assert told == f"line {at + 1} of {name}: it ends in the middle of a JSON object"


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


NO_RESOURCE = "it has no resourceType"
NO_TYPE = "its resourceType is not the name of a FHIR type (a capital letter, then letters only)"
OWN_TYPE = "its resourceType, {}, is not the name of a FHIR type (a capital letter, then letters only)"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{", "it ends in the middle of a JSON object"),
        (PATIENT[:-1], "it ends in the middle of a JSON object"),
        (b'{"resourceType":"Pat', "it ends in the middle of a JSON object"),
        (b'"Pat', "it ends in the middle of a JSON string"),
        (b"[1, ", "it ends in the middle of a JSON array"),
        (b"{}{}", "more follows behind the JSON object (byte 3)"),
        (PATIENT + b"," + PATIENT, "more follows behind the JSON object (byte 27)"),
        (PATIENT + b"\r" + PATIENT, "more follows behind the JSON object (byte 28)"),
        (PATIENT + b"\0", "more follows behind the JSON object (byte 27)"),
        (b"{'resourceType':'Patient'}", "it is not JSON (unexpected character, byte 2)"),
        (b'{"resourceType":"Patient","a":"\t"}', "it is not JSON (unexpected character, byte 32)"),
        (b'{"resourceType":"Patient","n":NaN}', "it is not JSON (NaN or Infinity, byte 31)"),
        (b'{"resourceType":"Patient","n":-Infinity}', "it is not JSON (NaN or Infinity, byte 31)"),
        (b"resourceType,id", "it is not JSON (unexpected character, byte 1)"),
        (BOM + BOM + PATIENT, "it is not JSON (unexpected character, byte 1)"),
        (
            b'{"resourceType":"Patient","name":"M\xfcller"}',
            "its text is not UTF-8; Latin-1 or Windows-1252, perhaps",
        ),
        (
            b'{"resourceType":"Patient","name":"\xed\xa0\xbd"}',
            "its text is not UTF-8; Latin-1 or Windows-1252, perhaps",
        ),
        (b"[" * 100_000, "it ends in the middle of a JSON array"),
        (b"[" * 100_000 + b"]" * 100_000, "it is a JSON array, and not a resource"),
        (b"null", "it is a JSON literal, and not a resource"),
        (b"1e400", "it is a JSON number, and not a resource"),
        (b"[" + PATIENT + b"]", "it is a JSON array, and not a resource"),
        (b'"Patient"', "it is a JSON string, and not a resource"),
        (b"{}", NO_RESOURCE),
        (b'{"ResourceType":"Patient"}', NO_RESOURCE),
        (b'{"a":{"resourceType":"Patient"}}', NO_RESOURCE),
        (b'{"resourceType":null}', "its resourceType is not text"),
        (b'{"resourceType":["Patient"]}', "its resourceType is not text"),
        (b'{"resourceType":""}', NO_TYPE),
        (b'{"resourceType":"patient"}', OWN_TYPE.format("patient")),
        (b'{"resourceType":"Patient2"}', OWN_TYPE.format("Patient2")),
        (b'{"resourceType":"Patient\\n"}', NO_TYPE),
        (b'{"resourceType":"Erika Mustermann"}', NO_TYPE),
        (b'{"resourceType":"../../Patient"}', NO_TYPE),
        (b'{"resourceType":"P%s"}' % (b"a" * 70), NO_TYPE),
        (b'{"resourceType":"P\\u0000atient"}', NO_TYPE),
    ],
)
@pytest.mark.parametrize("short", [2**20, 8], ids=["held", "scanned"])
def test_a_broken_line_is_told_by_its_number_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, line: bytes, problem: str, short: int
) -> None:
    """What stands in it is a patient's. A long line is told in the same words."""
    monkeypatch.setattr(ndjson, "_SHORT", short)
    assert broken([PATIENT + b"\n\r\n" + line + b"\n" + PATIENT]) == f"line 3 of {PLAIN}: {problem}"


def test_of_several_broken_lines_the_first_is_told() -> None:
    assert broken([PATIENT, b"\n{}\n{\n"]).startswith("line 2 of")


def test_lines_are_counted_beyond_a_thousand() -> None:
    assert broken([(PATIENT + b"\n") * 1233 + b"{"]).startswith("line 1,234 of")


ODD = {
    "half a pair": (rb'{"resourceType":"Patient","a":"\ud83d"}', "half of a surrogate pair"),
    "the other half": (rb'{"resourceType":"Patient","a":"\udc00 \ud83d\ude00"}', "half of a surrogate pair"),
    "1e400": (b'{"resourceType":"Patient","a":-1E+400}', "a number beyond the range of a double"),
    "digits": (b'{"resourceType":"Patient","a":[%s]}' % (b"7" * 5_000), "a number beyond the range of a double"),
    "deep": (b'{"resourceType":"Patient","a":%s}' % (b"[" * 2000 + b"]" * 2000), "more than 1,000 nested levels"),
}


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("short", [2**20, 8], ids=["held", "scanned"])
def test_what_json_allows_and_parsers_refuse_is_counted_with_a_remark(
    monkeypatch: pytest.MonkeyPatch, case: str, short: int
) -> None:
    monkeypatch.setattr(ndjson, "_SHORT", short)
    line, oddity = ODD[case]
    data = PATIENT + b"\n" + line + b"\r\n" + line + b"\n" + GROUP
    remark = f"{oddity}, which other programs may refuse (2 lines, the first is line 2)"
    assert look(cut(data, range(0, len(data), 7)), remark=remark) == {"Patient": 3, "Group": 1}


@pytest.mark.parametrize(
    "line",
    [
        rb'{"resourceType":"Patient","a":"\\ud83d"}',
        b'{"resourceType":"Patient","a":1e308,"b":1e-400,"c":%s}' % (b"7" * 300),
        b'{"resourceType":"Patient","a":0.%s}' % (b"7" * 5_000),
        b'{"resourceType":"Patient","a":1,"a":2}',
        b'{"resourceType":"Group","resourceType":"Patient"}',
        b'{"resourceType":"Pat\\u0069ent"}',
        b'{"resource\\u0054ype":"Patient"}',
    ],
)
@pytest.mark.parametrize("short", [2**20, 8], ids=["held", "scanned"])
def test_what_parsers_read_gets_no_remark(monkeypatch: pytest.MonkeyPatch, line: bytes, short: int) -> None:
    monkeypatch.setattr(ndjson, "_SHORT", short)
    assert look([line]) == {"Patient": 1}


def test_files_that_were_joined_have_a_mark_in_the_middle() -> None:
    remark = "a byte order mark where a line begins; several files were joined, perhaps (line 2)"
    assert look([BOM + PATIENT + b"\n" + BOM + GROUP], remark=remark) == {"Patient": 1, "Group": 1}


# --- what is no NDJSON ------------------------------------------------------------------------------------------------

PRETTY = json.dumps({"resourceType": "Patient", "name": [{"family": "Müller"}]}, indent=2).encode()
BUNDLE = json.dumps({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}]}, indent=1).encode()
SPANS = "here begins a {} of several lines (pretty-printed), which ends in line {}; in NDJSON each line is one resource"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (PRETTY, SPANS.format("JSON object", 8)),
        (PRETTY.replace(b"\n", b"\r\n") + b"\r\n" + PRETTY, SPANS.format("JSON object", 8)),
        (BUNDLE, SPANS.format("Bundle", 10)),
        (b"[\n" + PATIENT + b",\n" + GROUP + b"\n]\n", SPANS.format("JSON array", 4)),
        (b"[\n" + PATIENT + b",\n" + GROUP + b",\n]\n", "it ends in the middle of a JSON array"),
    ],
)
@pytest.mark.parametrize("short", [2**20, 8], ids=["held", "scanned"])
def test_json_of_several_lines_is_told_as_that(
    monkeypatch: pytest.MonkeyPatch, data: bytes, problem: str, short: int
) -> None:
    monkeypatch.setattr(ndjson, "_SHORT", short)
    assert broken([data]) == broken(cut(data, range(len(data)))) == f"line 1 of {PLAIN}: {problem}"
    assert broken([PATIENT + b"\n\n" + data]).startswith(f"line 3 of {PLAIN}: ")


def tar_of(data: bytes) -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            header = tarfile.TarInfo("Patient.ndjson")
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
        return file.getvalue()


def zip_of(data: bytes) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("Patient.ndjson", data)
        return file.getvalue()


TEXT = (PATIENT + b"\n").decode() * 2
FOREIGN = {
    "zip": (zip_of(PATIENT), "a zip archive"),
    "tar": (tar_of(PATIENT), "a tar archive"),
    "bzip2": (bz2.compress(PATIENT), "compressed by bzip2"),
    "xz": (lzma.compress(PATIENT), "compressed by xz"),
    "zlib": (zlib.compress(PATIENT), "compressed by zlib"),
    "zstd": (b"\x28\xb5\x2f\xfd\x24\x1a\xd1\0\0", "compressed by zstd"),
    "zstd, a skippable frame": (b"\x50\x2a\x4d\x18\4\0\0\0abcd", "compressed by zstd"),
    "parquet": (b"PAR1\x15\4", "a Parquet file"),
    "utf-16": (TEXT.encode("utf-16"), "text in UTF-16"),
    "utf-16-be with a mark": (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "text in UTF-16"),
    "utf-16-le": (TEXT.encode("utf-16-le"), "text in UTF-16"),
    "utf-16-be": (TEXT.encode("utf-16-be"), "text in UTF-16"),
    "utf-32": (TEXT.encode("utf-32"), "text in UTF-32"),
    "utf-32-le": (TEXT.encode("utf-32-le"), "text in UTF-32"),
    "utf-32-be": (TEXT.encode("utf-32-be"), "text in UTF-32"),
    "page": (b"\n<!DOCTYPE html>\n<html></html>", "a web page (HTML)"),
    "page without a type": (BOM + b"<HTML><BODY>502 Bad Gateway</BODY></HTML>", "a web page (HTML)"),
    "xhtml": (b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"/>', "a web page (HTML)"),
    "xml": (b'<Patient xmlns="http://hl7.org/fhir"><id value="1"/></Patient>', "XML"),
    "error": (b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "XML"),
    "zeros": (bytes(4096), "nothing but zero bytes where it begins; a lost block of a disk, perhaps"),
}


@pytest.mark.parametrize("form", FOREIGN)
@pytest.mark.parametrize("wrap", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_what_else_it_is_is_told_by_its_first_bytes(form: str, wrap: Callable[[bytes], bytes]) -> None:
    data, told = FOREIGN[form]
    data = wrap(data)
    for name in (PLAIN, PACKED):
        assert (
            broken([data], name) == broken(cut(data, range(len(data))), name) == f"{name}: it is {told}, and not NDJSON"
        )


def test_types_that_nobody_knows_are_counted_together() -> None:
    """A file may hold as many as it has lines; they travel between tasks, and stand in the report."""
    made_up = b"".join(b'{"resourceType":"X%s"}\n' % bytes(97 + int(d) for d in f"{n:05}") for n in range(5000))
    assert look([made_up, PATIENT]) == {"Patient": 1, "Unknown": 5000}


# --- long lines, and what is packed -----------------------------------------------------------------------------------


def long_line(size: int) -> bytes:
    head, tail = b'{"resourceType":"Binary","data":"', b'"}'
    return head + b"A" * (size - len(head) - len(tail)) + tail


def pieces(data: bytes, step: int = 100_000) -> list[bytes]:
    return cut(data, range(step, len(data), step))


@pytest.mark.parametrize("packed", [False, True])
def test_a_long_line_takes_no_more_memory_than_a_short_one(packed: bool) -> None:
    data = PATIENT + b"\n" + long_line(40 * MIB)
    chunks = pieces(gzip.compress(data, 1) if packed else data)
    tracemalloc.start()
    try:
        assert look(chunks, PACKED if packed else PLAIN) == {"Patient": 1, "Binary": 1}
        assert tracemalloc.get_traced_memory()[1] < 12 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"resourceType":"Binary","data":"%s' % (b"A" * 5 * MIB), "it ends in the middle of a JSON object"),
        (b'{"resourceType":"Binary","data":["%s"}' % (b"A" * 5 * MIB), "it is not JSON (unexpected character, byte 5,"),
        (long_line(5 * MIB) + b"}", "more follows behind the JSON object (byte 5,242,881)"),
    ],
)
def test_a_long_line_that_is_broken_is_told(line: bytes, problem: str) -> None:
    assert broken(pieces(PATIENT + b"\n" + line)).startswith(f"line 2 of {PLAIN}: {problem}")


PROGRAM = """
import re
from downloader.content.ndjson import NdjsonContent
content = NdjsonContent("x.ndjson", lambda *counts: None)
content.update(b'{"resourceType":"Binary","data":"')
for _ in range(125 * 16):
    content.update(b"QUJD" * 16384)
content.update(b'"}\\n')
content.conclude()
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def test_a_process_that_reads_a_line_of_125_mib_stays_small() -> None:
    """`tracemalloc` does not count what a parser takes by itself."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "plugins")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(ran.stdout) // 1024 < 100, f"{int(ran.stdout) // 1024} MiB"


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


def test_whether_it_is_packed_is_told_by_its_bytes() -> None:
    packed = gzip.compress(PATIENT)
    for name in ("a.ndjson.gz", "A.NDJSON.GZ"):
        assert look([packed], name) == {"Patient": 1}
        assert look([gzip.compress(packed)], name, remark="compressed twice by gzip") == {"Patient": 1}
        assert look([PATIENT], name, remark="not compressed, though its name ends in .gz") == {"Patient": 1}
    remark = "compressed by gzip, though its name does not end in .gz"
    assert look([packed], remark=remark) == look(pieces(packed, 1), remark=remark) == {"Patient": 1}
    assert broken([gzip.compress(gzip.compress(packed))], PACKED).endswith("compressed more than twice, and not NDJSON")


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
    assert broken([PACKED_LINE[:at]], PACKED).endswith("its gzip data end early")


@pytest.mark.parametrize("at", [1, 5, 9])
def test_a_second_member_may_not_end_in_the_middle_either(at: int) -> None:
    assert broken([PACKED_LINE, PACKED_LINE[:at]], PACKED).endswith("its gzip data end early")


@pytest.mark.parametrize(
    "data",
    [PACKED_LINE + b"rubbish", PACKED_LINE + bytes(5) + b"rubbish", PACKED_LINE[:-6] + b"\0\0" + PACKED_LINE[-4:]],
    ids=["rubbish behind", "rubbish behind padding", "wrong checksum"],
)
def test_what_gzip_cannot_unpack_is_broken(data: bytes) -> None:
    for chunks in ([data], pieces(data, 1)):
        told = broken(chunks, PACKED)
        assert told == f"{PACKED}: its gzip data are damaged, or something else follows them"


def test_a_name_that_promises_gzip_and_bytes_that_are_nothing_of_all_that() -> None:
    told = broken([b"\x89 rubbish"], PACKED)
    assert told == f"{PACKED}: it is not compressed by gzip, whatever its name says, and not NDJSON"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PATIENT + b"\n" + GROUP, "Patient"),
        (BOM + b"\n\r\n" + PATIENT, "Patient"),
        (b'{"id":"1","contained":[{"resourceType":"Flag"}],"resourceType":"Group","x":"', "Group"),
        (gzip.compress(GROUP * 1000, mtime=0)[:-8], "Group"),
        (gzip.compress(gzip.compress(GROUP, mtime=0), mtime=0), "Group"),
        (BUNDLE, "Bundle"),
        (b'{"resourceType":"Patient2"}', "Unknown"),
        (b'{"resourceType":"Mine"}', "Unknown"),
        (b"[" + PATIENT + b"]", "Unknown"),
        (b'{"id":"', "Unknown"),
        (b"", "Unknown"),
        (b"\x1f\x8b\x08 rubbish", "Unknown"),
        (zip_of(PATIENT), "Unknown"),
    ],
)
def test_the_type_of_the_first_resource(data: bytes, kind: str) -> None:
    assert first_type(data) == kind


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
