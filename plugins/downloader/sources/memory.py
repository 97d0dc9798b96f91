"""Files in memory: a complete source, for tests and experiments."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ..checksums import Checksum
from ..errors import NetworkError, ObjectNotFound, RangeRefused, SizeMismatch
from ..remote_file import RemoteFile, RemotePart
from ..source import ByteStream, Capabilities

__all__ = ["MemoryObject", "MemorySource", "MemoryStream"]


@dataclass(frozen=True, slots=True)
class MemoryObject:
    """One object. Its ETag is the MD5 of its bytes unless another is given."""

    data: bytes
    etag: str | None = None
    checksums: tuple[Checksum, ...] = ()
    parts: tuple[RemotePart, ...] = ()

    @property
    def tag(self) -> str:
        """The ETag, given or computed."""
        return self.etag or hashlib.md5(self.data, usedforsecurity=False).hexdigest()


class MemoryStream:
    """Bytes of one object, in buffers of `step` bytes."""

    def __init__(self, found: MemoryObject, start: int, stop: int | None, step: int) -> None:
        self._view = memoryview(found.data)[start:stop]
        self._step = step
        self._closed = False
        self.start = start
        self.size: int | None = len(found.data)
        self.etag: str | None = found.tag
        self.checksums = found.checksums

    def __iter__(self) -> Iterator[bytes | memoryview]:
        """The buffers in order."""
        for at in range(0, len(self._view), self._step):
            if self._closed:
                raise NetworkError("the stream was closed")
            yield self._view[at : at + self._step]

    def close(self) -> None:
        """Ends the stream."""
        self._closed = True


class MemorySource:
    """A dictionary of objects, as bytes or as `MemoryObject`s."""

    def __init__(
        self,
        objects: Mapping[str, bytes | MemoryObject],
        capabilities: Capabilities | None = None,
        step: int = 64 * 1024,
    ) -> None:
        """`step`: bytes of one buffer."""
        self._objects = {key: _as_object(value) for key, value in objects.items()}
        self._lock = threading.Lock()
        self._step = step
        self.capabilities = capabilities or Capabilities()

    def put(self, key: str, value: bytes | MemoryObject) -> None:
        """Adds or replaces an object."""
        with self._lock:
            self._objects[key] = _as_object(value)

    def remove(self, key: str) -> None:
        """Removes an object."""
        with self._lock:
            del self._objects[key]

    def describe(self, file: RemoteFile) -> RemoteFile:
        """As `Source.describe`."""
        found = self._find(file.key)
        if file.size not in (None, len(found.data)):
            raise SizeMismatch(f"{file.path} has {len(found.data)} bytes at its source, {file.size} are expected")
        more = tuple(checksum for checksum in found.checksums if checksum not in file.checksums)
        return replace(file, size=len(found.data), etag=found.tag, checksums=file.checksums + more)

    def open(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> ByteStream:
        """As `Source.open`."""
        found = self._find(file.key)
        if not self.capabilities.ranges and (start or stop is not None):
            raise RangeRefused(f"asked for a range of {file.path}, this source grants none")
        if start and start >= len(found.data):
            raise SizeMismatch(f"{file.path} is shorter than expected")
        return MemoryStream(found, start, stop, self._step)

    def parts(self, file: RemoteFile) -> tuple[RemotePart, ...]:
        """As `KnowsParts.parts`."""
        return self._find(file.key).parts

    def _find(self, key: str) -> MemoryObject:
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            raise ObjectNotFound(f"there is no object {key!r}")
        return found


def _as_object(value: bytes | MemoryObject) -> MemoryObject:
    found = value if isinstance(value, MemoryObject) else MemoryObject(value)
    return replace(found, etag=found.tag)  # computed once, not on each `open`
