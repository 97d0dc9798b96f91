"""What lies on the disk, against what is expected."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from ..checksums import Checksum, Hasher
from ..content import Content, ContentInfo, Tee
from ..disk import Place, hash_bytes, open_for_reading
from ..errors import DownloadError, PathConflict, TooManyFiles, from_os_error
from ..remote_file import RemoteFile
from ..results import UNPROVEN, UNVERIFIED
from .verification import judge

__all__ = ["Inspection", "State", "assured", "checksum_of", "inspect", "look"]


class State(StrEnum):
    """What an inspection found under the final name."""

    MISSING = "missing"
    INTACT = "intact"
    PARTIAL = "partial"
    ALTERED = "altered"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    `assurance`: by what an intact file was verified. `reason`: what is wrong with an altered one. `content_info`: what
    an intact one holds.
    """

    state: State
    size: int = 0
    assurance: str = ""
    reason: str = ""
    content_info: ContentInfo = field(default_factory=ContentInfo)

    @property
    def is_proven(self) -> bool:
        """Whether it is intact, and a checksum says so."""
        return self.state is State.INTACT and self.assurance not in UNPROVEN


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


def inspect(
    place: Place, file: RemoteFile, seen: os.stat_result, check: Callable[[], None], content: Content | None = None
) -> Inspection:
    """Holds what lies under the final name (`seen` by `look`) against `file`. Reads it only where its size is right.

    Raises what `content` raises for bytes that a checksum proved to be those of the source, and TooManyFiles.
    """
    size = seen.st_size
    if not stat.S_ISREG(seen.st_mode):
        return Inspection(State.ALTERED, size, reason="not a regular file")
    if file.size is not None and size < file.size:
        return Inspection(State.PARTIAL, size, reason="incomplete copy detected")
    if file.size is not None and size > file.size:
        return Inspection(State.ALTERED, size, reason="size mismatch detected")
    if file.size is None and not file.checksums and content is None:
        return Inspection(State.INTACT, size, UNVERIFIED)
    return _compare(_Reading(place, size, check, content), file)


class _Reading:
    """A file on the disk, read as often as there are checksums to try; its content is looked at the first time."""

    def __init__(self, place: Place, size: int, check: Callable[[], None], content: Content | None) -> None:
        self._place = place
        self._check = check
        self._content = content
        self._first: Tee | None = None
        self.size = size

    def value_of(self, form: Checksum) -> str:
        """The value of `form` over the file. Raises OSError, EOFError, TooManyFiles."""
        return self._read(form.hasher()).value()

    def ensure_read(self) -> None:
        """Reads it, if its content is to be looked at and no checksum had it read. Raises as `value_of`."""
        if self._first is None and self._content is not None:
            self._read(None)

    def content_info(self) -> ContentInfo:
        """What it holds. Raises DownloadError."""
        return self._first.conclude() if self._first else ContentInfo()

    def _read(self, hasher: Hasher | None) -> Tee:
        tee = Tee(hasher, None if self._first else self._content)
        descriptor = self._open()
        try:
            if os.fstat(descriptor).st_size != self.size:
                raise EOFError("another file has got the name since the look at it")
            hash_bytes(descriptor, self.size, tee, self._check)
        finally:
            os.close(descriptor)
        self._first = self._first or tee
        return tee

    def _open(self) -> int:
        """Raises OSError; TooManyFiles, which tells nothing of this file, so that a right copy is not fetched anew."""
        try:
            return open_for_reading(self._place.final)
        except OSError as error:
            problem = from_os_error(error, str(self._place.path))
            raise (problem if isinstance(problem, TooManyFiles) else error) from None


def _compare(reading: _Reading, file: RemoteFile) -> Inspection:
    try:
        verdict = judge(file, reading.size, reading.value_of)
        if not verdict.good:
            return Inspection(State.ALTERED, reading.size, reason="hash mismatch detected")
        reading.ensure_read()
    except (OSError, EOFError) as error:
        return Inspection(State.ALTERED, reading.size, reason=f"unreadable copy detected ({type(error).__name__})")
    try:
        content_info = reading.content_info()
    except DownloadError:
        if verdict.assurance not in UNPROVEN:
            raise
        return Inspection(State.ALTERED, reading.size, reason="incomplete copy detected")
    return Inspection(State.INTACT, reading.size, assured(verdict.assurance, content_info), content_info=content_info)


def assured(assurance: str, content_info: ContentInfo) -> str:
    """The better of two assurances: a checksum's, else that of the content's form, else the size's."""
    return content_info.form if content_info.form and assurance in UNPROVEN else assurance


def checksum_of(descriptor: int, size: int, form: Checksum, check: Callable[[], None]) -> str:
    """The value of `form` over the first `size` bytes of an open file. Raises OSError, EOFError."""
    hasher = form.hasher()
    hash_bytes(descriptor, size, hasher, check)
    return hasher.value()
