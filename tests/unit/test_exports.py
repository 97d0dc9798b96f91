"""Where exports go: flat or by type, and never two of them to one path."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from unicodedata import normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from downloader.errors import DownloadError, NameTooLong, ReservedName, UnsafePath
from downloader.fhir.exports import ExportLayout, NameLevel, is_export
from downloader.paths import MAX_NAME_BYTES, SafePath
from downloader.planning import folded
from downloader_tasks.shards import ShardBounds
from support.exports import paths_of, survey_of

FLAT, ORGANISED = ExportLayout(), ExportLayout(organize=True)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("Patient.ndjson", True),
        ("a/b/Patient.ndjson.gz", True),
        ("PATIENT.NDJSON", True),
        (".ndjson", True),
        ("//x.ndjson", True),
        ("Patient.json", False),
        ("Patient.ndjson.bak", False),
        ("Patient.ndjson.gz.tmp", False),
        ("Patient.ndjson/", False),
        ("Patient.ndjson\n", False),
        ("Patientndjson", False),
        ("ndjson", False),
        ("", False),
    ],
)
def test_what_is_an_export(key: str, expected: bool) -> None:
    assert is_export(key) is expected


def test_nothing_but_a_tilde_is_folded_to_one() -> None:
    """Names without one are not folded to see whether they look like one with a hash."""
    characters = (chr(code) for code in range(0x110000))
    assert [each for each in characters if "~" in folded(each)] == ["~"]


@pytest.mark.parametrize(
    ("key", "flat", "organised"),
    [
        ("Patient.ndjson", "Patient.ndjson", "Patient/Patient.ndjson"),
        ("exports/2024/1.Group.ndjson.gz", "1.Group.ndjson.gz", "Group/1.Group.ndjson.gz"),
        ("/Flag.ndjson", "Flag.ndjson", "Flag/Flag.ndjson"),
        ("a//Flag.ndjson", "Flag.ndjson", "Flag/Flag.ndjson"),
        ("../../Flag.ndjson", "Flag.ndjson", "Flag/Flag.ndjson"),
        ("a/with space.ndjson", "with space.ndjson", "Unknown/with space.ndjson"),
        ("a%2FFlag.ndjson", "a%2FFlag.ndjson", "Flag/a%2FFlag.ndjson"),
        ("größe/Ä.ndjson", "Ä.ndjson", "Unknown/Ä.ndjson"),
    ],
)
def test_a_name_that_only_one_has(key: str, flat: str, organised: str) -> None:
    assert str(FLAT.path(key)) == flat
    assert str(ORGANISED.path(key)) == organised


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a/b/Patient.ndjson", "a/b/Patient.ndjson"),
        ("Patient.ndjson", "Patient.ndjson"),
        ("//a//Patient.ndjson", "a/Patient.ndjson"),
    ],
)
def test_one_of_several_keeps_the_folders_of_its_key(key: str, path: str) -> None:
    assert str(FLAT.path(key, NameLevel.KEY)) == path
    assert str(ORGANISED.path(key, NameLevel.KEY)) == f"Patient/{path}"


def test_the_hash_stands_before_the_ending_and_is_the_keys() -> None:
    paths = [str(FLAT.path(key, NameLevel.HASH)) for key in ("a//Patient.ndjson.gz", "a/Patient.ndjson.gz")]
    assert paths == ["Patient~1fa46b9e2e14b975.ndjson.gz", "Patient~0a7dcc9000621adb.ndjson.gz"]
    assert str(ORGANISED.path("../Patient.ndjson", NameLevel.HASH)).startswith("Patient/Patient~")


@pytest.mark.parametrize("level", NameLevel)
@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("a\0b.ndjson", UnsafePath),
        ("\ud800.ndjson", UnsafePath),
        ("x" * 250 + ".ndjson", NameTooLong),
        ("_download_status_x.ndjson", ReservedName),
    ],
)
def test_a_name_that_no_disk_may_have_is_refused(key: str, error: type[DownloadError], level: NameLevel) -> None:
    with pytest.raises(error):
        FLAT.path(key, level)
    assert list(FLAT.paths(key)) == []


def test_the_paths_that_an_object_may_get() -> None:
    *others, hashed = FLAT.paths("a/Flag.ndjson")
    assert (others, hashed.partition("~")[0]) == (["Flag.ndjson", "a/Flag.ndjson"], "Flag")
    assert [path.partition("~")[0] for path in FLAT.paths("../Flag.ndjson")] == ["Flag.ndjson", "Flag"]


# --- no two to one path -----------------------------------------------------------------------------------------------

plain = [
    "",
    "a",
    "A",
    "b",
    ".",
    "..",
    "%2F",
    "a%2Fb",
    " ",
    "~",
    "SS",
    "Patient",
    "patient",
    "Patient.ndjson",
    "x.ndjson",
]
accented = [
    "ä",
    "a\u0308",
    "Ä",
    "ß",
    "\u017f",
    "İ",
    "i\u0307",
    "K",
    "\u212a",
    "\ufb01",
    "fi",
    "\U0001f600",
    "back\\slash",
]
words = st.sampled_from([*plain, *accented])
endings = st.sampled_from([".ndjson", ".NDJSON", ".ndjson.gz", ".Ndjson"])
names = st.builds(str.__add__, words, endings)
keys = st.builds(lambda folders, name: "/".join([*folders, name]), st.lists(words, max_size=3), names)
anything = st.text(max_size=6).map(lambda text: f"{text}.ndjson")
buckets = st.sets(keys | anything, min_size=1, max_size=25)
UMLAUTS = {normalize(form, f"{folder}/ä.ndjson") for form in ("NFC", "NFD") for folder in "ab"}


def assert_apart(paths: dict[str, str | None], *, folds_case: bool) -> None:
    """No disk takes two of the paths for one."""
    there = [folded(path) if folds_case else path for path in paths.values() if path]
    assert len(set(there)) == len(there)


@given(buckets, st.booleans(), st.booleans(), st.integers(1, 9))
@example({"a/x.ndjson", "a//x.ndjson", "/a/x.ndjson", "x.ndjson", "./x.ndjson", "../x.ndjson"}, False, False, 1)
@example({"x.ndjson", "X.ndjson", "a/x.ndjson", "A/X.ndjson"}, True, True, 2)
@example(UMLAUTS, False, True, 1)
def test_two_objects_never_get_one_path_however_they_are_cut_into_shards(
    bucket: set[str], organize: bool, folds_case: bool, files: int
) -> None:
    paths = paths_of(bucket, organize=organize, folds_case=folds_case)
    assert paths.keys() == bucket
    assert_apart(paths, folds_case=folds_case)
    cut = ShardBounds(files, 2**40)
    assert paths_of(bucket, organize=organize, folds_case=folds_case, bounds=cut) == paths


@given(buckets, st.booleans(), st.booleans())
@example({"a//x.ndjson", "a/x.ndjson", "x.ndjson"}, False, False)
def test_not_even_where_a_name_looks_like_one_with_a_hash(bucket: set[str], organize: bool, folds_case: bool) -> None:
    """Whoever may write to the bucket can compute where an object with a hash will stand."""
    layout = ExportLayout(organize)
    for _ in range(2):
        bucket = bucket | {path.name for key in bucket if (path := with_hash(layout, key))}
    assert_apart(paths_of(bucket, organize=organize, folds_case=folds_case), folds_case=folds_case)


@pytest.mark.parametrize(
    "name", ["x~0123456789abcdef.ndjson", "x~0123456789ABCDEF.NDJSON", "x~\ufb00\ufb0023456789abcd.ndjson"]
)
def test_a_hash_that_is_not_ours_gets_one_of_ours(name: str) -> None:
    (path,) = set(FLAT.paths(f"a/{name}"))
    assert path.startswith(name[:5])
    assert path.count("~") == 2


def with_hash(layout: ExportLayout, key: str) -> SafePath | None:
    with suppress(DownloadError):
        return layout.path(key, NameLevel.HASH)
    return None


@given(buckets, st.booleans())
@example({"../x.ndjson", "x.ndjson"}, False)
def test_only_a_name_that_no_disk_takes_is_refused(bucket: set[str], organize: bool) -> None:
    layout = ExportLayout(organize)
    refused = {key for key, path in paths_of(bucket, organize=organize).items() if path is None}
    assert refused == {key for key in bucket if not list(layout.paths(key))}


@given(buckets, st.booleans())
def test_a_name_that_no_other_has_is_kept(bucket: set[str], organize: bool) -> None:
    paths = paths_of(bucket, organize=organize)
    once = Counter(key.rpartition("/")[2] for key in bucket)
    for key, path in paths.items():
        if path and once[key.rpartition("/")[2]] == 1:
            assert path == str(ExportLayout(organize).path(key))


def test_objects_with_other_names_change_nothing() -> None:
    """The next run finds what the last one brought, until an object comes that bears the name of another."""
    first = {"a/x.ndjson", "b/x.ndjson", "c/y.ndjson", "c//z.ndjson", "c/z.ndjson"}
    more = paths_of(first | {f"n{number}.ndjson" for number in range(100)})
    assert paths_of(first) == {key: more[key] for key in first}


def test_all_of_several_keep_their_folders() -> None:
    bucket = {"a/x.ndjson", "b/x.ndjson", "x.ndjson", "y.ndjson"}
    assert paths_of(bucket) == {key: key for key in bucket}


def test_where_the_folders_meet_too_both_get_a_hash_and_the_others_none() -> None:
    paths = paths_of({"a/x.ndjson", "a//x.ndjson", "b/x.ndjson"})
    assert paths["b/x.ndjson"] == "b/x.ndjson"
    assert all(re.fullmatch(r"x~[0-9a-f]{16}\.ndjson", paths[key] or "") for key in ("a/x.ndjson", "a//x.ndjson"))


def test_only_a_disk_that_folds_case_minds_it() -> None:
    bucket = {"a/x.ndjson", "b/X.ndjson", "a/ä.ndjson", "b/a\u0308.ndjson"}
    assert paths_of(bucket) == {key: key[2:] for key in bucket}
    assert paths_of(bucket, folds_case=True) == {key: key for key in bucket}


@pytest.mark.parametrize(
    ("bucket", "matters"),
    [
        ({"a/x.ndjson", "b/X.ndjson"}, True),
        (UMLAUTS, True),
        ({"a/x.ndjson", "b/x.ndjson"}, False),
        ({"a/x.ndjson", "b/x.ndjson", "c/X.ndjson"}, True),
        ({"a/x.ndjson", "A/x.ndjson"}, True),
        ({"x.ndjson", "X.txt"}, False),
    ],
)
def test_whether_it_matters_that_a_disk_folds_case(bucket: set[str], matters: bool) -> None:
    """It costs two files to see whether it does."""
    assert survey_of(bucket).folds_matter is matters


def test_names_as_long_as_they_may_be() -> None:
    long = "x" * (MAX_NAME_BYTES - 7) + ".ndjson"
    assert paths_of({long, f"a/{long}"}) == {long: long, f"a/{long}": f"a/{long}"}
