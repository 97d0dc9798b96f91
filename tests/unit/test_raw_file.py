"""A record of the catalogue becomes a plan: every shape of entry, every hostile name, every S3 path."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.catalogue import RawFile, RecordUnusable, UploadPath, file_info, parse_upload_path, plan, recorded_files
from downloader.catalogue.file_info import parse_file_info, read_entry
from downloader.checksums import MIB, Checksum
from downloader.errors import CorruptRecord, NameCollision, NameTooLong, PathConflict, ReservedName, UnsafePath
from downloader.paths import SafePath, safe_path
from downloader.planning import case_collisions, local_name
from downloader.remote_file import Planned, Refused, RemoteFile

MD5 = "9b2cf535f27731c974343645a3985328"
OTHER = "5d41402abc4b2a76b9719d911017c592"
WHOLE = Checksum("md5", MD5)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ENTRIES = JSON | st.tuples(st.none() | st.integers(0, 2**50), st.just(MD5) | st.just(OTHER) | st.none()).map(list)
NAMES = st.text() | st.lists(
    st.sampled_from(["a", "b", "..", ".", "", "\0", "\ud800", "é", "_download_status_x", "a" * 300, "\n"]), max_size=5
).map("/".join)


def record(
    file_info: Mapping[str, object],
    s3_upload_path: str | None = "bucket/prefix/",
    project_id: str = "PRID001",
    backup_status: str | None = "upload_done",
) -> RawFile:
    return RawFile("sample", project_id, s3_upload_path, backup_status, file_info)


def whole(name: str, size: int | None = 1, prefix: str = "prefix/") -> RemoteFile:
    return RemoteFile(safe_path(name), size, f"{prefix}{name}", (WHOLE,))


def reasons(planned: list[Planned]) -> dict[str, type]:
    return {item.name: type(item.error) for item in planned if isinstance(item, Refused)}


# Entries


@pytest.mark.parametrize(
    ("entry", "size", "checksums"),
    [
        ([5, MD5], 5, [WHOLE]),
        ((5, MD5), 5, [WHOLE]),
        ([0, MD5], 0, [WHOLE]),
        ([5, MD5.upper()], 5, [WHOLE]),
        ([5, f'"{MD5}"'], 5, [WHOLE]),
        ([None, MD5], None, [WHOLE]),
        ([5, None], 5, []),
        ([5, ""], 5, []),
        ([None, None], None, []),
        ([None, None, None], None, []),
        ([5.0, MD5], 5, [WHOLE]),
        ([2**63 - 1, MD5], 2**63 - 1, [WHOLE]),
        ([5, MD5, None], 5, [WHOLE]),
        ([5, MD5, ""], 5, [WHOLE]),
        ([5, MD5, f"{OTHER}-17__100"], 5, [WHOLE, Checksum("s3-etag", f"{OTHER}-17", (100 * MIB,))]),
        ([5, MD5, f"{OTHER.upper()}-17__100"], 5, [WHOLE, Checksum("s3-etag", f"{OTHER}-17", (100 * MIB,))]),
        ([5, MD5, f"{OTHER}-17"], 5, [WHOLE, Checksum("s3-etag", f"{OTHER}-17")]),
        ([5, None, f"{OTHER}-17__5120"], 5, [Checksum("s3-etag", f"{OTHER}-17", (5120 * MIB,))]),
        # Older records: a multipart ETag in the place of the MD5.
        ([5, f"{OTHER}-17"], 5, [Checksum("s3-etag", f"{OTHER}-17")]),
        ([5, f"{OTHER}-17__8"], 5, [Checksum("s3-etag", f"{OTHER}-17", (8 * MIB,))]),
        # One part: the uploader's own MD5, behind the MD5 or in its stead.
        ([5, MD5, f"{MD5}__100"], 5, [WHOLE]),
        ([5, None, f"{MD5}__100"], 5, [WHOLE]),
        # The MD5 is the reference, whatever the ETag is.
        ([5, MD5, f"{OTHER}__100"], 5, [WHOLE]),
        ([5, MD5, OTHER], 5, [WHOLE]),
        ([5, MD5, "some-etag"], 5, [WHOLE]),
        ([5, MD5, f"{OTHER}-17__0"], 5, [WHOLE]),
        # An ETag without parts that the server may have made up (encrypted objects) proves nothing.
        ([5, None, MD5], 5, []),
    ],
)
def test_an_entry_of_each_shape_is_understood(entry: object, size: int | None, checksums: list[Checksum]) -> None:
    assert read_entry(entry) == (size, tuple(checksums))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (None, "its entry is None"),
        ({}, "its entry is {}"),
        ("5", "its entry is '5'"),
        (5, "its entry is 5"),
        ([], "its entry is []"),
        ([5], "its entry is [5]"),
        ([5, MD5, None, None], "its entry is [5"),
        ([True, MD5], "its size is True"),
        ([-1, MD5], "its size is -1"),
        ([2**63, MD5], "its size is 9223372036854775808"),
        ([10**400, MD5], "its size is 1000000000"),
        ([1.5, MD5], "its size is 1.5"),
        ([-5.0, MD5], "its size is -5.0"),
        ([2.0**60, MD5], "its size is 1.152921504606847e+18"),
        ([math.nan, MD5], "its size is nan"),
        ([math.inf, MD5], "its size is inf"),
        (["5", MD5], "its size is '5'"),
        ([[5], MD5], "its size is [5]"),
        ([5, 5], "its md5 is 5"),
        ([5, MD5[1:]], "its md5 is '"),
        ([5, "g" + MD5[1:]], "its md5 is '"),
        ([5, f"{MD5}-0"], "its md5 is '"),
        ([5, f"{MD5}-10001"], "its md5 is '"),
        ([5, [MD5]], "its md5 is ["),
        ([5, MD5, 5], "its etag is 5"),
        ([5, None, "some-etag"], "its etag is 'some-etag'"),
        ([5, None, "__100"], "its etag is '__100'"),
        ([5, None, f"{MD5}-17__"], "its part size is ''"),
        ([5, None, f"{MD5}-17__0"], "its part size is '0'"),
        ([5, None, f"{MD5}-17__1.5"], "its part size is '1.5'"),
        ([5, None, f"{MD5}-17__5121"], "its part size is '5121'"),
        ([5, None, f"{MD5}-17__{'9' * 5000}"], "its part size is '9999"),
    ],
)
def test_a_corrupt_entry_says_what_is_wrong_with_it(entry: object, expected: str) -> None:
    with pytest.raises(CorruptRecord) as caught:
        read_entry(entry)
    assert caught.value.what.startswith(expected)
    assert len(caught.value.what) < 200, "it has to fit a line of the report"


def test_the_first_checksum_is_the_md5_and_the_known_part_size_fits_its_etag() -> None:
    size = 16 * 100 * MIB + 1
    _, (first, second) = read_entry([size, MD5, f"{OTHER}-17__100"])
    assert [form.algorithm for form in first.candidates(size)] == ["md5"]
    assert [form.guessed for form in second.candidates(size)] == [False]


# file_info


def test_file_info_is_read_as_it_is_written() -> None:
    info = {"b": [1, MD5], "a/ü": [2, None], "": 5}
    assert parse_file_info(json.dumps(info), "sample") == info
    assert parse_file_info(json.dumps(info).encode(), "sample") == info


@pytest.mark.parametrize("text", [None, "null", "{}"])
def test_no_file_info_is_no_files(text: str | None) -> None:
    assert parse_file_info(text, "sample") == {}


@pytest.mark.parametrize(
    "text", ["", "{", "{'a': 1}", "[]", '"a"', "5", "true", '{"a": [1, null]} x', '{"a":' + "[" * 100_000, b"{\xff}"]
)
def test_file_info_that_is_no_json_object_is_an_error_that_names_the_record(text: str | bytes) -> None:
    with pytest.raises(RecordUnusable, match="file_info of raw file 20250115_sample"):
        parse_file_info(text, "20250115_sample")


def test_a_number_that_python_refuses_to_read_spoils_its_own_entry_alone() -> None:
    planned = plan(record(parse_file_info(f'{{"a": [{"9" * 5000}, null], "b": [1, "{MD5}"]}}', "sample")))
    assert reasons(planned) == {"a": CorruptRecord}
    assert planned[1] == whole("b")


def test_a_name_given_twice_counts_where_both_agree_and_is_corrupt_where_they_do_not() -> None:
    agree, differ = f'"a": [1, "{MD5}"]', f'"a": [2, "{MD5}"]'
    assert plan(record(parse_file_info(f"{{{agree}, {agree}}}", "sample"))) == [whole("a")]
    assert reasons(plan(record(parse_file_info(f"{{{agree}, {differ}, {agree}}}", "sample")))) == {"a": CorruptRecord}


# The plan


def test_a_plan_holds_path_size_key_and_checksums_sorted_by_path() -> None:
    planned = plan(record({"sample.d/b": [2, MD5], "sample.d/a": [1, MD5], "Z": [3, MD5]}))
    assert planned == [whole("Z", 3), whole("sample.d/a", 1), whole("sample.d/b", 2)]


def test_keys_hold_the_recorded_name_to_the_letter() -> None:
    info: dict[str, object] = {"a//b": [1, MD5], "./c": [1, MD5], "d\\e ": [1, MD5]}
    planned = [item for item in plan(record(info)) if isinstance(item, RemoteFile)]
    assert [(item.key, item.path.text) for item in planned] == [
        ("prefix/./c", "c"),
        ("prefix/a//b", "a/b"),
        ("prefix/d\\e ", "d\\e "),
    ]
    assert plan(record({"a": [1, MD5]}, s3_upload_path="s3://bucket")) == [whole("a", prefix="")]


def test_one_bad_entry_or_name_does_not_touch_the_others() -> None:
    info = {
        "../evil": [1, MD5],
        "/etc/passwd": [1, MD5],
        "_download_status_x.txt": [1, MD5],
        "bad": [1],
        "folder/": [0, MD5],
        "good": [1, MD5],
        "l" * 256: [1, MD5],
        "nul\0": [1, MD5],
        "same": [1, MD5],
        "same//x": [1, MD5],
        "same/x": [1, MD5],
        "\ud800": [1, MD5],
    }
    planned = plan(record(info))
    assert [item for item in planned if isinstance(item, RemoteFile)] == [whole("good"), whole("same/x")]
    assert reasons(planned) == {
        "../evil": UnsafePath,
        "/etc/passwd": UnsafePath,
        "_download_status_x.txt": ReservedName,
        "bad": CorruptRecord,
        "folder/": UnsafePath,
        "l" * 256: NameTooLong,
        "nul\0": UnsafePath,
        "same": PathConflict,
        "same//x": NameCollision,
        "\ud800": UnsafePath,
    }


@given(st.dictionaries(NAMES, ENTRIES, max_size=12))
def test_a_plan_has_each_name_once_and_never_an_unsafe_path(info: dict[str, object]) -> None:
    planned = plan(record(info))
    names = [item.key.removeprefix("prefix/") if isinstance(item, RemoteFile) else item.name for item in planned]
    assert names == sorted(info)
    paths = [item.path for item in planned if isinstance(item, RemoteFile)]
    assert len(set(paths)) == len(paths)
    for path in paths:
        assert safe_path(path.text) == path
        assert not {"", ".", ".."} & set(path.text.split("/"))


@given(st.dictionaries(NAMES, ENTRIES, max_size=12))
def test_a_plan_is_the_same_in_whatever_order_the_catalogue_answers(info: dict[str, object]) -> None:
    backwards = dict(reversed(info.items()))
    assert repr(plan(record(info))) == repr(plan(record(backwards)))


# The plan, made when it is asked for

PLAIN = st.lists(st.sampled_from(["a", "A", "b.raw", ".c", "_d"]), min_size=1, max_size=3).map("/".join)


@given(
    st.dictionaries(NAMES | PLAIN, ENTRIES, max_size=8) | st.dictionaries(PLAIN, st.just([1, MD5]), max_size=8),
    st.slices(8),
)
def test_files_made_when_asked_for_are_those_of_the_plan(info: dict[str, object], part: slice) -> None:
    planned, files = plan(record(info)), recorded_files(record(info))
    assert repr(list(files)) == repr(planned)
    assert repr(files[part]) == repr(planned[part])
    assert list(files.names) == [local_name(item) for item in planned]
    assert not (files.apart and case_collisions(planned))
    chosen = files.chosen(lambda name: "a" in name)
    assert repr(list(chosen)) == repr([item for item in planned if "a" in local_name(item)])


class Watched(Mapping[str, object]):
    """A `file_info` that knows which of its entries were read."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self.read: list[str] = []

    def __getitem__(self, name: str) -> object:
        self.read.append(name)
        return [1, MD5]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def test_of_a_long_record_those_entries_alone_are_read_that_are_asked_for() -> None:
    info = Watched([f"sample.d/{number:04}" for number in range(1000)])
    files = recorded_files(record(info))
    assert len(files) == 1000
    assert files[500:502] == [whole("sample.d/0500"), whole("sample.d/0501")]
    assert files.chosen(lambda name: name.endswith("9"))[-1] == whole("sample.d/0999")
    assert info.read == ["sample.d/0500", "sample.d/0501", "sample.d/0999"]


