"""Healing by parts against S3 and MinIO on the wire: what it costs, and what is left where it is killed."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from downloader import checksums
from downloader.checksums import Checksum
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.report import Report, read, write
from downloader.results import FileResult, Outcome
from downloader.source import Source
from downloader.sources.s3 import S3Source
from downloader.sources.s3.minio import MinioSource, listed_file
from downloader.sources.s3.minio.listing import BucketListing
from downloader.transfer.batch import restore
from include.stand_ins.attributes_server import AttributesServer, in_front_of
from include.stand_ins.object_server import ObjectRequest, refuse
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.wire import Answer
from support.minio import minio_of
from support.restoring import KIB, content, part_files, plain_copy, transfer_options, tree
from support.stored_parts import damaged
from support.uploads import upload_in_parts

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(100, method="thread")]

PART = 20 * KIB
PARTS = 50
DATA = content(PARTS * PART - 7)
CUT = [DATA[at : at + PART] for at in range(0, len(DATA), PART)]
WRONG = (17, 18, 40)
NOW = datetime(2025, 2, 4, 14, 30, 22, tzinfo=UTC)


@dataclass
class Home:
    """A bucket with one object in parts, and a folder that it comes home to."""

    front: AttributesServer
    bucket: str
    folder: Path
    minio: bool
    asked: list[str] = field(default_factory=list)

    def source_and_plan(self) -> tuple[Source, RemoteFile]:
        if not self.minio:
            own = (Checksum("md5", hashlib.md5(DATA).hexdigest()),)
            return S3Source(self.bucket, self.front.front.access()), RemoteFile(safe_path("x"), len(DATA), "x", own)
        server = minio_of(self.front.front)
        (listed,) = BucketListing(server, self.bucket).objects()
        return MinioSource(self.bucket, server.access()), listed_file(listed, safe_path("x"))

    def restore(self, copy: bytes | None = None) -> FileResult:
        if copy is not None:
            (self.folder / "x").write_bytes(copy)
        source, planned = self.source_and_plan()
        self.front.requests.clear()
        (result,) = restore([planned], source, self.folder, transfer_options())
        self.asked = self.front.asked()
        return result

    def fetched_parts(self) -> set[int]:
        """The parts that GETs on the wire asked for."""
        spans = [request.headers["range"].removeprefix("bytes=").split("-") for request in self.gets()]
        return {at // PART for start, end in spans for at in range(int(start), int(end) + 1, PART)}

    def gets(self) -> list[ObjectRequest]:
        return [request for request in self.front.requests if request.method == "GET" and request.query == {}]

    def came_home(self, result: FileResult, parts: int) -> None:
        assert result.ok, result.message
        assert result.verified
        assert (result.outcome, result.message) == (Outcome.SELF_HEALED, "hash mismatch detected")
        assert result.fetched == parts * PART
        assert tree(self.folder) == {"x": DATA}


@pytest.fixture
def front(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[AttributesServer]:
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    monkeypatch.setattr(checksums, "MIB", PART)  # else nobody would guess that parts are so small
    with in_front_of(moto) as server:
        yield server


@pytest.fixture(params=["s3", "minio"])
def home(front: AttributesServer, tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    bucket = front.behind.new_bucket()
    upload_in_parts(front.behind, bucket, "x", CUT, "CRC32C")
    folder = tmp_path / "home"
    folder.mkdir()
    return Home(front, bucket, folder, request.param == "minio")


def wrong_at(*parts: int) -> bytes:
    return damaged(DATA, *(number * PART + 11 for number in parts))


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_one_bad_part_of_fifty_costs_one(home: Home) -> None:
    result = home.restore(wrong_at(17))
    home.came_home(result, 1)
    assert home.fetched_parts() == {17}
    assert home.asked.count("attributes") == 1


def test_several_cost_what_they_are(home: Home) -> None:
    result = home.restore(wrong_at(*WRONG))
    home.came_home(result, len(WRONG))
    assert home.fetched_parts() == set(WRONG)


def test_an_intact_file_is_not_asked_about(home: Home) -> None:
    assert home.restore(DATA).outcome is Outcome.SKIPPED
    assert "attributes" not in home.asked


def test_the_report_counts_what_was_fetched(home: Home, tmp_path: Path) -> None:
    result = home.restore(wrong_at(17))
    report = Report("S3 Download Status Report", NOW, str(home.folder), results=(result,))
    path = write(report, tmp_path, "id")
    line = next(text for text in path.read_text().splitlines() if text.startswith("x: "))
    assert line.startswith("x: OK - Self-healed (hash mismatch detected, re-downloaded) [")
    assert f"{len(DATA)} bytes, fetched {PART} bytes" in line
    assert read(path).results == (result,)


@pytest.mark.parametrize("status", [403, 501])
def test_where_parts_are_not_told_the_whole_is_fetched(home: Home, status: int) -> None:
    def intercept(request: ObjectRequest) -> Answer | None:
        if "attributes" in request.query:
            return refuse(status, "AccessDenied")(Answer(200, {}))
        is_part = "partNumber" in request.query and "x-amz-checksum-mode" in request.headers
        return Answer(status, {}) if is_part else None

    home.front.intercept = intercept
    home.restore(wrong_at(17))
    assert tree(home.folder) == {"x": DATA}
    assert sum(len(range(*span(request))) for request in home.gets()) == len(DATA)


def span(request: ObjectRequest) -> tuple[int, int]:
    start, end = request.headers["range"].removeprefix("bytes=").split("-")
    return int(start), int(end) + 1


def test_an_object_that_is_replaced_between_parts_comes_home_unmixed(home: Home) -> None:
    """By other bytes with the same record (S3: refused by it), or with a new one (MinIO: as it is now)."""
    other = content(len(DATA), 5)
    left = [2]

    def intercept(request: ObjectRequest) -> Answer | None:
        if request.method == "GET" and request.query == {}:
            left[0] -= 1
            if left[0] == 0:
                client = home.front.behind.client()
                client.put_object(Bucket=home.bucket, Key="x", Body=other)
        return None

    home.front.intercept = intercept
    copy = wrong_at(*WRONG)
    result = home.restore(copy)
    assert left[0] <= 0
    if home.minio:
        assert (result.ok, tree(home.folder)) == (True, {"x": other})
    else:
        assert (result.outcome, plain_copy(home.folder, "x")) == (Outcome.FAILED, copy)


# --- a run in another process -----------------------------------------------------------------------------------------


@dataclass
class Held:
    """The server, standing still at its `at`-th GET of bytes until `go_on`."""

    at: int
    reached: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    count: int = 0

    def __call__(self, request: ObjectRequest) -> Answer | None:
        if request.method == "GET" and request.query == {}:
            self.count += 1
            if self.count == self.at:
                self.reached.set()
                self.go_on.wait(30)
        return None


def _run(home: Home, url: str) -> None:
    """In the other process: a server of its own address stands for the one that the parent runs."""
    checksums.MIB = PART  # type: ignore[misc]
    server = replace(home, front=_Front(url, home.front.behind))  # type: ignore[arg-type]
    source, planned = server.source_and_plan()
    (result,) = restore([planned], source, server.folder, transfer_options())
    os._exit(0 if result.ok else 1)


@dataclass
class _Front:
    url: str
    behind: S3Server

    @property
    def front(self) -> S3Server:
        return replace(self.behind, url=self.url)


@pytest.fixture
def other(home: Home) -> Iterator[Callable[[], multiprocessing.process.BaseProcess]]:
    started: list[multiprocessing.process.BaseProcess] = []

    def start() -> multiprocessing.process.BaseProcess:
        plain = Home(_Front(home.front.url, home.front.behind), home.bucket, home.folder, home.minio)  # type: ignore[arg-type]
        process = multiprocessing.get_context("spawn").Process(target=_run, args=(plain, home.front.url))
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join()


def test_a_healing_that_is_killed_goes_on(home: Home, other: Callable[[], multiprocessing.process.BaseProcess]) -> None:
    """Killed at the second wrong part of three: the copy is as it was, and the next run fetches only what is left."""
    copy = wrong_at(3, 20, 40)
    (home.folder / "x").write_bytes(copy)
    home.front.intercept = held = Held(2)
    process = other()
    assert held.reached.wait(30)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    held.go_on.set()
    assert plain_copy(home.folder, "x") == copy
    assert len(part_files(home.folder)) == 1
    result = home.restore()
    home.came_home(result, 2)
    assert home.fetched_parts() == {20, 40}


def test_two_runs_at_once_fetch_it_once(home: Home, other: Callable[[], multiprocessing.process.BaseProcess]) -> None:
    copy = wrong_at(3, 20)
    (home.folder / "x").write_bytes(copy)
    home.front.intercept = held = Held(2)
    process = other()
    assert held.reached.wait(30)
    result = home.restore()
    assert (result.outcome, result.retryable, result.fetched) == (Outcome.FAILED, True, 0)
    assert "another run" in result.message
    assert plain_copy(home.folder, "x") == copy
    held.go_on.set()
    process.join(60)
    assert process.exitcode == 0
    assert tree(home.folder) == {"x": DATA}
    assert home.restore().outcome is Outcome.SKIPPED
