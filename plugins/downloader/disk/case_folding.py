"""Disks that do not keep ``A.raw`` and ``a.raw`` apart: found by trying, and only where a plan has such names."""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import Path

from ..errors import NameCollision, from_os_error
from ..planning import case_collisions
from ..remote_file import Planned, Refused, RemoteFile

__all__ = ["folds_case", "refuse_folded"]

_NOT_WRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})


def folds_case(folder: Path, *, touch: bool = True) -> bool:
    """Whether names in `folder` that differ by case alone are one. Makes a hidden file for a moment.

    Where none can be made (a report is due also of a disk that is full), or nothing is to be touched, what lies there
    tells, and if nothing does, the disk keeps them apart. Raises `DownloadError` where the folder cannot be looked into
    either.
    """
    if not touch:
        return _is_seen_to_fold(folder)
    probe = folder / f".case-{uuid.uuid4().hex}.part"
    try:
        descriptor = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            return probe.with_name(probe.name.upper()).exists()
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as error:
        if error.errno in _NOT_WRITABLE:
            return _is_seen_to_fold(folder)
        raise from_os_error(error, probe.name) from error


def _is_seen_to_fold(folder: Path) -> bool:
    try:
        names = set(os.listdir(folder))
    except OSError as error:
        raise from_os_error(error, str(folder)) from error
    telling = next((name for name in names if name.isascii() and name.swapcase() not in names), None)
    return telling is not None and os.path.lexists(folder / telling.swapcase())


def refuse_folded(planned: list[Planned], folder: Path, *, touch: bool = True) -> list[Planned]:
    """`planned`, in its order, with the files refused that `folder`'s disk could not keep apart from another.

    Of each group that would be one name there the first is kept. Looks at the disk only where there is such a group.
    `touch`: as of `folds_case`.
    """
    groups = case_collisions(planned)
    if not groups or not folds_case(folder, touch=touch):
        return planned
    winner = {path: group[0] for group in groups for path in group[1:]}

    def judged(item: Planned) -> Planned:
        if not isinstance(item, RemoteFile) or item.path not in winner:
            return item
        error = f"{item.path} and {winner[item.path]} are one name on the destination's disk, which folds case"
        return Refused(item.path.text, NameCollision(error, "restore to a disk that keeps case apart, or rename one"))

    return [judged(item) for item in planned]
