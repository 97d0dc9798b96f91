"""The one program behind `run.sh`."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..processes import stop_at_signals
from .lanes import Book, run_lanes
from .sample_files import CASES
from .table import table
from .workspace import workspaces

_MINUTES: Final = 20.0
_SHORT: Final = 0.6
_SHORT_SEED: Final = 1
_MOST_SHOWN: Final = 20
_TURN: Final = 0.0005
"""Seconds until another thread gets its turn: a watcher has to read a file at once."""


def main() -> int:
    """Runs the trials and prints the table. Returns 1 if anything was counted that must not happen."""
    asked = _arguments()
    stop_at_signals()
    sys.setswitchinterval(_TURN)
    seed = asked.seed if asked.seed is not None else _SHORT_SEED if asked.short else random.randrange(10**6) * 1000
    minutes = asked.minutes or (_SHORT if asked.short else _MINUTES)
    book = Book(_say, asked.keep)
    _say(f"{', '.join(asked.sources)} for {minutes:g} minutes, from seed {seed}")
    began = time.monotonic()
    try:
        with _work_folder(book) as work, workspaces(asked.sources, work, _Deadline(minutes * 60)) as found:
            run_lanes(found, seed, work, book)
    except KeyboardInterrupt:
        return 130
    _print(book, seed, time.monotonic() - began)
    return 1 if book.failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.sh", description="Restores over a network with faults, by processes that are killed."
    )
    parser.add_argument("--minutes", type=float, help=f"minutes until no new restore begins ({_MINUTES:g})")
    parser.add_argument("--short", action="store_true", help=f"{_SHORT:g} minutes, from a fixed seed")
    parser.add_argument("--seed", type=int, help="seed of the first restore of each source (default: random)")
    parser.add_argument("--sources", nargs="+", choices=list(CASES), default=list(CASES), help="only these")
    parser.add_argument("--keep", action="store_true", help="keep the folders of restores that failed")
    return parser.parse_args()


class _Deadline:
    """Whether the time is up. It runs from the first call on, so that the start of the servers does not count."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: float | None = None

    def __call__(self) -> bool:
        now = time.monotonic()
        self._begun = now if self._begun is None else self._begun
        return now - self._begun > self._seconds


@contextmanager
def _work_folder(book: Book) -> Iterator[Path]:
    """A new folder. It is deleted at the end, unless the folders of failed trials are to be kept."""
    work = Path(tempfile.mkdtemp(prefix="chaos-")).resolve()
    try:
        yield work
    finally:
        if not (book.failed and book.keep):
            shutil.rmtree(work, ignore_errors=True)


def _print(book: Book, seed: int, seconds: float) -> None:
    print(table(book.tallies))
    print()
    print(f"{seconds / 60:.1f} minutes, from seed {seed}.")
    for problem in book.failed[:_MOST_SHOWN]:
        print(f"- {problem}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
