"""Linux's inotify: what happens to the names in a folder, as the kernel reports it, in order."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag
from typing import Final

__all__ = ["FileEvent", "Inotify", "Seen"]


class FileEvent(IntFlag):
    """What was seen; the kernel's own numbers."""

    MODIFIED = 0x002
    MOVED_AWAY = 0x040
    MOVED_HERE = 0x080
    CREATED = 0x100
    DELETED = 0x200
    OVERFLOWN = 0x4000
    """Events were dropped."""
    IS_FOLDER = 0x40000000


_WATCHED: Final = (
    FileEvent.MODIFIED | FileEvent.MOVED_AWAY | FileEvent.MOVED_HERE | FileEvent.CREATED | FileEvent.DELETED
)
_ONLY_FOLDERS: Final = 0x01000000
_HEAD: Final = struct.Struct("iIII")
_BUFFER: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """One event. `folder`: as it was given to `watch`."""

    what: FileEvent
    folder: str
    name: str


class Inotify:
    """Not safe to use from several threads at once."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor: int = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._folders: dict[int, str] = {}

    def watch(self, folder: str) -> None:
        """Watches the names in `folder`, not those below it. Raises OSError."""
        mask = ctypes.c_uint32(_WATCHED | _ONLY_FOLDERS)
        number = self._checked(self._libc.inotify_add_watch(self.descriptor, os.fsencode(folder), mask))
        self._folders[number] = folder

    def read(self) -> list[Seen]:
        """What has happened since the last call; empty where nothing has."""
        try:
            data = os.read(self.descriptor, _BUFFER)
        except BlockingIOError:
            return []
        return list(self._events(data))

    def close(self) -> None:
        """Watches no more."""
        os.close(self.descriptor)

    def _events(self, data: bytes) -> Iterator[Seen]:
        at = 0
        while at < len(data):
            number, mask, _, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            name = os.fsdecode(data[at : at + length].rstrip(b"\0"))
            at += length
            yield Seen(FileEvent(mask), self._folders.get(number, ""), name)

    def _checked(self, answer: int) -> int:
        if answer < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return answer
