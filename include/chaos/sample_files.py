"""The files of one trial: fresh contents, and what is known of each file before it is downloaded."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from downloader.checksums import S3_ETAG, Checksum
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile

from ..stand_ins.contents import digest
from ..stand_ins.pictures import fits, jpeg, png
from .faults import ALL, HONEST, Fault

__all__ = ["CASES", "Case", "SampleFile", "as_json", "planned", "remote_file"]

_KIB: Final = 1024
_SMALL, _LARGE = 48 * _KIB, 1536 * _KIB
_PART_SIZE: Final = 200_000
_FOLDERS: Final = ("", "", "run 1.d/", "run 1.d/deep/er/", "prüfung/")
_SQUARES: Final[dict[str, Callable[[int, int, int], bytes]]] = {"png": png, "fits": fits}
_LEAST_REPEATED: Final = 60
"""Fewer bytes than any request or answer has: a whole one that was repeated would be taken for the next one."""


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One file. `key`: unlike all others, so that a flipped bit does not turn one into another."""

    name: str
    key: str
    content: bytes
    size_known: bool = True
    checksum: Checksum | None = None
    form: str = ""
    """Of a picture: ``png``, ``jpg``, ``fits``."""

    @property
    def is_provable(self) -> bool:
        """Whether a wrong bit is detected; a PNG has checksums of its own."""
        return self.checksum is not None or self.form == "png"


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of files that a source serves, and the faults that they are restored through."""

    name: str
    make: Callable[[random.Random, str, int], SampleFile]
    """Makes a file from its key and its approximate number of bytes."""
    faults: tuple[Fault, ...] = ALL
    most_repeated: int = 4096


def _recorded(dice: random.Random, key: str, size: int) -> SampleFile:
    content = dice.randbytes(size)
    forms = (_plain("md5", content), _plain("sha256", content), _in_parts(content))
    return SampleFile(_name(dice, key, "raw"), key, content, checksum=dice.choice(forms))


def _listed(dice: random.Random, key: str, size: int) -> SampleFile:
    """As MinIO lists it: the ETag is the MD5."""
    content = dice.randbytes(size)
    return SampleFile(_name(dice, key, "ndjson"), key, content, checksum=_plain("md5", content))


def _with_sum(dice: random.Random, key: str, size: int) -> SampleFile:
    content = dice.randbytes(size)
    return SampleFile(_name(dice, key, "zip"), key, content, dice.random() < 0.7, _plain("sha256", content))


def _without_sum(dice: random.Random, key: str, size: int) -> SampleFile:
    """With nothing but its size, or not even that: only the length of the answer shows where it ends."""
    return SampleFile(_name(dice, key, "bin"), key, dice.randbytes(size), dice.random() < 0.5)


def _picture(kinds: tuple[str, ...]) -> Callable[[random.Random, str, int], SampleFile]:
    def make(dice: random.Random, key: str, size: int) -> SampleFile:
        kind = dice.choice(kinds)
        side = max(int(size**0.5), 8)
        if kind == "jpg":
            content = jpeg(min(side, 200), dice.getrandbits(64))
        else:
            content = _SQUARES[kind](side, side, dice.getrandbits(64))
        return SampleFile(_name(dice, key, kind), key, content, size_known=False, form=kind)

    return make


CASES: Final[dict[str, tuple[Case, ...]]] = {
    "s3": (Case("S3, checksums recorded", _recorded),),
    "minio": (Case("MinIO, ETags listed", _listed),),
    "drive": (
        Case("Drive, SHA-256 in the manifest", _with_sum),
        Case("Drive, size alone or nothing known", _without_sum, HONEST),
    ),
    "slooh": (
        Case("Slooh, PNG (CRC in each chunk)", _picture(("png",)), ALL, _LEAST_REPEATED),
        Case("Slooh, PNG, JPEG and FITS", _picture(("png", "jpg", "fits")), HONEST),
    ),
}
"""By source. Where a flipped bit could not be told from a right one, none is flipped and no byte is repeated."""


def planned(dice: random.Random, case: Case) -> list[SampleFile]:
    """The files of a trial: two to four large ones, some small ones, sometimes an empty one."""
    sizes = [dice.randint(_SMALL, _LARGE) for _ in range(dice.randint(2, 4))]
    sizes += [int(_SMALL ** dice.random()) for _ in range(dice.randint(3, 14))]
    sizes += [0] * dice.choice((0, 0, 1))
    return [case.make(dice, dice.randbytes(12).hex(), size) for size in sizes]


def remote_file(sample: SampleFile, key: str) -> RemoteFile:
    """The file as it is planned. `key`: what its source opens it by."""
    checksums = () if sample.checksum is None else (sample.checksum,)
    return RemoteFile(safe_path(sample.name), len(sample.content) if sample.size_known else None, key, checksums)


def _name(dice: random.Random, key: str, suffix: str) -> str:
    return f"{dice.choice(_FOLDERS)}{key[:10]}.{suffix}"


def _plain(algorithm: str, content: bytes) -> Checksum:
    return Checksum(algorithm, digest(content, algorithm))


def _in_parts(content: bytes) -> Checksum:
    """As of a multipart upload."""
    parts = max(-(-len(content) // _PART_SIZE), 1)
    hasher = Checksum(S3_ETAG, f"-{parts}", (_PART_SIZE,)).hasher()
    hasher.update(content)
    return Checksum(S3_ETAG, hasher.value(), (_PART_SIZE,))


def as_json(file: RemoteFile) -> dict[str, Any]:
    """The file as JSON, for a worker."""
    sums = [[one.algorithm, one.value, one.part_sizes, one.guessed] for one in file.checksums]
    return {"path": str(file.path), "size": file.size, "key": file.key, "checksums": sums, "etag": file.etag}
