"""Looking into files while their bytes pass: whether they are whole and well-formed, and what is in them.

A checksum says that the bytes are those of the source. This says whether they are what they ought to be there already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..checksums import Hasher
from ..errors import DownloadError
from ..remote_file import RemoteFile

__all__ = ["AnyContent", "Content", "ContentCheck", "ContentInfo", "Tee"]


@dataclass(frozen=True, slots=True)
class ContentInfo:
    """What a whole file holds. `form`: one of `results.FORMS`, ``""`` where it was not looked for."""

    form: str = ""
    resources: int | None = None
    """FHIR resources, where they were counted."""


class Content(Protocol):
    """Takes the bytes of one file in order, and says what they are. Memory does not grow with them."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Takes the next bytes. Raises as `conclude` does; no more are given then."""

    def conclude(self) -> ContentInfo:
        """What the whole file holds.

        Raises:
            Incomplete: it does not end here. It is fetched anew.
            BrokenContent: it is not what a file of its kind is. It fails.
        """


class ContentCheck(Protocol):
    """Knows what files have to hold. Safe to use from many threads."""

    def begin(self, file: RemoteFile) -> Content | None:
        """A fresh look at one file; None for a file that may hold anything."""


class AnyContent:
    """Lets files hold anything."""

    def begin(self, file: RemoteFile) -> Content | None:
        """None."""
        return None


class Tee:
    """Feeds bytes to a hasher and to a look at the content, if there are such.

    What is broken is kept for `conclude`: bytes that came wrong are for the checksum to find first.
    """

    def __init__(self, hasher: Hasher | None, content: Content | None) -> None:
        self._hasher = hasher
        self._content = content
        self._problem: DownloadError | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nobody looks."""
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
        """The checksum's value, ``""`` where none is computed."""
        return "" if self._hasher is None else self._hasher.value()

    def conclude(self) -> ContentInfo:
        """As `Content.conclude`; an empty finding, where nobody looked at the content."""
        if self._problem is not None:
            raise self._problem
        return ContentInfo() if self._content is None else self._content.conclude()
