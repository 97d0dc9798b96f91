"""What lies under a final name, against what is expected: intact, missing, partial, altered."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.checksums import MIB, S3_ETAG, Checksum
from downloader.disk.destination import Destination, Place
from downloader.disk.reading import hash_bytes
from downloader.errors import NotTried, PathConflict
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.results import SIZE_ONLY, UNVERIFIED
from downloader.retry import Halt
from downloader.transfer.inspection import Inspection, State, compare, look
from downloader.transfer.verification import first_to_try, judge
from support.restoring import content, file_for

DATA = content(10_000)
FILE = file_for("x", DATA)
MD5 = FILE.checksums[0]
WRONG = Checksum("md5", "0" * 32)
UNKNOWN = Checksum("blake3", "00")
BIG = content(5 * MIB + 1, 5)


def one_after_the_other(form: Checksum, data: bytes) -> str:
    hasher = form.hasher()
    hasher.update(data)
    return hasher.value()


def place(tmp_path: Path) -> Place:
    return Destination(tmp_path).place(safe_path("x"))


def found(tmp_path: Path, file: RemoteFile = FILE) -> Inspection:
    seen = look(place(tmp_path))
    assert seen is not None
    return compare(place(tmp_path), file, seen, lambda: None)


def test_a_longer_file_that_gets_the_name_behind_the_look_is_not_taken_for_its_beginning(tmp_path: Path) -> None:
    """Another run brings a newer content, of which the expected one is the beginning."""
    (tmp_path / "x").write_bytes(b"?" * len(DATA))
    seen = look(place(tmp_path))
    assert seen is not None
    (tmp_path / "x").write_bytes(DATA + b"more")
    assert compare(place(tmp_path), FILE, seen, lambda: None).state is State.ALTERED


def test_nothing_is_there(tmp_path: Path) -> None:
    assert look(place(tmp_path)) is None


def test_a_folder_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(PathConflict, match="x is a folder on the disk, and the file to download has the same name"):
        look(place(tmp_path))


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        (DATA, Inspection(State.INTACT, 10_000, str(MD5))),
        (DATA[:-1] + b"?", Inspection(State.ALTERED, 10_000, reason="hash mismatch detected")),
        (b"?" + DATA[1:], Inspection(State.ALTERED, 10_000, reason="hash mismatch detected")),
        (DATA + b"?", Inspection(State.ALTERED, 10_001, reason="size mismatch detected")),
        (DATA[:-1], Inspection(State.PARTIAL, 9_999, reason="incomplete copy detected")),
        (b"", Inspection(State.PARTIAL, 0, reason="incomplete copy detected")),
    ],
    ids=["right", "last byte", "first byte", "longer", "shorter", "empty"],
)
def test_a_file_is_held_against_its_size_and_its_checksum(tmp_path: Path, here: bytes, expected: Inspection) -> None:
    (tmp_path / "x").write_bytes(here)
    assert found(tmp_path) == expected


def plant_link(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_bytes(DATA)
    path.symlink_to(elsewhere)


def plant_broken_link(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("plant", [plant_link, plant_broken_link, os.mkfifo], ids=["link", "broken link", "FIFO"])
def test_what_is_no_plain_file_is_altered_and_never_opened(tmp_path: Path, plant: Callable[[Path], None]) -> None:
    plant(tmp_path / "x")
    assert (found(tmp_path).state, found(tmp_path).reason) == (State.ALTERED, "not a regular file")


def test_a_link_that_comes_in_between_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(DATA)
    seen = look(place(tmp_path))
    assert seen is not None
    (tmp_path / "x").unlink()
    plant_link(tmp_path / "x")
    assert compare(place(tmp_path), FILE, seen, lambda: None).state is State.ALTERED


def test_a_file_that_shrinks_while_it_is_read_is_altered(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(DATA)
    seen = look(place(tmp_path))
    assert seen is not None
    os.truncate(tmp_path / "x", 100)
    assert compare(place(tmp_path), FILE, seen, lambda: None).state is State.ALTERED


def test_a_file_that_cannot_be_read_is_altered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(DATA)

    def broken(descriptor: int, length: int, at: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", broken)
    assert found(tmp_path).reason == "unreadable copy detected (OSError)"


@pytest.mark.parametrize(
    ("file", "assurance"),
    [
        (replace(FILE, checksums=()), SIZE_ONLY),
        (replace(FILE, checksums=(), size=None), UNVERIFIED),
        (replace(FILE, size=None), str(MD5)),
        (replace(FILE, checksums=(UNKNOWN, MD5)), str(MD5)),
        (replace(FILE, checksums=(UNKNOWN,)), SIZE_ONLY),
        (replace(FILE, checksums=(replace(WRONG, guessed=True), MD5)), str(MD5)),
        (replace(FILE, checksums=(replace(WRONG, guessed=True),)), SIZE_ONLY),
    ],
)
def test_an_intact_file_says_by_what(tmp_path: Path, file: RemoteFile, assurance: str) -> None:
    (tmp_path / "x").write_bytes(DATA)
    assert found(tmp_path, file) == Inspection(State.INTACT, 10_000, assurance)


def test_the_first_checksum_that_can_be_computed_decides(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(DATA)
    assert found(tmp_path, replace(FILE, checksums=(WRONG, MD5))).state is State.ALTERED
    assert found(tmp_path, replace(FILE, checksums=(MD5, WRONG))).state is State.INTACT


def test_a_multipart_etag_without_a_part_size_proves_by_the_size_that_fits(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(BIG)
    digests = hashlib.md5(BIG[: 5 * MIB]).digest() + hashlib.md5(BIG[5 * MIB :]).digest()
    etag = Checksum(S3_ETAG, f"{hashlib.md5(digests).hexdigest()}-2")
    assert found(tmp_path, RemoteFile(safe_path("x"), len(BIG), "x", (etag,))).assurance == str(etag)


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 2 * MIB, 2 * MIB + 1, 5 * MIB + 1])
def test_files_of_all_sizes_are_hashed_to_the_last_byte(tmp_path: Path, size: int) -> None:
    (tmp_path / "x").write_bytes(BIG[:size])
    file = file_for("x", BIG[:size])
    assert found(tmp_path, file).state is State.INTACT
    if size:
        os.truncate(tmp_path / "x", size - 1)
        with (tmp_path / "x").open("ab") as out:
            out.write(bytes([BIG[size - 1] ^ 1]))
        assert found(tmp_path, file).state is State.ALTERED


@pytest.mark.parametrize("missing", [1, MIB, 4 * MIB])
def test_a_large_file_that_is_shorter_than_expected_ends_the_reading(tmp_path: Path, missing: int) -> None:
    (tmp_path / "x").write_bytes(BIG[: len(BIG) - missing])
    with (tmp_path / "x").open("rb") as opened, pytest.raises(EOFError):
        hash_bytes(opened.fileno(), len(BIG), MD5.hasher())


def test_only_the_first_bytes_count(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(BIG)
    for size in (10, 3 * MIB + 7):
        hasher = MD5.hasher()
        with (tmp_path / "x").open("rb") as opened:
            hash_bytes(opened.fileno(), size, hasher)
        assert hasher.value() == hashlib.md5(BIG[:size]).hexdigest()


def test_reading_stops_when_the_batch_does(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(BIG)
    halt = Halt()
    halt.set("enough")
    seen = look(place(tmp_path))
    assert seen is not None
    with pytest.raises(NotTried):
        compare(place(tmp_path), file_for("x", BIG), seen, halt.check)


# --- judging ----------------------------------------------------------------------------------------------------------

VALUES = st.sampled_from(["right", "wrong"])
CHECKSUMS = st.lists(
    st.builds(Checksum, st.sampled_from(["md5", "sha1", "unheard-of"]), VALUES, guessed=st.booleans()), max_size=4
)


@given(st.sampled_from([None, 9, 10]), CHECKSUMS)
def test_a_verdict_is_never_better_than_what_was_compared(size: int | None, checksums: list[Checksum]) -> None:
    file = replace(FILE, size=size, checksums=tuple(checksums))
    verdict = judge(file, 10, lambda form: "right")
    known = [c for c in checksums if c.algorithm != "unheard-of"]
    decides = next((c for c in known if c.value == "right" or not c.guessed), None)
    if size == 9:
        assert not verdict.good
    elif decides is None:
        assert verdict.assurance == (UNVERIFIED if size is None else SIZE_ONLY)
    else:
        assert verdict.good == (decides.value == "right")
        assert verdict.assurance == (str(decides) if verdict.good else "")
    assert (first_to_try(file, 10) or None) == (known[0] if known else None)


PARTS = one_after_the_other(Checksum("s3-etag", "0-2", (6_000,)), DATA)
ETAG = Checksum("s3-etag", PARTS, (6_000,), same_original=True)


@pytest.mark.parametrize(
    ("checksums", "good", "by", "computed"),
    [
        ((MD5, ETAG), True, "s3-etag", ["s3-etag"]),
        ((WRONG, ETAG), True, "s3-etag", ["s3-etag"]),
        ((MD5, replace(ETAG, value="0" * 32 + "-2")), True, "md5", ["s3-etag", "md5"]),
        ((WRONG, replace(ETAG, value="0" * 32 + "-2")), False, "", ["s3-etag", "md5"]),
        ((MD5, replace(ETAG, part_sizes=())), True, "md5", ["md5"]),
        ((MD5, replace(ETAG, doubt="it is another's")), True, "md5", ["md5"]),
        ((WRONG, replace(ETAG, same_original=False)), False, "", ["md5"]),
        ((ETAG, MD5), True, "s3-etag", ["s3-etag"]),
        ((MD5, Checksum("md5", "1" * 32)), True, "md5", ["md5"]),
    ],
)
def test_a_checksum_over_known_parts_proves_first_and_condemns_in_its_turn(
    checksums: tuple[Checksum, ...], good: bool, by: str, computed: list[str]
) -> None:
    """Both are of the original file. Parts are hashed side by side, so it is the faster one."""
    asked: list[str] = []

    def value_of(form: Checksum) -> str:
        asked.append(form.algorithm)
        return one_after_the_other(form, DATA)

    file = replace(FILE, checksums=checksums)
    first = first_to_try(file, len(DATA))
    verdict = judge(file, len(DATA), value_of)
    assert (verdict.good, verdict.assurance.partition(":")[0], asked) == (good, by, computed)
    assert first is not None
    assert first.algorithm == computed[0]


def test_a_wrong_verdict_says_what_was_found() -> None:
    assert judge(FILE, 10_000, lambda form: "abc").found == f"md5 abc instead of {MD5.value}"
    assert judge(FILE, 9, lambda form: "abc").found == "9 bytes instead of 10000"
