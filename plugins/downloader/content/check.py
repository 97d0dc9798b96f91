"""Checks the content of files while their bytes arrive: whether they are complete and well-formed.

A checksum shows that the bytes are those of the source. This shows whether they were right at the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..checksums import Hasher
from ..errors import BrokenContent, DownloadError, Truncated
from ..remote_file import RemoteFile

__all__ = ["AnyContent", "Content", "ContentCheck", "ContentInfo", "Tee", "at_source"]


@dataclass(frozen=True, slots=True)
class ContentInfo:
    """What is known of the content of a whole file. `form`: one of `results.FORMS`, ``""`` if it was not checked."""

    form: str = ""
    resources: int | None = None
    """FHIR resources, if they were counted."""
    remark: str = ""
    """What is unusual about a file that is accepted nevertheless, in a few words for its line in the report."""


class Content(Protocol):
    """Checks the bytes of one file, in order. Memory does not grow with them."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Takes the next bytes. Raises as `conclude` does; must not be called again after that."""

    def conclude(self, *, whole: bool = False) -> ContentInfo:
        """What is known of the content of the whole file.

        `whole`: whether the file came whole, by its announced length or a checksum, so that what is missing at its end
        is missing at its source too.

        Raises:
            Truncated: it is truncated or damaged. It is downloaded again, unless it is like that at its source.
            BrokenContent: it is not a valid file of its kind. It fails.
        """


class ContentCheck(Protocol):
    """Makes the check of each file. Safe to use from many threads."""

    def begin(self, file: RemoteFile) -> Content | None:
        """A new check of one file; None for a file that may hold anything."""


def at_source(error: DownloadError) -> DownloadError:
    """`error` of a content whose bytes are those of the source: no other try helps if they are incomplete."""
    if not isinstance(error, Truncated):
        return error
    return BrokenContent(error.what, "the file lies like this at its source; replace it there")


class AnyContent:
    """Checks nothing."""

    def begin(self, file: RemoteFile) -> Content | None:
        """None."""
        return None


class Tee:
    """Passes bytes to a hasher and to a check of the content, if there are any.

    An error of the content is kept for `conclude`: a wrong transfer is for the checksum to detect first.
    """

    def __init__(self, hasher: Hasher | None, content: Content | None) -> None:
        self._hasher = hasher
        self._content = content
        self._problem: DownloadError | None = None

    @property
    def is_idle(self) -> bool:
        """Whether there is neither."""
        return self._hasher is None and self._content is None

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Takes the next bytes."""
        if self._hasher is not None:
            self._hasher.update(data)
        if self._content is not None and self._problem is None:
            try:
                self._content.update(data)
            except DownloadError as error:
                self._problem = error

    def value(self) -> str:
        """The value of the checksum, ``""`` if none is computed."""
        return "" if self._hasher is None else self._hasher.value()

    def conclude(self, *, whole: bool = False) -> ContentInfo:
        """As `Content.conclude`; an empty result if the content is not checked."""
        if self._problem is not None:
            raise self._problem
        return ContentInfo() if self._content is None else self._content.conclude(whole=whole)
