"""Cutting plans into shards: slices that tasks work on side by side, on as many machines as there are.

A shard is a slice of a plan, not a list of files: a mapped task reads the list of all shards, so that list has to stay
small at a million files. Whoever works on a shard makes the plan anew and cuts the slice out of it; the fingerprint
tells whether that is still what was planned.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any, Final, Self

from downloader.checksums import MIB
from downloader.errors import PermanentError
from downloader.planning import local_name
from downloader.remote_file import Planned, Refused

from .settings import Configuration

__all__ = [
    "DIGEST",
    "EACH",
    "MOST_BYTES",
    "MOST_SHARDS",
    "Outline",
    "Plan",
    "PlanChanged",
    "Shard",
    "ShardBounds",
    "bounds_of",
    "cut",
    "digest_of",
    "fingerprint_of",
    "label_of",
    "slices",
]

_GIB: Final = 1024 * MIB
MOST_SHARDS: Final = 1000
"""Airflow maps a task over 1,024 at most (``max_map_length``)."""
MOST_BYTES: Final = 900_000
"""Of all shards of a run as JSON, where it can be held to: an XCom is for small things."""
_MOST_BY_COUNT: Final = 25
"""Shards that the number of its files alone makes of one plan. Each task reads the whole record to make its slice: many
small slices of a long one would cost more to plan than to fetch."""
_FULL: Final = 20_000
"""Files of a shard that this never goes beyond: the results of more do not fit into Airflow's state store."""
EACH: Final = 64 * 1024
"""What a file costs besides its bytes, in bytes: a request takes as long as this many do."""
DIGEST: Final = 8
"""Bytes that stand for a file in a fingerprint."""
_LONGEST_LABEL: Final = 200
"""Airflow keeps 250 characters."""


class PlanChanged(PermanentError):
    """The slice that was planned is not there any more."""

    kind = "Plan changed"
    advice = "run it again"


