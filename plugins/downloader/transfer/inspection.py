"""What is on the disk, compared with what is expected. Both lanes inspect a file by `inspect`."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ..checksums import Checksum, Hasher
from ..content import Content, ContentInfo, Tee, at_source
from ..disk import Place, hash_bytes, hash_parts, open_for_reading
from ..errors import DownloadError, ObjectChanged, PathConflict, from_os_error
from ..remote_file import RemoteFile
from ..results import SIZE_ONLY, UNPROVEN, UNVERIFIED, joined
from .context import BatchContext
from .verification import first_to_try, judge

__all__ = [
    "MISSING",
    "DescribedFile",
    "Inspection",
    "State",
    "assured",
    "checksum_of",
    "compare",
    "inspect",
    "inspect_by_size",
    "look",
]


class State(StrEnum):
    """What is under the final name."""

    MISSING = "missing"
    INTACT = "intact"
    PARTIAL = "partial"
    ALTERED = "altered"
    UNREAD = "unread"
    """Something, which is not compared because it is to be overwritten."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    `assurance`: by what an intact file was verified. `reason`: what is wrong with an altered or a partial one.
    `difference`: which size or checksum it has instead of which. `problem`: why it could not be read. `remark`: what is
    unusual about an intact one. `content_info`: what it contains. `seen`: the file that was looked at, None where there
    is none.
    """

    state: State
    size: int = 0
    assurance: str = ""
    reason: str = ""
    remark: str = ""
    difference: str = field(default="", compare=False)
    problem: DownloadError | None = field(default=None, compare=False)
    content_info: ContentInfo = field(default_factory=ContentInfo)
    seen: os.stat_result | None = field(default=None, compare=False)

    @property
    def is_proven(self) -> bool:
        """Whether it is intact, and a checksum says so."""
        return self.state is State.INTACT and self.assurance not in UNPROVEN


MISSING = Inspection(State.MISSING)


class DescribedFile:
    """A planned file, with what its source knows beyond the plan: asked for once, when it is needed."""

    def __init__(self, planned: RemoteFile, batch: BatchContext) -> None:
        self.file = self.planned = planned
        self._batch = batch
        self._described = not batch.source.capabilities.describes

    def describe(self) -> None:
        """Asks the source, unless that was done. Raises DownloadError."""
        if not self._described:
            self.file = self._batch.retry.call(lambda: self._batch.source.describe(self.file))
            self._described = True

    def forget(self) -> None:
        """Drops what is known of an object that was replaced. A source that describes is asked again."""
        describes = self._batch.source.capabilities.describes
        self._described = not describes
        self.file = self.planned if describes else replace(self.planned, etag=None)


def look(place: Place) -> os.stat_result | None:
    """What is under the final name, a symbolic link not followed; None if nothing is.

    Raises PathConflict for a folder, and what `from_os_error` answers.
    """
    try:
        seen = os.lstat(place.final)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise from_os_error(error, str(place.path)) from error
    if stat.S_ISDIR(seen.st_mode):
        raise PathConflict(f"{place.path} is a folder on the disk, and the file to download has the same name")
    return seen


def inspect(
    known: DescribedFile, place: Place, batch: BatchContext, check: Callable[[], None] | None = None
) -> Inspection:
    """Looks at the final name, and reads what is there where that is needed to tell.

    The source is asked for more where the plan has no size or no checksum, and where what is there is not proven: it
    may know the part size that a recorded ETag leaves open, or that the ETag is no checksum at all. `check` is called
    about once a MiB, and may raise; else the halt of the batch is checked.

    Raises DownloadError: what `look`, `compare` and the source raise.
    """
    seen = look(place)
    if seen is None:
        return MISSING
    content, check = batch.options.policy.content, check or batch.halt.check
    # What a file contains is not in the cache, so a file is read again where that is wanted.
    if content.begin(known.file) is None and batch.options.verified.holds(known.file, seen):
        return Inspection(State.INTACT, seen.st_size, str(first_to_try(known.file, seen.st_size)), seen=seen)
    if batch.options.policy.overwrite:
        return Inspection(State.UNREAD, seen.st_size, seen=seen)
    if not known.file.checksums or known.file.size is None:
        known.describe()
    found = compare(place, known.file, seen, check, content.begin(known.file))
    if not found.is_proven:
        before = first_to_try(known.file, seen.st_size)
        known.describe()
        if first_to_try(known.file, seen.st_size) != before:
            found = compare(place, known.file, seen, check, content.begin(known.file))
    if found.state is State.INTACT:
        batch.note_verified(known.planned, found.assurance, seen)
    return found


def inspect_by_size(place: Place, file: RemoteFile, *, overwrite: bool = False) -> Inspection:
    """Looks at the final name and reads nothing: a file of the right size, or of any where none is known, is intact.

    `overwrite`: as of `TransferPolicy`. Raises DownloadError: what `look` raises.
    """
    seen = look(place)
    if seen is None:
        return MISSING
    return Inspection(State.UNREAD, seen.st_size, seen=seen) if overwrite else _compare_sizes(file, seen)


def compare(
    place: Place, file: RemoteFile, seen: os.stat_result, check: Callable[[], None], content: Content | None = None
) -> Inspection:
    """Compares what is under the final name (`seen` by `look`) with `file`. Reads it only where its size is right.

    Raises what `content` raises for bytes that a checksum proved to be those of the source, and what passes by itself:
    TooManyFiles, DiskUnavailable.
    """
    found, size = _compare_sizes(file, seen), seen.st_size
    if found.state is not State.INTACT or (file.size is None and not file.checksums and content is None):
        return found
    reading = _Reading(place, size, check, content)
    try:
        verdict = judge(file, size, reading.value_of)
        if not verdict.good:
            difference = joined(verdict.found, verdict.remark)
            return Inspection(State.ALTERED, size, reason="hash mismatch detected", difference=difference, seen=seen)
        reading.ensure_read()
    except (OSError, EOFError) as error:
        problem = from_os_error(error, str(place.path)) if isinstance(error, OSError) else None
        if problem is not None and problem.retryable:
            raise problem from None  # it tells nothing of this file: an intact copy must not be replaced for it
        reason = f"unreadable copy detected ({type(error).__name__})"
        problem = problem or ObjectChanged(f"{place.path} was replaced or cut on the disk while it was read")
        return Inspection(State.ALTERED, size, reason=reason, problem=problem, seen=seen)
    try:
        # A copy of unknown size may have lost its end here: only a size or a checksum shows that it is whole.
        content_info = reading.content_info(whole=verdict.is_proven or file.size is not None)
    except DownloadError as error:
        if verdict.is_proven:
            raise at_source(error) from None
        return Inspection(State.ALTERED, size, reason="incomplete copy detected", seen=seen)
    return Inspection(
        State.INTACT,
        size,
        assured(verdict.assurance, content_info),
        remark=joined(verdict.remark, content_info.remark),
        content_info=content_info,
        seen=seen,
    )


def _compare_sizes(file: RemoteFile, seen: os.stat_result) -> Inspection:
    size = seen.st_size
    if not stat.S_ISREG(seen.st_mode):
        return Inspection(State.ALTERED, size, reason="not a regular file", seen=seen)
    if file.size is not None and size < file.size:
        difference = f"{size:,} of {file.size:,} bytes"
        return Inspection(State.PARTIAL, size, reason="incomplete copy detected", difference=difference, seen=seen)
    if file.size is not None and size > file.size:
        difference = f"{size:,} bytes instead of {file.size:,}"
        return Inspection(State.ALTERED, size, reason="size mismatch detected", difference=difference, seen=seen)
    return Inspection(State.INTACT, size, UNVERIFIED if file.size is None else SIZE_ONLY, seen=seen)


class _Reading:
    """A file on the disk, read as often as there are checksums to try; its content is looked at the first time."""

    def __init__(self, place: Place, size: int, check: Callable[[], None], content: Content | None) -> None:
        self._place = place
        self._size = size
        self._check = check
        self._content = content
        self._first: Tee | None = None

    def value_of(self, form: Checksum) -> str:
        """The value of `form` over the file. Raises OSError, EOFError."""
        if (form.parts or 1) > 1 and (self._first or self._content is None):
            with self._opened() as descriptor:
                return hash_parts(descriptor, self._size, form, self._check)
        return self._read(form.hasher()).value()

    def ensure_read(self) -> None:
        """Reads it, if its content is to be looked at and no checksum had it read. Raises as `value_of`."""
        if self._first is None and self._content is not None:
            self._read(None)

    def content_info(self, *, whole: bool) -> ContentInfo:
        """What it contains. `whole`: as of `Content.conclude`. Raises DownloadError."""
        return self._first.conclude(whole=whole) if self._first else ContentInfo()

    def _read(self, hasher: Hasher | None) -> Tee:
        tee = Tee(hasher, None if self._first else self._content)
        with self._opened() as descriptor:
            hash_bytes(descriptor, self._size, tee, self._check)
        self._first = self._first or tee
        return tee

    @contextmanager
    def _opened(self) -> Iterator[int]:
        descriptor = open_for_reading(self._place.final)
        try:
            if os.fstat(descriptor).st_size != self._size:
                raise EOFError("another file has got the name since the look at it")
            yield descriptor
        finally:
            os.close(descriptor)


def assured(assurance: str, content_info: ContentInfo) -> str:
    """The better of two assurances: a checksum's, else that of the content's form, else the size's."""
    return content_info.form if content_info.form and assurance in UNPROVEN else assurance


def checksum_of(descriptor: int, size: int, form: Checksum, check: Callable[[], None]) -> str:
    """The value of `form` over the first `size` bytes of an open file. Raises OSError, EOFError."""
    if (form.parts or 1) > 1:
        return hash_parts(descriptor, size, form, check)
    hasher = form.hasher()
    hash_bytes(descriptor, size, hasher, check)
    return hasher.value()
