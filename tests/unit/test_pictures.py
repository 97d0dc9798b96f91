"""Whether a picture is whole: cut at any byte, damaged at any byte, or something else altogether."""

from __future__ import annotations

import gzip
import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downloader.checksums import MIB
from downloader.content import ContentInfo
from downloader.content.pictures import PictureCheck, WholePicture
from downloader.errors import BrokenContent, DownloadError, Truncated
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.results import FORMS
from include.stand_ins.pictures import fits, jpeg, png

BLOCK = 2880
AGAIN = "run it again; what is already there is kept"
ON_THE_SITE = "look at the picture on Slooh's site"


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def wedged(data: bytes) -> bytes:
    """A JPEG with `data` between its first two segments."""
    whole = jpeg()
    return whole[:20] + data + whole[20:]


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
    return concluded(data, step, promised=promised).form


def concluded(data: bytes, step: int | None = None, *, promised: bool = True, whole: bool = False) -> ContentInfo:
    content = WholePicture("x.png", promised=promised)
    for at in range(0, len(data), step or len(data) or 1):
        content.update(data[at : at + (step or len(data))])
    return content.conclude(whole=whole)


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
        with pytest.raises(Truncated):
            look(data[:at])


@pytest.mark.parametrize("name", ["fits", "fits with floats"])
def test_a_fits_file_that_lacks_its_data_is_no_whole_one(name: str) -> None:
    with pytest.raises(Truncated, match="is not a complete FITS"):
        look(WHOLE[name][:BLOCK])


@pytest.mark.parametrize("blocks", [2, 3, 4, 6, 7, 8])
def test_a_table_s_heap_is_a_part_of_it(blocks: int) -> None:
    with pytest.raises(Truncated):
        look(WHOLE["fits with extensions"][: blocks * BLOCK])