# Where it was uploaded to


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("bucket", "bucket", ""),
        ("bucket/", "bucket", ""),
        ("bucket//", "bucket", ""),
        ("bucket/prefix", "bucket", "prefix"),
        ("bucket/prefix/", "bucket", "prefix"),
        ("bucket//prefix//", "bucket", "prefix"),
        ("/bucket/prefix", "bucket", "prefix"),
        ("s3://bucket", "bucket", ""),
        ("s3://bucket/prefix/", "bucket", "prefix"),
        ("S3://bucket//prefix//", "bucket", "prefix"),
        ("s3:///bucket/prefix", "bucket", "prefix"),
        ("bucket/a/b c/ü", "bucket", "a/b c/ü"),
        ("bucket/a//b/", "bucket", "a//b"),
        ("alphakraken-PRID001", "alphakraken-PRID001", ""),
        ("my_old.bucket/2025:01", "my_old.bucket", "2025:01"),
    ],
)
def test_an_upload_path_of_each_shape_is_understood(text: str, bucket: str, prefix: str) -> None:
    assert parse_upload_path(text) == (bucket, prefix)


@pytest.mark.parametrize(
    "text",
    ["", "/", "s3://", "s3:///", "gs://bucket/x", "https://host/bucket", " bucket", "bu cket/x", "b\n", "../x", "s3:x"],
)
def test_an_upload_path_that_names_no_bucket_says_how_to_write_one(text: str) -> None:
    with pytest.raises(RecordUnusable, match="write it as bucket, bucket/prefix/ or s3://bucket/prefix/") as caught:
        parse_upload_path(text)
    assert repr(text).strip("'") in str(caught.value)


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True),
    st.text().map(lambda text: text.strip("/")),
    st.sampled_from(["", "s3://", "S3://", "/"]),
    st.sampled_from(["", "/", "//"]),
)
def test_an_upload_path_round_trips(bucket: str, prefix: str, before: str, behind: str) -> None:
    written = f"{before}{bucket}/{prefix}{behind}" if prefix else f"{before}{bucket}{behind}"
    upload = parse_upload_path(written)
    assert upload == UploadPath(bucket, prefix)
    assert upload.key("a//b") == (f"{prefix}/a//b" if prefix else "a//b")
    assert parse_upload_path(f"s3://{upload.bucket}/{upload.prefix}") == upload


