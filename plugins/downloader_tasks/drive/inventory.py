"""The destination compared with the manifest: what is there, what is missing, what is in no manifest."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from downloader.datasets import Dataset, Manifest
from downloader.paths import REPORT_PREFIXES
from downloader.report import Pairs, shown_size

from ..download_run import named
from ..wording import counted

__all__ = ["inventory"]

_OWN: Final = re.compile(rf"(?s)(?:.*/)?\..*\.[0-9a-f]{{16}}\.part|(?:{'|'.join(REPORT_PREFIXES)})[^/]*\.txt")


def inventory(manifest: Manifest, folder: Path) -> Pairs:
    """Lines for the summary of a report."""
    sizes = dict(_files(folder))
    wanted = {dataset.path: dataset for dataset in manifest.datasets}
    there = [path for path in wanted if path in sizes]
    missing = [path for path in wanted if path not in sizes]
    other = [path for path in there if _differs(wanted[path], sizes[path])]
    extra = sorted(sizes.keys() - wanted.keys())
    return (
        ("Inventory", f"{counted(len(sizes))}, {shown_size(sum(sizes.values()))}"),
        ("In the manifest", f"{len(there):,} of {len(wanted):,} are there"),
        *named("Missing", [_with_size(path, wanted[path].size) for path in missing]),
        *named("Of another size", [_with_size(path, sizes[path]) for path in other]),
        *named("Not in the manifest", [_with_size(path, sizes[path]) for path in extra]),
    )


def _differs(dataset: Dataset, size: int) -> bool:
    return dataset.size is not None and dataset.size != size


def _with_size(path: str, size: int | None) -> str:
    return path if size is None else f"{path} ({shown_size(size)})"


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Files below `folder` and their sizes, without this program's own. Links are not followed.

    Folders may be nested deeper than Python allows calls, so this does not recurse.
    """
    left = [""]
    while left:
        inside = left.pop()
        # What cannot be listed, or is gone since it was, is left out.
        with suppress(OSError), os.scandir(folder / inside) as entries:
            for entry in entries:
                relative = f"{inside}{entry.name}"
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        left.append(f"{relative}/")
                    elif not (entry.is_dir() or _OWN.fullmatch(relative)):
                        yield relative, entry.stat(follow_symlinks=False).st_size
