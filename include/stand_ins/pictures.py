"""Small pictures that are whole files of their form, from the standard library alone. A seed makes each another one."""

from __future__ import annotations

import random
import struct
import zlib
from typing import Final

__all__ = ["fits", "jpeg", "png"]

_FITS_BLOCK: Final = 2880
_CARD: Final = 80


def png(width: int = 16, height: int = 16, seed: int = 0) -> bytes:
    """A PNG in grey: IHDR, IDAT, IEND, each with its CRC."""
    dice = random.Random(seed)
    lines = b"".join(b"\0" + dice.randbytes(width) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def jpeg(blocks: int = 2, seed: int = 0) -> bytes:
    """A baseline JPEG of `blocks` x `blocks` squares of one grey, with a comment that `seed` makes; SOI to EOI."""
    side = 8 * blocks
    parts = (
        _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
        _segment(0xFE, random.Random(seed).randbytes(64)),
        _segment(0xDB, b"\0" + b"\1" * 64),
        _segment(0xC0, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0"),
        _codes(0x00),
        _codes(0x10),
        _segment(0xDA, b"\1\1\0\0\x3f\0"),
    )
    return b"\xff\xd8" + b"".join(parts) + _grey(blocks * blocks) + b"\xff\xd9"


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _codes(table: int) -> bytes:
    """A Huffman table of one code: the bit 0 is the value 0."""
    return _segment(0xC4, bytes([table, 1, *[0] * 15, 0]))


def _grey(squares: int) -> bytes:
    """Two bits a square, no difference and no detail, filled up with ones."""
    bits = "00" * squares
    bits += "1" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")


def fits(width: int = 8, height: int = 8, seed: int = 0) -> bytes:
    """A FITS image of 16-bit numbers: a header and data, each a whole number of blocks of 2880 bytes."""
    values = {"SIMPLE": "T", "BITPIX": "16", "NAXIS": "2", "NAXIS1": str(width), "NAXIS2": str(height)}
    cards = [f"{name:<8}= {value:>20}" for name, value in values.items()]
    head = "".join(card.ljust(_CARD) for card in [*cards, "END"]).encode()
    data = random.Random(seed).randbytes(2 * width * height)
    return _filled(head, b" ") + _filled(data, b"\0")


def _filled(data: bytes, fill: bytes) -> bytes:
    return data + fill * (-len(data) % _FITS_BLOCK)
