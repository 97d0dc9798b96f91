"""What goes wrong with exports between the listing and the disk, through whole restores.

A server breaks on the wire by a script; what is planned is what its listing told. Every case is played at a small
file and at a large one, which comes in ranges.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from downloader.checksums import MIB
from downloader.content.ndjson import NdjsonCheck
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.results import SIZE_ONLY, FileResult, Outcome
from downloader.sources.s3 import S3Access
from downloader.sources.s3.minio import MinioSource, listed_file
from downloader.sources.s3.minio.pages import Listed
from downloader.transfer.batch import restore
from downloader.transfer.options import TransferPolicy
from include.stand_ins.object_server import ObjectServer, refuse
from include.stand_ins.wire import Answer, Fault, cut_at, flip_bit, reset_at
from support.minio import minio_at
from support.restoring import KIB, FakeClock, part_files, part_path, plain_copy, transfer_options, tree

pytestmark = [pytest.mark.usefixtures("quick_disk"), pytest.mark.timeout(100, method="thread")]

KEY = "exports/Patient.ndjson"
NAME = "Patient.ndjson"
KMS = {"x_amz_server_side_encryption": "aws:kms"}


def lines(count: int, kind: str = "Patient") -> bytes:
    return b"".join(json.dumps({"resourceType": kind, "id": f"{n:06}"}).encode() + b"\n" for n in range(count))


SIZES = {"small": 20, "large": 7000}


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


@cache
def access_to(url: str) -> S3Access:
    return minio_at(url).access()


@dataclass
class Home:
    """A bucket, and a folder that its exports come home to."""

    server: ObjectServer
    folder: Path
    clock: FakeClock
    data: bytes

    def listed(self, key: str = KEY, data: bytes | None = None, etag: str | None = None) -> RemoteFile:
        """The object as a listing tells of it."""
        data = self.data if data is None else data
        name = key.rpartition("/")[2]
        return listed_file(Listed(key, len(data), md5(data) if etag is None else etag), safe_path(name))

    def restore(self, *files: RemoteFile, policy: TransferPolicy | None = None) -> list[FileResult]:
        planned = files or (self.listed(),)
        source = MinioSource("bucket", access_to(self.server.url))
        return restore(
            planned, source, self.folder, replace(transfer_options(self.clock), policy=policy or TransferPolicy())
        )

    def restore_one(self, file: RemoteFile | None = None, policy: TransferPolicy | None = None) -> FileResult:
        (result,) = self.restore(*([file] if file else []), policy=policy)
        return result

    @property
    def copy(self) -> bytes | None:
        """What stands under the final name."""
        return plain_copy(self.folder, NAME)

    def came_home(self, result: FileResult, data: bytes, outcome: Outcome = Outcome.DOWNLOADED) -> None:
        assert result.ok, result.message
        assert (result.outcome, result.size) == (outcome, len(data))
        assert tree(self.folder) == {NAME: data}


@pytest.fixture(params=SIZES)
def home(request: pytest.FixtureRequest, object_server: ObjectServer, tmp_path: Path) -> Home:
    folder = tmp_path / "home"
    folder.mkdir()
    data = lines(SIZES[request.param])
    object_server.put(KEY, data)
    return Home(object_server, folder, FakeClock(), data)


@pytest.fixture
def check() -> NdjsonCheck:
    return NdjsonCheck()


def test_the_plain_case(home: Home) -> None:
    result = home.restore_one()
    home.came_home(result, home.data)
    assert result.assurance == f"md5:{md5(home.data)}"
    again = home.restore_one()
    home.came_home(again, home.data, Outcome.SKIPPED)
    assert (again.fetched, again.assurance) == (0, result.assurance)


# --- another object, all of a sudden ----------------------------------------------------------------------------------

OTHERS: dict[str, Callable[[bytes], bytes]] = {
    "as long": lambda data: data.replace(b"Patient", b"Measure"),
    "longer": lambda data: data + lines(1),
    "shorter": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
}


@pytest.mark.parametrize("honest", [True, False], ids=["If-Match", "no If-Match"])
@pytest.mark.parametrize("what", OTHERS)
def test_an_object_that_is_replaced_after_it_was_listed_comes_home_as_it_is_now(
    home: Home, what: str, honest: bool
) -> None:
    home.server.honours_if_match = honest
    planned, other = home.listed(), OTHERS[what](home.data)
    home.server.put(KEY, other)
    result = home.restore_one(planned)
    home.came_home(result, other)
    assert result.assurance == f"md5:{md5(other)}"


@pytest.mark.parametrize("what", OTHERS)
def test_a_copy_of_the_new_one_is_known_as_such(home: Home, what: str) -> None:
    planned, other = home.listed(), OTHERS[what](home.data)
    home.server.put(KEY, other)
    (home.folder / NAME).write_bytes(other)
    result = home.restore_one(planned)
    home.came_home(result, other, Outcome.SKIPPED)
    assert result.assurance == f"md5:{md5(other)}"


@pytest.mark.parametrize("what", OTHERS)
def test_a_copy_of_the_old_one_is_right_until_the_next_listing(home: Home, what: str) -> None:
    planned, other = home.listed(), OTHERS[what](home.data)
    home.server.put(KEY, other)
    (home.folder / NAME).write_bytes(home.data)
    home.came_home(home.restore_one(planned), home.data, Outcome.SKIPPED)
    outcome = Outcome.RESUMED if what == "longer" else Outcome.SELF_HEALED
    home.came_home(home.restore_one(home.listed(data=other)), other, outcome)


@pytest.mark.parametrize("home", ["large"], indirect=True)
@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("what", OTHERS)
def test_one_that_is_replaced_between_two_ranges_comes_home_unmixed(home: Home, what: str, at: int) -> None:
    other = OTHERS[what](home.data)

    def swap(due: Answer) -> Answer:
        home.server.put(KEY, other)
        return refuse(412, "PreconditionFailed")(due)

    home.server.script(KEY, *[None] * at, swap)
    result = home.restore_one()
    home.came_home(result, other)
    assert result.assurance == f"md5:{md5(other)}"


def test_a_listing_that_tells_another_size_of_the_same_object_is_told(home: Home) -> None:
    planned = replace(home.listed(), size=len(home.data) + 5)
    (home.folder / NAME).write_bytes(home.data + b"12345")
    result = home.restore_one(planned)
    assert result.message == (
        f"Size mismatch: {NAME} has {len(home.data)} bytes at its source, {len(home.data) + 5} in the listing of the "
        "bucket, and is the same object by its ETag; the server contradicts itself: check the bucket there"
    )


def test_one_that_is_replaced_all_the_time_is_given_up_and_may_pass(home: Home) -> None:
    def swap(due: Answer) -> Answer:
        version = len(home.server.requests)
        home.server.put(KEY, home.data + b"\n" * version)
        return refuse(412, "PreconditionFailed")(due)

    home.server.script(KEY, *[swap] * 100)
    result = home.restore_one()
    assert result.message.startswith("Object changed: ")
    assert result.retryable
    assert tree(home.folder) == {}


def test_one_that_is_gone_is_told_and_the_others_come(home: Home) -> None:
    gone = home.listed("exports/Group.ndjson")
    missing, there = home.restore(gone, home.listed())
    assert missing.message.startswith("Not found: there is no object s3://bucket/exports/Group.ndjson; ")
    home.came_home(there, home.data)


def test_a_listing_that_tells_another_etag_than_the_object(home: Home) -> None:
    """MinIO's does, where a bucket is encrypted."""
    result = home.restore_one(home.listed(etag="0" * 32))
    home.came_home(result, home.data)
    assert result.assurance == f"md5:{md5(home.data)}"


