"""The options of a transfer, as the configuration says them."""

from __future__ import annotations

from dataclasses import replace

from downloader.checksums import MIB
from downloader.retry import RetryPolicy
from downloader.transfer import TransferLimits, TransferOptions, TransferPolicy

from .configuration import MB, Transfer

__all__ = ["service_options", "transfer_options"]


def transfer_options(transfer: Transfer, policy: TransferPolicy | None = None) -> TransferOptions:
    """The options of a batch. Its listener and its cache of verified files are added where it is run."""
    limits = TransferLimits(
        threads=transfer.threads,
        range_size=transfer.range_size_mib * MIB,
        read_ahead=transfer.read_ahead,
        small_file=transfer.small_file_mib * MIB,
        lock_wait=transfer.lock_wait_seconds,
        max_speed=transfer.max_speed * MB,
    )
    return TransferOptions(limits, RetryPolicy(transfer.attempts), policy=policy or TransferPolicy())


def service_options(
    transfer: Transfer, policy: TransferPolicy, streams: int, max_retries: int, retry_delay: float
) -> TransferOptions:
    """The options for a web service that allows few streams at once, and has its own settings for retries.

    `retry_delay`: seconds after the first failure.
    """
    usual = transfer_options(transfer, policy)
    retry = RetryPolicy(max_retries + 1, first_wait=retry_delay)
    retry = replace(retry, longest_wait=max(retry.longest_wait, retry_delay))
    return replace(usual, limits=replace(usual.limits, threads=streams, large_threads=streams), retry=retry)
