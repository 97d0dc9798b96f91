"""Which file systems lie on this machine's own disks, so that its kernel alone decides what happens on them."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Final

__all__ = ["is_local"]

_LOCAL: Final = frozenset(
    {
        0xEF53,  # ext2, ext3, ext4
        0x58465342,  # XFS
        0x9123683E,  # Btrfs
        0x2FC12FC1,  # ZFS
        0xCA451A4E,  # bcachefs
        0xF2F52010,  # F2FS
        0x3153464A,  # JFS
        0x01021994,  # tmpfs
        0x858458F6,  # ramfs
        0x794C7630,  # overlayfs
        0x4D44,  # FAT
        0x2011BAB0,  # exFAT
        0x7366746E,  # NTFS (ntfs3)
        0x482B,  # HFS+
    }
)
"""Magic numbers, see statfs(2). All others (NFS, SMB, FUSE, 9P, cluster file systems) may be mounted elsewhere."""


class _StatFs(ctypes.Structure):
    """What statfs(2) fills: its first field, and room for the rest."""

    _fields_ = (("f_type", ctypes.c_long), ("rest", ctypes.c_char * 504))


try:
    _statfs: Any = ctypes.CDLL(None, use_errno=True).statfs
except (AttributeError, OSError):
    _statfs = None


def is_local(path: str) -> bool:
    """Whether `path` lies on a disk that no other machine writes to. False where that is not known.

    Of a path that does not exist: whether the folder above it does that exists.
    """
    if _statfs is None:
        return False
    while not os.path.exists(path):
        path = os.path.dirname(path)
    found = _StatFs()
    if _statfs(ctypes.c_char_p(os.fsencode(path)), ctypes.byref(found)):
        return False
    return found.f_type & 0xFFFFFFFF in _LOCAL