@pytest.mark.parametrize("name", ["png", "larger png"])
def test_a_png_shows_each_flipped_bit(name: str) -> None:
    data = WHOLE[name]
    for at in range(0, len(data) * 8, 11 if len(data) < 500 else 1013):
        damaged = bytearray(data)
        damaged[at // 8] ^= 1 << at % 8
        with pytest.raises((Truncated, BrokenContent)):
            look(bytes(damaged))


# --- what is unusual, and shown by viewers ----------------------------------------------------------------------------


def fitted(*cards: str, data: int = 0, filled: bool = True) -> bytes:
    """A FITS file of these cards, which lie one behind the other, and so many bytes of data."""
    head = b"".join(card.encode("latin-1").ljust(80) for card in (*cards, "END"))
    return head.ljust(-(-len(head) // BLOCK) * BLOCK) + bytes(-(-data // BLOCK) * BLOCK if filled else data)


def grey(
    side: int, *, interlaced: bool = False, rows: int | None = None, packed: Callable[[bytes], bytes] = zlib.compress
) -> bytes:
    """A PNG of `side` x `side` pixels of 8 bits, of which `rows` are there. Interlaced only with one pixel."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, interlaced))
    data = packed(b"".join(b"\0" + bytes(side) for _ in range(side if rows is None else rows)))
    return PNG_START + head + chunk(b"IDAT", data) + chunk(b"IEND")


PNG_START = b"\x89PNG\r\n\x1a\n"
SIXTEEN = (
    "BITPIX  =                   16",
    "NAXIS   =                    2",
    "NAXIS1  =                   60",
    "NAXIS2  =                   50",
)
GROUPS = (
    "SIMPLE  =                    T",
    "BITPIX  =                   16",
    "NAXIS   =                    3",
    "NAXIS1  =                    0",
    "NAXIS2  =                   10",
    "NAXIS3  =                   10",
    "GROUPS  =                    T",
    "PCOUNT  =                    5",
    "GCOUNT  =                   20",
)
OF_GROUPS = 2 * 20 * (5 + 10 * 10)
"""Bytes of their data, by equation 4 of the standard."""
UNFILLED = "its last block is not filled to 2,880 bytes"
NO_END_CHUNK = "its end chunk (IEND) is missing"


UNUSUAL = {
    "png, a page after it": (png() + b"<html>", "bytes after its end: 6"),
    "png, another after it": (png() + png(), f"bytes after its end: {len(png())}"),
    "png without its end chunk": (png()[:-12], NO_END_CHUNK),
    "png with half of its end chunk": (png()[:-6], NO_END_CHUNK),
    "png whose end chunk lacks a byte": (png()[:-1], NO_END_CHUNK),
    "larger png without its end chunk": (png(200, 200)[:-12], NO_END_CHUNK),
    "png, more pixels than announced": (grey(9, rows=20), ""),
    "png, pixels without their checksum": (grey(9, packed=lambda data: zlib.compress(data)[:-4]), ""),
    "png of a pixel, interlaced": (grey(1, interlaced=True), ""),
    "jpeg, zeros after it": (jpeg() + bytes(99), "bytes after its end: 99"),
    "jpeg, another after it": (jpeg() + jpeg(), f"bytes after its end: {len(jpeg())}"),
    "jpeg, text between segments": (wedged(b"junk"), "odd bytes between its segments: 4"),
    "jpeg, a stuffed zero between segments": (wedged(b"\xff\0"), "odd bytes between its segments: 1"),
    "jpeg, fill bytes between segments": (wedged(b"\xff\xff\xff"), ""),
    "jpeg, a restart marker between segments": (wedged(b"\xff\xd0"), "odd bytes between its segments: 1"),
    "jpeg, a segment without a length": (wedged(b"\xff\xe5\0\0"), "odd bytes between its segments: 2"),
    "jpeg, a segment that is longer than it says": (wedged(b"\xff\xfe\0\5abcdef"), "odd bytes between its segments: 3"),
    "fits, not filled": (fitted("SIMPLE  =                    T", *SIXTEEN, data=6000, filled=False), UNFILLED),
    "fits, half filled": (fitted("SIMPLE  =                    T", *SIXTEEN, data=6000)[:-100], UNFILLED),
    "fits with extensions, not filled": (WHOLE["fits with extensions"][:-1], UNFILLED),
    "fits, a zero after it": (fits() + b"\0", "bytes after its end: 1"),
    "fits, a block of zeros after it": (fits() + bytes(BLOCK), "bytes after its end: 2,880"),
    "fits, a page after it": (fits() + b"<html>", "bytes after its end: 6"),
    "fits, more than a block after it": (fits() + b"U" * 10_000, "bytes after its end: 10,000"),
    "fits, another after it": (fits() + fits(), f"bytes after its end: {len(fits()):,}"),
    "fits, an extension behind a block of zeros": (fits() + bytes(BLOCK) + fits_of((TABLE, 5900)), ""),
    "fits, free form": (fitted("SIMPLE  = T / standard", *SIXTEEN, data=6000), ""),
    "fits, END with something behind it": (
        fitted("SIMPLE  =                    T", *SIXTEEN, data=6000).replace(b"END   ", b"END\0\0\0"),
        "",
    ),
    "fits, random groups": (fitted(*GROUPS, data=OF_GROUPS), ""),
    "fits, random groups, not filled": (fitted(*GROUPS, data=OF_GROUPS, filled=False), UNFILLED),
    "fits, random groups in free form": (
        fitted(*(card.replace("                   T", "T / groups") for card in GROUPS), data=OF_GROUPS),
        "",
    ),
}


@pytest.mark.parametrize("name", UNUSUAL)
@pytest.mark.parametrize("step", [None, 1, 7, 2880])
def test_what_viewers_show_is_accepted_with_a_remark(name: str, step: int | None) -> None:
    data, remark = UNUSUAL[name]
    assert concluded(data, step, whole=True) == ContentInfo(form_of(name), remark=remark)


@pytest.mark.parametrize("name", [name for name, (_, remark) in UNUSUAL.items() if remark in {UNFILLED, NO_END_CHUNK}])
def test_a_missing_end_is_accepted_only_of_a_file_that_came_whole(name: str) -> None:
    with pytest.raises(Truncated, match="ends after"):
        look(UNUSUAL[name][0])


TRUNCATED = {
    "jpeg without its end marker": jpeg()[:-2],
    "jpeg without its end marker, zeros after it": jpeg()[:-2] + bytes(99),
    "png whose pixels end early": grey(99, packed=lambda data: zlib.compress(data)[:-9]),
    "png of fewer rows than announced": grey(99, rows=98),
    "png whose last pixels lack their CRC": png()[:-13],
    "fits, a byte of data missing": fitted("SIMPLE  =                    T", *SIXTEEN, data=5999, filled=False),
    "fits, an extension that ends in its header": fits() + fits_of((TABLE, 0))[:2000],
    "fits, an extension of which a word is there": fits() + b"XTEN",
    "fits, random groups without their data": fitted(*GROUPS),
    "fits, random groups, a block missing": fitted(*GROUPS, data=OF_GROUPS)[:-BLOCK],
    "fits, random groups, a byte missing": fitted(*GROUPS, data=OF_GROUPS - 1, filled=False),
}


@pytest.mark.parametrize("name", TRUNCATED)
@pytest.mark.parametrize("step", [None, 1])
def test_what_viewers_call_truncated_is_refused_though_it_came_whole(name: str, step: int | None) -> None:
    with pytest.raises(Truncated):
        concluded(TRUNCATED[name], step, whole=True)


def test_a_bomb_is_unpacked_no_further_than_its_header_announces() -> None:
    """256 MiB of zeros behind a header of one pixel, and as much behind one of more pixels than are unpacked."""
    bomb = zlib.compress(bytes(256 * MIB), 1)
    for side in (1, 2**31 - 1):
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
        tracemalloc.start()
        assert look(PNG_START + head + chunk(b"IDAT", bomb) + chunk(b"IEND"), 65_536) == "complete PNG"
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
        tracemalloc.stop()


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
    "text that begins like a FITS file": b"SIMPLE is better than complex.".ljust(BLOCK),
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
        (
            FOREIGN["a GIF"],
            f"Broken content: x.png came as a GIF; {ON_THE_SITE}",
        ),
        (
            gzip.compress(fits(), mtime=0),
            f"Broken content: x.png came as a file packed by gzip; {ON_THE_SITE}",
        ),
        (
            FOREIGN["a FITS file that is none"],
            f"Broken content: x.png came as a FITS file that is not standard (SIMPLE = F); {ON_THE_SITE}",
        ),
        (b"", f"Truncated: x.png is empty; {AGAIN}"),
        (
            png()[:100],
            f"Truncated: x.png ends after 100 bytes and is not a complete PNG; {AGAIN}",
        ),
        (
            png()[:-1] + b"x",
            f"Truncated: x.png came damaged: a chunk of the PNG has a wrong checksum; {AGAIN}",
        ),
    ],
    ids=["page", "json", "zeros", "gif", "gzip", "not standard", "empty", "cut", "damaged"],
)
def test_the_sentences(data: bytes, message: str) -> None:
    with pytest.raises(DownloadError) as caught:
        look(data)
    assert str(caught.value) == message


HEAD = png()[: 8 + 25]


@pytest.mark.parametrize(
    "data",
    [
        HEAD + chunk(b"IEND"),
        PNG_START + chunk(b"IHDR", bytes(13)) + chunk(b"IDAT", b"x") + chunk(b"IEND"),
        HEAD + chunk(b"IDAT", b"no zlib") + chunk(b"IEND"),
        HEAD + chunk(b"tEXt", b"a")[:-1] + b"x" + png()[8 + 25 :],
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
        fits_of(({"SIMPLE": "T", "BITPIX": 7, "NAXIS": 0}, 0)),
        fits_of(({"SIMPLE": "T", "BITPIX": 8, "NAXIS": 2, "NAXIS1": 5}, 0)),
        fits_of(({"SIMPLE": "T", "BITPIX": 8, "NAXIS": 1, "NAXIS1": -5}, 0)),
        fits_of(({"SIMPLE": "T", "BITPIX": 8, "NAXIS": 1, "NAXIS1": "5.0"}, 5)),
        fitted("SIMPLE  =                    T", *SIXTEEN, "NAXIS1  =                   10", data=6000),
    ],
)
def test_a_right_beginning_and_a_wrong_inside(data: bytes) -> None:
    with pytest.raises(Truncated, match="came damaged: "):
        look(data)


def test_a_header_without_an_end() -> None:
    content = WholePicture("x.fits")
    content.update(header(EMPTY).replace(b"END", b"   "))
    with pytest.raises(Truncated, match="does not end"):
        content.update(b" " * (10_000 * BLOCK))


def test_sizes_beyond_all_measure_are_waited_for_and_not_kept() -> None:
    content = WholePicture("x.fits")
    content.update(fits_of(({"SIMPLE": "T", "BITPIX": 64, "NAXIS": 2, "NAXIS1": 10**17, "NAXIS2": 10**17}, 0)))
    piece = bytes(1 << 20)
    for _ in range(64):
        content.update(piece)
    with pytest.raises(Truncated):
        content.conclude()


@given(st.binary(max_size=300), st.sampled_from(list(WHOLE.values())), st.integers(1, 50))
def test_whatever_comes_is_judged_in_our_words(noise: bytes, data: bytes, step: int) -> None:
    for mixed in (noise, data[: len(noise)] + noise, noise + data):
        try:
            assert look(mixed, step) in FORMS
        except (Truncated, BrokenContent):
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
