"""A bar that shows how far a long piece of work is; nothing where nobody looks at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

__all__ = ["Advance", "progress"]

Advance = Callable[[int], None]
"""Takes what was done since the last call. Any thread may call it."""


@contextmanager
def progress(about: str, total: int, *, in_bytes: bool) -> Iterator[Advance]:
    """Shows a bar on the standard error while the block runs. `total`: bytes, or a number of things."""
    amounts = (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (MofNCompleteColumn(),)
    columns = (TextColumn("{task.description}"), BarColumn(), *amounts, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as shown:
        task = shown.add_task(about, total=total)
        yield lambda done: shown.advance(task, done)
