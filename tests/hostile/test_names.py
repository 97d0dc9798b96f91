"""Keys and paths that want out: whatever a file is called, it comes to lie in the destination or not at all."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import strategies as st

from downloader.catalogue import RawFile, plan
from downloader.content.ndjson import NdjsonCheck
from downloader.errors import CorruptRecord, NameCollision
from downloader.paths import safe_path
from downloader.planning import local_name, refuse_conflicts
from downloader.remote_file import Planned, Refused, RemoteFile
from downloader.report import Report, read, reports_in, write
from downloader.results import FileResult
from downloader.sources.memory import MemoryObject, MemorySource
from downloader.sources.s3.minio.pages import Listed
from downloader.transfer.batch import restore
from downloader_tasks.minio.download_run import MinioRun
from downloader_tasks.minio.survey import BucketSurvey
from downloader_tasks.shards import ShardBounds
from support.exports import listed, request_for
from support.fast_folder import fast_folder
from support.hostile import CASES, NAMES, assert_readable, held_against, names
from support.restoring import transfer_options, tree

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(100, method="thread")]

NOW = datetime(2025, 2, 4, 14, 30, 22, tzinfo=UTC)


def record(recorded: Sequence[str]) -> RawFile:
    entry = [1, None]
    return RawFile("sample", "PRID001", "bucket/prefix/", "upload_done", dict.fromkeys(recorded, entry))


def content_of(file: RemoteFile) -> bytes:
    return file.key.encode("utf-8", "surrogatepass")[-1:]


def brought_home(planned: Sequence[Planned]) -> list[FileResult]:
    """Restores, and holds what then lies on the disk and stands in the report against the results."""
    files = [item for item in planned if isinstance(item, RemoteFile)]
    source = MemorySource({file.key: MemoryObject(content_of(file)) for file in files})
    with tempfile.TemporaryDirectory(dir=fast_folder()) as parent:
        destination = Path(parent, "destination")
        destination.mkdir()
        results = restore(planned, source, destination, transfer_options())
        assert [result.name for result in results] == [local_name(item) for item in planned]
        assert len({result.name for result in results}) == len(results), "two files in one line"
        assert_only_these(destination, files, results)
        assert_reported(destination, results)
        assert [path.name for path in Path(parent).iterdir()] == ["destination"]
    return results


def assert_only_these(destination: Path, files: Sequence[RemoteFile], results: Sequence[FileResult]) -> None:
    here = {name: data for name, data in tree(destination).items() if data != "folder"}
    home = {result.name for result in results if result.ok}
    assert here == {file.path.text: content_of(file) for file in files if file.path.text in home}


def assert_reported(destination: Path, results: Sequence[FileResult]) -> None:
    report = Report("Title", NOW, str(destination), results=tuple(results))
    assert read(write(report, destination, "x")) == report
    assert len(reports_in(destination)) == 1, "a file passes for a report"


def outcome_of(results: Sequence[FileResult]) -> str:
    fine = sum(result.ok for result in results)
    return "all" if fine == len(results) else "some" if fine else "none"


# --- names of a record ------------------------------------------------------------------------------------------------


def test_all_the_names_at_once() -> None:
    results = {result.name: result for result in brought_home(plan(record(list(NAMES.values()))))}
    assert results.keys() == {local_name(item) for item in plan(record(list(NAMES.values())))}
    assert results["a/_download_status_x_20250101_000000.txt"].ok, "only at the top it would pass for ours"
    assert results["lower/x"].ok
    for wrong in ("..", "/etc/passwd", "a\0b", "a\ud800", "_download_status_", "x" * 256, "lower", "a/" * 1700 + "x"):
        assert not results[wrong].ok


@pytest.mark.parametrize("what", NAMES)
def test_each_name_by_itself(what: str) -> None:
    (result,) = brought_home(plan(record([NAMES[what]])))
    if not result.ok:
        assert_readable(result.message, most=1_000)


@held_against(st.lists(names, min_size=1, max_size=3, unique=True), ["all", "some", "none"], CASES // 2)
def test_names_of_a_record(recorded: list[str]) -> str:
    planned = plan(record(recorded))
    assert len(planned) == len(recorded)
    return outcome_of(brought_home(planned))


def test_a_path_whose_own_file_was_refused_is_given_to_no_other() -> None:
    """`a//b` would lie where `a/b` belongs, whose entry is broken; and two lines of the report would have one name."""
    broken = replace(record(["a//b", "c"]), file_info={"a//b": [1, None], "a/b": "broken", "c": [1, None]})
    twin, own, other = plan(broken)
    assert isinstance(twin, Refused)
    assert isinstance(twin.error, NameCollision)
    assert (twin.name, twin.error.what) == ("a//b", "a//b and a/b would both be written to a/b")
    assert isinstance(own, Refused)
    assert isinstance(own.error, CorruptRecord)
    assert isinstance(other, RemoteFile)
    brought_home([twin, own, other])


def test_folders_in_folders_do_not_fill_the_memory() -> None:
    """A thousand paths are megabytes; all the folders on their ways, written out, would be hundreds of them."""
    deep = "/".join(["twelve_bytes"] * 250)
    files = [RemoteFile(safe_path(f"{number}/{deep}"), 1, f"{number}/{deep}") for number in range(1_000)]
    tracemalloc.start()
    try:
        assert refuse_conflicts([*files]) == files
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


# --- keys of a bucket -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Keys:
    """A listing that is told what there is."""

    keys: Sequence[str]
    endpoint: str = "nowhere"

    def objects(self, prefix: str = "", after: str = "", upto: str | None = None) -> Iterator[Listed]:
        for key in sorted(self.keys):
            if after < key and (upto is None or key <= upto) and not key.endswith("/"):
                yield listed(key)


class DownloadRun(MinioRun):
    """Of a bucket that needs no server."""

    def listing(self) -> Keys:  # type: ignore[override]
        keys: Keys = self.server  # type: ignore[assignment]
        return keys


def planned_of(keys: Sequence[str], shard_size: int, *, organize: bool) -> list[Planned]:
    """What the tasks of all shards plan for these keys."""
    here = Path(tempfile.gettempdir())
    request = replace(request_for(organize=organize), location=here, output=here)
    listing = Keys(keys)
    run = DownloadRun(request, listing, None, transfer_options(), NdjsonCheck())  # type: ignore[arg-type]
    survey = BucketSurvey(request, ShardBounds(shard_size, 2**60))
    for one in listing.objects():
        survey.add(one)
    return [item for part in survey.shards() for item in run.planned(part)]


keys = st.lists(names.map(lambda name: f"{name}.ndjson"), min_size=1, max_size=6, unique=True)


@held_against(st.tuples(keys, st.integers(1, 3), st.booleans()), ["all", "some", "none"], CASES // 2)
def test_keys_of_a_bucket(case: tuple[list[str], int, bool]) -> str:
    bucket, shard_size, organize = case
    planned = planned_of(bucket, shard_size, organize=organize)
    assert len(planned) == len(bucket)
    files = [item for item in planned if isinstance(item, RemoteFile)]
    assert {item.key for item in files} | {local_name(item) for item in planned if isinstance(item, Refused)} == set(
        bucket
    )
    assert len({local_name(item) for item in planned}) == len(planned), "two files in one line"
    for file in files:
        assert safe_path(file.path.text) == file.path
    return "all" if len(files) == len(planned) else "some" if files else "none"


@pytest.mark.parametrize("organize", [False, True])
def test_all_the_keys_at_once(organize: bool) -> None:
    held = [name for name in NAMES.values() if len(name) < 100_000]
    bucket = [f"{name}.ndjson" for name in held] + [f"{name}/Patient.ndjson" for name in held]
    results = brought_home(planned_of(bucket, 1_000, organize=organize))
    assert len(results) == len(bucket)
    assert sum(result.ok for result in results) > len(NAMES)


def test_a_key_that_is_refused_takes_no_line_from_one_that_looks_like_it() -> None:
    """A NUL is shown as `\\x00`; so may another object be called, to the letter."""
    bucket = ["a\0b.ndjson", "a\\x00b.ndjson"]
    refused, file = brought_home(planned_of(bucket, 10, organize=False))
    assert (refused.ok, file.ok) == (False, True)
    assert [refused.name, file.name] == bucket