def test_a_listing_without_an_etag(home: Home) -> None:
    result = home.restore_one(home.listed(etag=""))
    home.came_home(result, home.data)
    assert result.verified


# --- what an ETag says ------------------------------------------------------------------------------------------------

LOOKS_LIKE_MD5 = "0123456789abcdef" * 2


def test_an_encrypted_object_is_not_held_against_an_etag_that_is_no_md5(home: Home) -> None:
    home.server.put(KEY, home.data, ETag=f'"{LOOKS_LIKE_MD5}"', **KMS)
    result = home.restore_one(home.listed(etag=LOOKS_LIKE_MD5))
    home.came_home(result, home.data)
    assert (result.assurance, result.verified) == (SIZE_ONLY, False)
    again = home.restore_one(home.listed(etag=LOOKS_LIKE_MD5))
    home.came_home(again, home.data, Outcome.SKIPPED)
    assert (again.assurance, again.fetched) == (SIZE_ONLY, 0)


def test_an_encrypted_object_that_has_a_checksum_is_held_against_that(home: Home) -> None:
    home.server.put(
        KEY,
        home.data,
        ETag=f'"{LOOKS_LIKE_MD5}"',
        x_amz_checksum_sha256=base64_sha256(home.data),
        x_amz_checksum_type="FULL_OBJECT",
        **KMS,
    )
    home.server.script(KEY, flip_bit(17))
    result = home.restore_one(home.listed(etag=LOOKS_LIKE_MD5))
    home.came_home(result, home.data)
    assert result.assurance == f"sha256:{hashlib.sha256(home.data).hexdigest()}"


