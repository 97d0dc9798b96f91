"""Checks that a picture is complete: PNG, JPEG and FITS, by their structure, while the bytes arrive.

Slooh gives neither size nor checksum, so only its structure shows whether a picture is whole. The rule: all of the
picture itself has to be there, and right; what is missing or odd beside it is a remark on the file's line.

PNG: a valid header, every chunk with its CRC, and all pixels that the header announces.
    Remarks: no end chunk (``IEND``), or only its beginning; bytes after the end.
JPEG: a scan, and the end marker (``EOI``). Without that nobody can tell whether rows are missing.
    Remarks: odd bytes between segments, segments without a length; bytes after the end.
FITS: every header up to its ``END`` card, and all data that it announces, those of random groups included.
    Remarks: a last block that is not filled to 2,880 bytes; bytes after the last extension.

What Pillow and astropy.io.fits call truncated is refused. What they show is accepted, unless a checksum is wrong, or
nothing announces how much there has to be (``SIMPLE = F`` in a FITS file). A missing end is accepted only if the file
is known to have come whole (`Content.conclude`).

Pillow and astropy decode whole pictures for that; this reads the structure of a stream, holds 2,880 bytes of it, and
unpacks the pixels of a PNG a little at a time to count them.

Sources: PNG specification (third edition), chapters 5, 7 and 8; ITU-T T.81, annex B; FITS standard 4.0, chapters 3, 4
and 6.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Generator
from typing import Final

from ..checksums import MIB
from ..errors import BrokenContent, DownloadError, Truncated
from ..remote_file import RemoteFile
from ..results import FORMS
from .check import ContentInfo

__all__ = ["PictureCheck", "WholePicture"]

_PNG, _JPEG, _FITS = FORMS
_PROMISES: Final = (".png", ".jpg", ".jpeg", ".fits", ".fit")
"""Extensions of the three formats."""
_NOT_A_PICTURE: Final = "something that is neither PNG, JPEG nor FITS"
_OTHER_FORMATS: Final = {
    b"GIF8": "a GIF",
    b"II*\0": "a TIFF",
    b"MM\0*": "a TIFF",
    b"RIFF": "a WebP, or another RIFF file",
    b"\x1f\x8b": "a file packed by gzip",
    b"PK\3\4": "a zip archive",
}
"""By their first bytes, for messages."""

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNK: Final = 2**31 - 1
_END_CHUNK: Final = b"\0\0\0\0IEND"
_NO_END_CHUNK: Final = "its end chunk (IEND) is missing"
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Bits of a sample that each colour type allows."""
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_AT_ONCE: Final = ((0, 0, 1, 1),)
_ADAM7: Final = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""First column and row of each pass of an interlaced PNG, and the steps to the next ones."""
_MOST_PIXELS: Final = 2048 * MIB
"""Bytes of pixels that are unpacked. Of a PNG that announces more, a thousandth may be on the wire: a bomb."""
_SLICE: Final = 16 * 1024

_MARKER: Final = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
"""Not a stuffed zero, a fill byte or a restart marker: coded data continue after them."""
_NO_MARKER: Final = frozenset({0x00, 0xFF, *range(0xD0, 0xD8)})
_START, _END, _SCAN, _LONE = 0xD8, 0xD9, 0xDA, 0x01

_BLOCK: Final = 2880
_CARD: Final = 80
_MOST_HEADER: Final = 10_000
"""Blocks of one header: 360,000 cards, more than any file has."""
_EXTENSION: Final = b"XTENSION"
_SIMPLE: Final = re.compile(rb"SIMPLE *= *([TF]) *(?:/.*)?", re.DOTALL)
_END_CARD: Final = re.compile(rb"END(?: {77}| {0,76}[^A-Z0-9_ -])", re.DOTALL)
"""As astropy has it: what follows on the card is no part of a name."""
_NUMBER: Final = re.compile(rb" *([+-]?[0-9]{1,18}) *(?:/.*)?", re.DOTALL)
_TRUE: Final = re.compile(rb" *T *(?:/.*)?", re.DOTALL)
_SIZES: Final = (b"BITPIX", b"NAXIS", b"PCOUNT", b"GCOUNT")
_BITS: Final = frozenset({8, 16, 32, 64, -32, -64})
_MOST_AXES: Final = 999
_UNFILLED: Final = f"its last block is not filled to {_BLOCK:,} bytes"

Parser = Generator[None, memoryview, None]


class PictureCheck:
    """Checks each file. Safe to use from many threads."""

    def begin(self, file: RemoteFile) -> WholePicture:
        """A new check. A file without an extension of a picture may hold anything but a web page or JSON."""
        return WholePicture(str(file.path), promised=file.path.name.lower().endswith(_PROMISES))


class WholePicture:
    """Checks the bytes of one file, in order. Holds at most 2,880 of them."""

    def __init__(self, name: str, *, promised: bool = True) -> None:
        """`name`: its name in errors. `promised`: whether it has to be a picture."""
        self._name = name
        self._feed = _Feed()
        self._parser = _any_form(self._feed, promised)
        self._ended = False
        self._size = 0
        next(self._parser)

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Takes the next bytes. Raises as `conclude` does; must not be called again after that."""
        self._size += len(data)
        if self._ended or not len(data):
            return
        try:
            self._parser.send(memoryview(data))
        except StopIteration:
            self._ended = True
            return
        except _Wrong as wrong:
            problem = self._problem(wrong)
        else:
            return
        raise problem

    def conclude(self, *, whole: bool = False) -> ContentInfo:
        """``complete PNG``, ``complete JPEG`` or ``complete FITS``; no form if none was promised.

        Raises:
            Truncated: it ends early, or is damaged. See `Content.conclude`.
            BrokenContent: it is a web page, JSON, or something unknown.
        """
        feed = self._feed
        if not self._size:
            raise Truncated(f"{self._name} is empty")
        if not self._ended and (feed.lack is None or (feed.lack and not whole)):
            raise Truncated(f"{self._name} ends after {self._size} bytes and is not a complete {feed.kind}")
        return ContentInfo(feed.form, remark=feed.remark if feed.form else "")

    def _problem(self, wrong: _Wrong) -> DownloadError:
        if wrong.foreign:
            return BrokenContent(f"{self._name} came as {wrong.what}", "look at the picture on Slooh's site")
        return Truncated(f"{self._name} came damaged: {wrong.what}")


