"""Raw files in a folder of this machine: every file is read once, as many at once as there are processors."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from downloader.checksums import PROCESSORS, Checksum, Hasher
from downloader.disk import hash_bytes, open_for_reading
from downloader.errors import DownloadError
from downloader.paths import safe_path
from downloader_tasks.failures import Refusal
from downloader_tasks.wording import one_line

from .found import Entry, Found, by_first_segment
from .progress import Advance

__all__ = ["find_in_folder"]


def find_in_folder(place: Path, raw_file_id: str, s3_upload_path: str | None, *, each: bool = False) -> Found:
    """The raw file in the folder or file `place`, or one for `each` entry of the folder.

    `raw_file_id`: ``""`` for the name of `place`. Raises OSError, and Refusal where there is no file.
    """
    place = place.resolve()
    if not place.exists():
        raise Refusal(f"there is no folder {one_line(str(place))}; check the path")
    top = place if place.is_dir() else place.parent
    sizes: dict[str, int] = {}
    left_out: list[tuple[str, str]] = []
    for name, kind, size in _walk(place) if place.is_dir() else [_seen(place, place.name)]:
        reason = _why_not(name, kind)
        if reason:
            left_out.append((name, reason))
        else:
            sizes[name] = size
    if not sizes:
        raise Refusal(f"there are no files in {one_line(str(place))}; check the path")
    names = sorted(sizes)
    return Found(
        by_first_segment(names) if each else {raw_file_id or place.name: names},
        s3_upload_path,
        lambda name, advance: _entry(top / name, advance),
        PROCESSORS,
        sum(sizes.values()),
        in_bytes=True,
        left_out=left_out,
    )


def _walk(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Relative path, mode and size of all but folders. Raises OSError."""

    def refuse(error: OSError) -> None:
        raise error

    for above, folders, files in os.walk(folder, onerror=refuse):
        links = [name for name in folders if os.path.islink(os.path.join(above, name))]
        for name in [*files, *links]:
            path = Path(above, name)
            yield _seen(path, str(path.relative_to(folder)))


def _seen(path: Path, name: str) -> tuple[str, int, int]:
    seen = path.lstat()
    return name, seen.st_mode, seen.st_size


def _why_not(name: str, mode: int) -> str:
    """Why something is no file of a raw file; ``""`` where it is one."""
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if not stat.S_ISREG(mode):
        return "neither a file nor a folder"
    try:
        safe_path(name)
    except DownloadError as error:
        return error.what
    return ""


class _Counted:
    """A hasher that tells how far it is."""

    def __init__(self, hasher: Hasher, advance: Advance) -> None:
        self._hasher = hasher
        self._advance = advance
        self.value = hasher.value

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        self._hasher.update(data)
        self._advance(len(data))


def _entry(path: Path, advance: Advance) -> Entry:
    """Size and MD5. Raises Refusal where the file is written to meanwhile."""
    hasher = _Counted(Checksum("md5", "").hasher(), advance)
    descriptor = open_for_reading(str(path))
    try:
        before = os.fstat(descriptor)
        try:
            hash_bytes(descriptor, before.st_size, hasher)
        except EOFError:
            raise _changed(path) from None
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise _changed(path)
    return [before.st_size, hasher.value()]


def _changed(path: Path) -> Refusal:
    return Refusal(f"{one_line(str(path))} was written to while it was read; run it again when its writer is done")