def test_a_raw_file_that_was_never_uploaded_says_so() -> None:
    for path in (None, ""):
        with pytest.raises(
            RecordUnusable, match=r"raw file sample has no S3 backup .*backup_status is 'upload_failed'"
        ):
            plan(record({}, s3_upload_path=path, backup_status="upload_failed"))


def test_an_upload_path_that_cannot_be_read_names_its_record() -> None:
    with pytest.raises(RecordUnusable, match=r"raw file sample: the S3 path 'ftp://x' begins with ftp://"):
        plan(record({}, s3_upload_path="ftp://x"))


# The project's folder


@pytest.mark.parametrize("project", ["PRID001", "P 1", "Prüfung", "a.b", "-x", "..x"])
def test_a_project_is_the_name_of_its_folder(project: str) -> None:
    assert record({}, project_id=project).project_folder() == project


@pytest.mark.parametrize("project", ["", "_FALLBACK"])
def test_no_project_is_said_so(project: str) -> None:
    with pytest.raises(RecordUnusable, match="raw file sample belongs to no project"):
        record({}, project_id=project).project_folder()


@pytest.mark.parametrize(
    "project",
    [
        "/",
        "/etc",
        "..",
        ".",
        "../x",
        "a/b",
        "a/",
        "./a",
        "a\0",
        "a\nb",
        "a\x1b[0m",
        " a",
        "a ",
        "x" * 256,
        "\ud800",
        "\u202eabc",
        "_download_status_x",
    ],
)
def test_a_project_that_is_no_plain_folder_name_is_refused(project: str) -> None:
    with pytest.raises(RecordUnusable, match="raw file sample has a project_id"):
        record({}, project_id=project).project_folder()


