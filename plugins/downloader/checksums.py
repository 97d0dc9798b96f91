"""Checksums: how they are written, computed while bytes pass, and compared.

Three forms. *Whole*: one value over all bytes. *S3 ETag* of a multipart upload: MD5 over the MD5 digests of the parts.
*Composite*: an S3 additional checksum over the checksums of the parts. The last two need the parts' sizes; an ETag says
their number alone, so where the size is unknown the sizes that fit are tried (`candidates`).

Source of the rules: "Checking object integrity" in the Amazon S3 user guide.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice, repeat
from typing import Final, Protocol

from awscrt import checksums as crt

__all__ = [
    "MIB",
    "PROCESSORS",
    "S3_ETAG",
    "Checksum",
    "Digest",
    "Hasher",
    "from_base64",
    "from_etag",
    "is_weak",
    "opaque_tag",
    "same_object",
]

MIB: Final = 1024 * 1024
S3_ETAG: Final = "s3-etag"
PROCESSORS: Final = len(os.sched_getaffinity(0))
"""How many this process may use: as many parts are hashed side by side."""

_COMMON_MIB = (5, 8, 10, 15, 16, 25, 32, 50, 64, 100, 128, 256, 500, 512, 1024)
_COMMON_MB = (5, 8, 10, 15, 16, 20, 25, 50, 64, 100, 128, 250, 256, 500, 512, 1000)
_MOST_CANDIDATES = 16
_ETAG = re.compile(r"([0-9a-f]{32})(?:-([1-9][0-9]{0,4}))?")
_ENCODING = re.compile(r'"?(?:--?|;)(?:gzip|br|zstd|deflate)$')
"""What proxies put behind an ETag, on one of HEAD and GET only."""
_COUNT = re.compile(r"[1-9][0-9]{0,4}")
_MOST_PARTS = 10_000
"""S3's own limit."""


class Hasher(Protocol):
    """Takes bytes in order, answers their checksum as it is written in `Checksum.value`."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Takes the next bytes. Releases the GIL for all but the smallest."""

    def value(self) -> str:
        """The checksum of all bytes taken so far."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """``algorithm:value``.

    `value` is lower-case hex, with ``-N`` behind it for a checksum over N parts. `part_sizes` is empty for a whole, one
    number where all parts but the last have that size, or every part's size in bytes. `guessed` says that the part size
    was found among those that fit, or that the checksum is not surely that of the bytes, so that a mismatch proves
    nothing; `doubt` says why, where the file's line in the report is to tell. Where there is a doubt
    and it is not guessed, a mismatch decides once no other checksum proves the bytes. `same_original`: it was computed
    from the very file that those before it were, so that its match proves as well as theirs.
    """

    algorithm: str
    value: str
    part_sizes: tuple[int, ...] = ()
    guessed: bool = False
    doubt: str = field(default="", compare=False)
    same_original: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"

    @property
    def is_strong(self) -> bool:
        """Whether two different files cannot share it by accident."""
        return not self.algorithm.startswith("crc")

    @property
    def parts(self) -> int | None:
        """The number of parts, None for a whole."""
        _, dash, count = self.value.partition("-")
        return int(count) if dash else None

    def candidates(self, size: int) -> Iterator[Checksum]:
        """The forms of this checksum that a file of `size` bytes can be held against, likeliest first.

        A whole, or one whose part sizes are known and fit, answers itself; a multipart one with an unknown part size
        answers one form for each part size that cuts `size` bytes into that many parts (a single part leaves nothing to
        guess); one that cannot be computed (unknown algorithm, part sizes that do not add up) answers nothing.
        """
        if self.algorithm not in _DIGESTS:
            return
        parts = self.parts
        if parts is None:
            yield self
        elif self.part_sizes:
            if _fits(self.part_sizes, size, parts):
                yield self
        elif parts == 1:
            yield replace(self, part_sizes=(max(size, 1),))
        else:
            for part_size in _sizes_that_fit(size, parts):
                yield replace(self, part_sizes=(part_size,), guessed=True)

    def cut(self, size: int) -> Iterator[range]:
        """The positions of the parts of a file of `size` bytes, in order; of a whole, or an empty file, one part."""
        sizes, start = self.part_sizes or (max(size, 1),), 0
        for step in chain(sizes, repeat(sizes[-1])):
            yield range(start, min(start + step, size))
            start += step
            if start >= size:
                return

    def digest(self) -> Digest:
        """A fresh digest for one part. Raises KeyError as `hasher`."""
        return _DIGESTS[self.algorithm]()

    def of_parts(self, digests: Sequence[bytes]) -> str:
        """The value over parts with these digests."""
        outer = self.digest()
        outer.update(b"".join(digests))
        return f"{outer.digest().hex()}-{len(digests)}"

    def hasher(self) -> Hasher:
        """A fresh hasher for this form. Raises KeyError for an algorithm that `candidates` would not answer."""
        return _Whole(self.digest()) if self.parts is None else _Parts(self)


def from_etag(etag: str, part_sizes: tuple[int, ...] = ()) -> Checksum | None:
    """An ETag as a checksum; None if it has not the form of one (weak, or not 32 hex digits).

    The form alone does not prove that it is an MD5: under SSE-KMS and SSE-C it is not. The caller has to know.
    """
    found = _ETAG.fullmatch(etag.strip().strip('"').lower())
    if found is None or int(found[2] or 1) > _MOST_PARTS:
        return None
    if found[2] is None:
        return Checksum("md5", found[1])
    return Checksum(S3_ETAG, found[0], part_sizes)


def is_weak(etag: str) -> bool:
    """Whether it names content that is equivalent, and not the very bytes."""
    return etag.startswith("W/")


def opaque_tag(etag: str) -> str:
    """An ETag, with or without its quotes, as the server behind the proxies made it."""
    return _ENCODING.sub("", etag.removeprefix("W/").strip('"'))


def same_object(one: str, other: str) -> bool:
    """Whether both name one object, whatever proxies have added."""
    return one == other or opaque_tag(one) == opaque_tag(other)


def from_base64(algorithm: str, value: str, part_sizes: tuple[int, ...] = ()) -> Checksum | None:
    """An S3 additional checksum (base64, ``-N`` behind a composite one) as a checksum; None if it is not one."""
    text, dash, count = value.partition("-")
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    name = algorithm.lower()
    if name not in _DIGESTS or name == S3_ETAG or len(digest) != len(_DIGESTS[name]().digest()):
        return None
    if dash and not (_COUNT.fullmatch(count) and int(count) <= _MOST_PARTS):
        return None
    return Checksum(name, digest.hex() + dash + count, part_sizes if dash else ())


class Digest(Protocol):
    """As hashlib's."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Takes the next bytes. Releases the GIL for all but the smallest."""

    def digest(self) -> bytes:
        """Of all bytes taken so far."""


