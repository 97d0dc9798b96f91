from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.checksums import MIB, Checksum
from downloader.paths import safe_path
from downloader.remote_file import Planned, RemoteFile
from downloader_tasks.shards import DIGEST, EACH, MOST_SHARDS, Outline, Plan, PlanChanged, ShardBounds, cut
from downloader_tasks.xcoms import Shard
from support.plans import plans

GIB = 1024**3
bounds_of_any_kind = st.builds(ShardBounds, st.integers(1, 50), st.integers(1, 2**51))


def file(number: int, size: int = 1) -> RemoteFile:
    return RemoteFile(safe_path(f"{number:07}"), size, f"{number:07}", (Checksum("md5", f"{number:032x}"),))


def plan(sizes: Sequence[int], name: str = "sample") -> Plan:
    return Plan(name, "bucket prefix /out", [file(number, size) for number, size in enumerate(sizes)])


@given(st.lists(plans().filter(bool), min_size=1, max_size=4), bounds_of_any_kind)
def test_shards_cover_every_file_once_in_order(files: list[list[Planned]], bounds: ShardBounds) -> None:
    all_plans = [Plan(f"raw{number}", "origin", chosen) for number, chosen in enumerate(files)]
    shards = cut([one.outline() for one in all_plans], bounds)
    for one in all_plans:
        mine = [shard for shard in shards if shard.item == one.item]
        covered = [item for shard in mine for item in one.cut(shard)]
        assert covered == list(one.files)
        assert all(0 < shard.stop - shard.start <= bounds.for_plan(len(one.files)).files for shard in mine)
    assert [shard.item for shard in shards] == sorted(shard.item for shard in shards)


@given(plans().filter(bool), bounds_of_any_kind)
def test_no_shard_is_larger_than_its_bound_unless_it_is_one_file(files: list[Planned], bounds: ShardBounds) -> None:
    one = Plan("raw", "origin", files)
    for shard in cut([one.outline()], bounds):
        size = sum(item.size or 0 for item in one.cut(shard))
        assert size <= bounds.bytes or shard.stop - shard.start == 1


def test_the_work_is_shared_evenly() -> None:
    one = plan([10 * GIB] * 11)
    sizes = [shard.stop - shard.start for shard in cut([one.outline()], ShardBounds(2000, 50 * GIB + 1024 * 1024))]
    assert sizes == [4, 4, 3]


def test_a_small_raw_file_is_one_shard() -> None:
    assert len(cut([plan([1000] * 2000).outline()], ShardBounds(2000, 50 * GIB))) == 1


@pytest.mark.parametrize(("size", "shards"), [(0, 1), (GIB // 50, 205), (GIB, 667)])
def test_there_are_never_more_than_airflow_maps(size: int, shards: int) -> None:
    files = 10_000
    found = cut([plan([size] * files).outline()], ShardBounds(files, GIB))
    assert len(found) == shards <= MOST_SHARDS
    assert found[-1].stop == files


@pytest.mark.parametrize(("files", "most", "shards"), [(10_000, 1, 25), (20_000, 10, 25), (20_000, 2000, 10)])
def test_the_number_of_files_alone_makes_no_shards_that_cost_more_to_plan_than_to_fetch(
    files: int, most: int, shards: int
) -> None:
    found = cut([plan([0] * files).outline()], ShardBounds(most, GIB))
    assert len(found) == shards
    assert found[-1].stop == files


@pytest.mark.parametrize(("size", "shards"), [(0, 50), (50 * MIB, 979)])
def test_a_million_files_travel_in_less_than_a_megabyte(size: int, shards: int) -> None:
    million = 1_000_000
    costs = array("q", range(0, (million + 1) * (size + EACH), size + EACH))
    one = Outline("raw" * 80, "origin", costs, bytes(million * DIGEST))
    found = cut([one], ShardBounds(2000, 50 * GIB))
    assert (len(found), found[-1].stop) == (shards, million)
    assert len(json.dumps([shard.to_xcom() for shard in found])) < MIB


def test_a_thousand_raw_files_are_a_thousand_shards() -> None:
    many = [plan([1] * 10, f"raw{number}").outline() for number in range(1000)]
    assert len(cut(many, ShardBounds(1, 1))) == 1000


@given(plans().filter(bool), st.data())
def test_a_change_anywhere_in_the_slice_is_noticed(files: list[Planned], data: st.DataObject) -> None:
    one = Plan("raw", "origin", files)
    (shard,) = cut([one.outline()], ShardBounds(1000, 2**60))
    at = data.draw(st.integers(0, len(files) - 1))
    other = file(999_999, 5)
    changes = [
        [*files[:at], *files[at + 1 :]],
        [*files[:at], other, *files[at + 1 :]],
        [*files[:at], other, *files[at:]],
    ]
    item = files[at]
    if isinstance(item, RemoteFile):
        changed = (
            replace(item, size=(item.size or 0) + 1),
            replace(item, checksums=(*item.checksums, Checksum("md5", "0" * 32))),
            replace(item, checksums=(Checksum("md5", "x" * 32),)),
        )
        changes += [[*files[:at], another, *files[at + 1 :]] for another in changed]
    for changed_files in changes:
        with pytest.raises(PlanChanged):
            Plan("raw", "origin", changed_files).cut(shard)
    with pytest.raises(PlanChanged):
        Plan("raw", "another origin", files).cut(shard)
    assert Plan("raw", "origin", list(files)).cut(shard) == files


def test_a_shard_travels_as_json_of_a_few_bytes() -> None:
    cuts = cut([plan([1] * 100_000).outline()], ShardBounds(100, GIB))
    shards = [replace(shard, plan="0123456789abcdef") for shard in cuts]
    text = json.dumps([shard.to_xcom() for shard in shards])
    assert [Shard.from_xcom(value) for value in json.loads(text)] == shards
    assert len(text) < 200 * len(shards)


def test_labels_are_for_people() -> None:
    assert [shard.label for shard in cut([plan([1] * 3).outline()], ShardBounds(2, GIB))] == [
        "sample, files 1 to 2 of 3",
        "sample, files 3 to 3 of 3",
    ]
    (whole,) = cut([plan([1], "x" * 300).outline()], ShardBounds(2, GIB))
    assert whole.label == "x" * 197 + "..."
    (odd,) = cut([plan([1], "a\nb\x1b[31m").outline()], ShardBounds(2, GIB))
    assert odd.label == "a?b?[31m"