@given(NAMES)
def test_a_project_folder_is_always_one_step_below(project: str) -> None:
    try:
        folder = record({}, project_id=project).project_folder()
    except RecordUnusable:
        return
    assert safe_path(folder) == SafePath(folder)
    assert "/" not in folder


# --- entries that are parsed when they are asked for ------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)
BLANKS = st.text(" \t\r\n", max_size=3)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """JSON objects as nobody would write them, with names that come twice, and now and then something broken."""
    pairs = draw(st.lists(st.tuples(st.sampled_from(["a", "b", "\xe4", "c/d", ""]) | st.text(), VALUES), max_size=8))
    blank = [draw(BLANKS) for _ in range(7)]
    inner = f"{blank[0]},{blank[1]}".join(
        f"{json.dumps(name, ensure_ascii=draw(st.booleans()))}{blank[2]}:{blank[3]}{json.dumps(value)}"
        for name, value in pairs
    )
    text = f"{blank[4]}{{{blank[5]}{inner}{blank[6]}}}{blank[0]}"
    at, broken = draw(st.integers(0, len(text))), draw(st.sampled_from(["", "", "", ",", "}", '"', "x", "NaN", "\x00"]))
    return text[:at] + broken + text[at:]


def as_a_whole(text: str) -> Mapping[str, object]:
    """What a record's text says, parsed at once."""
    return file_info._parsed(text, "sample")


def read_or_refused(parse: Callable[[], Mapping[str, object]]) -> dict[str, str] | str:
    """The entries in their order, or the sentence of the refusal."""
    try:
        found = parse()
    except RecordUnusable as error:
        return str(error)
    return {name: repr(found[name]) for name in sorted(found)}


@given(texts())
def test_a_text_says_the_same_entry_by_entry_as_at_once(text: str) -> None:
    assert read_or_refused(lambda: parse_file_info(text, "sample")) == read_or_refused(lambda: as_a_whole(text))


def test_a_million_entries_are_not_held_as_values() -> None:
    """The text, its names, and eight bytes of each entry: a quarter of what the values take."""
    text = json.dumps({f"{number:06}.raw": [number, f"{number:032x}"] for number in range(20_000)})
    tracemalloc.start()
    found = parse_file_info(text, "sample")
    one_by_one, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    whole = as_a_whole(text)
    at_once = tracemalloc.get_traced_memory()[0] - one_by_one
    tracemalloc.stop()
    assert len(found) == len(whole) == 20_000
    assert one_by_one < at_once / 2.5
