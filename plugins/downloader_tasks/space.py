"""Whether what is to come fits on the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from downloader.disk import Destination, part_name
from downloader.errors import DownloadError
from downloader.remote_file import Planned, RemoteFile

from .failures import Refusal
from .wording import shown_size

__all__ = ["Share", "Space", "bytes_to_come", "nearest", "size_there"]


class Share(NamedTuple):
    """Bytes of a disk, which is known by its device number."""

    disk: int
    size: int


class Space:
    """Free space, of which each restore of a run takes its share."""

    def __init__(self) -> None:
        self._promised: dict[int, int] = {}

    def share(self, files: Sequence[Planned], destination: Path) -> list[Share]:
        """The room that `files` need, disk by disk: another one may be mounted at a folder of the destination.

        Raises Refusal, saying how much is missing, where there is not enough.
        """
        disks = _by_disk(files, destination)
        return [self.room(bytes_to_come(mine, destination), folder) for folder, mine in disks]

    def room(self, need: int, destination: Path) -> Share:
        """Room for `need` bytes. Raises Refusal as `share` does."""
        there = nearest(destination)
        disk = os.stat(there).st_dev
        free = shutil.disk_usage(there).free - self._promised.get(disk, 0)
        if need > free:
            raise Refusal(
                f"{shown_size(need)} are to come to {destination}, and {shown_size(max(0, free))} are free there; "
                f"make room for {shown_size(need - free)} more"
            )
        return Share(disk, need)

    def promise(self, shares: Iterable[Share]) -> None:
        """Takes shares away from what the others may have."""
        for share in shares:
            self._promised[share.disk] = self._promised.get(share.disk, 0) + share.size


def _by_disk(files: Sequence[Planned], destination: Path) -> Iterable[tuple[Path, Sequence[Planned]]]:
    """The files that go to each disk, with a folder that lies on it, or will."""
    disks: dict[int, tuple[Path, list[Planned]]] = {_disk_of(destination): (destination, [])}
    known: dict[str, int] = {}
    for item in files:
        folder = item.path.folder if isinstance(item, RemoteFile) else ""
        if folder not in known:
            known[folder] = _disk_of(destination / folder)
            disks.setdefault(known[folder], (destination / folder, []))
        disks[known[folder]][1].append(item)
    return disks.values()


def _disk_of(folder: Path) -> int:
    return os.stat(nearest(folder)).st_dev


def bytes_to_come(files: Sequence[Planned], destination: Path) -> int:
    """Bytes that `files` will take, besides what is there already under a final name or in a part file."""
    if not destination.is_dir():
        return sum(item.size or 0 for item in files)
    folder = Destination(destination)
    return sum(_to_come(item, folder) for item in files if isinstance(item, RemoteFile) and item.size)


def _to_come(file: RemoteFile, folder: Destination) -> int:
    size = file.size or 0
    try:
        place = folder.place(file.path)
    except DownloadError:
        return size  # the download will say what is wrong with it
    if size_there(place.final) == size:
        return 0
    half = size_there(f"{place.folder}/{part_name(file.path.name, file.identity)}")
    return max(0, size - max(0, half))


def size_there(path: str | Path) -> int:
    """Bytes of what lies under a name; -1 where nothing does."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return -1


def nearest(folder: Path) -> Path:
    """`folder`, or the folder above it that exists."""
    while not os.path.exists(folder):  # Path.exists raises where a name is too long
        folder = folder.parent
    return folder