class _Crc:
    """One of awscrt's CRC functions in hashlib's clothes; the digest is big-endian, as S3 writes it."""

    def __init__(self, function: Callable[[bytes, int], int], width: int) -> None:
        self._function = function
        self._width = width
        self._value = 0

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        self._value = self._function(data, self._value)  # type: ignore[arg-type]

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


def _md5() -> Digest:
    return hashlib.md5(usedforsecurity=False)


def _sha1() -> Digest:
    return hashlib.sha1(usedforsecurity=False)


_DIGESTS: Final[dict[str, Callable[[], Digest]]] = {
    "md5": _md5,
    S3_ETAG: _md5,
    "sha1": _sha1,
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "crc32": lambda: _Crc(crt.crc32, 4),
    "crc32c": lambda: _Crc(crt.crc32c, 4),
    "crc64nvme": lambda: _Crc(crt.crc64nvme, 8),
}


class _Whole:
    def __init__(self, digest: Digest) -> None:
        self._digest = digest
        self.update = digest.update

    def value(self) -> str:
        return self._digest.digest().hex()


class _Parts:
    """Digest of the digests of parts; a part may end anywhere inside an update."""

    def __init__(self, form: Checksum) -> None:
        self._form = form
        self._closed: list[bytes] = []
        self._open = form.digest()
        self._room = form.part_sizes[0]
        self._taken = 0

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        rest = memoryview(data)
        while rest:
            if not self._room:
                self._close()
            step = rest[: self._room]
            self._open.update(step)
            self._room -= len(step)
            self._taken += len(step)
            rest = rest[len(step) :]

    def _close(self) -> None:
        self._closed.append(self._open.digest())
        self._open = self._form.digest()
        self._taken = 0
        sizes = self._form.part_sizes
        self._room = sizes[min(len(self._closed), len(sizes) - 1)]

    def value(self) -> str:
        if self._taken or not self._closed:
            self._close()
        return self._form.of_parts(self._closed)


def _fits(part_sizes: tuple[int, ...], size: int, parts: int) -> bool:
    if min(part_sizes) <= 0:
        return False
    if len(part_sizes) > 1:
        return len(part_sizes) == parts and sum(part_sizes) == size
    return max(1, -(-size // part_sizes[0])) == parts


def _sizes_that_fit(size: int, parts: int) -> Iterator[int]:
    """Part sizes in bytes that cut `size` into `parts` (at least two): the usual ones, then every whole MiB."""
    least, most = -(-size // parts), (size - 1) // (parts - 1)
    usual = [m * MIB for m in _COMMON_MIB] + [m * 1_000_000 for m in _COMMON_MB]
    whole = range(-(-least // MIB) * MIB, most + 1, MIB)
    fitting = dict.fromkeys(part_size for part_size in usual if least <= part_size <= most)
    fitting.update(dict.fromkeys(whole[:_MOST_CANDIDATES]))
    yield from islice(fitting, _MOST_CANDIDATES)
