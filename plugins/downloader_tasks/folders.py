"""Folders that a run fills: made where they are missing, but never the location that they lie below."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from downloader.disk import Destination
from downloader.paths import safe_path

__all__ = ["make_below", "refuse_links"]

_ANY: Final = "_"
"""A name for a file in a folder that is asked for without any."""


def refuse_links(location: Path, folder: Path) -> None:
    """Raises DownloadError where a symbolic link out of `location`, or a file, stands where `folder` is due.

    The location itself may be a link: it is the owner's word. What lies below it anybody may have put there.
    """
    Destination(location).place(safe_path(str(folder.relative_to(location) / _ANY)))


def make_below(location: Path, folder: Path) -> None:
    """Makes `folder`, and those between it and `location`. Their names are on the disk before this returns.

    The location itself is never made: where a disk is not mounted any more, its place must not be filled. Raises
    OSError, also where `location` is missing, and DownloadError where a symbolic link or a file is in the way.
    """
    destination = Destination(location)
    place = destination.place(safe_path(str(folder.relative_to(location) / _ANY)))
    destination.prepare(place)
    with suppress(PermissionError):  # who may write to a folder and not read it cannot flush it
        destination.flush(place)