@pytest.mark.parametrize("home", ["small"], indirect=True)
def test_a_fetch_that_a_wrong_guess_refused_is_none_of_the_two(home: Home) -> None:
    """Nothing was known of those bytes; so two more tries are left."""
    home.server.put(KEY, home.data, ETag=f'"{LOOKS_LIKE_MD5}"', x_amz_checksum_sha256=base64_sha256(home.data), **KMS)
    home.server.script(KEY, None, flip_bit(17))
    home.came_home(home.restore_one(home.listed(etag=LOOKS_LIKE_MD5)), home.data)


def base64_sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@pytest.mark.parametrize("home", ["large"], indirect=True)
def test_the_etag_of_a_multipart_upload(home: Home) -> None:
    data = lines(1000) * 150
    assert 5 * MIB < len(data) < 10 * MIB
    parts = [hashlib.md5(data[at : at + 5 * MIB]).digest() for at in (0, 5 * MIB)]
    etag = f"{md5(b''.join(parts))}-2"
    home.server.put(KEY, data, ETag=f'"{etag}"')
    result = home.restore_one(home.listed(data=data, etag=etag))
    home.came_home(result, data)
    assert result.assurance == f"s3-etag:{etag}"


def test_the_etag_of_an_upload_in_parts_of_unheard_of_sizes_proves_nothing(home: Home) -> None:
    etag = f"{md5(home.data)}-3"
    home.server.put(KEY, home.data, ETag=f'"{etag}"')
    result = home.restore_one(home.listed(etag=etag))
    home.came_home(result, home.data)
    assert result.assurance == SIZE_ONLY


def test_a_bit_that_is_flipped_is_healed(home: Home) -> None:
    home.server.script(KEY, flip_bit(17))
    result = home.restore_one()
    home.came_home(result, home.data)
    assert result.verified


def test_a_bit_that_is_always_flipped_is_never_taken(home: Home) -> None:
    home.server.script(KEY, *[flip_bit(17)] * 100)
    result = home.restore_one()
    assert result.message.startswith(f"Checksum mismatch: {NAME} came wrong twice")
    assert home.copy is None


