"""Checks that a picture is complete: PNG, JPEG and FITS, by their structure, while the bytes arrive.

Slooh gives neither size nor checksum, so only its structure shows that a picture was truncated. PNG: every chunk, with
its CRC, up to the ``IEND`` chunk. JPEG: every segment up to the end marker. FITS: every header up to its ``END`` card,
and as much data as it announces, in blocks of 2,880 bytes. Bytes after the end of a PNG or JPEG are ignored, as viewers
do.

Pillow and astropy decode whole pictures for that; this reads the structure of a stream, and holds 2,880 bytes of it.

Sources: PNG specification (third edition), chapter 5; ITU-T T.81, annex B; FITS standard 4.0, chapters 3 and 4.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Generator
from typing import Final

from ..errors import BrokenContent, DownloadError, Incomplete
from ..remote_file import RemoteFile
from ..results import FORMS
from .check import ContentInfo

__all__ = ["PictureCheck", "WholePicture"]

_PNG, _JPEG, _FITS = FORMS
_PROMISES: Final = (".png", ".jpg", ".jpeg", ".fits", ".fit")
"""Extensions of the three formats."""

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNK: Final = 2**31 - 1
_NO_MARKER: Final = frozenset({0x00, 0xFF, *range(0xD0, 0xD8)})
"""After a 0xFF: a stuffed zero, a fill byte, the restart markers. Coded data continue after them."""
_MARKER: Final = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
_START, _END, _SCAN, _LONE = 0xD8, 0xD9, 0xDA, 0x01

_BLOCK: Final = 2880
_MOST_HEADER: Final = 10_000
"""Blocks of one header: 360,000 cards, more than any file has."""
_NUMBER: Final = re.compile(rb" *([+-]?[0-9]{1,18}) *(?:/.*)?", re.DOTALL)
_MOST_AXES: Final = 999

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

    def conclude(self) -> ContentInfo:
        """``complete PNG``, ``complete JPEG`` or ``complete FITS``; no form if none was promised.

        Raises:
            Incomplete: it ends early, or is damaged. It is downloaded again.
            BrokenContent: it is a web page, JSON, or something unknown.
        """
        if not self._size:
            raise Incomplete(f"{self._name} came without a single byte")
        if not (self._ended or self._feed.may_end):
            raise Incomplete(f"{self._name} ends after {self._size} bytes, which is no whole {self._feed.kind}")
        return ContentInfo(self._feed.form)

    def _problem(self, wrong: _Wrong) -> DownloadError:
        if wrong.foreign:
            return BrokenContent(f"{self._name} came as {wrong.what}", "look at the picture on Slooh's site")
        return Incomplete(f"{self._name} came damaged: {wrong.what}")


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
        self.may_end = False
        """Whether the file may end here; it may also continue."""

    @property
    def kind(self) -> str:
        """The format, for messages."""
        return self.form.removeprefix("complete ") or "picture"

    def take(self, count: int) -> Generator[None, memoryview, bytes]:
        """The next `count` bytes, a small number."""
        taken = bytearray()
        while len(taken) < count:
            taken += yield from self.piece(count - len(taken))
        return bytes(taken)

    def skip(self, count: int, see: Callable[[memoryview], object] = len) -> Parser:
        """Skips `count` bytes; `see` is called with each piece of them."""
        while count:
            piece = yield from self.piece(count)
            see(piece)
            count -= len(piece)

    def marker(self) -> Generator[None, memoryview, int]:
        """Skips the coded data of a JPEG and the marker after them; returns its second byte."""
        open_ended = False
        while True:
            piece = yield from self.piece(len(self._rest) or None)
            if open_ended and piece[0] not in _NO_MARKER:
                self._rest = piece[1:]
                return piece[0]
            found = _MARKER.search(piece)
            if found is not None:
                self._rest = piece[found.end() :]
                return found[1][0]
            open_ended = piece[-1] == 0xFF

    def piece(self, most: int | None) -> Generator[None, memoryview, memoryview]:
        """At least one and at most `most` of the available bytes."""
        while not self._rest:
            self._rest = yield
        self.may_end = False
        piece, self._rest = self._rest[:most], self._rest[len(self._rest) if most is None else most :]
        return piece


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


def _other(feed: _Feed, first: bytes, promised: bool) -> Parser:
    while first in b"\xef\xbb\xbf \t\r\n":
        first = yield from feed.take(1)
    if first == b"<":
        raise _Wrong("a web page", foreign=True)
    if first in b"{[":
        raise _Wrong("a message of the server (JSON)", foreign=True)
    if promised:
        raise _Wrong("something that is neither PNG, JPEG nor FITS", foreign=True)
    feed.may_end = True


# --- PNG -------------------------------------------------------------------------------------------------------------


def _png(feed: _Feed) -> Parser:
    feed.form = _PNG
    if (yield from feed.take(len(_SIGNATURE) - 1)) != _SIGNATURE[1:]:
        raise _Wrong("something that is neither PNG, JPEG nor FITS", foreign=True)
    kind, length = yield from _chunk(feed)
    if (kind, length) != (b"IHDR", 13):
        raise _Wrong("the PNG does not begin with its header")
    seen = set()
    while kind != b"IEND":
        seen.add(kind == b"IDAT")
        kind, length = yield from _chunk(feed)
    if True not in seen:
        raise _Wrong("the PNG holds no picture")


def _chunk(feed: _Feed) -> Generator[None, memoryview, tuple[bytes, int]]:
    """Skips one chunk; returns its type and length."""
    head = yield from feed.take(8)
    length, kind = int.from_bytes(head[:4]), head[4:]
    if length > _MOST_CHUNK or not (kind.isascii() and kind.isalpha()):
        raise _Wrong("a chunk of the PNG has no proper head")
    crc = zlib.crc32(kind)

    def see(piece: memoryview) -> None:
        nonlocal crc
        crc = zlib.crc32(piece, crc)

    yield from feed.skip(length, see)
    if int.from_bytes((yield from feed.take(4))) != crc:
        raise _Wrong("a chunk of the PNG has a wrong checksum")
    return kind, length


# --- JPEG ------------------------------------------------------------------------------------------------------------


def _jpeg(feed: _Feed) -> Parser:
    feed.form = _JPEG
    if (yield from feed.take(1))[0] != _START:
        raise _Wrong("something that is neither PNG, JPEG nor FITS", foreign=True)
    marker = yield from _next_marker(feed)
    shown = False
    while marker != _END:
        yield from _segment(feed, marker)
        shown = shown or marker == _SCAN
        marker = yield from (feed.marker() if marker == _SCAN else _next_marker(feed))
    if not shown:
        raise _Wrong("the JPEG holds no picture")


def _next_marker(feed: _Feed) -> Generator[None, memoryview, int]:
    """The marker that has to be here; fill bytes may precede it."""
    if (yield from feed.take(1)) != b"\xff":
        raise _Wrong("a segment of the JPEG has no proper head")
    marker = 0xFF
    while marker == 0xFF:
        marker = (yield from feed.take(1))[0]
    return marker


def _segment(feed: _Feed, marker: int) -> Parser:
    """Skips the segment after `marker`; some markers have none."""
    if marker == _LONE or 0xD0 <= marker <= 0xD7:
        return
    length = int.from_bytes((yield from feed.take(2)))
    if marker in (0x00, _START) or length < 2:
        raise _Wrong("a segment of the JPEG has no proper head")
    yield from feed.skip(length - 2)


# --- FITS ------------------------------------------------------------------------------------------------------------


def _fits(feed: _Feed) -> Parser:
    beginning = b"S" + (yield from feed.take(29))
    if beginning[:9] != b"SIMPLE  =" or beginning[10:].strip() != b"T":
        raise _Wrong("something that is neither PNG, JPEG nor FITS", foreign=True)
    feed.form = _FITS
    block = beginning + (yield from feed.take(_BLOCK - len(beginning)))
    yield from _unit(feed, block)
    while True:
        feed.may_end = True
        block = yield from feed.take(_BLOCK)
        if block.startswith(b"XTENSION"):
            yield from _unit(feed, block)


def _unit(feed: _Feed, block: bytes) -> Parser:
    """Skips one header, of which `block` is the first block, and its data."""
    numbers: dict[bytes, int] = {}
    for _ in range(_MOST_HEADER):
        if _read_cards(block, numbers):
            break
        block = yield from feed.take(_BLOCK)
    else:
        raise _Wrong("a header of the FITS file does not end")
    size = _data_size(numbers)
    yield from feed.skip(-(-size // _BLOCK) * _BLOCK)


def _read_cards(block: bytes, numbers: dict[bytes, int]) -> bool:
    """Reads the sizes from a block of a header. Returns whether it contains the END card."""
    for at in range(0, _BLOCK, 80):
        card = block[at : at + 80]
        key, value = card[:8].rstrip(), _NUMBER.fullmatch(card[10:])
        if key == b"END":
            return True
        if value and card[8:10] == b"= " and key.startswith((b"BITPIX", b"NAXIS", b"PCOUNT", b"GCOUNT")):
            numbers.setdefault(key, int(value[1]))
    return False


def _data_size(numbers: dict[bytes, int]) -> int:
    """Bytes of the data after a header: section 4.4.1 of the standard, equations 1 and 2."""
    bits, axes = numbers.get(b"BITPIX"), numbers.get(b"NAXIS")
    if bits is None or axes is None or not 0 <= axes <= _MOST_AXES:
        raise _Wrong("a header of the FITS file does not say how much data follow")
    if axes == 0:
        return 0
    count = 1
    for axis in range(1, axes + 1):
        count *= max(numbers.get(b"NAXIS%d" % axis, 0), 0)
    more = max(numbers.get(b"PCOUNT", 0), 0)
    return abs(bits) // 8 * max(numbers.get(b"GCOUNT", 1), 0) * (more + count)
