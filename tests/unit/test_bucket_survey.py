"""One look over a bucket, and the key ranges that it is cut into."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.checksums import MIB
from downloader.fhir.exports import NameLevel
from downloader.sources.s3.minio.pages import Listed
from downloader_tasks.minio.request import ExportRequest
from downloader_tasks.minio.survey import BucketSurvey, digest_of, shown_counts, unpack_levels
from downloader_tasks.shards import MOST_SHARDS, ShardBounds, fingerprint_of
from downloader_tasks.xcoms import Shard
from support.exports import ALL, chosen, listed, request_for, survey_of

GIB = 1024 * MIB

sizes = st.one_of(st.integers(0, 1000), st.integers(0, 2**40))
keys = st.text("abAB/.ä%", max_size=6).map(lambda text: f"{text}.ndjson")
buckets = st.dictionaries(keys | st.text(max_size=4), sizes, min_size=1, max_size=60)
bounds_of_any_kind = st.builds(ShardBounds, st.integers(1, 50), st.integers(1, 2**41))


def surveyed(bucket: dict[str, int], bounds: ShardBounds = ALL, request: ExportRequest | None = None) -> BucketSurvey:
    survey = BucketSurvey(request or request_for(), bounds)
    for key in sorted(bucket):
        survey.add(listed(key, bucket[key]))
    return survey


def as_xcom(ranges: Iterable[Shard]) -> str:
    return json.dumps([part.to_xcom() for part in ranges])


# --- ranges -----------------------------------------------------------------------------------------------------------


@given(buckets, bounds_of_any_kind, st.booleans())
def test_each_export_falls_into_one_range_and_each_range_is_as_large_as_it_says(
    bucket: dict[str, int], bounds: ShardBounds, folds_case: bool
) -> None:
    exports = sorted(key for key in bucket if key.endswith(".ndjson"))
    ranges = surveyed(bucket, bounds).shards(folds_case=folds_case)
    fallen = [list(chosen(bucket, part)) for part in ranges]
    assert [key for part in fallen for key in part] == exports
    assert [len(part) for part in fallen] == [part.files for part in ranges]
    assert all(fallen)
    assert [part.number for part in ranges] == list(range(len(ranges)))


@given(buckets, bounds_of_any_kind)
def test_no_range_is_larger_than_its_bounds_unless_it_is_one_file(bucket: dict[str, int], bounds: ShardBounds) -> None:
    for part in surveyed(bucket, bounds).shards():
        assert part.files <= bounds.files
        assert part.files == 1 or sum(bucket[key] for key in chosen(bucket, part)) <= bounds.bytes


def test_a_large_file_behind_small_ones_does_not_burst_the_bounds() -> None:
    bucket = {f"{n:02}.ndjson": 40 for n in range(3)} | {"9.ndjson": 10_000_000}
    assert [part.files for part in surveyed(bucket, ShardBounds(2000, 10_000_000)).shards()] == [3, 1]


@pytest.mark.parametrize("files", [1, 7, 19, 20, 25, 39, 45, 100, 2000])
def test_ranges_are_nearly_as_full_as_they_may_be(files: int) -> None:
    """They are made of blocks, so some room is left."""
    ranges = survey_of([f"{n:05}.ndjson" for n in range(900)], ShardBounds(files, GIB)).shards()
    assert sum(part.files for part in ranges) == 900
    assert len(ranges) <= -(-900 // (files * 0.9))
    assert max(part.files for part in ranges) <= files


def test_the_work_is_shared_evenly() -> None:
    bucket = {f"{n:03}.ndjson": GIB for n in range(120)}
    assert [part.files for part in surveyed(bucket, ShardBounds(2000, 50 * GIB)).shards()] == [40, 40, 40]


@pytest.mark.parametrize("files", [1, 3])
def test_there_are_never_more_than_airflow_maps(files: int) -> None:
    ranges = survey_of([f"{n:05}.ndjson" for n in range(5000)], ShardBounds(files, 1)).shards()
    assert MOST_SHARDS / 2 < len(ranges) <= MOST_SHARDS
    assert sum(part.files for part in ranges) == 5000


def test_labels_are_for_people() -> None:
    assert [part.label for part in survey_of(["a.ndjson", "b.ndjson", "c.txt"], ShardBounds(1, GIB)).shards()] == [
        "bucket, files 1 to 1 of 2",
        "bucket, files 2 to 2 of 2",
    ]
    assert [part.label for part in survey_of(["a.ndjson"]).shards()] == ["bucket"]


def test_of_nothing_there_are_no_ranges() -> None:
    survey = survey_of(["notes.txt", "Patient.ndjson.bak"])
    assert (survey.files, survey.bytes, survey.shards(), survey.present) == (0, 0, [], Counter())


# --- what is chosen ---------------------------------------------------------------------------------------------------


def test_the_filter_chooses_and_all_that_is_there_is_counted() -> None:
    survey = surveyed(
        {"Patient.ndjson": 5, "a/Patient-1.ndjson": 7, "Group.ndjson": 11, "part-0.ndjson": 13, "x.txt": 17},
        request=request_for(types=["Patient", "Flag"]),
    )
    assert (survey.files, survey.bytes) == (2, 12)
    assert survey.present == {"Patient": 2, "Group": 1, "Unknown": 1}
    (part,) = survey.shards()
    assert (part.after, part.upto, part.files) == ("", "a/Patient-1.ndjson", 2)


def test_what_the_filter_leaves_out_travels_with_the_first_shard() -> None:
    bucket = {"Patient.ndjson": 1, "Flag-1.ndjson": 1, "Flag-2.ndjson": 1, "part-0.ndjson": 1, "Slot.ndjson": 1}
    survey = surveyed(bucket, ShardBounds(1, GIB), request_for(types=["Patient", "Slot"]))
    assert survey.left_out == {"Flag": 2, "Unknown": 1}
    assert [part.left_out for part in survey.shards()] == ["3 files: Flag (2), Unknown (1)", ""]
    assert [part.left_out for part in surveyed(bucket).shards()] == [""]


def test_what_is_no_export_is_counted_by_its_ending() -> None:
    keys = [
        "a.json",
        "b.JSON",
        "c.ndjson.zst",
        "d.ndjson.gz.tmp",
        "e.parquet",
        "README",
        "f.0001",
        "x.y/z",
        "Patient.ndjson",
    ]
    survey = surveyed(dict.fromkeys(keys, 1))
    assert survey.others == {".json": 2, ".ndjson.zst": 1, ".tmp": 1, ".parquet": 1, "without an ending": 3}
    assert shown_counts(survey.others, 3) == "without an ending (3), .json (2), .ndjson.zst (1), others (2)"


def test_endings_of_any_number_take_no_more_memory() -> None:
    survey = surveyed({f"a.x{number}": 1 for number in range(2000)})
    assert len(survey.others) <= 1001
    assert survey.others.total() == 2000


def test_add_says_whether_it_was_chosen() -> None:
    survey = BucketSurvey(request_for(types=["Patient"]), ALL)
    assert [survey.add(listed(key)) for key in ("Group.ndjson", "Patient.ndjson", "Patient.txt")] == [
        False,
        True,
        False,
    ]


# --- levels -----------------------------------------------------------------------------------------------------------


@given(buckets, bounds_of_any_kind, st.booleans())
def test_the_levels_of_the_ranges_are_those_of_the_whole(
    bucket: dict[str, int], bounds: ShardBounds, folds_case: bool
) -> None:
    survey = surveyed(bucket, bounds)
    together = [
        level for part in survey.shards(folds_case=folds_case) for level in unpack_levels(part.levels, part.files)
    ]
    assert together == list(survey.levels(folds_case=folds_case))


def test_where_all_keep_their_names_no_levels_travel() -> None:
    (part,) = survey_of(["a/x.ndjson", "b/y.ndjson"]).shards()
    assert part.levels == ""
    assert unpack_levels("", 2) == [NameLevel.NAME, NameLevel.NAME]


# --- what changed -----------------------------------------------------------------------------------------------------

THREE = [listed(f"{name}.ndjson", 5) for name in "abc"]


def fingerprint(items: Iterable[Listed], request: ExportRequest | None = None) -> str:
    survey = BucketSurvey(request or request_for(), ALL)
    for item in items:
        survey.add(item)
    (part,) = survey.shards()
    return part.fingerprint


@pytest.mark.parametrize(
    "now",
    [
        THREE[:2],
        THREE[1:],
        [*THREE, listed("d.ndjson", 5)],
        [THREE[0], THREE[1]._replace(size=6), THREE[2]],
        [THREE[0], THREE[1]._replace(etag="0" * 32), THREE[2]],
        [THREE[0], THREE[1]._replace(key="b2.ndjson"), THREE[2]],
    ],
    ids=["gone", "gone at the start", "new", "grown", "written anew", "renamed"],
)
def test_whatever_changed_is_noticed(now: list[Listed]) -> None:
    assert fingerprint(now) != fingerprint(THREE)


def test_another_bucket_has_another_fingerprint() -> None:
    assert fingerprint(THREE, replace(request_for(), bucket="other")) != fingerprint(THREE)


def test_what_is_no_export_changes_nothing() -> None:
    assert fingerprint([*THREE, listed("notes.txt")]) == fingerprint(THREE)


def test_a_task_makes_the_same_fingerprint_from_its_own_listing() -> None:
    bucket = {f"{n:03}.ndjson": n for n in range(300)}
    for part in surveyed(bucket, ShardBounds(100, GIB)).shards():
        mine = [digest_of(listed(key, bucket[key])) for key in chosen(bucket, part)]
        assert fingerprint_of("bucket", mine) == part.fingerprint


@given(st.lists(st.text(st.characters(), max_size=3), min_size=2, max_size=2, unique=True))
def test_keys_of_any_kind_have_digests_of_their_own(pair: list[str]) -> None:
    assert digest_of(listed(pair[0])) != digest_of(listed(pair[1]))


# --- how much of it travels -------------------------------------------------------------------------------------------

SOME = 10_000
HUNDRED = ShardBounds(SOME // 100, GIB)
"""As many ranges as 200,000 files are cut into."""


def shape(name: str, number: int) -> str:
    """A key of a bucket of that shape."""
    shapes = {
        "flat": f"Patient-{number:06}.ndjson",
        "by day": f"exports/2024/{number // 1000:03}/Observation-{number:06}.ndjson",
        "every name twice": f"{'ab'[number % 2]}/Patient-{number // 2:06}.ndjson",
        "all of one name": f"{number:06}/Patient.ndjson",
        "as long as a key may be": f"{'ü' * 495}/{number:06}/Patient.ndjson",
    }
    return shapes[name]


@pytest.mark.parametrize("name", ["flat", "by day", "every name twice", "all of one name"])
def test_what_travels_is_some_hundred_bytes_a_range(name: str) -> None:
    ranges = survey_of([shape(name, n) for n in range(SOME)], HUNDRED).shards()
    assert len(ranges) == 100
    assert len(as_xcom(ranges)) < 100 * 500


def test_even_with_the_longest_keys_it_is_less_than_a_megabyte() -> None:
    found = survey_of([shape("as long as a key may be", n) for n in range(SOME)], HUNDRED).shards()
    ranges = [replace(part, plan="0123456789abcdef") for part in found]
    text = as_xcom(ranges)
    assert len(ranges) == 100
    assert len(text) < MIB
    travelled = [Shard.from_xcom({**value, "plan": "of a try"}) for value in json.loads(text)]
    assert travelled == [replace(part, plan="of a try") for part in ranges]


@pytest.mark.parametrize("ranges", [500, 1000])
def test_as_many_of_them_as_a_million_files_make_are_less_than_a_megabyte_too(ranges: int) -> None:
    keys = [shape("as long as a key may be", n) for n in range(SOME)]
    found = survey_of(keys, ShardBounds(SOME // ranges, GIB)).shards()
    assert len(as_xcom(found)) < MIB
    assert [key for part in found for key in chosen(dict.fromkeys(keys, 1), part)] == sorted(keys)
    assert [part.number for part in found] == list(range(len(found)))


def test_the_worst_that_names_can_do_to_its_size() -> None:
    """Names that meet without a pattern: less than two bits a file, and a third more for being text."""
    draw = random.Random(7)
    folders = ["{0}/", "", "both/", "both//"]
    keys = {folders[draw.randrange(4)].format(n) + f"{n // draw.choice([1, 4])}.ndjson" for n in range(SOME)}
    survey = survey_of(keys, ShardBounds(2000, GIB))
    assert min(Counter(survey.levels()).values()) > SOME / 20, "all levels, in any order"
    assert sum(len(part.levels) for part in survey.shards()) < len(keys) * 0.4


def test_memory_is_some_bytes_a_file() -> None:
    survey = BucketSurvey(request_for(), ShardBounds(2000, GIB))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(SOME):
            survey.add(Listed(f"{'deep' * 20}/Patient-{number:06}.ndjson", 1, ""))
        assert tracemalloc.get_traced_memory()[0] - before < SOME * 60
    finally:
        tracemalloc.stop()