def test_a_damaged_copy_is_healed_and_a_beginning_resumed(home: Home) -> None:
    (home.folder / NAME).write_bytes(home.data[::-1])
    home.came_home(home.restore_one(), home.data, Outcome.SELF_HEALED)
    (home.folder / NAME).write_bytes(home.data[: len(home.data) // 2])
    home.came_home(home.restore_one(), home.data, Outcome.RESUMED)


# --- what is in them --------------------------------------------------------------------------------------------------


def broken_at(data: bytes, line: int) -> bytes:
    rows = data.split(b"\n")
    rows[line - 1] = rows[line - 1][:-1]
    return b"\n".join(rows)


@pytest.fixture
def checked(check: NdjsonCheck) -> TransferPolicy:
    return TransferPolicy(content=check)


def test_resources_are_counted(home: Home, check: NdjsonCheck, checked: TransferPolicy) -> None:
    count = home.data.count(b"\n")
    for outcome in (Outcome.DOWNLOADED, Outcome.SKIPPED):
        result = home.restore_one(policy=checked)
        home.came_home(result, home.data, outcome)
        assert (result.resources, result.verified) == (count, True)
        assert check.counts([NAME]) == {"Patient": count}


def test_a_broken_line_fails_its_file_and_no_other(home: Home, check: NdjsonCheck, checked: TransferPolicy) -> None:
    data = broken_at(home.data, 13)
    home.server.put(KEY, data)
    home.server.put("exports/Group.ndjson", lines(3, "Group"))
    broken, fine = home.restore(
        home.listed(data=data), home.listed("exports/Group.ndjson", lines(3, "Group")), policy=checked
    )
    assert broken.message == (
        f"Broken content: line 13 of {NAME}: it ends in the middle of a JSON object; the file is like this at its "
        "source: replace it there, or download it without the check of its content"
    )
    assert (broken.outcome, broken.retryable, broken.resources) == (Outcome.FAILED, False, None)
    assert fine.resources == 3
    assert tree(home.folder) == {"Group.ndjson": lines(3, "Group")}
    assert check.counts([NAME, "Group.ndjson"]) == {"Group": 3}


def test_a_flipped_bit_that_breaks_a_line_is_healed(home: Home, checked: TransferPolicy) -> None:
    home.server.script(KEY, flip_bit(home.data.index(b"\n") + 1))
    result = home.restore_one(policy=checked)
    home.came_home(result, home.data)
    assert result.resources == home.data.count(b"\n")


def test_a_flipped_bit_that_always_breaks_a_line_is_no_fault_of_the_content(
    home: Home, checked: TransferPolicy
) -> None:
    home.server.script(KEY, *[flip_bit(home.data.index(b"\n") + 1)] * 100)
    assert home.restore_one(policy=checked).message.startswith("Checksum mismatch: ")


def test_a_kept_file_with_a_broken_line_fails_and_stays(home: Home, checked: TransferPolicy) -> None:
    data = broken_at(home.data, 2)
    home.server.put(KEY, data)
    (home.folder / NAME).write_bytes(data)
    result = home.restore_one(home.listed(data=data), checked)
    assert result.message.startswith(f"Broken content: line 2 of {NAME}: ")
    assert tree(home.folder) == {NAME: data}
    assert home.server.gets(KEY) == [], "it is what the source has, so there is nothing to fetch"


def test_a_damaged_copy_with_a_broken_line_is_healed(home: Home, checked: TransferPolicy) -> None:
    (home.folder / NAME).write_bytes(broken_at(home.data, 2) + b" ")
    result = home.restore_one(policy=checked)
    home.came_home(result, home.data, Outcome.SELF_HEALED)
    assert result.message == "hash mismatch detected"


@pytest.mark.parametrize("copy", ["nothing", "the same", "broken"])
def test_where_no_checksum_proves_it_a_broken_line_still_fails_it(
    home: Home, checked: TransferPolicy, copy: str
) -> None:
    data = broken_at(home.data, 2)
    home.server.put(KEY, data, ETag=f'"{LOOKS_LIKE_MD5}"', **KMS)
    copies = {"nothing": None, "the same": data, "broken": data[::-1]}
    before = copies[copy]
    if before is not None:
        (home.folder / NAME).write_bytes(before)
    result = home.restore_one(home.listed(data=data, etag=LOOKS_LIKE_MD5), checked)
    assert result.message.startswith(f"Broken content: line 2 of {NAME}: ")
    assert home.copy == before
    assert part_files(home.folder) == []


def test_where_no_checksum_proves_it_a_broken_copy_is_fetched_anew(home: Home, checked: TransferPolicy) -> None:
    home.server.put(KEY, home.data, ETag=f'"{LOOKS_LIKE_MD5}"', **KMS)
    (home.folder / NAME).write_bytes(broken_at(home.data, 2) + b" ")
    result = home.restore_one(home.listed(etag=LOOKS_LIKE_MD5), checked)
    home.came_home(result, home.data, Outcome.SELF_HEALED)
    assert result.assurance == SIZE_ONLY
    assert result.resources == home.data.count(b"\n")


@pytest.mark.parametrize("home", ["large"], indirect=True)
def test_what_is_resumed_is_counted_from_its_start(home: Home, checked: TransferPolicy) -> None:
    part_path(home.folder, home.listed()).write_bytes(home.data[: 100 * KIB])
    result = home.restore_one(policy=checked)
    home.came_home(result, home.data, Outcome.RESUMED)
    assert result.resources == home.data.count(b"\n")
    assert result.fetched == len(home.data) - 100 * KIB


@pytest.mark.parametrize("fault", [cut_at(300), reset_at(-1), refuse(503, "SlowDown")])
def test_a_stream_that_breaks_is_counted_once(home: Home, checked: TransferPolicy, fault: Fault) -> None:
    home.server.script(KEY, fault)
    result = home.restore_one(policy=checked)
    home.came_home(result, home.data)
    assert result.resources == home.data.count(b"\n")


def test_packed_ones_are_unpacked_to_look_and_stay_packed(home: Home, checked: TransferPolicy) -> None:
    key = "exports/Group.ndjson.gz"
    whole = gzip.compress(lines(home.data.count(b"\n"), "Group"))
    home.server.put(key, whole)
    result = home.restore_one(home.listed(key, whole), checked)
    assert result.resources == home.data.count(b"\n")
    assert plain_copy(home.folder, "Group.ndjson.gz") == whole
    home.server.put(key, whole[:-9])
    result = home.restore_one(home.listed(key, whole[:-9]), checked)
    assert "its gzip data end early" in result.message
    assert plain_copy(home.folder, "Group.ndjson.gz") == whole


# --- overwriting, and starting over -----------------------------------------------------------------------------------

OVERWRITE = TransferPolicy(overwrite=True)


def test_overwriting_keeps_the_old_file_until_the_new_one_is_verified(home: Home) -> None:
    old = home.data[::-1]
    (home.folder / NAME).write_bytes(old)
    seen: list[bytes | None] = []

    def look(due: Answer) -> Answer:
        seen.append(home.copy)
        return due

    home.server.script(KEY, *[look] * 20)
    home.came_home(home.restore_one(policy=OVERWRITE), home.data)
    assert seen
    assert set(seen) == {old}


def test_overwriting_fetches_what_is_right_again(home: Home) -> None:
    home.restore_one()
    result = home.restore_one(policy=OVERWRITE)
    home.came_home(result, home.data)
    assert result.fetched == len(home.data)


@pytest.mark.parametrize(
    "fault", [flip_bit(17), refuse(403, "AccessDenied"), cut_at(0), refuse(412, "PreconditionFailed")]
)
def test_overwriting_that_fails_leaves_the_old_file(home: Home, fault: Fault) -> None:
    home.restore_one()
    home.server.script(KEY, *[fault] * 100)
    result = home.restore_one(policy=OVERWRITE)
    assert not result.ok
    assert home.copy == home.data


def test_overwriting_with_what_is_broken_leaves_the_old_file(home: Home, check: NdjsonCheck) -> None:
    home.restore_one()
    broken = broken_at(home.data, 3)
    home.server.put(KEY, broken)
    result = home.restore_one(home.listed(data=broken), TransferPolicy(overwrite=True, content=check))
    assert result.message.startswith("Broken content: line 3")
    assert tree(home.folder) == {NAME: home.data}


@pytest.mark.parametrize("home", ["large"], indirect=True)
@pytest.mark.parametrize(
    ("resume", "fetched", "outcome"), [(True, 100 * KIB, Outcome.RESUMED), (False, 0, Outcome.DOWNLOADED)]
)
def test_what_was_left_half_done_is_gone_on_with_or_not(
    home: Home, resume: bool, fetched: int, outcome: Outcome
) -> None:
    part_path(home.folder, home.listed()).write_bytes(home.data[: 100 * KIB])
    result = home.restore_one(policy=TransferPolicy(resume=resume))
    home.came_home(result, home.data, outcome)
    assert result.fetched == len(home.data) - fetched


@pytest.mark.parametrize("home", ["large"], indirect=True)
def test_a_beginning_is_not_gone_on_with_where_that_is_not_asked_for(home: Home) -> None:
    (home.folder / NAME).write_bytes(home.data[: 100 * KIB])
    result = home.restore_one(policy=TransferPolicy(resume=False))
    home.came_home(result, home.data, Outcome.SELF_HEALED)
    assert result.fetched == len(home.data)
