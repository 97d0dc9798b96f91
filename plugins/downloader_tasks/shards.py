"""Cutting plans into shards: slices that tasks download side by side, on as many machines as there are.

A shard is a slice of a plan, not a list of files: each mapped task reads the list of all shards, so that list has to
stay small at a million files. Each task makes the plan again and cuts its slice out of it; the fingerprint tells
whether the slice is still what was planned.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from downloader.checksums import MIB
from downloader.errors import PermanentError
from downloader.planning import local_name
from downloader.remote_file import Planned, Refused
from downloader.report import Pairs
from downloader.results import FileResult, failed
from downloader.source import Source

from .settings import Configuration
from .xcoms import Shard

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "DIGEST",
    "EACH",
    "MOST_BYTES",
    "MOST_SHARDS",
    "Outline",
    "Plan",
    "PlanChanged",
    "RunTarget",
    "ShardBounds",
    "ShardFiles",
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
"""Of all shards of a run as JSON, where that is possible: an XCom is for small values."""
_MOST_BY_COUNT: Final = 25
"""Shards that the number of its files alone makes of one plan. Each task reads the whole record to make its slice: many
small slices of a long one would cost more to plan than to download."""
_FULL: Final = 20_000
"""Files of a shard that this rule never exceeds: the results of more do not fit into Airflow's state store."""
EACH: Final = 64 * 1024
"""What a file costs besides its bytes, in bytes: a request takes as long as this many."""
DIGEST: Final = 8
"""Bytes that stand for a file in a fingerprint."""
_LONGEST_LABEL: Final = 200
"""Airflow keeps 250 characters."""


class PlanChanged(PermanentError):
    """Files are not as they were planned when the run began. `files`: those that are there instead."""

    kind = "Plan changed"
    advice = "run it again"

    def __init__(self, what: str, files: Sequence[Planned] = ()) -> None:
        super().__init__(what)
        self.files = files

    def results(self) -> list[FileResult]:
        """A failure of each of `files`."""
        return [failed(local_name(item), self) for item in self.files]


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
class RunTarget:
    """Where the files of an item go, and what their report says above them.

    `audit`: whether they are only compared with what is there.
    """

    folder: Path
    location: Path
    """What the configuration names; it is the folder or lies above it."""
    title: str
    report_id: str
    head: Pairs = ()
    audit: bool = False


def _nothing(results: Sequence[FileResult]) -> None: ...


@dataclass(frozen=True, slots=True)
class ShardFiles:
    """The files of a shard as they were listed, and all that is needed to download them."""

    run_target: RunTarget
    planned: Sequence[Planned]
    connect: Callable[[], Source]
    """Answers the source that they are read from. Raises DownloadError, Refusal."""
    added: Callable[[Sequence[FileResult]], DataclassInstance | None] = _nothing
    """Answers what the report is to know besides the results (`ShardResults.added`)."""
    repeatable: bool = False
    """Whether the report can list the very same files again, so that they need not travel."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The files of an item. `origin`: where they come from and go to, in any wording. `listed_in`: for a message."""

    item: str
    origin: str
    files: Sequence[Planned]
    """Sorted, so that everyone cuts the same slices."""
    listed_in: str = "the list"

    def cut(self, shard: Shard) -> Sequence[Planned]:
        """The files of a shard. Raises PlanChanged where they are not what was planned."""
        files = self.files[shard.start : shard.stop]
        if shard.stop > len(self.files) or fingerprint_of(self.origin, map(digest_of, files)) != shard.fingerprint:
            raise PlanChanged(self._changed, files)
        return files

    def unplanned(self, last: Shard) -> list[FileResult]:
        """A failure of each file behind the last shard: it was not there when the run began."""
        return PlanChanged(self._changed, self.files[last.stop :]).results()

    @property
    def _changed(self) -> str:
        return f"{self.listed_in} was changed after the run began"

    def outline(self) -> Outline:
        """What cutting it needs to know. The files are looked at once, one by one."""
        costs, digests = array("q", [0]), bytearray()
        for item in self.files:
            costs.append(costs[-1] + (item.size or 0) + EACH)
            digests += digest_of(item)
        return Outline(self.item, self.origin, costs, bytes(digests))


@dataclass(frozen=True, slots=True)
class Outline:
    """A plan in 16 bytes a file, so that those of many items can be held at once.

    `costs[i]`: what the first i files cost together. `digests`: `digest_of` each file.
    """

    item: str
    origin: str
    costs: array[int]
    digests: bytes

    def __len__(self) -> int:
        return len(self.costs) - 1

    @property
    def bytes(self) -> int:
        """Of all files whose sizes are known."""
        return self.costs[-1] - len(self) * EACH

    def fingerprint(self, start: int, stop: int) -> str:
        """16 hex digits that stand for the slice `start` to `stop`: origin, names, sizes, checksums."""
        return fingerprint_of(self.origin, self.digests[start * DIGEST : stop * DIGEST])


def cut(outlines: Sequence[Outline], bounds: ShardBounds) -> list[Shard]:
    """The shards of several plans, none of which is empty, in their order: at most `MOST_SHARDS` for as many plans."""
    cuts = slices([outline.costs for outline in outlines], [bounds.for_plan(len(outline)) for outline in outlines])
    found = [(outline, start, stop) for outline, slices in zip(outlines, cuts, strict=True) for start, stop in slices]
    return [
        Shard(
            number,
            outline.item,
            label_of(outline.item, start, stop, len(outline)),
            outline.fingerprint(start, stop),
            start,
            stop,
        )
        for number, (outline, start, stop) in enumerate(found)
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
    facts: tuple[object, ...]
    if isinstance(item, Refused):
        facts = (item.name, item.error.kind)
    else:
        facts = (local_name(item), item.size, *((c.algorithm, c.value, c.part_sizes) for c in item.checksums))
    return hashlib.sha256(ascii(facts).encode()).digest()[:DIGEST]


def _cut_one(costs: Sequence[int], bounds: ShardBounds) -> list[tuple[int, int]]:
    """As few slices as the bounds allow, and of all such cuts the one whose most expensive slice costs least."""
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


def label_of(name: str, start: int, stop: int, whole: int) -> str:
    """``20250115_sample``, or ``20250115_sample, files 2,001 to 4,000 of 12,000``.

    Printable, and within the length that Airflow keeps.
    """
    part = "" if stop - start == whole else f", files {start + 1:,} to {stop:,} of {whole:,}"
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    room = _LONGEST_LABEL - len(part)
    return (shown if len(shown) <= room else f"{shown[: room - 3]}...") + part
