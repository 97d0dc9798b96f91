"""Objects that were uploaded in parts, each with its checksum."""

from __future__ import annotations

from downloader.checksums import Checksum
from downloader.remote_file import RemotePart
from downloader.sources.memory import MemoryObject

__all__ = ["damaged", "in_parts", "parts_of_data"]


def parts_of_data(data: bytes, size: int, algorithm: str = "crc64nvme") -> tuple[RemotePart, ...]:
    """The parts of `size` bytes each, the last one shorter."""
    return tuple(
        RemotePart(range(at, min(at + size, len(data))), _checksum(algorithm, data[at : at + size]))
        for at in range(0, len(data), size)
    )


def _checksum(algorithm: str, data: bytes) -> Checksum:
    digest = Checksum(algorithm, "").digest()
    digest.update(data)
    return Checksum(algorithm, digest.digest().hex())


def in_parts(data: bytes, size: int, algorithm: str = "crc64nvme") -> MemoryObject:
    """An object in memory whose parts are known."""
    return MemoryObject(data, parts=parts_of_data(data, size, algorithm))


def damaged(data: bytes, *positions: int) -> bytes:
    """`data` with one bit turned at each of the positions."""
    wrong = bytearray(data)
    for at in positions:
        wrong[at] ^= 1
    return bytes(wrong)
