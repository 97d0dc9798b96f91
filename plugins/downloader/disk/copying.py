"""Copies bytes of one open file to the same place of another."""

from __future__ import annotations

import os
from typing import Final

from ..checksums import MIB

__all__ = ["copy_some"]

_STEP: Final = 8 * MIB
_IN_MEMORY: Final = 1 * MIB


def copy_some(source: int, destination: int, span: range) -> int:
    """Copies the first bytes of `span`, 8 MiB at most. Returns how many; 0 where `source` ends. Raises OSError.

    The system copies where it can: no byte passes through this process, and disks such as Btrfs and XFS let both files
    share the bytes until one is written to (reflink).
    """
    try:
        count = os.copy_file_range(source, destination, min(_STEP, len(span)), span.start, span.start)
        if count:
            return count
    except OSError:
        pass  # it cannot do that here; what else is wrong is met below
    data = os.pread(source, min(_IN_MEMORY, len(span)), span.start)
    return os.pwrite(destination, data, span.start)
