"""What lies in the destination before a trial begins: nothing, the right file, a damaged one, half of one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Final

from downloader.disk import part_name
from downloader.remote_file import RemoteFile

from .sample_files import SampleFile
from .watcher import digest_of

__all__ = ["DamagedStart", "prepare"]


class _State(Enum):
    MISSING = auto()
    RIGHT = auto()
    FLIPPED = auto()
    LONG = auto()
    SHORT = auto()
    HALF = auto()
    """A part file with the beginning."""
    STRAY = auto()
    """A part file of another content."""


_LIKELY: Final = (_State.MISSING,) * 5 + tuple(_State)[1:]


@dataclass(slots=True)
class DamagedStart:
    """What was prepared. `before`: digests by final name. `needed`: the fewest bytes that have to be downloaded."""

    before: dict[str, str] = field(default_factory=dict)
    needed: int = 0


def prepare(
    destination: Path, samples: Sequence[SampleFile], files: Sequence[RemoteFile], dice: random.Random
) -> DamagedStart:
    """Fills `destination`. Does only damage that can be detected: by checksum, size, or the form of a picture."""
    start = DamagedStart()
    for sample, file in zip(samples, files, strict=True):
        state = dice.choice(_possible(sample))
        content, there = sample.content, 0
        path = destination / sample.name
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = dice.randrange(len(content) + 1)
        match state:
            case _State.HALF:
                (path.parent / part_name(path.name, file.identity)).write_bytes(content[:kept])
                there = kept
            case _State.STRAY:
                (path.parent / part_name(path.name, "0" * 16)).write_bytes(dice.randbytes(kept))
            case _State.MISSING:
                pass
            case _:
                found = _damaged(state, content, kept)
                path.write_bytes(found)
                start.before[sample.name] = digest_of(found)
                there = len(content) if state is _State.RIGHT else 0
                there = kept if state is _State.SHORT and sample.checksum is not None else there
        start.needed += len(content) - there
    return start


def _possible(sample: SampleFile) -> list[_State]:
    """Without checksum and size, neither a wrong bit nor surplus bytes can be detected."""
    impossible: set[_State] = set()
    if not sample.content:
        impossible |= {_State.FLIPPED, _State.SHORT, _State.HALF}
    if not sample.is_provable:
        impossible.add(_State.FLIPPED)
    if sample.checksum is None and not sample.size_known:
        impossible.add(_State.LONG)
        impossible |= set() if sample.form else {_State.SHORT}
    return [state for state in _LIKELY if state not in impossible]


def _damaged(state: _State, content: bytes, at: int) -> bytes:
    """The bytes of the file under the final name."""
    if state is _State.LONG:
        return content + b"more"
    if state is _State.SHORT:
        return content[: min(at, len(content) - 1)]
    if state is _State.FLIPPED:
        at = min(at, len(content) - 1)
        return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    return content
