"""Our contestant in the case `drive`: a manifest brought home as the task `download` of `drive_datasets` does it.

Prints one JSON object: `started`, `inside`, and what became of the files (see `said`). ``--killed`` is another contest:
a process like this one is killed with SIGKILL once half of the bytes are on the disk, and started again; then `twice`
says what share of all bytes the server sent a second time.
"""

# ruff: noqa: E402 (the clock starts before the imports)
from __future__ import annotations

import time

BEGAN = time.perf_counter()

import argparse
import json
import subprocess
import sys
from pathlib import Path

import requests

from downloader.batch import Means, restore
from downloader.job import Limits
from downloader.manifest import planned, read_manifest
from downloader.retry import Clock, RetryPolicy
from downloader.sources.drive import DriveAccess, DriveSource

from .recordings import STREAMS
from .said import summary

_LOOK = 0.02
_PATIENCE = 600.0


def fetch(manifest: Path, url: str, destination: Path) -> None:
    """Brings the data sets home, and says how it went."""
    files = planned(read_manifest(manifest).datasets)
    policy = RetryPolicy()
    access = DriveAccess(web_url=url, download_url=url, api_url=f"{url}/drive/v3")
    source = DriveSource(files, access, STREAMS, Clock(policy.clock.now, policy.pause))
    means = Means(Limits(threads=STREAMS, large_threads=STREAMS), policy)
    called = time.perf_counter()
    results = restore(files, source, destination, means)
    done = time.perf_counter()
    print(json.dumps({"started": called - BEGAN, "inside": done - called, **summary(results)}))


def killed(manifest: Path, url: str, destination: Path) -> None:
    """Fetches with a kill in the middle, and says what came twice."""
    size = sum(dataset.size or 0 for dataset in read_manifest(manifest).datasets)
    before = _sent(url)
    command = [sys.executable, "-m", "benchmark.datasets", str(manifest), url, str(destination)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as first:
        _wait_for_half(destination, size / 2)
        first.kill()
    half = _bytes_below(destination)
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    twice = (_sent(url) - before - size) / size
    print(json.dumps({**json.loads(again.stdout), "half": half, "twice": twice}))


def _sent(url: str) -> int:
    return int(requests.get(f"{url}/sent", timeout=30).text)


def _wait_for_half(folder: Path, half: float) -> None:
    late = time.monotonic() + _PATIENCE
    while _bytes_below(folder) < half:
        if time.monotonic() > late:
            raise SystemExit("half of it never came")
        time.sleep(_LOOK)


def _bytes_below(folder: Path) -> int:
    sizes = []
    for path in folder.rglob("*"):
        try:
            sizes.append(path.stat().st_size if path.is_file() else 0)
        except FileNotFoundError:
            continue  # a part file that has got its final name
    return sum(sizes)


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("url")
    parser.add_argument("destination", type=Path)
    parser.add_argument("--killed", action="store_true")
    asked = parser.parse_args()
    (killed if asked.killed else fetch)(asked.manifest, asked.url, asked.destination)


if __name__ == "__main__":
    main()
