"""What an earlier try of a task has verified, so that the next need not read and hash it again."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
from collections.abc import Sequence
from typing import Final

from downloader.planning import local_name
from downloader.remote_file import Planned, RemoteFile

__all__ = ["TaskVerifiedFiles"]

_WIDTH: Final = 8
"""Characters of a stamp: 48 bits."""
_MOST: Final = 7_000
"""Files whose stamps are kept: they stay below the 64 KB that Airflow wants a state to have at most."""
_BLANK: Final = "." * _WIDTH


class TaskVerifiedFiles:
    """The stamps of verified files (`VerifiedFileCache`), as a text for the next try. Safe to use from many threads.

    A stamp is made of size, times and inode: it changes when the file is written to or replaced.
    Only files are noted whose first checksum can be computed without guessing, so that it is the one that was compared.
    """

    def __init__(self, planned: Sequence[Planned], saved: str = "") -> None:
        """`saved`: the `text` of an earlier try that worked on the very same files, in the same order."""
        # Reentrant: what is called when the task is stopped may come in the middle of `text`, in the same thread.
        self._lock = threading.RLock()
        self._index = {local_name(item): i for i, item in enumerate(planned[:_MOST]) if _is_provable(item)}
        count = min(len(planned), _MOST)
        whole = len(saved) == count * _WIDTH
        self._stamps = [saved[i * _WIDTH : (i + 1) * _WIDTH] if whole else _BLANK for i in range(count)]
        self.changed = False
        """Whether anything was noted since `text` was read."""

    def holds(self, file: RemoteFile, seen: os.stat_result) -> bool:
        """Whether the file on disk (`seen`) is the one that was verified, untouched since."""
        index = self._index.get(file.path.text)
        return index is not None and bool(file.checksums) and self._stamps[index] == _stamp(seen)

    def note(self, file: RemoteFile, seen: os.stat_result) -> None:
        """Notes that this file was verified."""
        index = self._index.get(file.path.text)
        if index is None:
            return
        stamp = _stamp(seen)
        with self._lock:
            self.changed = self.changed or self._stamps[index] != stamp
            self._stamps[index] = stamp

    def text(self) -> str:
        """All stamps, to be given to the next try."""
        with self._lock:
            self.changed = False
            return "".join(self._stamps)


def _is_provable(item: Planned) -> bool:
    if not isinstance(item, RemoteFile) or item.size is None or not item.checksums:
        return False
    form = next(item.checksums[0].candidates(item.size), None)
    return form is not None and not form.guessed


def _stamp(seen: os.stat_result) -> str:
    facts = f"{seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns} {seen.st_ino}"
    return base64.b64encode(hashlib.sha256(facts.encode()).digest()[:6]).decode()
