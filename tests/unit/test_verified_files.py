from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from downloader.checksums import S3_ETAG, Checksum
from downloader.errors import CorruptRecord
from downloader.paths import safe_path
from downloader.remote_file import Refused, RemoteFile
from downloader_tasks.execution.verified_files import TaskVerifiedFiles

MD5 = Checksum("md5", "0" * 32)


def file(name: str = "a", *checksums: Checksum, size: int | None = 5) -> RemoteFile:
    return RemoteFile(safe_path(name), size, name, checksums)


@pytest.fixture
def on_disk(tmp_path: Path) -> Path:
    path = tmp_path / "a"
    path.write_bytes(b"bytes")
    return path


def test_the_next_try_knows_what_this_one_verified(on_disk: Path) -> None:
    planned = [file("a", MD5), file("b", MD5)]
    first = TaskVerifiedFiles(planned)
    assert not first.holds(planned[0], os.stat(on_disk))
    changed = [first.changed]
    first.note(planned[0], os.stat(on_disk))
    changed.append(first.changed)
    second = TaskVerifiedFiles(planned, first.text())
    assert [*changed, first.changed] == [False, True, False]
    assert second.holds(planned[0], os.stat(on_disk))
    assert not second.holds(planned[1], os.stat(on_disk))


def rewritten(path: Path) -> None:
    path.write_bytes(b"BYTES")


def rewritten_with_its_old_time(path: Path) -> None:
    before = os.stat(path)
    path.write_bytes(b"BYTES")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"BYTES")
    other.rename(path)


def shortened(path: Path) -> None:
    os.truncate(path, 4)


@pytest.mark.parametrize("touch", [rewritten, rewritten_with_its_old_time, replaced, shortened])
def test_a_file_that_was_touched_is_not_believed(on_disk: Path, touch: Callable[[Path], None]) -> None:
    verified = TaskVerifiedFiles([file("a", MD5)])
    verified.note(file("a", MD5), os.stat(on_disk))
    touch(on_disk)
    assert not verified.holds(file("a", MD5), os.stat(on_disk))


@pytest.mark.parametrize(
    "item",
    [
        file("a"),
        file("a", MD5, size=None),
        file("a", Checksum(S3_ETAG, "0" * 32 + "-3"), size=20_000_000),
        file("a", Checksum("unheard-of", "00"), MD5),
    ],
)
def test_only_what_its_first_checksum_proves_is_verified(on_disk: Path, item: RemoteFile) -> None:
    verified = TaskVerifiedFiles([item])
    verified.note(item, os.stat(on_disk))
    assert not verified.holds(item, os.stat(on_disk))


def test_a_file_without_a_checksum_is_never_held(on_disk: Path) -> None:
    verified = TaskVerifiedFiles([file("a", MD5)])
    verified.note(file("a", MD5), os.stat(on_disk))
    assert not verified.holds(file("a"), os.stat(on_disk))


def test_files_that_were_not_planned_or_refused_are_no_trouble(on_disk: Path) -> None:
    verified = TaskVerifiedFiles([Refused("a", CorruptRecord("no entry"))])
    for name in ("a", "elsewhere"):
        verified.note(file(name, MD5), os.stat(on_disk))
        assert not verified.holds(file(name, MD5), os.stat(on_disk))


@pytest.mark.parametrize("count", [2_000, 100_000])
def test_it_stays_below_what_a_state_may_have(on_disk: Path, count: int) -> None:
    planned = [file(f"{number}", MD5) for number in range(count)]
    verified = TaskVerifiedFiles(planned)
    for item in planned:
        verified.note(item, os.stat(on_disk))
    text = verified.text()
    assert len(json.dumps({"shard": "0" * 16, "kept": text})) < 64 * 1024
    assert TaskVerifiedFiles(planned, text).holds(planned[1_999], os.stat(on_disk))


@pytest.mark.parametrize("saved", ["", "AAAA", "A" * 17])
def test_what_does_not_fit_is_forgotten(on_disk: Path, saved: str) -> None:
    verified = TaskVerifiedFiles([file("a", MD5), file("b", MD5)], saved)
    assert not verified.holds(file("a", MD5), os.stat(on_disk))
