"""Checksums against independent computations, and against input that wants to do harm."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.checksums import MIB, S3_ETAG, Checksum, Hasher, from_base64, from_etag

Digest = Callable[[bytes], bytes]


def crc(polynomial: int, width: int) -> Digest:
    """A CRC as the textbook writes it, bit by bit (reflected, all ones before and after)."""
    ones = (1 << 8 * width) - 1

    def digest(data: bytes) -> bytes:
        register = ones
        for byte in data:
            register ^= byte
            for _ in range(8):
                register = register >> 1 ^ (polynomial if register & 1 else 0)
        return (register ^ ones).to_bytes(width, "big")

    return digest


def md5(data: bytes) -> bytes:
    return hashlib.md5(data).digest()


INDEPENDENT: dict[str, Digest] = {
    "md5": md5,
    "sha1": lambda data: hashlib.sha1(data).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
    "sha512": lambda data: hashlib.sha512(data).digest(),
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "crc32c": crc(0x82F63B78, 4),
    "crc64nvme": crc(0x9A6C9329AC4BC9B5, 8),
}
CHECK_VALUES = {"crc32": "cbf43926", "crc32c": "e3069283", "crc64nvme": "ae8b14860a799888"}
"""Of ``123456789``, as the catalogue of CRCs has them."""
ALGORITHMS = st.sampled_from(sorted(INDEPENDENT))
DATA = st.binary(max_size=300)
MD5_OF_NOTHING = "d41d8cd98f00b204e9800998ecf8427e"


def over_parts(digest: Digest, data: bytes, sizes: list[int]) -> str:
    """A checksum of checksums, as S3 and moto make it."""
    digests, at = b"", 0
    for size in sizes:
        digests += digest(data[at : at + size])
        at += size
    return f"{digest(digests).hex()}-{len(sizes)}"


def cut(size: int, part_size: int) -> list[int]:
    """The sizes of the parts of an upload."""
    return [min(part_size, size - at) for at in range(0, max(size, 1), part_size)]


def fed(hasher: Hasher, data: bytes, cuts: list[int]) -> str:
    """The value after `data`, handed over in pieces that end at `cuts`."""
    ends = sorted({min(end, len(data)) for end in cuts} | {len(data)})
    at = 0
    for end in ends:
        hasher.update(data[at:end])
        at = end
    return hasher.value()


@pytest.mark.parametrize("algorithm", sorted(CHECK_VALUES))
def test_crcs_have_the_published_check_values(algorithm: str) -> None:
    hasher = Checksum(algorithm, "").hasher()
    hasher.update(b"123456789")
    assert hasher.value() == CHECK_VALUES[algorithm] == INDEPENDENT[algorithm](b"123456789").hex()


@given(ALGORITHMS, DATA, st.lists(st.integers(0, 300), max_size=5))
def test_a_whole_equals_an_independent_computation_however_the_bytes_come(
    algorithm: str, data: bytes, cuts: list[int]
) -> None:
    assert fed(Checksum(algorithm, "").hasher(), data, cuts) == INDEPENDENT[algorithm](data).hex()


@given(ALGORITHMS, DATA, st.integers(1, 120), st.lists(st.integers(0, 300), max_size=5))
def test_a_composite_equals_an_independent_computation_however_the_bytes_come(
    algorithm: str, data: bytes, part_size: int, cuts: list[int]
) -> None:
    expected = over_parts(INDEPENDENT[algorithm], data, cut(len(data), part_size))
    form = Checksum(algorithm, expected, (part_size,))
    assert list(form.candidates(len(data))) == [form]
    assert fed(form.hasher(), data, cuts) == expected


@given(st.lists(st.integers(1, 60), min_size=2, max_size=8), st.lists(st.integers(0, 300), max_size=5), st.data())
def test_an_etag_over_uneven_parts(sizes: list[int], cuts: list[int], drawn: st.DataObject) -> None:
    data = drawn.draw(st.binary(min_size=sum(sizes), max_size=sum(sizes)))
    form = Checksum(S3_ETAG, over_parts(md5, data, sizes), tuple(sizes))
    assert list(form.candidates(len(data))) == [form]
    assert fed(form.hasher(), data, cuts) == form.value


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("algorithm", sorted(INDEPENDENT))
def test_every_kind_of_buffer_is_taken(algorithm: str, kind: Callable[[bytes], bytes]) -> None:
    data = bytes(range(256)) * 100
    for form in (Checksum(algorithm, ""), Checksum(algorithm, "00-4", (7_000,))):
        plain, other = form.hasher(), form.hasher()
        plain.update(data)
        other.update(kind(data))
        assert plain.value() == other.value()


def test_an_upload_of_nothing_in_one_part() -> None:
    form = Checksum(S3_ETAG, over_parts(md5, b"", [0]), (5 * MIB,))
    assert list(form.candidates(0)) == [form]
    assert form.hasher().value() == form.value


def test_reading_the_value_twice_changes_nothing() -> None:
    hasher = Checksum("md5", "").hasher()
    hasher.update(b"abc")
    assert hasher.value() == hasher.value() == md5(b"abc").hex()


# --- candidates -------------------------------------------------------------------------------------------------------


def test_a_whole_answers_itself_and_an_unknown_algorithm_nothing() -> None:
    whole = Checksum("sha256", "00")
    assert list(whole.candidates(5)) == [whole]
    assert list(Checksum("blake3", "00").candidates(5)) == []


@pytest.mark.parametrize("part_size", [5 * MIB, 8 * MIB, 16 * MIB, 100 * MIB, 500 * MIB, 50_000_000, 7 * MIB])
@pytest.mark.parametrize("parts", [2, 3, 11, 400])
def test_the_part_size_that_was_used_is_among_those_tried(part_size: int, parts: int) -> None:
    size = part_size * (parts - 1) + part_size // 3
    forms = list(Checksum(S3_ETAG, f"{'0' * 32}-{parts}").candidates(size))
    assert (part_size,) in [form.part_sizes for form in forms]
    assert all(form.guessed for form in forms)
    assert len(forms) <= 16
    assert {-(-size // form.part_sizes[0]) for form in forms} == {parts}


def test_one_part_leaves_nothing_to_guess() -> None:
    data = b"all of it"
    (form,) = Checksum(S3_ETAG, over_parts(md5, data, [len(data)])).candidates(len(data))
    assert not form.guessed
    assert fed(form.hasher(), data, []) == form.value


def test_whoever_doubts_a_checksum_is_not_overruled() -> None:
    (form,) = Checksum(S3_ETAG, f"{'0' * 32}-1", guessed=True).candidates(9)
    assert form.guessed


@pytest.mark.parametrize(
    ("value", "sizes", "size"),
    [
        ("0-2", (5,), 5),
        ("0-2", (5,), 11),
        ("0-2", (5, 5), 11),
        ("0-2", (5, 5, 1), 11),
        ("0-2", (0,), 0),
        ("0-1", (-1,), 1),
        ("0-3", (5, -5, 10), 10),
        ("0-2", (10, 0), 10),
        ("0-2", (), 0),
        ("0-2", (), 1),
        ("0-10000", (), 9_999),
    ],
)
def test_parts_that_cannot_be_of_this_file_answer_nothing(value: str, sizes: tuple[int, ...], size: int) -> None:
    assert list(Checksum(S3_ETAG, value, sizes).candidates(size)) == []


def test_the_largest_object_that_s3_takes_is_answered_at_once() -> None:
    assert len(list(Checksum(S3_ETAG, f"{'0' * 32}-2").candidates(5 * MIB * MIB))) <= 16


# --- what the wire and the record say ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("etag", "expected"),
    [
        (MD5_OF_NOTHING, Checksum("md5", MD5_OF_NOTHING)),
        (f'"{MD5_OF_NOTHING.upper()}"', Checksum("md5", MD5_OF_NOTHING)),
        (f' "{MD5_OF_NOTHING}-17" ', Checksum(S3_ETAG, f"{MD5_OF_NOTHING}-17")),
        (f"{MD5_OF_NOTHING}-10000", Checksum(S3_ETAG, f"{MD5_OF_NOTHING}-10000")),
    ],
)
def test_etags_that_are_checksums(etag: str, expected: Checksum) -> None:
    assert from_etag(etag) == expected


@pytest.mark.parametrize(
    "etag",
    [
        "",
        '""',
        "-",
        "-2",
        f'W/"{MD5_OF_NOTHING}"',
        MD5_OF_NOTHING[:-1],
        f"{MD5_OF_NOTHING}0",
        f"{MD5_OF_NOTHING}-",
        f"{MD5_OF_NOTHING}-0",
        f"{MD5_OF_NOTHING}-02",
        f"{MD5_OF_NOTHING}--2",
        f"{MD5_OF_NOTHING}-2-2",
        f"{MD5_OF_NOTHING}-10001",
        f"{MD5_OF_NOTHING}-99999999999999999999",
        f"{MD5_OF_NOTHING}-²",
        f"{MD5_OF_NOTHING}-٣",
        f"{MD5_OF_NOTHING[:-1]}g",
        f"{MD5_OF_NOTHING[:-1]}٣",
        f"{MD5_OF_NOTHING}\n{MD5_OF_NOTHING}",
        "\0" * 32,
        "0x" + MD5_OF_NOTHING,
        "a" * 100_000,
    ],
)
def test_etags_that_are_none(etag: str) -> None:
    assert from_etag(etag) is None


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


@pytest.mark.parametrize("algorithm", sorted(INDEPENDENT))
def test_additional_checksums_are_read(algorithm: str) -> None:
    digest = INDEPENDENT[algorithm](b"abc")
    assert from_base64(algorithm.upper(), b64(digest)) == Checksum(algorithm, digest.hex())
    assert from_base64(algorithm, f"{b64(digest)}-3", (5,)) == Checksum(algorithm, f"{digest.hex()}-3", (5,))


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        ("sha256", ""),
        ("sha256", "-3"),
        ("sha256", "not base64"),
        ("sha256", "é"),
        ("sha256", b64(md5(b""))),  # a digest of another length
        ("sha256", b64(bytes(33))),
        ("crc32", b64(bytes(8))),
        ("crc64nvme", b64(bytes(4))),
        ("blake3", b64(bytes(32))),
        ("s3-etag", b64(bytes(16))),
        ("", b64(bytes(16))),
        ("sha256", b64(bytes(32)) + "-0"),
        ("sha256", b64(bytes(32)) + "-"),
        ("sha256", b64(bytes(32)) + "-03"),
        ("sha256", b64(bytes(32)) + "-x"),
        ("sha256", b64(bytes(32)) + "-²"),
        ("sha256", b64(bytes(32)) + "-٣"),
        ("sha256", b64(bytes(32)) + "-10001"),
        ("sha256", b64(bytes(32)) + "-" + "9" * 5_000),
        ("sha256", b64(bytes(32)) + "-3-3"),
        ("sha256", b64(bytes(32)) + "\n"),
    ],
)
def test_additional_checksums_that_are_none(algorithm: str, value: str) -> None:
    assert from_base64(algorithm, value) is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_read_can_be_tried(algorithm: str, value: str) -> None:
    for found in (from_etag(value), from_base64(algorithm, value)):
        for form in found.candidates(100) if found else ():
            form.hasher().update(b"x")


def test_only_crcs_are_weak() -> None:
    assert {name: Checksum(name, "").is_strong for name in INDEPENDENT} == {
        name: "crc" not in name for name in INDEPENDENT
    }


def test_a_checksum_is_written_as_algorithm_and_value() -> None:
    assert str(Checksum(S3_ETAG, f"{MD5_OF_NOTHING}-3", (5,), guessed=True)) == f"s3-etag:{MD5_OF_NOTHING}-3"
