"""Where databases of tests lie: in memory, where there is room."""

from __future__ import annotations

import os
import shutil

__all__ = ["fast_folder"]


def fast_folder() -> str | None:
    """A folder in memory, where there is one with room: what is there waits for no disk."""
    memory = "/dev/shm"
    roomy = os.access(memory, os.W_OK | os.X_OK) and shutil.disk_usage(memory).free > 2**29
    return memory if roomy else None
