"""What lies on the disk, against what is expected."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from .checksums import Checksum
from .destination import Place
from .errors import PathConflict, from_os_error
from .reading import hash_bytes
from .remote_file import RemoteFile
from .results import SIZE_ONLY, UNVERIFIED
from .verification import judge

__all__ = ["Inspection", "State", "checksum_of", "inspect", "look"]


class State(StrEnum):
    """What an inspection found under the final name."""

    MISSING = "missing"
    INTACT = "intact"
    PARTIAL = "partial"
    ALTERED = "altered"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found. `assurance`: by what an intact file was verified. `reason`: what is wrong with an altered one."""

    state: State
    size: int = 0
    assurance: str = ""
    reason: str = ""

    @property
    def is_proven(self) -> bool:
        """Whether it is intact, and a checksum says so."""
        return self.state is State.INTACT and self.assurance not in (SIZE_ONLY, UNVERIFIED)


MISSING = Inspection(State.MISSING)


def look(place: Place) -> os.stat_result | None:
    """What lies under the final name, a symbolic link not followed; None if nothing does.

    Raises PathConflict for a folder, and what `from_os_error` answers.
    """
    try:
        seen = os.lstat(place.final)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise from_os_error(error, str(place.path)) from error
    if stat.S_ISDIR(seen.st_mode):
        raise PathConflict(f"{place.path} is a folder here, and a file of that name is due")
    return seen


def inspect(place: Place, file: RemoteFile, seen: os.stat_result, check: Callable[[], None]) -> Inspection:
    """Holds what lies under the final name (`seen` by `look`) against `file`. Reads it only where its size is right."""
    size = seen.st_size
    if not stat.S_ISREG(seen.st_mode):
        return Inspection(State.ALTERED, size, reason="not a regular file")
    if file.size is not None and size < file.size:
        return Inspection(State.PARTIAL, size, reason="incomplete copy detected")
    if file.size is not None and size > file.size:
        return Inspection(State.ALTERED, size, reason="size mismatch detected")
    return _compare(place, file, size, check)


def _compare(place: Place, file: RemoteFile, size: int, check: Callable[[], None]) -> Inspection:
    if file.size is None and not file.checksums:
        return Inspection(State.INTACT, size, UNVERIFIED)
    try:
        verdict = judge(file, size, lambda form: _checksum_of_name(place.final, size, form, check))
    except (OSError, EOFError) as error:
        return Inspection(State.ALTERED, size, reason=f"unreadable copy detected ({type(error).__name__})")
    if verdict.good:
        return Inspection(State.INTACT, size, verdict.assurance)
    return Inspection(State.ALTERED, size, reason="hash mismatch detected")


def _checksum_of_name(name: str, size: int, form: Checksum, check: Callable[[], None]) -> str:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return checksum_of(descriptor, size, form, check)
    finally:
        os.close(descriptor)


def checksum_of(descriptor: int, size: int, form: Checksum, check: Callable[[], None]) -> str:
    """The value of `form` over the first `size` bytes of an open file. Raises OSError, EOFError."""
    hasher = form.hasher()
    hash_bytes(descriptor, size, hasher, check)
    return hasher.value()
