"""Whether a picture is whole: cut at any byte, damaged at any byte, or something else altogether."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.content.pictures import PictureCheck, WholePicture
from downloader.errors import BrokenContent, DownloadError, Incomplete
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.results import FORMS
from include.stand_ins.pictures import fits, jpeg, png

BLOCK = 2880
AGAIN = "run it again; what is already there is kept"
ON_THE_SITE = "look at the picture on Slooh's site"


def fits_of(*units: tuple[dict[str, object], int]) -> bytes:
    """Headers, each with so many bytes of data behind it."""
    return b"".join(header(cards) + bytes(-(-size // BLOCK) * BLOCK) for cards, size in units)


def header(cards: dict[str, object]) -> bytes:
    lines = [f"{name:<8}= {value:>20}".ljust(80) for name, value in cards.items()]
    text = "".join([*lines, "END".ljust(80)]).encode()
    return text + b" " * (-len(text) % BLOCK)


IMAGE = {"SIMPLE": "T", "BITPIX": -32, "NAXIS": 3, "NAXIS1": 10, "NAXIS2": 20, "NAXIS3": 3}
TABLE = {"XTENSION": "'BINTABLE'", "BITPIX": 8, "NAXIS": 2, "NAXIS1": 100, "NAXIS2": 9, "PCOUNT": 5000, "GCOUNT": 1}
EMPTY = {"SIMPLE": "T", "BITPIX": 8, "NAXIS": 0}
MANY_CARDS = {**IMAGE, **{f"KEY{n}": n for n in range(100)}}

PROGRESSIVE = (
    b"\xff\xd8"
    b"\xff\xe1\x00\x08\xff\xd8\xff\xd9\xff\xd9"  # a preview within a segment ends nothing
    b"\xff\xff\xda\x00\x04\x01\x02"
    b"coded\xff\x00coded\xff\xd0more\xff\xd7"
    b"\xff\xc4\x00\x03\x01"
    b"\xff\xda\x00\x03\x02"
    b"coded\xff\xff\xff\xd9"
)

WHOLE = {
    "png": png(),
    "larger png": png(200, 200),
    "jpeg": jpeg(),
    "larger jpeg": jpeg(60),
    "progressive jpeg": PROGRESSIVE,
    "fits": fits(),
    "fits with floats": fits_of((IMAGE, 2400)),
    "fits with extensions": fits_of((EMPTY, 0), (TABLE, 5900), (TABLE, 5900)),
    "fits with a long header": fits_of((MANY_CARDS, 2400)),
}
CUT_AT_BLOCKS = ("fits with extensions",)
"""A table behind others may be missing without a sign."""


def form_of(name: str) -> str:
    return next(form for form in FORMS if form.rpartition(" ")[2].lower() in name)


def look(data: bytes, step: int | None = None, *, promised: bool = True) -> str:
    content = WholePicture("x.png", promised=promised)
    for at in range(0, len(data), step or len(data) or 1):
        content.update(data[at : at + (step or len(data))])
    return content.conclude().form


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("step", [None, 1, 2, 3, 7, 80, 2879, 2880, 2881])
def test_a_whole_picture_however_it_is_cut_into_buffers(name: str, step: int | None) -> None:
    assert look(WHOLE[name], step) == form_of(name)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_buffer(kind: type) -> None:
    content = WholePicture("x")
    content.update(kind(png()))
    content.update(kind(b""))
    assert content.conclude().form == "complete PNG"


def cuts(data: bytes) -> Iterator[int]:
    yield from range(min(200, len(data)))
    yield from range(max(len(data) - 200, 0), len(data))
    yield from random.Random(len(data)).sample(range(len(data)), min(200, len(data)))


@pytest.mark.parametrize("name", WHOLE)
def test_cut_at_any_byte_it_is_incomplete(name: str) -> None:
    data = WHOLE[name]
    for at in cuts(data):
        if name in CUT_AT_BLOCKS and at in {BLOCK, 5 * BLOCK}:
            continue
        with pytest.raises(Incomplete):
            look(data[:at])


@pytest.mark.parametrize("name", ["fits", "fits with floats"])
def test_a_fits_file_that_lacks_its_data_is_no_whole_one(name: str) -> None:
    with pytest.raises(Incomplete, match="which is no whole FITS"):
        look(WHOLE[name][:BLOCK])


@pytest.mark.parametrize("blocks", [2, 3, 4, 6, 7, 8])
def test_a_table_s_heap_is_a_part_of_it(blocks: int) -> None:
    with pytest.raises(Incomplete):
        look(WHOLE["fits with extensions"][: blocks * BLOCK])


@pytest.mark.parametrize("name", ["png", "larger png"])
def test_a_png_shows_each_flipped_bit(name: str) -> None:
    data = WHOLE[name]
    for at in range(0, len(data) * 8, 11 if len(data) < 500 else 1013):
        damaged = bytearray(data)
        damaged[at // 8] ^= 1 << at % 8
        with pytest.raises((Incomplete, BrokenContent)):
            look(bytes(damaged))


def test_what_stands_behind_the_end_is_passed_over() -> None:
    assert look(png() + b"<html>") == "complete PNG"
    assert look(jpeg() + b"\0" * 99, 10) == "complete JPEG"


def test_a_fits_file_may_go_on_in_whole_blocks_alone() -> None:
    assert look(fits() + bytes(BLOCK)) == "complete FITS"
    with pytest.raises(Incomplete):
        look(fits() + b"\0")


FOREIGN = {
    "a web page": b"<!DOCTYPE html><html><body>Please log in</body></html>",
    "a page behind blanks": b"\xef\xbb\xbf \r\n\t<html>",
    "JSON": b'{"apiError": true}',
    "a list": b" [1, 2]",
    "a GIF": b"GIF89a" + bytes(100),
    "a TIFF": b"II*\0" + bytes(100),
    "text": b"Slooh is down for maintenance, come back later.",
    "zeros": bytes(5000),
    "a PNG that went through a text filter": png().replace(b"\r\n", b"\n"),
    "not quite a JPEG": b"\xff\xe0" + bytes(100),
    "a FITS file that is none": b"SIMPLE  =                    F".ljust(BLOCK),
}


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("step", [None, 1])
def test_something_else_is_broken_for_good(what: str, step: int | None) -> None:
    with pytest.raises(BrokenContent):
        look(FOREIGN[what], step)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            FOREIGN["a web page"],
            f"Broken content: x.png came as a web page; {ON_THE_SITE}",
        ),
        (
            FOREIGN["JSON"],
            f"Broken content: x.png came as a message of the server (JSON); {ON_THE_SITE}",
        ),
        (
            FOREIGN["zeros"],
            f"Broken content: x.png came as something that is neither PNG, JPEG nor FITS; {ON_THE_SITE}",
        ),
        (b"", f"Incomplete: x.png came without a single byte; {AGAIN}"),
        (
            png()[:100],
            f"Incomplete: x.png ends after 100 bytes, which is no whole PNG; {AGAIN}",
        ),
        (
            png()[:-1] + b"x",
            f"Incomplete: x.png came damaged: a chunk of the PNG has a wrong checksum; {AGAIN}",
        ),
    ],
    ids=["page", "json", "zeros", "empty", "cut", "damaged"],
)
def test_the_sentences(data: bytes, message: str) -> None:
    with pytest.raises(DownloadError) as caught:
        look(data)
    assert str(caught.value) == message


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


HEAD = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13))


@pytest.mark.parametrize(
    "data",
    [
        HEAD + chunk(b"IEND"),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"x") + chunk(b"IEND"),
        HEAD + struct.pack(">I", 2**31) + b"IDAT",
        HEAD + chunk(b"I\0AT"),
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\x00\x01\xff\xd9",
        b"\xff\xd8\xff\xd8\x00\x04ab\xff\xd9",
        b"\xff\xd8\x00\x00\xff\xd9",
        fits_of(({"SIMPLE": "T", "BITPIX": 8}, 0)),
        fits_of(({"SIMPLE": "T", "NAXIS": 0}, 0)),
        fits_of(({"SIMPLE": "T", "BITPIX": 8, "NAXIS": -1}, 0)),
        fits_of(({"SIMPLE": "T", "BITPIX": 8, "NAXIS": 1000}, 0)),
        fits_of(({"SIMPLE": "T", "BITPIX": 8, "NAXIS": "'two'"}, 0)),
    ],
)
def test_a_right_beginning_and_a_wrong_inside(data: bytes) -> None:
    with pytest.raises(Incomplete, match="came damaged: "):
        look(data)


def test_a_header_without_an_end() -> None:
    content = WholePicture("x.fits")
    content.update(header(EMPTY).replace(b"END", b"   "))
    with pytest.raises(Incomplete, match="does not end"):
        content.update(b" " * (10_000 * BLOCK))


def test_sizes_beyond_all_measure_are_waited_for_and_not_kept() -> None:
    content = WholePicture("x.fits")
    content.update(fits_of(({"SIMPLE": "T", "BITPIX": 64, "NAXIS": 2, "NAXIS1": 10**17, "NAXIS2": 10**17}, 0)))
    piece = bytes(1 << 20)
    for _ in range(64):
        content.update(piece)
    with pytest.raises(Incomplete):
        content.conclude()


@given(st.binary(max_size=300), st.sampled_from(list(WHOLE.values())), st.integers(1, 50))
def test_whatever_comes_is_judged_in_our_words(noise: bytes, data: bytes, step: int) -> None:
    for mixed in (noise, data[: len(noise)] + noise, noise + data):
        try:
            assert look(mixed, step) in FORMS
        except (Incomplete, BrokenContent):
            continue


def test_buffers_of_any_size_are_judged_alike() -> None:
    dice = random.Random(1)
    for data in (png(60, 60), jpeg(30), fits(60, 60)):
        content, at = WholePicture("x"), 0
        while at < len(data):
            step = dice.choice((1, 2, 9, 100, 5000))
            content.update(data[at : at + step])
            at += step
        assert content.conclude().form in FORMS


# --- which files ------------------------------------------------------------------------------------------------------


def begin(name: str) -> WholePicture:
    return PictureCheck().begin(RemoteFile(safe_path(name), None, "1"))


@pytest.mark.parametrize("name", ["a.png", "f/a.PNG", "a.jpg", "a.jpeg", "a.fits", "a.fit"])
def test_a_name_that_promises_a_picture_must_hold_one(name: str) -> None:
    content = begin(name)
    with pytest.raises(BrokenContent, match=f"{name} came as something"):
        content.update(b"MP4 video" * 9)


@pytest.mark.parametrize("name", ["a.mp4", "a", "a.tif"])
def test_a_name_that_promises_none_may_hold_anything_but_a_page(name: str) -> None:
    content = begin(name)
    content.update(b"MP4 video" * 9)
    content.update(bytes(99))
    assert content.conclude().form == ""
    with pytest.raises(BrokenContent):
        begin(name).update(FOREIGN["a web page"])
    whole = begin(name)
    whole.update(png())
    assert whole.conclude().form == "complete PNG"


def test_the_form_is_that_of_the_bytes_and_not_of_the_name() -> None:
    content = begin("a.png")
    content.update(jpeg())
    assert content.conclude().form == "complete JPEG"
