"""All exports of a bucket, seen once: how many there are, of which types, where each goes, and how they are cut.

The keys are not kept: forty bytes of each are, and the keys at which the list may be cut.

`Shard.levels` says how much of its key each export of a shard keeps as its name: a packed `NameLevel` for each, in the
order of the keys, ``""`` where all keep their names alone. `Shard.left_out` of the first shard says what the filter
leaves out of the whole bucket.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import accumulate, groupby, pairwise
from typing import Final

from downloader.errors import DownloadError
from downloader.fhir import ExportLayout, NameLevel, is_export, type_of
from downloader.planning import folded
from downloader.sources.s3.minio import Listed

from ..shards import DIGEST, EACH, MOST_BYTES, ShardBounds, fingerprint_of, label_of, slices
from ..wording import counted, one_line
from ..xcoms import Shard
from .request import ExportRequest

__all__ = ["BucketSurvey", "digest_of", "shown_counts", "unpack_levels"]

_BLOCKS: Final = 20
"""Blocks that a full shard is made of: shards are balanced to that grain."""
_MOST_ENDINGS: Final = 1000
_OTHER: Final = "without an ending"
_ENDING: Final = re.compile(
    r"(?:\.[a-z][a-z0-9]{0,9})?\.(?:gz|zst|zstd|bz2|xz|lz4|br|zip|z|gpg|enc)$|\.[a-z][a-z0-9_]{0,9}$"
)
"""Of a name in lower case; of a compressed file both."""


class BucketSurvey:
    """Takes the objects of a listing, one by one, in their order."""

    def __init__(self, request: ExportRequest, bounds: ShardBounds) -> None:
        self._request = request
        self._layout = ExportLayout(request.organize)
        self._bounds = bounds
        self._block = ShardBounds(max(1, bounds.files // _BLOCKS), max(1, bounds.bytes // _BLOCKS))
        self.present: Counter[str] = Counter()
        """Exports by type, the chosen ones and the others."""
        self.others: Counter[str] = Counter()
        """Objects that are no exports, by the endings of their names."""
        self.files = 0
        self.bytes = 0
        self._digests = bytearray()
        # Names are compared by Python's own hash: 64 bits, with a secret of this process.
        self._names, self._folded_names = array("q"), array("q")
        self._keys, self._folded_keys = array("q"), array("q")
        self._ends: list[tuple[int, str]] = []
        self._costs: list[int] = []
        self._files_left = self._bytes_left = 0
        """What the last block has room for."""

    def add(self, listed: Listed, kind: str = "") -> bool:
        """Takes one object. Answers whether it is an export that was asked for.

        `kind`: its type, where that is known better than from its key.
        """
        if not is_export(listed.key):
            ending = ending_of(listed.key)
            self.others[ending if ending in self.others or len(self.others) < _MOST_ENDINGS else _OTHER] += 1
            return False
        kind = kind or type_of(listed.key)
        self.present[kind] += 1
        if not self._request.wants(kind):
            return False
        self.files += 1
        self.bytes += listed.size
        self._digests += digest_of(listed)
        self._note_paths(listed.key, kind)
        self._note_cost(listed)
        return True

    @property
    def left_out(self) -> Counter[str]:
        """Exports by type that the filter leaves out."""
        return Counter({kind: count for kind, count in self.present.items() if not self._request.wants(kind)})

    @property
    def folds_matter(self) -> bool:
        """Whether there are paths that a disk that folds case cannot keep apart, and any other can."""
        pairs = (self._names, self._folded_names), (self._keys, self._folded_keys)
        return any(_distinct(plain) > _distinct(folds) for plain, folds in pairs)

    def shards(self, *, folds_case: bool = False) -> list[Shard]:
        """The shards: fewer where their keys are so long that they would be too large for an XCom.

        `folds_case`: whether the destination's disk takes ``A`` and ``a`` for one name.
        """
        if not self.files:
            return []
        levels = self.levels(folds_case=folds_case)
        costs = list(accumulate(self._costs, initial=0))
        blocks = ShardBounds(max(1, self._bounds.files // self._block.files), self._bounds.bytes)
        left_out = self.left_out
        told = f"{counted(left_out.total())}: {shown_counts(left_out, len(left_out))}" if left_out else ""
        while True:
            cuts = slices([costs], [blocks])[0]
            found = [self._shard(number, *cut, levels) for number, cut in enumerate(cuts)]
            found[0] = replace(found[0], left_out=told)
            if len(found) == 1 or len(json.dumps([part.to_xcom() for part in found])) <= MOST_BYTES:
                return found
            blocks = blocks.doubled()

    def levels(self, *, folds_case: bool = False) -> bytes:
        """The `NameLevel` of each export, in the order of the keys."""
        names = self._folded_names if folds_case else self._names
        keys = self._folded_keys if folds_case else self._keys
        shared_names = _twice(names)
        if not shared_names:
            return bytes(len(names))  # each is NameLevel.NAME
        shared_keys = _twice(keys)
        return bytes(
            NameLevel.NAME
            if name not in shared_names
            else NameLevel.HASH
            if not key or key in shared_keys
            else NameLevel.KEY
            for name, key in zip(names, keys, strict=True)
        )

    def _note_paths(self, key: str, kind: str) -> None:
        plain = _path(self._layout, key, NameLevel.NAME, kind)
        path = _path(self._layout, key, NameLevel.KEY, kind) if "/" in key else plain
        name = plain or f"\0{key}"
        hashes = hash(name), hash(folded(name))
        self._names.append(hashes[0])
        self._folded_names.append(hashes[1])
        if path != name:
            hashes = (hash(path), hash(folded(path))) if path else (0, 0)
        self._keys.append(hashes[0])
        self._folded_keys.append(hashes[1])

    def _note_cost(self, listed: Listed) -> None:
        """Adds this object to the last block, or to a new one where that would become too large."""
        if self._files_left < 1 or self._bytes_left < listed.size:
            self._costs.append(0)
            self._ends.append((0, ""))
            self._files_left, self._bytes_left = self._block.files, self._block.bytes
        self._costs[-1] += listed.size + EACH
        self._ends[-1] = (self.files, listed.key)
        self._files_left -= 1
        self._bytes_left -= listed.size

    def _shard(self, number: int, first: int, last: int, levels: bytes) -> Shard:
        """The shard of the blocks `first` to `last` (exclusive)."""
        start, after = self._ends[first - 1] if first else (0, "")
        stop, upto = self._ends[last - 1]
        return Shard(
            number,
            self._request.bucket,
            label_of(self._request.bucket, start, stop, self.files),
            fingerprint_of(self._request.bucket, bytes(self._digests[start * DIGEST : stop * DIGEST])),
            start,
            stop,
            after,
            upto,
            _packed(levels[start:stop]),
        )


def digest_of(listed: Listed) -> bytes:
    """Bytes that stand for key, size and content of an object."""
    return hashlib.sha256(f"({listed.key!a}, {listed.size}, {listed.etag!a})".encode()).digest()[:DIGEST]


def ending_of(key: str) -> str:
    """``.json``, ``.ndjson.zst``; `_OTHER` for a name without one that people would call so."""
    found = _ENDING.search(key.rpartition("/")[2].lower())
    return found[0] if found else _OTHER


def shown_counts(counts: Mapping[str, int], most: int = 10) -> str:
    """``Observation (12), Patient (1)``, the greatest numbers first."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ", ".join(f"{one_line(name)} ({count:,})" for name, count in ordered[:most])
    more = sum(count for _, count in ordered[most:])
    return f"{shown}, others ({more:,})" if more else shown


def unpack_levels(packed: str, files: int) -> list[NameLevel]:
    """What `Shard.levels` says of `files` exports."""
    if not packed:
        return [NameLevel.NAME] * files
    return [NameLevel(value) for value in zlib.decompress(base64.b64decode(packed))]


def _packed(levels: bytes) -> str:
    return base64.b64encode(zlib.compress(levels)).decode() if any(levels) else ""


def _path(layout: ExportLayout, key: str, level: NameLevel, kind: str) -> str | None:
    try:
        return layout.path(key, level, kind).text
    except DownloadError:
        return None


def _distinct(values: Iterable[int]) -> int:
    """How many different values there are."""
    return sum(1 for _ in groupby(sorted(values)))


def _twice(values: Iterable[int]) -> set[int]:
    """The values that are there more than once."""
    ordered = sorted(values)
    return {here for here, following in pairwise(ordered) if here == following}
