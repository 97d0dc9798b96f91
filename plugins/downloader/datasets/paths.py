"""The local path of a file of a shared folder: by a mapping of globs to paths, else its path in the folder.

Names in such a folder may be anything: ``..``, line breaks, a slash, ten times the same one. The paths made of them are
safe, distinct, and the same for the same folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import count
from pathlib import PurePosixPath
from typing import Final
from unicodedata import category

from ..errors import DownloadError, ReservedName
from ..paths import MAX_NAME_BYTES, MAX_PATH_BYTES, SafePath, fitted, marked, safe_path, short_digest

__all__ = ["MappingError", "PathReservations", "Places", "tidy_path"]

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_KNOWN: Final = ("name", "stem", "suffix", "folder")
_UNSEEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories of characters that end a line, control a terminal, or cannot be encoded."""
_LONGEST_SUFFIX: Final = 20
_DIGITS: Final = 12


class MappingError(ValueError):
    """The mapping is invalid. The message says what to write instead."""


class Places:
    """Computes the path of each file."""

    def __init__(self, mapping: Mapping[str, str] | None = None) -> None:
        """`mapping`: globs over names or whole paths, each with its path; the first match counts.

        A path may contain ``{name}``, ``{stem}``, ``{suffix}`` and ``{folder}``; one that ends in a slash is a folder,
        in which the file keeps its name. Raises MappingError.
        """
        self._rules = [(pattern, _checked(pattern, template)) for pattern, template in (mapping or {}).items()]
        self._used: set[str] = set()

    def path_of(self, folders: Sequence[str], name: str) -> SafePath:
        """The path of the file `name` in `folders`, from the outermost to the innermost."""
        place = tidy_path((*folders, name))
        raw = "/".join((*folders, name))
        for pattern, template in self._rules:
            if any(one == pattern or fnmatchcase(one, pattern) for one in (name, raw, place.name, place.text)):
                self._used.add(pattern)
                return tidy_path(_filled(template, place).split("/"))
        return place

    @property
    def idle(self) -> list[str]:
        """The globs that have matched no file so far."""
        return [pattern for pattern, _ in self._rules if pattern not in self._used]


def _checked(pattern: str, template: str) -> str:
    for name in _PLACEHOLDER.findall(template):
        if name not in _KNOWN:
            known = ", ".join(f"{{{one}}}" for one in _KNOWN)
            raise MappingError(f"{pattern!r}: {{{name}}} is not a placeholder; write one of {known}")
    template = f"{template}{{name}}" if template.endswith("/") else template
    try:
        safe_path(_PLACEHOLDER.sub("x", template))
    except DownloadError as error:
        problem = error.what
    else:
        return template
    raise MappingError(f"{pattern!r}: {problem}; write a path below the destination, such as fan/{{name}}")


def _filled(template: str, place: SafePath) -> str:
    path = PurePosixPath(place.name)
    values = {"name": path.name, "stem": path.stem, "suffix": path.suffix, "folder": place.folder}
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


# --- unsafe names -----------------------------------------------------------------------------------------------------


def tidy_path(names: Iterable[str]) -> SafePath:
    """A safe path made of raw `names`, the last of them the file's. Safe names stay unchanged."""
    *folders, name = [_tidy(name) for name in names if name] or ["_"]
    if _is_reserved(name, "x" if folders else ""):
        name = f"_{_shortened(name, 1)}"
    path = "/".join((*folders, name))
    return safe_path(path if len(path.encode()) <= MAX_PATH_BYTES else f"{short_digest(path, _DIGITS)}/{name}")


def _is_reserved(name: str, folder: str) -> bool:
    try:
        safe_path(f"{folder}/{name}".lstrip("/"))
    except ReservedName:
        return True
    return False


def _tidy(name: str) -> str:
    """`name` as one segment of a path."""
    seen = "".join(map(_seen, name)).strip()
    return _shortened(seen) if seen.strip(".") else "_"


def _seen(character: str) -> str:
    kind = category(character)
    return "_" if character in "/\\" or kind in _UNSEEN else "" if kind == "Cf" else character


def _shortened(name: str, room: int = 0) -> str:
    """`name` in at most `MAX_NAME_BYTES` less `room`: its beginning, a hash of all of it, and its suffix."""
    if len(name.encode()) + room <= MAX_NAME_BYTES:
        return name
    stem, suffix = _parted(name)
    return marked(stem, name, _DIGITS, suffix, MAX_NAME_BYTES - room)


def _parted(name: str) -> tuple[str, str]:
    """Stem and suffix; an overlong suffix is part of the stem."""
    path = PurePosixPath(name)
    return (path.stem, path.suffix) if len(path.suffix.encode()) <= _LONGEST_SUFFIX else (name, "")


# --- equal paths ------------------------------------------------------------------------------------------------------


class PathReservations:
    """Reserved paths. The next file with the same path gets ``name (2).dat``."""

    def __init__(self, taken: Iterable[str] = (), wanted: Iterable[str] = ()) -> None:
        """`taken`: paths of files, distinct. `wanted`: paths that will be reserved; their folders keep their names."""
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._numbers: dict[str, int] = {}
        for path in taken:
            self._take(path)
        for path in wanted:
            self._folders.update(_folders_of(path))

    def reserve(self, path: SafePath) -> str:
        """`path`, or a similar one that is no other file or folder, and not below a file. Reserves it."""
        *folders, name = path.text.split("/")
        folder = ""
        for step in folders:
            folder = self._free_folder(f"{folder}{step}") + "/"
        reserved = self._free_file(folder, name)
        self._take(reserved)
        return reserved

    def _take(self, path: str) -> None:
        self._files.add(path)
        self._folders.update(_folders_of(path))

    def _free_folder(self, path: str) -> str:
        head, _, name = path.rpartition("/")
        numbers = count(2)
        while path in self._files:
            path = f"{head}/{_numbered(name, next(numbers))}".lstrip("/")
        return path

    def _free_file(self, folder: str, name: str) -> str:
        path = first = f"{folder}{name}"
        while path in self._files or path in self._folders:
            self._numbers[first] = number = self._numbers.get(first, 1) + 1
            path = f"{folder}{_numbered(name, number)}"
        return path


def _numbered(name: str, number: int) -> str:
    stem, suffix = _parted(name)
    return fitted(stem, f" ({number}){suffix}", MAX_NAME_BYTES)


def _folders_of(path: str) -> Iterable[str]:
    folder = path.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