@dataclass(frozen=True, slots=True)
class ShardBounds:
    """No shard holds more files or bytes than this, unless it is one file, or there would be too many shards."""

    files: int
    bytes: int

    def doubled(self) -> ShardBounds:
        """Twice as wide."""
        return ShardBounds(self.files * 2, self.bytes * 2)

    def for_plan(self, files: int) -> ShardBounds:
        """Wide enough for a plan of so many files."""
        return replace(self, files=max(self.files, min(-(-files // _MOST_BY_COUNT), _FULL)))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a raw file's restore is about to do. `origin`: where the files come from and go to, in any wording."""

    raw_file_id: str
    origin: str
    files: Sequence[Planned]
    """Sorted, so that a slice means the same to everyone."""

    def outline(self) -> Outline:
        """What cutting it needs to know."""
        costs = accumulate(((item.size or 0) + EACH for item in self.files), initial=0)
        return Outline(self.raw_file_id, self.origin, array("q", costs), b"".join(map(digest_of, self.files)))


@dataclass(frozen=True, slots=True)
class Outline:
    """A plan in 16 bytes a file, so that those of many raw files can be held at once.

    `costs[i]`: what the first i files cost together. `digests`: `digest_of` each file.
    """

    raw_file_id: str
    origin: str
    costs: array[int]
    digests: bytes

    def __len__(self) -> int:
        return len(self.costs) - 1

    def fingerprint(self, start: int, stop: int) -> str:
        """16 hex digits that stand for the slice `start` to `stop`: origin, names, sizes, checksums."""
        return fingerprint_of(self.origin, self.digests[start * DIGEST : stop * DIGEST])


@dataclass(frozen=True, slots=True)
class Shard:
    """A slice of the plan of one raw file, as it travels between tasks. `label` is for people."""

    raw_file_id: str
    start: int
    stop: int
    fingerprint: str
    label: str

    @classmethod
    def from_xcom(cls, value: dict[str, Any]) -> Self:
        """What `to_xcom` made."""
        return cls(**value)

    def to_xcom(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def cut(self, plan: Plan) -> Sequence[Planned] | None:
        """The slice of a plan that was made anew; None where it is not what was planned."""
        files = plan.files[self.start : self.stop]
        if self.stop > len(plan.files) or fingerprint_of(plan.origin, map(digest_of, files)) != self.fingerprint:
            return None
        return files


def cut(outlines: Sequence[Outline], bounds: ShardBounds) -> list[Shard]:
    """The shards of several plans, none of which is empty, in their order: at most `MOST_SHARDS` for as many plans."""
    cuts = slices([outline.costs for outline in outlines], [bounds.for_plan(len(outline)) for outline in outlines])
    return [
        Shard(outline.raw_file_id, start, stop, outline.fingerprint(start, stop), _label(outline, start, stop))
        for outline, slices in zip(outlines, cuts, strict=True)
        for start, stop in slices
    ]


def bounds_of(configuration: Configuration) -> ShardBounds:
    """What the configuration says of shards."""
    return ShardBounds(configuration.shards.files, int(configuration.shards.size_gib * _GIB))


def slices(several: Sequence[Sequence[int]], bounds: Sequence[ShardBounds]) -> list[list[tuple[int, int]]]:
    """Where each of several lists is cut: at most `MOST_SHARDS` slices, or one of each. See `Outline.costs`.

    `bounds`: those of each list.
    """
    while True:
        cuts = [_cut_one(costs, each) for costs, each in zip(several, bounds, strict=True)]
        if sum(map(len, cuts)) <= max(MOST_SHARDS, len(several)):
            return cuts
        bounds = [each.doubled() for each in bounds]


def digest_of(item: Planned) -> bytes:
    """8 bytes that stand for everything of a planned file that its restore depends on."""
    told: tuple[object, ...]
    if isinstance(item, Refused):
        told = (item.name, item.error.kind)
    else:
        told = (local_name(item), item.size, *((c.algorithm, c.value, c.part_sizes) for c in item.checksums))
    return hashlib.sha256(ascii(told).encode()).digest()[:DIGEST]


def _cut_one(costs: Sequence[int], bounds: ShardBounds) -> list[tuple[int, int]]:
    """As few slices as the bounds allow, and of those the ones whose dearest is the cheapest."""
    most = len(_fill(costs, bounds))
    low, high = min(costs[-1] // most, bounds.bytes), bounds.bytes
    while low < high:
        middle = (low + high) // 2
        if len(_fill(costs, ShardBounds(bounds.files, middle))) <= most:
            high = middle
        else:
            low = middle + 1
    return _fill(costs, ShardBounds(bounds.files, low))


def _fill(costs: Sequence[int], bounds: ShardBounds) -> list[tuple[int, int]]:
    """Slices filled one after the other, each as far as the bounds allow, but with one file at least."""
    slices = []
    start = 0
    while start < len(costs) - 1:
        fits = bisect_right(costs, costs[start] + bounds.bytes) - 1
        stop = max(start + 1, min(fits, start + bounds.files))
        slices.append((start, stop))
        start = stop
    return slices


def fingerprint_of(origin: str, digests: bytes | Iterable[bytes]) -> str:
    """16 hex digits that stand for files, by their digests, and for where they come from and go to."""
    together = digests if isinstance(digests, bytes) else b"".join(digests)
    return hashlib.sha256(ascii(origin).encode() + b"\0" + together).hexdigest()[:16]


def _label(plan: Outline, start: int, stop: int) -> str:
    """``20250115_sample``, or ``20250115_sample, files 2,001 to 4,000 of 12,000``."""
    whole = len(plan)
    part = "" if stop - start == whole else f", files {start + 1:,} to {stop:,} of {whole:,}"
    return label_of(plan.raw_file_id, part)


def label_of(name: str, part: str) -> str:
    """`name` and `part`, as short as Airflow wants it, and printable."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    room = _LONGEST_LABEL - len(part)
    return (shown if len(shown) <= room else f"{shown[: room - 3]}...") + part
