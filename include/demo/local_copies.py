"""What lies on the disk before a run: a copy that is right, damaged, or cut off in the middle."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Final

__all__ = ["Here", "flipped", "lay_out"]


class Here(Enum):
    """The state of a local copy."""

    WHOLE = "whole"
    DAMAGED = "one byte of it is wrong"
    HALF = "it ends half way"


def flipped(content: bytes) -> bytes:
    """`content` with one byte in its middle changed."""
    damaged = bytearray(content)
    damaged[len(damaged) // 2] ^= 0xFF
    return bytes(damaged)


def lay_out(file: Path, content: bytes, here: Here) -> None:
    """Writes a copy of `content` in that state, in place of whatever is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_COPY[here](content))


def _first_half(content: bytes) -> bytes:
    return content[: len(content) // 2]


_COPY: Final[dict[Here, Callable[[bytes], bytes]]] = {
    Here.WHOLE: bytes,
    Here.DAMAGED: flipped,
    Here.HALF: _first_half,
}
