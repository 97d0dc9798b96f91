"""The folders that a run fills: made where they are missing, below their location, with room for what is to come."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from downloader.disk import Destination, part_size
from downloader.errors import DownloadError
from downloader.paths import safe_path
from downloader.remote_file import Planned, RemoteFile
from downloader.transfer import Action, decide, inspect_by_size

from .failures import Refusal
from .wording import shown_size

__all__ = ["Share", "Space", "first_to_come", "free_space", "is_kept", "make_below", "nearest", "refuse_links"]

_ANY: Final = "_"
"""A name for a file in a folder that is asked for without any."""


def refuse_links(location: Path, folder: Path) -> None:
    """Raises DownloadError where a symbolic link out of `location`, or a file, is in the place of `folder`.

    The location itself may be a link: its owner configured it. Anybody may have put a link below it.
    """
    Destination(location).place(safe_path(str(folder.relative_to(location) / _ANY)))


def make_below(location: Path, folder: Path) -> None:
    """Makes `folder`, and those between it and `location`. Their names are flushed to disk before this returns.

    The location itself is never made: where a disk is not mounted any more, its mount point must not be filled. Raises
    OSError, also where `location` is missing, and DownloadError where a symbolic link or a file is in the way.
    """
    destination = Destination(location)
    place = destination.place(safe_path(str(folder.relative_to(location) / _ANY)))
    destination.prepare(place)
    with suppress(PermissionError):  # a folder that may be written to and not read cannot be flushed
        destination.flush(place)


class Share(NamedTuple):
    """Bytes of a disk, which is known by its device number."""

    disk: int
    size: int


class Space:
    """Free space, of which each item of a run takes its share."""

    def __init__(self) -> None:
        self._promised: dict[int, int] = {}

    def share(self, files: Sequence[Planned], destination: Path) -> list[Share]:
        """The room that `files` need, disk by disk: another one may be mounted at a folder of the destination.

        Raises Refusal, saying how much is missing, where there is not enough.
        """
        return [self.room(need, folder) for folder, need in _needs(files, destination)]

    def room(self, need: int, destination: Path) -> Share:
        """Room for `need` bytes. Raises Refusal as `share` does."""
        there = nearest(destination)
        disk = os.stat(there).st_dev
        free = shutil.disk_usage(there).free - self._promised.get(disk, 0)
        if need > free:
            raise Refusal(
                f"{shown_size(need)} are to be written to {destination}, and only {shown_size(max(0, free))} are free "
                f"there; free {shown_size(need - free)} more"
            )
        return Share(disk, need)

    def promise(self, shares: Iterable[Share]) -> None:
        """Subtracts shares from what others may have."""
        for share in shares:
            self._promised[share.disk] = self._promised.get(share.disk, 0) + share.size


def _needs(files: Sequence[Planned], destination: Path) -> Iterable[tuple[Path, int]]:
    """A folder on each disk, and the bytes that `files` add to what is there under a final name or in a part file.

    The files are looked at one by one, and none is kept.
    """
    there = Destination(destination) if destination.is_dir() else None
    needs: dict[int, tuple[Path, int]] = {_disk_of(destination): (destination, 0)}
    known: dict[str, int] = {}
    for item in files:
        if not isinstance(item, RemoteFile):
            continue
        folder = item.path.folder
        if folder not in known:
            known[folder] = _disk_of(destination / folder)
        first, need = needs.get(known[folder], (destination / folder, 0))
        more = (item.size or 0) if there is None or not item.size else _to_come(item, there)
        needs[known[folder]] = first, need + more
    return needs.values()


def _disk_of(folder: Path) -> int:
    return os.stat(nearest(folder)).st_dev


def first_to_come(files: Sequence[Planned], destination: Path, *, overwrite: bool = False) -> RemoteFile | None:
    """The first of `files` that will be downloaded, by what is there under its final name; None if all are there.

    `overwrite`: whether what is there is downloaded again.
    """
    folder = Destination(destination)
    remote = (item for item in files if isinstance(item, RemoteFile))
    return next((item for item in remote if overwrite or not is_kept(item, folder)), None)


def is_kept(file: RemoteFile, folder: Destination) -> bool:
    """Whether it is there, or will fail without a request."""
    try:
        return decide(inspect_by_size(folder.place(file.path), file), file).action is Action.KEEP
    except DownloadError:
        return True


def _to_come(file: RemoteFile, folder: Destination) -> int:
    size = file.size or 0
    try:
        place = folder.place(file.path)
        action = decide(inspect_by_size(place, file), file).action
    except DownloadError:
        return size  # the download will say what is wrong with it
    # An incomplete copy saves nothing here: it stays until the new one is whole.
    return 0 if action is Action.KEEP else max(0, size - part_size(place, file.identity))


def free_space(folder: Path) -> int | None:
    """Bytes that are free on the disk where `folder` is, or will be; None where the disk does not tell."""
    try:
        return shutil.disk_usage(nearest(folder)).free
    except OSError:
        return None


def nearest(folder: Path) -> Path:
    """`folder`, or the folder above it that exists."""
    while not os.path.exists(folder):  # Path.exists raises where a name is too long
        folder = folder.parent
    return folder
