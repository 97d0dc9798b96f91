from __future__ import annotations

import base64
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.checksums import Checksum
from downloader.errors import NetworkError
from downloader.paths import safe_path
from downloader.remote_file import Planned, RemoteFile
from downloader.results import FileResult, Outcome, failed
from downloader_tasks.xcoms.packed_results import (
    LONGEST_MESSAGE,
    expected,
    pack,
    pack_expected,
    unpack,
    unpack_expected,
)
from support.plans import file_results, plans


def many(count: int) -> list[Planned]:
    draw = random.Random(7)
    return [
        RemoteFile(
            safe_path(f"sample.d/{number:06}.bin"),
            draw.randrange(2_000_000),
            f"prefix/sample.d/{number:06}.bin",
            (Checksum("md5", f"{draw.getrandbits(128):032x}"),),
        )
        for number in range(count)
    ]


def plain(item: Planned, seconds: float) -> FileResult:
    assert isinstance(item, RemoteFile)
    size = item.size or 0
    return FileResult(str(item.path), Outcome.DOWNLOADED, size, size, seconds, str(item.checksums[0]))


@given(st.data())
def test_what_is_packed_comes_out_again(data: st.DataObject) -> None:
    planned = data.draw(plans())
    results = [data.draw(st.none() | file_results(item)) for item in planned]
    assert unpack(pack(results, expected(planned)), expected(planned)) == results


def test_a_plain_file_takes_less_than_two_bytes() -> None:
    draw = random.Random(7)
    planned = many(2000)
    packed = pack([plain(item, draw.random() * 2) for item in planned], expected(planned))
    assert len(packed) < 2 * len(planned)


def test_a_file_that_failed_takes_few_bytes_too() -> None:
    planned = many(2000)
    error = NetworkError("the connection to https://s3.eu-central-1.amazonaws.com broke while s3://b/{} was read")
    results = [failed(str(item.path), error, seconds=60.1) for item in planned if isinstance(item, RemoteFile)]
    assert len(pack(results, expected(planned))) < 10 * len(planned)


def test_a_long_message_is_cut() -> None:
    planned = many(1)
    packed = pack([FileResult("sample.d/000000.bin", Outcome.FAILED, message="x" * 5000)], expected(planned))
    assert [result.message for result in unpack(packed, expected(planned)) if result] == [
        "x" * (LONGEST_MESSAGE - 3) + "..."
    ]


@pytest.mark.parametrize("text", ["", "no base64!", base64.b64encode(b"no zlib").decode(), "AAAA"])
def test_what_is_no_result_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        unpack(text, [])


def test_results_of_another_plan_are_refused() -> None:
    packed = pack([None, None], expected(many(2)))
    with pytest.raises(ValueError, match="the results of other files"):
        unpack(packed, expected(many(3)))


def test_it_is_text_that_any_store_takes() -> None:
    packed = pack([None], expected(many(1)))
    assert packed.isascii()
    assert zlib.decompress(base64.b64decode(packed)) == b'["-",[],{},609815564]'


@given(plans())
def test_what_is_expected_comes_out_again(planned: list[Planned]) -> None:
    assert unpack_expected(pack_expected(expected(planned))) == expected(planned)
