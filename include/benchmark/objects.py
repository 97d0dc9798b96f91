"""The objects that are fetched, and the records that say what they should be. Made when a case first asks for them.

A record is a JSON object in the shape of a catalogue's `file_info`: relative path -> [size, md5] or [size, null, etag].
All bytes are random. Records are written line by line: this program stays small, because its own peak of memory is the
least that can be measured of another's.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

__all__ = ["BUCKET", "LARGE", "MIB", "PARTS", "SMALL_SIZE", "Large", "Sizes", "Stock", "small_name"]

MIB = 1024 * 1024
BUCKET = "bucket"
SMALL_SIZE = 16 * 1024
LARGE = "object.bin"
PARTS = (8, 100)
"""MiB of a part: what aws-cli uploads by itself, and what the catalogue's own uploader does."""
_BLOCK = 4096
_STEP = 4 * MIB


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything."""

    small: int = 10_000
    """Small objects; a power of ten (see `server`)."""
    fetched: int = 20_000
    """Small objects that are fetched from the server that answers at once, each of the others twice."""
    far: int = 8_000
    """Small objects that are fetched from the server that is far away."""
    growth: int = 100_000
    """Small objects of the case that asks whether ten times as many cost ten times as much."""
    large: int = 2048 * MIB
    """Bytes of the large object."""
    rounds: int = 5
    growth_rounds: int = 3
    keys: int = 200_000
    """Objects of the bucket that is listed, and then fetched."""
    few_keys: int = 10_000
    """Objects of the bucket that shows what listing alone costs in memory."""
    most_keys: int = 1_000_000
    """Objects of the bucket that shows whether a key costs more where there are many; a million at most."""
    loop: int = 5_000
    """Objects of that bucket that are fetched one after the other."""
    planned: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    """Files that are planned, and not fetched; a million at most."""
    in_shards: tuple[int, ...] = (1_000, 10_000, 100_000)
    """Small objects that are downloaded in shards."""
    lines: int = 100_000
    """Of a report."""
    long: int = 20_000_000_000
    """Bytes of the very long object."""
    kills: int = 10
    """How often the process that fetches it is killed."""
    checked: int = 200 * MIB
    """Bytes of a file of NDJSON that is checked, and of its longest line."""
    drive_scale: float = 1.0
    """How large the data sets of Google Drive are; 1: 1.4 GB in all."""
    drive_speed: float = 25e6
    """Bytes a second of one of its streams."""

    def room(self, cases: Collection[str]) -> int:
        """Bytes of disk that these cases need at once: objects, a copy, one contestant's output, and a margin."""
        small = (2 * self.small + max(self.growth, *self.in_shards)) * (SMALL_SIZE + _BLOCK)
        return max(3 * self.large + max(small, self.keys * _BLOCK), self.long * ("long" in cases)) + 512 * MIB

    def files(self, cases: Collection[str]) -> int:
        """Files that these cases make before the first is removed (see `rounds`)."""
        grown = self.small + self.growth + 2 * self.keys + self.loop + sum(self.in_shards) * ("many" in cases)
        return self.rounds * (8 * self.fetched + 7 * self.far) + self.growth_rounds * grown + 2_000


@dataclass(frozen=True, slots=True)
class Large:
    """The large object, and its records: by MD5, and by the ETag of an upload in parts of so many MiB."""

    path: Path
    size: int
    md5: str
    by_md5: Path
    by_etag: dict[int, Path]


class Stock:
    """All objects and records, below `folder`."""

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        self.objects = folder / "objects"
        """What the server serves."""
        self.sizes = sizes
        self._records = folder / "records"
        self._there = folder / "there"
        for made in (self.objects, self._records, self._there):
            made.mkdir()

    def many(self, count: int) -> Path:
        """The record of `count` small objects below ``many/``, where number n is n modulo `Sizes.small`."""
        self._make_small()
        return self._many(f"many-{count}", count)

    def made_up(self, count: int) -> Path:
        """The record of `count` files that are nowhere."""
        draw = random.Random(count)
        files = ((_deep_name(number), [SMALL_SIZE, f"{draw.getrandbits(128):032x}"]) for number in range(count))
        return self._write(f"made-up-{count}", files)

    @cached_property
    def large(self) -> Large:
        """The large object, below ``large/``."""
        path = self.objects / BUCKET / "large" / LARGE
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            for start in range(0, self.sizes.large, _STEP):
                file.write(os.urandom(min(_STEP, self.sizes.large - start)))
        with ThreadPoolExecutor() as pool:
            md5, *etags = pool.map(lambda part: _etag(path, part), (None, *PARTS))
        size = self.sizes.large
        by_md5 = self._write("large-md5", [(LARGE, [size, md5])])
        by_etag = {
            part: self._write(f"large-{part}", [(LARGE, [size, None, f"{etag}__{part}"])])
            for part, etag in zip(PARTS, etags, strict=True)
        }
        return Large(path, size, md5, by_md5, by_etag)

    def there(self, count: int) -> tuple[Path, Path]:
        """A folder of `count` large files that are there and right, and its record.

        The first is another name of the large object itself, the others are real copies.
        """
        folder = self._there / str(count)
        folder.mkdir()
        os.link(self.large.path, folder / LARGE)
        names = [LARGE, *(f"copy-{number}.bin" for number in range(1, count))]
        for name in names[1:]:
            shutil.copyfile(self.large.path, folder / name)
        entries: list[tuple[str, list[object]]] = [(name, [self.large.size, self.large.md5]) for name in names]
        return folder, self._write(f"there-{count}", entries)

    @property
    def _small_folder(self) -> Path:
        return self.objects / BUCKET / "small"

    def _make_small(self) -> None:
        if self._small_folder.exists():
            return
        self._small_folder.mkdir(parents=True)
        for number in range(self.sizes.small):
            (self._small_folder / small_name(number)).write_bytes(os.urandom(SMALL_SIZE))

    def _many(self, called: str, count: int) -> Path:
        sums = [_etag(self._small_folder / small_name(number), None) for number in range(self.sizes.small)]
        return self._write(
            called, ((small_name(number), [SMALL_SIZE, sums[number % len(sums)]]) for number in range(count))
        )

    def _write(self, called: str, entries: Iterable[tuple[str, list[object]]]) -> Path:
        record = self._records / f"{called}.json"
        with record.open("w", encoding="utf-8") as file:
            before = "{"
            for name, entry in entries:
                file.write(f"{before}\n{json.dumps(name)}: {json.dumps(entry)}")
                before = ","
            file.write("\n}\n")
        return record


def small_name(number: int) -> str:
    """The name of a small object."""
    return f"{number:06d}.bin"


def _deep_name(number: int) -> str:
    return f"sample.d/frames/{number // 1000:04d}/frame_{number:06d}.bin"


def _etag(path: Path, part: int | None) -> str:
    """The MD5 of a file, or the ETag that S3 gives to an upload of it in parts of `part` MiB."""
    if part is None:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    digests = list(_part_digests(path, part * MIB))
    return f"{hashlib.md5(b''.join(digests)).hexdigest()}-{len(digests)}"


def _part_digests(path: Path, part: int) -> Iterator[bytes]:
    left = path.stat().st_size
    with path.open("rb") as file:
        while left > 0:
            yield _md5_of_next(file, min(left, part))
            left -= part


def _md5_of_next(file: BinaryIO, length: int) -> bytes:
    digest = hashlib.md5()
    while length:
        data = file.read(min(length, MIB))
        digest.update(data)
        length -= len(data)
    return digest.digest()
