"""Folders that a run fills: made where they are missing, but never the location that they lie below."""

from __future__ import annotations

from pathlib import Path

__all__ = ["make_below"]


def make_below(location: Path, folder: Path) -> None:
    """Makes `folder`, and those between it and `location`.

    The location itself is never made: where a disk is not mounted any more, its place must not be filled. Raises
    OSError, also where `location` is missing.
    """
    here = location
    for name in folder.relative_to(location).parts:
        here = here / name
        here.mkdir(exist_ok=True)