class _Wrong(Exception):
    """The bytes are invalid. `foreign`: they are something else entirely; otherwise they may be damaged."""

    def __init__(self, what: str, *, foreign: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.foreign = foreign


class _Feed:
    """The input of a parser, and its result. A parser that needs more bytes yields."""

    def __init__(self) -> None:
        self._rest = memoryview(b"")
        self.form = ""
        self.lack: str | None = None
        """What is missing if the file ends here: ``""`` for nothing; None for a part of the picture itself."""
        self.end = 0
        """Position of the end of the picture, where `lack` is ``""``."""
        self.odd = 0
        """Bytes between the segments of a JPEG that belong to none."""
        self._at = 0

    @property
    def kind(self) -> str:
        """The format, for messages."""
        return self.form.removeprefix("complete ") or "picture"

    @property
    def remark(self) -> str:
        """What is unusual about the picture, if it ends here."""
        after = 0 if self.lack else self._at - self.end
        counts = (("odd bytes between its segments", self.odd), ("bytes after its end", after))
        told = [f"{what}: {count:,}" for what, count in counts if count]
        return "; ".join([self.lack, *told] if self.lack else told)

    def take(self, count: int) -> Generator[None, memoryview, bytes]:
        """The next `count` bytes, a small number."""
        taken = bytearray()
        while len(taken) < count:
            taken += yield from self.piece(count - len(taken))
        return bytes(taken)

    def match(
        self, wanted: bytes, lack: str | None = None, other: str | None = None
    ) -> Generator[None, memoryview, bytes]:
        """As many bytes as `wanted` has. In between `lack` holds while they are its beginning, and `other` if not."""
        taken = b""
        while len(taken) < len(wanted):
            taken += yield from self.piece(len(wanted) - len(taken))
            self.lack = lack if wanted.startswith(taken) else other
        return taken

    def skip(self, count: int, see: Callable[[memoryview], object] = len) -> Parser:
        """Skips `count` bytes; `see` is called with each piece of them."""
        while count:
            piece = yield from self.piece(count)
            see(piece)
            count -= len(piece)

    def pad(self, count: int) -> Parser:
        """Skips `count` bytes that fill a block, and may be missing."""
        while count:
            self.lack = _UNFILLED
            count -= len((yield from self.piece(count)))

    def close(self) -> None:
        """The picture ends here."""
        self.lack, self.end = "", self._at

    def follow(self, count: int | None = None) -> Parser:
        """Skips the next `count` bytes, or all, which lie after the end of the picture."""
        while count is None or count > 0:
            piece = yield from self.piece(count)
            self.lack = ""
            count = None if count is None else count - len(piece)

    def marker(self, see: Callable[[memoryview], object] = len) -> Generator[None, memoryview, int]:
        """Skips to the next marker of a JPEG and returns its second byte; `see` is called with what is skipped."""
        open_ended = False
        while True:
            piece = yield from self.piece(len(self._rest) or None)
            if open_ended and piece[0] not in _NO_MARKER:
                self._back(piece[1:])
                return piece[0]
            found = _MARKER.search(piece)
            see(piece[: found.start()] if found else piece)
            if found is not None:
                self._back(piece[found.end() :])
                return found[1][0]
            open_ended = piece[-1] == 0xFF

    def piece(self, most: int | None) -> Generator[None, memoryview, memoryview]:
        """At least one and at most `most` of the available bytes."""
        while not self._rest:
            self._rest = yield
        self.lack = None
        piece, self._rest = self._rest[:most], self._rest[len(self._rest) if most is None else most :]
        self._at += len(piece)
        return piece

    def _back(self, rest: memoryview) -> None:
        """Puts back the end of the last piece."""
        self._at -= len(rest)
        self._rest = rest


def _any_form(feed: _Feed, promised: bool) -> Parser:
    first = yield from feed.take(1)
    if first == _SIGNATURE[:1]:
        yield from _png(feed)
    elif first == b"\xff":
        yield from _jpeg(feed)
    elif first == b"S":
        yield from _fits(feed)
    else:
        yield from _other(feed, first, promised)
        return
    feed.close()
    yield from feed.follow()


def _other(feed: _Feed, first: bytes, promised: bool) -> Parser:
    while first in b"\xef\xbb\xbf \t\r\n":
        first = yield from feed.take(1)
    if first == b"<":
        raise _Wrong("a web page", foreign=True)
    if first in b"{[":
        raise _Wrong("a message of the server (JSON)", foreign=True)
    if promised:
        for magic, name in _OTHER_FORMATS.items():
            if magic.startswith(first) and (yield from feed.match(magic[1:])) == magic[1:]:
                raise _Wrong(name, foreign=True)
        raise _Wrong(_NOT_A_PICTURE, foreign=True)


# --- PNG -------------------------------------------------------------------------------------------------------------


def _png(feed: _Feed) -> Parser:
    feed.form = _PNG
    if (yield from feed.take(len(_SIGNATURE) - 1)) != _SIGNATURE[1:]:
        raise _Wrong(_NOT_A_PICTURE, foreign=True)
    kind, length = yield from _chunk_head(feed)
    if (kind, length) != (b"IHDR", 13):
        raise _Wrong("the PNG does not begin with its header")
    header = bytearray()
    yield from _chunk_body(feed, kind, length, header.extend)
    pixels = _Pixels(header)
    while kind != b"IEND":
        lack = _NO_END_CHUNK if pixels.are_whole else None
        feed.lack = lack
        kind, length = yield from _chunk_head(feed, lack)
        yield from _chunk_body(feed, kind, length, pixels.unpack if kind == b"IDAT" else len, lack)
        if pixels.are_damaged:
            raise _Wrong("the pixels of the PNG cannot be unpacked")
    if not pixels.are_whole:
        raise _Wrong("the PNG holds less of its picture than its header announces")


def _chunk_head(feed: _Feed, lack: str | None = None) -> Generator[None, memoryview, tuple[bytes, int]]:
    """The type of a chunk, and its length. `lack`: what is missing if the file ends within the head of the last."""
    head = yield from feed.match(_END_CHUNK, lack)
    length, kind = int.from_bytes(head[:4]), head[4:]
    if length > _MOST_CHUNK or not (kind.isascii() and kind.isalpha()):
        raise _Wrong("a chunk of the PNG has no proper head")
    return kind, length


def _chunk_body(
    feed: _Feed, kind: bytes, length: int, see: Callable[[memoryview], object], lack: str | None = None
) -> Parser:
    """Skips the data and the CRC of a chunk."""
    crc = zlib.crc32(kind)

    def see_and_sum(piece: memoryview) -> None:
        nonlocal crc
        crc = zlib.crc32(piece, crc)
        see(piece)

    yield from feed.skip(length, see_and_sum)
    due = crc.to_bytes(4)
    if (yield from feed.match(due, lack if kind == b"IEND" and not length else None)) != due:
        raise _Wrong("a chunk of the PNG has a wrong checksum")


class _Pixels:
    """The pixels of a PNG: unpacked a little at a time, counted, and dropped."""

    def __init__(self, header: bytes | bytearray) -> None:
        """`header`: the data of the ``IHDR`` chunk. Raises _Wrong if no picture is like that."""
        width, height, depth, colour, packing, filtering, interlaced = struct.unpack(">IIBBBBB", header)
        if not (0 < width <= _MOST_CHUNK and 0 < height <= _MOST_CHUNK and depth in _DEPTHS.get(colour, ())):
            raise _Wrong("the header of the PNG is invalid")
        if packing or filtering or interlaced > 1:
            raise _Wrong("the header of the PNG is invalid")
        self._unpacker = zlib.decompressobj()
        self.are_damaged = False
        """Whether they cannot be unpacked. A wrong CRC of their chunk shows first."""
        self._count = 0
        self._due = 0
        for column, row, across, down in _ADAM7 if interlaced else _AT_ONCE:
            columns, rows = -(-(width - column) // across), -(-(height - row) // down)
            if columns > 0 and rows > 0:
                self._due += rows * (1 + -(-columns * depth * _SAMPLES[colour] // 8))

    @property
    def are_whole(self) -> bool:
        """Whether all that the header announces came; if it is too much to be unpacked, whether anything came."""
        return self._count >= self._due or (self._due > _MOST_PIXELS and self._count > 0)

    def unpack(self, piece: memoryview) -> None:
        """Takes the data of the next ``IDAT`` chunk."""
        for at in range(0, len(piece), _SLICE):
            data: bytes | memoryview = piece[at : at + _SLICE]
            try:
                while not (self.are_damaged or self._unpacker.eof) and self._count <= min(self._due, _MOST_PIXELS):
                    unpacked = len(self._unpacker.decompress(data, MIB))
                    data = self._unpacker.unconsumed_tail
                    self._count += unpacked
                    if not unpacked and not data:
                        break
            except zlib.error:
                self.are_damaged = True
                return


# --- JPEG ------------------------------------------------------------------------------------------------------------


def _jpeg(feed: _Feed) -> Parser:
    feed.form = _JPEG
    if (yield from feed.take(1))[0] != _START:
        raise _Wrong(_NOT_A_PICTURE, foreign=True)

    def see_odd(skipped: memoryview) -> None:
        feed.odd += len(skipped) - bytes(skipped).count(b"\xff")  # fill bytes are none

    marker = yield from feed.marker(see_odd)
    shown = False
    while marker != _END:
        yield from _segment(feed, marker)
        shown = shown or marker == _SCAN
        marker = yield from feed.marker(len if marker == _SCAN else see_odd)
    if not shown:
        raise _Wrong("the JPEG holds no picture")


def _segment(feed: _Feed, marker: int) -> Parser:
    """Skips the segment after `marker`; some markers have none."""
    if marker == _LONE:
        return
    if marker == _START:
        raise _Wrong("a segment of the JPEG has no proper head")
    length = int.from_bytes((yield from feed.take(2)))
    if length < 2:
        feed.odd += 2
    yield from feed.skip(max(length - 2, 0))


# --- FITS ------------------------------------------------------------------------------------------------------------


def _fits(feed: _Feed) -> Parser:
    if (yield from feed.match(b"IMPLE")) != b"IMPLE":
        raise _Wrong(_NOT_A_PICTURE, foreign=True)
    card = b"SIMPLE" + (yield from feed.take(_CARD - len(b"SIMPLE")))
    simple = _SIMPLE.fullmatch(card)
    if simple is None:
        raise _Wrong(_NOT_A_PICTURE, foreign=True)
    if simple[1] == b"F":
        raise _Wrong("a FITS file that is not standard (SIMPLE = F)", foreign=True)  # nothing tells its length
    feed.form = _FITS
    yield from _unit(feed, card)
    while True:
        feed.close()
        while (yield from feed.match(_EXTENSION, None, "")) != _EXTENSION:
            yield from feed.follow(_BLOCK - len(_EXTENSION))
        yield from _unit(feed, _EXTENSION)


def _unit(feed: _Feed, beginning: bytes) -> Parser:
    """Skips one header, which begins with `beginning`, and its data."""
    numbers: dict[bytes, int] = {}
    block = beginning + (yield from feed.take(_BLOCK - len(beginning)))
    for _ in range(_MOST_HEADER):
        if _read_cards(block, numbers):
            break
        block = yield from feed.take(_BLOCK)
    else:
        raise _Wrong("a header of the FITS file does not end")
    size = _data_size(numbers)
    yield from feed.skip(size)
    yield from feed.pad(-size % _BLOCK)


def _read_cards(block: bytes, numbers: dict[bytes, int]) -> bool:
    """Reads the sizes from a block of a header. Returns whether it contains the END card."""
    for at in range(0, _BLOCK, _CARD):
        card = block[at : at + _CARD]
        if _END_CARD.match(card):
            return True
        key, value = card[:8].rstrip(), _NUMBER.fullmatch(card[10:])
        if card[8:10] != b"= ":
            continue
        if value and key.startswith(_SIZES) and numbers.setdefault(key, int(value[1])) != int(value[1]):
            raise _Wrong("a header of the FITS file gives two sizes")
        if key == b"GROUPS" and _TRUE.fullmatch(card[10:]):
            numbers[key] = True
    return False


def _data_size(numbers: dict[bytes, int]) -> int:
    """Bytes of the data after a header: sections 4.4.1 and 6.1 of the standard, equations 1, 2 and 4."""
    bits, count = numbers.get(b"BITPIX"), numbers.get(b"NAXIS", -1)
    axes = [numbers.get(b"NAXIS%d" % axis, -1) for axis in range(1, min(count, _MOST_AXES) + 1)]
    more, groups = numbers.get(b"PCOUNT", 0), numbers.get(b"GCOUNT", 1)
    if bits not in _BITS or not 0 <= count <= _MOST_AXES or min([*axes, more, groups]) < 0:
        raise _Wrong("a header of the FITS file does not say how much data follow")
    if not axes:
        return 0
    if numbers.get(b"GROUPS") and axes[0] == 0:
        del axes[0]  # random groups
    values = 0 if 0 in axes else 1
    for axis in axes if values else ():
        values *= axis
    return abs(bits) // 8 * groups * (more + values)
