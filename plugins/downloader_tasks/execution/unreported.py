"""What lies at the destination that no report lists, because the run that put it there never wrote one.

Where a person marks a run as failed, Airflow skips its task `report`, and nothing else but files may be written. So the
next run looks: a part file, or a complete one, that is younger than the youngest report on the same item.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from downloader.disk import Destination, StalePartFiles
from downloader.errors import DownloadError, Interrupted
from downloader.paths import SafePath, safe_path
from downloader.remote_file import Planned, RemoteFile
from downloader.report import reports_in

from ..shards import RunTarget
from ..wording import counted, shown_size

__all__ = ["Unreported", "begun_in", "find_unreported"]


@dataclass(frozen=True, slots=True)
class Unreported:
    """How many files, how many of them partial, and how many bytes of those there are."""

    files: int = 0
    partial: int = 0
    bytes: int = 0

    def __str__(self) -> str:
        parts = f", {self.partial:,} of them partial ({shown_size(self.bytes)})" if self.partial else ""
        return (
            f"{counted(self.files)}{parts}: an earlier run was stopped, or marked as failed, before its report, or is "
            "still under way, or a person changed them"
        )


def find_unreported(planned: Sequence[Planned], run_target: RunTarget) -> Unreported:
    """Looks at every file, before anything is downloaded. What cannot be looked at is not counted."""
    files = [item.path for item in planned if isinstance(item, RemoteFile)]
    if not run_target.folder.is_dir():
        return Unreported()
    since, parts, complete = 0.0, [], 0
    with suppress(OSError, DownloadError):
        since = max(
            (path.lstat().st_mtime for path in reports_in(run_target.folder, run_target.report_id)[:1]), default=0.0
        )
    lying = StalePartFiles(Destination(run_target.folder), files)
    for path in files:
        here = [seen.st_size for seen in lying.seen(path) if seen.st_mtime > since and seen.st_size]
        if here:
            parts.append(max(here))
            continue
        with suppress(OSError):
            complete += os.lstat(f"{run_target.folder}/{path}").st_ctime > since
    return Unreported(complete + len(parts), len(parts), sum(parts))


def begun_in(folder: Path, names: Iterable[str]) -> Callable[[str], DownloadError | None]:
    """Answers a function that tells of each of `names` whether a part file of it lies in `folder`.

    Nothing is looked at before it is called: in most runs each file has a result.
    """

    @cache
    def lying() -> tuple[dict[str, SafePath], StalePartFiles | None]:
        paths = {}
        for name in names:
            with suppress(DownloadError):
                paths[name] = safe_path(name)
        return paths, StalePartFiles(Destination(folder), paths.values()) if folder.is_dir() else None

    def begun(name: str) -> DownloadError | None:
        paths, parts = lying()
        seen = parts.seen(paths[name]) if parts is not None and name in paths else []
        size = max((each.st_size for each in seen), default=0)
        if not size:
            return None
        return Interrupted(f"the download task died, or was stopped, in the middle; {shown_size(size)} of it are here")

    return begun
