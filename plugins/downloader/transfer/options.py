"""How files are transferred: the settings of a batch, besides its source and its destination."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final, Protocol

from ..checksums import MIB
from ..content import AnyContent, ContentCheck
from ..remote_file import RemoteFile
from ..retry import RetryPolicy
from .progress import Listener, Silent

__all__ = ["NoVerifiedFiles", "TransferLimits", "TransferOptions", "TransferPolicy", "VerifiedFileCache"]

_FEW_CONNECTIONS: Final = 16
"""A source that bears no more streams than this gets one lane for all its files."""


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """How much at once. Memory stays below `memory` plus `threads` small files."""

    threads: int = 256
    """Requests at once."""
    large_threads: int = 8
    """Files above `small_file` at once, as far as `memory` allows."""
    range_size: int = 4 * MIB
    """Bytes of one range of a large file. What is fetched ahead is lost where a process is killed."""
    read_ahead: int = 32
    """Ranges of one file fetched ahead at most, as far as `memory` allows: as many as the network makes it wait for."""
    small_file: int = 1 * MIB
    """Files up to this many bytes are fetched in one request, and flushed in groups."""
    memory: int = 256 * MIB
    """Bytes of large files held in memory at once."""
    lock_wait: float = 30.0
    """Seconds to wait for another run that writes the same file."""
    max_speed: float = 0.0
    """Bytes a second of all files together; 0 for no limit."""

    def most_small(self, connections: int) -> int:
        """Bytes up to which a file is a small one, from a source that bears so many streams; -1: none is."""
        return self.small_file if connections > _FEW_CONNECTIONS else -1


@dataclass(frozen=True, slots=True)
class TransferPolicy:
    """What is done with files that exist already, and what is asked of those that are downloaded."""

    overwrite: bool = False
    """Whether a file is downloaded though an intact one exists. That one stays until the new one is verified."""
    resume: bool = True
    """Whether part files and incomplete copies of an earlier run are resumed; else files start over."""
    content: ContentCheck = field(default_factory=AnyContent)
    """What files have to contain besides the right bytes."""


class VerifiedFileCache(Protocol):
    """What an earlier try of this task has verified, so that it is not hashed again."""

    def holds(self, file: RemoteFile, seen: os.stat_result) -> bool:
        """Whether the file on disk (`seen`) is the one that was verified, untouched since."""

    def note(self, file: RemoteFile, seen: os.stat_result) -> None:
        """Records that this file was verified."""


class NoVerifiedFiles:
    """An empty cache that stays empty."""

    def holds(self, file: RemoteFile, seen: os.stat_result) -> bool:
        """Never."""
        return False

    def note(self, file: RemoteFile, seen: os.stat_result) -> None:
        """Does nothing."""


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """All of it."""

    limits: TransferLimits = field(default_factory=TransferLimits)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    policy: TransferPolicy = field(default_factory=TransferPolicy)
    verified: VerifiedFileCache = field(default_factory=NoVerifiedFiles)
    listener: Listener = field(default_factory=Silent)
