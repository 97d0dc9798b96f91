"""How files travel, as the configuration says it, in the engine's terms."""

from __future__ import annotations

from dataclasses import replace

from downloader.checksums import MIB
from downloader.retry import RetryPolicy
from downloader.transfer import TransferLimits, TransferOptions, TransferPolicy

from .configuration import Transfer

__all__ = ["options", "service_options"]


def options(transfer: Transfer, policy: TransferPolicy | None = None) -> TransferOptions:
    """The means of a batch; who listens and what was verified before are added by who runs it."""
    limits = TransferLimits(
        threads=transfer.threads,
        range_size=transfer.range_size_mib * MIB,
        read_ahead=transfer.read_ahead,
        small_file=transfer.small_file_mib * MIB,
        lock_wait=transfer.lock_wait_seconds,
    )
    return TransferOptions(limits, RetryPolicy(transfer.attempts), policy=policy or TransferPolicy())


def service_options(
    transfer: Transfer, policy: TransferPolicy, streams: int, max_retries: int, retry_delay: float
) -> TransferOptions:
    """The options for a service on the web that bears few streams at once, and has its own settings for retries.

    `retry_delay`: seconds after the first failure.
    """
    usual = options(transfer, policy)
    retry = RetryPolicy(max_retries + 1, first_wait=retry_delay)
    retry = replace(retry, longest_wait=max(retry.longest_wait, retry_delay))
    return replace(usual, limits=replace(usual.limits, threads=streams, large_threads=streams), retry=retry)
