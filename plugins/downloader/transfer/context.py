"""What the transfers of one batch share."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from dataclasses import dataclass, field

from ..checksums import MIB
from ..disk import Destination
from ..remote_file import RemoteFile
from ..retry import Clock, Halt, RetryPolicy
from ..source import Source
from .concurrency import MemoryBudget
from .options import TransferOptions
from .progress import Counters
from .verification import first_to_try

__all__ = ["BatchContext"]


@dataclass(frozen=True, slots=True)
class BatchContext:
    """One batch: from where, to where, by which options, and what its threads share."""

    source: Source
    destination: Destination
    options: TransferOptions
    ranges: Executor
    """Threads that fetch ranges ahead."""
    memory: MemoryBudget
    """For ranges of large files."""
    unhashed: MemoryBudget = field(default_factory=lambda: MemoryBudget(64 * MIB))
    """For bytes of large files that wait to be hashed side by side."""
    counters: Counters = field(default_factory=Counters)

    @property
    def retry(self) -> RetryPolicy:
        """Who retries, when, and for how long."""
        return self.options.retry

    @property
    def halt(self) -> Halt:
        """Stops the batch."""
        return self.options.retry.halt

    @property
    def clock(self) -> Clock:
        """The time."""
        return self.options.retry.clock

    def note_verified(self, file: RemoteFile, assurance: str, seen: os.stat_result) -> None:
        """Records a file that its first checksum to try proved: by that it is called verified when it is seen again."""
        if assurance and assurance == str(first_to_try(file, seen.st_size) or ""):
            self.options.verified.note(file, seen)
