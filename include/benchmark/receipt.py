"""Our contestant in the case `report`: a report of so many lines, written and read, and held against each other.

    python -m include.benchmark.receipt LINES FOLDER

Prints one JSON object: `started`, `inside`, `processor` (seconds), and of these the seconds to `write` and to `read`.
"""

# ruff: noqa: E402 (the clock starts before the imports)
from __future__ import annotations

import time

BEGAN = time.perf_counter()

import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from downloader.errors import ObjectNotFound
from downloader.report import Report, read, write
from downloader.results import FileResult, Outcome, failed

from .output import measured

_ONE_FAILS = 50
"""One of so many files."""


def result(number: int) -> FileResult:
    """Of one file."""
    name = f"sample.d/frames/{number // 1000:04d}/frame_{number:06d}.bin"
    if number % _ONE_FAILS == 0:
        return failed(name, ObjectNotFound(f"there is no object s3://bucket/project/{name}"), seconds=0.1)
    md5 = hashlib.md5(name.encode()).hexdigest()
    return FileResult(name, Outcome.DOWNLOADED, number, number, 0.3, f"md5:{md5}")


def write_and_read(report: Report, folder: Path) -> dict[str, Any]:
    """Seconds that each took."""
    began = time.perf_counter()
    path = write(report, folder, "sample")
    written = time.perf_counter()
    if read(path) != report:
        raise SystemExit("the report reads otherwise than it was written")
    return {"write": written - began, "read": time.perf_counter() - written}


def main(lines: str, folder: str) -> None:
    """See above."""
    results = tuple(result(number) for number in range(int(lines)))
    report = Report("S3 Download Status Report", datetime.now(UTC), folder, results=results)
    print(measured(BEGAN, lambda: write_and_read(report, Path(folder))))


if __name__ == "__main__":
    main(*sys.argv[1:])
