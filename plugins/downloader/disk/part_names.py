"""What part files and lock files are called: hidden, beside the final name, in at most 255 bytes."""

from __future__ import annotations

import hashlib
from typing import Final

from ..paths import MAX_NAME_BYTES

__all__ = ["ENDING", "lock_name", "part_name", "part_stem"]

ENDING: Final = f"{'':.<16}.part"
"""As long as an identity, and what comes behind it."""
_TAIL: Final = len(ENDING) + 2


def part_stem(name: str) -> str:
    """What the names of all part files of `name` begin with: different for each `name`, however long it is."""
    if len(name.encode()) <= MAX_NAME_BYTES - _TAIL:
        return f".{name}"
    return f".{hashlib.sha256(name.encode()).hexdigest()}"


def part_name(name: str, identity: str) -> str:
    """The part file's name beside `name`: at most 255 bytes."""
    return f"{part_stem(name)}.{identity}.part"


def lock_name(name: str, identity: str) -> str:
    """The lock file's name beside `name`, where the disk needs one."""
    return part_name(name, hashlib.sha256(f"lock of {identity}".encode()).hexdigest()[:16])
