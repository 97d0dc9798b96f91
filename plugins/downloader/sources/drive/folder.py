"""The content of a folder of Google Drive and of all folders below it: walked once and in bounds, over any reader."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final, Protocol

from ...checksums import Checksum
from ...errors import AccessDenied, DownloadError, ObjectNotFound, PermanentError, cut
from .access import DriveAccess
from .api import NATIVE
from .errors import Wanted
from .key import EXPORTS, DriveKey

__all__ = [
    "FOLDER",
    "Bounds",
    "FolderEntry",
    "FolderLevel",
    "FolderListing",
    "FolderReader",
    "Kind",
    "entry_of",
    "list_folder",
    "no_folder",
]

FOLDER: Final = f"{NATIVE}folder"
_LONGEST_SHOWN: Final = 500
_LONGEST_KIND: Final = 80
_EXPORTS: Final = {f"{NATIVE}{kind.removesuffix('s')}": form for form, kind in EXPORTS.items()}
"""Documents, by their MIME types."""


class Kind(Enum):
    """What an entry is."""

    FILE = auto()
    """It has bytes, or is a document that is exported."""
    FOLDER = auto()
    NO_BYTES = auto()
    """Neither a file nor a folder, as far as is known: a form, a map, a broken shortcut, an unknown address."""


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """One entry of a folder. Its names are raw, as their owner wrote them."""

    key: DriveKey
    name: str
    kind: Kind = Kind.FILE
    size: int | None = None
    """None if it is not known, and for documents that are exported."""
    checksums: tuple[Checksum, ...] = ()
    shortcut: bool = False
    """Whether it stands for a shortcut, which leads to `key`."""
    folders: tuple[str, ...] = ()
    """The names of the folders that it is in, below the top one."""
    why: str = ""
    """Why it has no bytes."""

    @property
    def shown(self) -> str:
        """Its path, for messages; has to be escaped."""
        return _shown((*self.folders, self.name))

    @property
    def filename(self) -> str:
        """The name, with the suffix of the format that it is exported to."""
        suffix = f".{self.key.export}" if self.key.export else ""
        return self.name if self.name.lower().endswith(suffix) else f"{self.name}{suffix}"

    @property
    def needs_size(self) -> bool:
        """Whether it is a file whose size has to be requested."""
        return self.kind is Kind.FILE and self.size is None and not self.key.export


def entry_of(key: DriveKey, name: str, mime: str, *, shortcut: bool = False) -> FolderEntry:
    """An entry by its MIME type."""
    if mime == FOLDER:
        return FolderEntry(key, name, Kind.FOLDER, shortcut=shortcut)
    if mime in _EXPORTS:
        return FolderEntry(replace(key, export=_EXPORTS[mime]), name, shortcut=shortcut)
    if mime.startswith(NATIVE):
        why = f"a Google {mime.removeprefix(NATIVE)[:_LONGEST_KIND]}, which cannot be exported"
        return FolderEntry(key, name, Kind.NO_BYTES, shortcut=shortcut, why=why)
    return FolderEntry(key, name, shortcut=shortcut)


@dataclass(frozen=True, slots=True)
class FolderLevel:
    """The direct content of one folder. `name`: the folder's own."""

    name: str
    entries: Iterable[FolderEntry]
    """Can be iterated once. May be read while it is iterated, and raise DownloadError then."""
    problem: DownloadError | None = None
    """Why it may lack entries that the folder has; None if nothing speaks for that."""


class FolderReader(Protocol):
    """Reads one level of folders."""

    def read(self, folder: DriveKey, shown: str) -> FolderLevel:
        """The level. `shown` is the folder's name in messages. Raises DownloadError, after its own retries."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a walk. Drive itself allows 100 nested folders."""

    depth: int = 100
    files: int = 100_000
    folders: int = 10_000


@dataclass(frozen=True, slots=True)
class FolderListing:
    """The whole content of a folder."""

    folder: DriveKey
    name: str
    files: tuple[FolderEntry, ...]
    """Each id once."""
    left_out: tuple[FolderEntry, ...] = ()
    """Entries without bytes."""
    unread: tuple[tuple[str, DownloadError], ...] = ()
    """Folders that are not shared, no longer exist, or were listed in part; with the reason."""


def list_folder(reader: FolderReader, top: DriveKey, bounds: Bounds | None = None) -> FolderListing:
    """The files in `top` and in all folders below it. No folder is entered twice.

    Of several entries for one id, as with shortcuts, the file itself is kept. Raises what `reader` raises for the top
    folder, `PermanentError` for one that exceeds `bounds`.
    """
    walk = _Walk(reader, bounds or Bounds())
    name = walk.enter(top, ())
    walk.finish()
    return FolderListing(top, name, tuple(walk.files.values()), tuple(walk.left_out), tuple(walk.unread))


@dataclass
class _Walk:
    reader: FolderReader
    bounds: Bounds
    files: dict[str, FolderEntry] = field(default_factory=dict)
    left_out: list[FolderEntry] = field(default_factory=list)
    unread: list[tuple[str, DownloadError]] = field(default_factory=list)
    _due: deque[FolderEntry] = field(default_factory=deque)
    _detours: deque[FolderEntry] = field(default_factory=deque)
    """Folders behind shortcuts: entered last, so that what is in the folder itself gets its own path."""
    _met: set[str] = field(default_factory=set)
    _noted: int = 0

    def enter(self, folder: DriveKey, path: tuple[str, ...]) -> str:
        """Takes the entries of `folder`, and returns its name."""
        self._met.add(folder.id)
        shown = _shown(path) or folder.id
        level = self.reader.read(folder, shown)
        if level.problem is not None:
            self.unread.append((shown, level.problem))
        for found in level.entries:
            entry = replace(found, folders=path)
            if entry.kind is Kind.FOLDER:
                self._noted += 1
                _refuse_excess(self._noted, self.bounds.folders, "folders")
                _refuse_excess(len(path) + 1, self.bounds.depth, "folders one in another")
                (self._detours if entry.shortcut else self._due).append(entry)
            elif entry.kind is Kind.NO_BYTES:
                self.left_out.append(entry)
            else:
                held = self.files.get(entry.key.id)
                if held is None or (held.shortcut and not entry.shortcut):
                    self.files[entry.key.id] = entry
            _refuse_excess(len(self.files) + len(self.left_out), self.bounds.files, "files")
        return level.name

    def finish(self) -> None:
        """Enters the folders that were found."""
        while self._due or self._detours:
            folder = (self._due or self._detours).popleft()
            if folder.key.id in self._met:
                continue
            try:
                self.enter(folder.key, (*folder.folders, folder.name))
            except (ObjectNotFound, AccessDenied) as error:
                self.unread.append((folder.shown, error))


def _shown(path: tuple[str, ...]) -> str:
    return cut("/".join(path), _LONGEST_SHOWN)


def _refuse_excess(there: int, most: int, what: str) -> None:
    if there > most:
        advice = "make a manifest for each of the folders in it, with an --output of its own"
        raise PermanentError(f"the folder holds more than {most:,} {what}", advice)


def wanted_folder(access: DriveAccess, folder: DriveKey, shown: str) -> Wanted:
    """A folder, as `Wanted`."""
    return Wanted(folder, shown, f"{access.web_url.rstrip('/')}/drive/folders/{folder.id}")


def no_folder(wanted: Wanted) -> DownloadError:
    """The folder does not exist, or is not shared."""
    advice = (
        f"see that {wanted.page} opens without a login; if not, ask its owner to share it with anyone who has the link"
    )
    return ObjectNotFound(f"Google Drive shows no folder {wanted}", advice)
