"""How files travel, as the configuration says it, in the engine's terms."""

from __future__ import annotations

from downloader.batch import Means
from downloader.checksums import MIB
from downloader.job import Handling, Limits
from downloader.retry import RetryPolicy

from .configuration import Transfer

__all__ = ["means"]


def means(transfer: Transfer, handling: Handling | None = None) -> Means:
    """The means of a batch; who listens and what was verified before are added by who runs it."""
    limits = Limits(
        threads=transfer.threads,
        range_size=transfer.range_size_mib * MIB,
        read_ahead=transfer.read_ahead,
        small_file=transfer.small_file_mib * MIB,
        lock_wait=transfer.lock_wait_seconds,
    )
    return Means(limits, RetryPolicy(transfer.attempts), handling=handling or Handling())
