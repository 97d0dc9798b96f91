"""The one place that gives files their final names, one by one or many that share two flushes (a commit group).

The bytes are flushed, then the files get their names, then those are flushed. Nothing else makes a final name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

from ..errors import DiskFull, DownloadError, as_download_error, from_os_error
from .destination import Place
from .flushing import flush_file_system
from .part_file import refusal

__all__ = ["WholeFile", "commit"]


class WholeFile(Protocol):
    """An open file with all its bytes, verified: a part file, or one without a name."""

    @property
    def place(self) -> Place:
        """Where it belongs."""

    @property
    def descriptor(self) -> int:
        """Of the open file."""

    @property
    def disk(self) -> int:
        """The device that it lies on."""

    def flush_bytes(self) -> None:
        """Returns once its bytes are on the disk. Raises OSError."""

    def take_name(self) -> None:
        """Gives it its final name. Raises OSError, DownloadError."""

    def flush_names(self) -> None:
        """Returns once its name is on the disk. Raises OSError."""

    def discard(self) -> None:
        """Removes it. Raises OSError."""

    def close(self) -> None:
        """Closes it."""


def commit(files: Sequence[WholeFile]) -> dict[WholeFile, DownloadError]:
    """Flushes verified files, gives them their final names, flushes those, and closes them.

    Returns the refusals of the disk, by file; the others are committed. A group is flushed by the file system, one
    file by itself.
    """
    refused: dict[WholeFile, DownloadError] = {}
    _flush(files, lambda file: file.flush_bytes(), refused)
    for file in files:
        if file in refused:
            _forget_unflushed(file, refused[file])
        else:
            _attempt(file, file.take_name, refused)
    _flush([file for file in files if file not in refused], lambda file: file.flush_names(), refused)
    for file in files:
        file.close()
    return refused


def _flush(
    files: Sequence[WholeFile], one: Callable[[WholeFile], None], refused: dict[WholeFile, DownloadError]
) -> None:
    """Flushes disk by disk (a folder of the destination may lie on another one), or one by one where that cannot be."""
    disks: dict[int, list[WholeFile]] = defaultdict(list)
    for file in files:
        disks[file.disk].append(file)
    for group in disks.values():
        if len(group) > 1 and _flush_group(group, refused):
            continue
        for file in group:
            _attempt(file, partial(one, file), refused)


def _flush_group(files: Sequence[WholeFile], refused: dict[WholeFile, DownloadError]) -> bool:
    try:
        return flush_file_system(files[0].descriptor)
    except OSError as error:
        for file in files:
            refused[file] = from_os_error(error, str(file.place.path))
        return True


def _attempt(file: WholeFile, action: Callable[[], None], refused: dict[WholeFile, DownloadError]) -> None:
    try:
        action()
    except OSError as error:
        refused[file] = refusal(error, file.place)
    except Exception as error:  # noqa: BLE001 one bad file never stops the others
        refused[file] = as_download_error(error, str(file.place.path))


def _forget_unflushed(file: WholeFile, error: DownloadError) -> None:
    """Removes a file whose flush failed: the system takes its bytes for written, and would find them right.

    Where the disk is full they stay. They are not in memory either, so the next run reads what is there.
    """
    if not isinstance(error, DiskFull):
        with suppress(OSError):
            file.discard()
