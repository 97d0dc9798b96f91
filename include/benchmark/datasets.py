"""Our contestant in the case `drive`: downloads a manifest as the task `download` of `drive_datasets` does.

Prints one JSON object: `started`, `inside`, `processor`, and what became of the files (see `output`).
"""

# ruff: noqa: E402 (the clock starts before the imports)
from __future__ import annotations

import time

BEGAN = time.perf_counter()

import argparse
from pathlib import Path

from downloader.datasets import planned, read_manifest
from downloader.retry import Clock, RetryPolicy
from downloader.sources.drive import DriveAccess, DriveSource
from downloader.transfer import TransferLimits, TransferOptions, restore

from .output import measured, summary
from .recordings import STREAMS


def fetch(manifest: Path, url: str, destination: Path) -> None:
    """Downloads the data sets and prints the results."""
    files = planned(read_manifest(manifest).datasets)
    policy = RetryPolicy()
    access = DriveAccess(web_url=url, download_url=url, api_url=f"{url}/drive/v3")
    source = DriveSource(access, STREAMS, Clock(policy.clock.now, policy.pause))
    options = TransferOptions(TransferLimits(threads=STREAMS, large_threads=STREAMS), policy)
    print(measured(BEGAN, lambda: summary(restore(files, source, destination, options))))


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("url")
    parser.add_argument("destination", type=Path)
    asked = parser.parse_args()
    fetch(asked.manifest, asked.url, asked.destination)


if __name__ == "__main__":
    main()
