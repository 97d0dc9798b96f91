"""The audit of a batch: every file is told as it is, nothing on the disk changes, nothing is opened at the source."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from downloader.checksums import MIB, PROCESSORS, S3_ETAG, Checksum
from downloader.content import NdjsonCheck
from downloader.disk import reading
from downloader.disk.part_file import PartFile
from downloader.errors import Archived, CorruptRecord, DiskUnavailable, NetworkError
from downloader.paths import safe_path
from downloader.remote_file import Planned, Refused, RemoteFile
from downloader.results import SIZE_ONLY, FileResult, Outcome
from downloader.source import ByteStream
from downloader.sources.memory import MemoryObject, MemorySource
from downloader.transfer import Progress, TransferOptions, TransferPolicy, audit, inspection, proves_all
from support.restoring import FakeClock, content, file_for, files_for, fingerprint, part_path, transfer_options

pytestmark = pytest.mark.timeout(100, method="thread")

PART = 5 * MIB
BIG = content(2 * PART + 1, 9)
RUN_THE_RESTORE = "; run the restore (the same run without audit), which "


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


class Forbidden(MemorySource):
    """A source of which nothing may be opened, and which nobody need ask."""

    def describe(self, file: RemoteFile) -> RemoteFile:
        raise AssertionError("asked")

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        raise AssertionError("opened")


def audited(
    planned: list[Planned], folder: Path, source: MemorySource | None = None, options: TransferOptions | None = None
) -> dict[str, FileResult]:
    """The results by name. Nothing below `folder` may have changed, and the results are in the order of the plan."""
    before = fingerprint(folder)
    results = audit(planned, source, folder, options or transfer_options())
    assert fingerprint(folder) == before
    assert [result.name for result in results] == [getattr(item, "name", None) or str(item.path) for item in planned]  # type: ignore[union-attr]
    assert {result.fetched for result in results} == {0}
    return {result.name: result for result in results}


def leave(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# --- what is told -----------------------------------------------------------------------------------------------------


def test_each_file_is_told_as_it_is(tmp_path: Path) -> None:
    objects = {name: content(1000, seed) for seed, name in enumerate(["fine", "sub/gone", "other", "long", "short"])}
    leave(tmp_path, "fine", objects["fine"])
    leave(tmp_path, "other", objects["other"][:-1] + b"?")
    leave(tmp_path, "long", objects["long"] + b"?")
    leave(tmp_path, "short", objects["short"][:-1])
    leave(tmp_path, "unknown", b"nobody asks")
    planned: list[Planned] = [*files_for(objects), Refused("odd", CorruptRecord("odd has no size"))]
    results = audited(planned, tmp_path, Forbidden({}))
    fine = results.pop("fine")
    assert (fine.outcome, fine.size, fine.verified) == (Outcome.INTACT, 1000, True)
    right, wrong = (hashlib.md5(data).hexdigest() for data in (objects["other"], objects["other"][:-1] + b"?"))
    assert {name: result.message for name, result in results.items()} == {
        "sub/gone": f"Missing: sub/gone is not there{RUN_THE_RESTORE}downloads it",
        "other": f"Altered: other: hash mismatch detected (md5 {wrong} instead of {right}){RUN_THE_RESTORE}replaces it",
        "long": f"Altered: long: size mismatch detected (1,001 bytes instead of 1,000){RUN_THE_RESTORE}replaces it",
        "short": f"Incomplete: short has 999 of 1,000 bytes{RUN_THE_RESTORE}completes it",
        "odd": "Corrupt record: odd has no size; repair the entry in the catalogue",
    }
    assert not any(result.ok or result.retryable for result in results.values())


def test_a_destination_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    (result,) = audit([file_for("a", b"x")], None, tmp_path / "none" / "at all", transfer_options())
    assert result.message.startswith("Missing: a is not there")
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    leave(tmp_path, "file", b"x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "out").symlink_to("/")
    results = audited(
        [file_for(name, b"x") for name in ("folder", "file/below", "link", "pipe", "out/etc/hosts")], tmp_path
    )
    kinds = {name: result.message.partition(":")[0] for name, result in results.items()}
    assert kinds == {
        "folder": "Path conflict", "file/below": "Path conflict", "link": "Altered", "pipe": "Altered",
        "out/etc/hosts": "Unsafe path",
    }  # fmt: skip
    assert "link: not a regular file" in results["link"].message


def test_a_part_file_is_told_and_left_alone_though_it_is_locked(tmp_path: Path) -> None:
    file = file_for("a", BIG)
    part = part_path(tmp_path, file)
    part.write_bytes(BIG[:100])
    from downloader.disk import Destination

    with PartFile.acquire(Destination(tmp_path), Destination(tmp_path).place(file.path), file.identity):
        result = audited([file], tmp_path)["a"]
    assert result.message == f"Missing: a is not there; 100 bytes of it are in a part file{RUN_THE_RESTORE}completes it"


def test_what_may_not_be_read_is_no_altered_file() -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as rights:
        folder = Path(name)
        folder.chmod(0o755)
        leave(folder, "a", b"x").chmod(0)
        leave(folder, "closed/b", b"x").parent.chmod(0)
        if os.geteuid() == 0:
            os.seteuid(65534)
            rights.callback(os.seteuid, 0)
        results = audit([file_for("a", b"x"), file_for("closed/b", b"x")], None, folder, transfer_options())
        rights.close()
        (folder / "closed").chmod(0o755)
    assert [result.message.partition(";")[0] for result in results] == [
        "Disk error: a: Permission denied", "Disk error: closed/b: Permission denied",
    ]  # fmt: skip
    assert not any(result.ok for result in results)


def test_a_disk_that_fails_is_no_altered_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(tmp_path, "a", b"x")

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(inspection, "hash_bytes", broken)
    result = audited([file_for("a", b"x")], tmp_path)["a"]
    assert result.message == "Disk error: a: Input/output error; check the disk and the rights of the destination"


def test_a_disk_that_does_not_answer_is_worth_another_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(tmp_path, "a", b"x")

    def stale(*_: object) -> None:
        raise DiskUnavailable("a: Stale file handle")

    monkeypatch.setattr(inspection, "hash_bytes", stale)
    assert audited([file_for("a", b"x")], tmp_path)["a"].retryable


@pytest.mark.parametrize(("times", "kind"), [(1, ""), (2, ""), (3, "Object changed")])
def test_a_file_that_another_run_replaces_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, kind: str
) -> None:
    path, left = leave(tmp_path, "a", b"right"), [times]
    opened = reading.open_for_reading

    def replaced(name: str) -> int:
        if left[0]:
            left[0] -= 1
            path.write_bytes(b"ri")
            descriptor = opened(name)
            path.write_bytes(b"right")
            os.utime(path)
            other = tmp_path / "short"
            other.write_bytes(b"ri")
            os.close(descriptor)
            return opened(str(other))
        return opened(name)

    monkeypatch.setattr(inspection, "open_for_reading", replaced)
    (result,) = audit([file_for("a", b"right")], None, tmp_path, transfer_options())
    assert result.message.partition(":")[0] == kind
    assert result.ok is not result.retryable


@pytest.mark.parametrize(("times", "kind"), [(1, ""), (2, ""), (3, "Object changed")])
@pytest.mark.parametrize("size", [5, 3 * MIB])
def test_a_file_that_is_healed_while_it_is_read_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, kind: str, size: int
) -> None:
    """Of the same size: what was open stays the old file, which is wrong, and the name is that of the new one."""
    right, wrong = content(size, 1), content(size, 2)
    path, left = leave(tmp_path, "a", wrong), [times]
    hash_bytes = reading.hash_bytes

    def healed(*args: Any) -> None:
        if left[0]:
            left[0] -= 1
            leave(tmp_path, "new", right if not left[0] else wrong).rename(path)
        hash_bytes(*args)

    monkeypatch.setattr(inspection, "hash_bytes", healed)
    (result,) = audit([file_for("a", right)], None, tmp_path, transfer_options())
    assert result.message.partition(":")[0] == kind
    assert result.ok is not result.retryable


def test_a_file_that_is_removed_while_it_is_read_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, hash_bytes = leave(tmp_path, "a", b"wrong"), reading.hash_bytes

    def removed(*args: Any) -> None:
        path.unlink()
        hash_bytes(*args)

    monkeypatch.setattr(inspection, "hash_bytes", removed)
    (result,) = audit([file_for("a", b"right")], None, tmp_path, transfer_options())
    assert result.message.startswith("Missing: a is not there")


# --- what the source is asked -----------------------------------------------------------------------------------------


@dataclass
class Asked(MemorySource):
    """Notes what it is asked about, and refuses with `error`."""

    objects: dict[str, bytes | MemoryObject]
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.objects)

    def describe(self, file: RemoteFile) -> RemoteFile:
        self.asked.append(str(file.path))
        if self.error is not None:
            raise self.error
        return super().describe(file)


def multipart(data: bytes, part: int, *, told: bool) -> Checksum:
    """The ETag of a multipart upload, whose part size is told or not."""
    digests = [hashlib.md5(data[at : at + part]).digest() for at in range(0, len(data), part)]
    value = f"{hashlib.md5(b''.join(digests)).hexdigest()}-{len(digests)}"
    return Checksum(S3_ETAG, value, (part,) if told else ())


ODD_PART = 4 * MIB - 1
"""A part size that nobody guesses."""


def by_size(name: str, data: bytes) -> RemoteFile:
    return RemoteFile(safe_path(name), len(data), name)


def test_only_what_the_plan_does_not_prove_is_asked_about(tmp_path: Path) -> None:
    more = Checksum("sha256", hashlib.sha256(BIG).hexdigest())
    source = Asked({"a": MemoryObject(BIG, checksums=(more,)), "b": BIG, "c": BIG})
    plain = by_size("a", BIG)
    etag = replace(by_size("b", BIG), checksums=(multipart(BIG, PART, told=False),))
    proved = file_for("c", BIG)
    for name in "abc":
        leave(tmp_path, name, BIG)
    results = audited([plain, etag, proved], tmp_path, source)
    assert source.asked == ["a"], "a guess of the part size that fits proves as well"
    assert results["a"].assurance == str(more)
    assert all(result.verified for result in results.values())
    assert [proves_all([file]) for file in (plain, etag, proved)] == [False, False, True]


@pytest.mark.parametrize("error", [Archived("it is in Glacier", "thaw it"), NetworkError("no answer"), KeyError("x")])
def test_a_source_that_tells_nothing_is_no_failure_and_is_named(tmp_path: Path, error: Exception) -> None:
    source = Asked({}, error)
    file = replace(by_size("a", BIG), checksums=(multipart(BIG, ODD_PART, told=False),))
    leave(tmp_path, "a", BIG)
    result = audited([file], tmp_path, source)["a"]
    assert (result.outcome, result.assurance, result.verified) == (Outcome.INTACT, SIZE_ONLY, False)
    assert "its source told no more (" in result.message


def test_a_source_that_does_not_answer_is_not_asked_about_each_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, source = FakeClock(), Asked({}, NetworkError("no answer"))
    planned: list[Planned] = []
    for number in range(500):
        planned.append(by_size(f"{number}", b"x"))
        leave(tmp_path, f"{number}", b"x")
    options = transfer_options(clock)
    with caplog.at_level(logging.WARNING):
        results = audited(planned, tmp_path, source, options)
    assert all(result.ok and not result.verified for result in results.values())
    assert len(source.asked) <= 20 * options.retry.attempts, "those that were asked at once, and no more"
    assert "not asked any more" in caplog.text


@pytest.mark.parametrize("source", [None, Asked({}, NetworkError("no answer"))])
def test_what_cannot_be_compared_at_all_is_a_failure(tmp_path: Path, source: Asked | None) -> None:
    leave(tmp_path, "a", b"x")
    result = audited([RemoteFile(safe_path("a"), None, "a")], tmp_path, source)["a"]
    assert not result.ok
    assert result.message.startswith("Network error: no answer" if source else "Wrong settings: neither the size nor")
    assert result.retryable is (source is not None)


def test_a_source_that_knows_the_size_helps(tmp_path: Path) -> None:
    leave(tmp_path, "a", b"x")
    file = RemoteFile(safe_path("a"), None, "a")
    assert audited([file], tmp_path, Asked({"a": b"x"}))["a"].assurance == SIZE_ONLY
    assert audited([file], tmp_path, Asked({"a": b"xy"}))["a"].message.startswith("Incomplete: a has 1 of 2 bytes")


# --- how --------------------------------------------------------------------------------------------------------------


def test_an_overwriting_policy_is_no_reason_not_to_read(tmp_path: Path) -> None:
    leave(tmp_path, "a", b"x")
    options = replace(transfer_options(), policy=TransferPolicy(overwrite=True))
    assert audited([file_for("a", b"x")], tmp_path, options=options)["a"].verified


def test_the_content_is_looked_at_where_that_is_wanted(tmp_path: Path) -> None:
    good, bad = b'{"resourceType": "Patient"}\n' * 3, b"no resource\n"
    leave(tmp_path, "a.ndjson", good)
    leave(tmp_path, "b.ndjson", bad)
    options = replace(transfer_options(), policy=TransferPolicy(content=NdjsonCheck()))
    results = audited([file_for("a.ndjson", good), file_for("b.ndjson", bad)], tmp_path, options=options)
    assert (results["a.ndjson"].resources, results["a.ndjson"].verified) == (3, True)
    assert results["b.ndjson"].message.startswith("Broken content: ")


@pytest.mark.parametrize("size", [1000, 3 * MIB])
@pytest.mark.parametrize("checksum", ["whole", "parts"])
def test_several_files_are_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, checksum: str
) -> None:
    """Each reader waits for another one: alone it would wait for ever."""
    meeting = threading.Barrier(2, timeout=60)
    data = content(size, 3)
    planned: list[Planned] = []
    for name in ("a", "b"):
        leave(tmp_path, name, data)
        parts = multipart(data, max(1, size // 2), told=True)
        planned.append(
            file_for(name, data) if checksum == "whole" else replace(by_size(name, data), checksums=(parts,))
        )
    opened = reading.open_for_reading

    def together(name: str) -> int:
        meeting.wait()
        return opened(name)

    monkeypatch.setattr(inspection, "open_for_reading", together)
    assert all(result.verified for result in audited(planned, tmp_path).values())


def test_the_parts_of_one_file_are_hashed_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(tmp_path, "a", BIG)
    threads: set[str] = set()
    hash_parts = reading.hash_parts

    def noted(descriptor: int, length: int, form: Checksum, check: Callable[[], None]) -> str:
        def from_thread() -> None:
            threads.add(threading.current_thread().name)
            check()

        return hash_parts(descriptor, length, form, from_thread)

    monkeypatch.setattr(inspection, "hash_parts", noted)
    file = replace(by_size("a", BIG), checksums=(multipart(BIG, PART, told=True),))
    assert audited([file], tmp_path)["a"].verified
    assert len(threads) >= min(PROCESSORS, 2)


class Watcher:
    """Keeps what it hears."""

    def __init__(self, stop: int = 0) -> None:
        self.results: list[str] = []
        self.progress: list[Progress] = []
        self._stop = stop

    def on_result(self, result: FileResult, progress: Progress) -> None:
        self.results.append(result.name)
        self.on_progress(progress)
        if len(self.results) == self._stop:
            raise KeyboardInterrupt

    def on_progress(self, progress: Progress) -> None:
        self.progress.append(progress)


def test_progress_is_told_by_what_was_read(tmp_path: Path) -> None:
    watcher = Watcher()
    planned: list[Planned] = [file_for("a", BIG), file_for("gone", BIG), file_for("b", b"x")]
    leave(tmp_path, "a", BIG)
    leave(tmp_path, "b", b"x")
    audited(planned, tmp_path, options=replace(transfer_options(), listener=watcher))
    last = watcher.progress[-1]
    assert sorted(watcher.results) == ["a", "b", "gone"]
    assert (last.files_done, last.files) == (3, 3)
    assert last.fetched == last.total == 2 * len(BIG) + 1, "what is settled counts, read or not"
    assert last.under_way == ()


def test_an_interruption_ends_it(tmp_path: Path) -> None:
    objects = {f"{number}": b"x" for number in range(2000)}
    for name, data in objects.items():
        leave(tmp_path, name, data)
    watcher, options = Watcher(stop=5), transfer_options()
    with pytest.raises(KeyboardInterrupt):
        audit(files_for(objects), None, tmp_path, replace(options, listener=watcher))
    assert options.retry.halt.is_set()
    assert len(watcher.results) == 5


def test_a_thread_that_dies_costs_its_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Panic(BaseException):
        """As Rust's, which is no Exception."""

    class Panicking(Asked):
        def describe(self, file: RemoteFile) -> RemoteFile:
            raise Panic

    leave(tmp_path, "a", b"x")
    leave(tmp_path, "b", b"x")
    results = audited([by_size("a", b"x"), file_for("b", b"x")], tmp_path, Panicking({}))
    assert results["a"].message.startswith("Not tried: a thread of this program died")
    assert results["b"].ok


@pytest.mark.no_cover
def test_ten_thousand_files(tmp_path: Path) -> None:
    objects = {f"{number % 100}/{number}.bin": b"%d" % number * 50 for number in range(10_000)}
    for name, data in objects.items():
        leave(tmp_path, name, data)
    gone, other = "3/3.bin", "17/9917.bin"
    (tmp_path / gone).unlink()
    (tmp_path / other).write_bytes(b"?" * len(objects[other]))
    results = audited(list(files_for(objects)), tmp_path, Forbidden({}))
    assert len(results) == 10_000
    failures = {name: result.message.partition(":")[0] for name, result in results.items() if not result.ok}
    assert failures == {gone: "Missing", other: "Altered"}
    assert all(result.verified for result in results.values() if result.ok)
