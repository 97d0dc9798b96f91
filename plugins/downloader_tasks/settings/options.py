"""How files travel, as the configuration says it, in the engine's terms."""

from __future__ import annotations

from dataclasses import replace

from downloader.checksums import MIB
from downloader.retry import RetryPolicy
from downloader.transfer import Handling, Limits, Means

from .configuration import Transfer

__all__ = ["means", "means_of_service"]


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


def means_of_service(
    transfer: Transfer, handling: Handling, streams: int, max_retries: int, retry_delay: float
) -> Means:
    """The means for a service on the web that bears few streams at once, and has its own settings for retries.

    `retry_delay`: seconds after the first failure.
    """
    usual = means(transfer, handling)
    policy = RetryPolicy(max_retries + 1, first_wait=retry_delay)
    policy = replace(policy, longest_wait=max(policy.longest_wait, retry_delay))
    return replace(usual, limits=replace(usual.limits, threads=streams, large_threads=streams), policy=policy)
