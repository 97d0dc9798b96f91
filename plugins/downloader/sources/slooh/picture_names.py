"""The local path of a picture: templates of folders and file names, filled with its facts.

Names are the same on every run and valid on every disk: Linux, macOS and Windows accept them, none leads out of the
destination, and one that is too long is cut and gets a hash of the full name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import count
from string import Formatter
from typing import Any, Final, Generic, TypeVar
from unicodedata import category, normalize

from ...paths import REPORT_PREFIXES, SafePath, marked, safe_path
from ...planning import folded

__all__ = [
    "PLACEHOLDERS",
    "Arrangement",
    "Dropped",
    "Duplicates",
    "PictureFacts",
    "PictureNames",
    "TemplateError",
    "arrange",
    "designations_of",
    "format_of",
    "object_of",
]

T = TypeVar("T")

PLACEHOLDERS: Final = (
    "object",
    "telescope",
    "instrument",
    "format",
    "type",
    "filename",
    "title",
    "date",
    "year",
    "month",
    "day",
)


class TemplateError(ValueError):
    """A template is invalid. The message says what to write instead."""


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """The facts of a picture. Any may be missing."""

    title: str | None = None
    telescope: str | None = None
    instrument: str | None = None
    filename: str | None = None
    """Its name at the source."""
    kind: str | None = None
    """``PNG``, ``JPG``, ``JPEG``, ``FITS``, according to the source."""
    taken: datetime | None = None
    """UTC."""


# --- facts from titles and file names --------------------------------------------------------------------------------

_FORMATS: Final = {"fits": "FITS", "fit": "FITS", "jpg": "JPEG", "jpeg": "JPEG", "png": "Pictures"}
_EXTENSIONS: Final = {"FITS": ".fits", "JPEG": ".jpg", "Pictures": ".png"}
_EXTENSION: Final = re.compile(r".\.([A-Za-z0-9]{1,5})\Z")
_FILTER: Final = re.compile(r"[_-]([A-Za-z0-9]{1,10})\.[A-Za-z0-9]{1,5}\Z")
_TYPES: Final = {
    **dict.fromkeys(("l", "lum", "luminance", "clear"), "Luminance"),
    **dict.fromkeys(("rgb", "lrgb", "r", "g", "b", "color", "colour"), "RGB"),
    **dict.fromkeys(("ha", "oiii", "o3", "sii", "s2", "sho", "hoo", "hso"), "Narrowband"),
    **dict.fromkeys(("m", "mono"), "Monochrome"),
}
"""By the last part of a file's name, which names the filters at Slooh."""


def _numbered(names: str, prefix: str, most: int) -> tuple[re.Pattern[str], str, int]:
    pattern = rf"(?<![A-Za-z0-9])(?:{names})([1-9][0-9]{{0,4}})(?![A-Za-z0-9])"
    return re.compile(pattern, re.IGNORECASE), prefix, most


_CATALOGUES: Final = (
    _numbered(r"M[ -]?|Messier ?", "M", 110),
    _numbered(r"NGC[ -]?", "NGC", 7840),
    _numbered(r"IC[ -]?", "IC", 5386),
    _numbered(r"Caldwell ?", "C", 109),
    _numbered(r"Sh ?2-", "Sh2-", 313),
    _numbered(r"Barnard ?", "B", 370),
    _numbered(r"Abell ?", "Abell", 4076),
    _numbered(r"Arp ?", "Arp", 338),
    _numbered(r"Mel ?|Melotte ?", "Mel", 245),
    _numbered(r"Cr ?|Collinder ?", "Cr", 471),
    _numbered(r"UGC ?", "UGC", 12921),
)
"""In order of preference, so that ``M31 (NGC 224)`` and ``NGC 224 (M 31)`` are one object."""


def object_of(title: str | None) -> str | None:
    """The object that a title names: ``M31`` or ``IC434`` if it contains a catalogue number, else its first words.

    ``Horsehead Nebula (IC 434)`` is ``IC434``; ``Jupiter, first light`` is ``Jupiter``. None for an empty title.
    """
    found = designations_of(title or "")
    return found[0] if found else (title or "").partition(",")[0].strip() or None


def designations_of(text: str) -> tuple[str, ...]:
    """The catalogue numbers in `text`, as they are used for folders: ``M31``, ``NGC224``. The best known first."""
    return tuple(
        f"{prefix}{found[1]}"
        for pattern, prefix, most in _CATALOGUES
        for found in pattern.finditer(text)
        if int(found[1]) <= most
    )


def format_of(facts: PictureFacts) -> str | None:
    """``FITS``, ``JPEG``, or ``Pictures`` for a PNG: by the file's name, else by `PictureFacts.kind`."""
    return _FORMATS.get(_extension(facts.filename)[1:]) or _FORMATS.get((facts.kind or "").strip().lower())


def _type_of(facts: PictureFacts) -> str | None:
    """``FITS``, ``Luminance``, ``RGB``, ``Narrowband`` or ``Monochrome``."""
    if format_of(facts) == "FITS":
        return "FITS"
    found = _FILTER.search(facts.filename or "")
    return _TYPES.get(found[1].lower()) if found else None


def _extension(filename: str | None) -> str:
    """``.png``, in lower case; ``""`` if there is none."""
    found = _EXTENSION.search(filename or "")
    return f".{found[1].lower()}" if found else ""


# --- names that are valid on every disk ------------------------------------------------------------------------------

_MOST_BYTES: Final = 150
"""The limit of a name in UTF-8. Even decomposed, as on older Macs, it is below their limit of 255 units."""
_DIGITS: Final = 8
_FORBIDDEN: Final = frozenset('<>:"/\\|?*')
_DEVICES: Final = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"}
)
"""Devices of Windows, whatever follows the first dot."""


def _clean(text: str) -> str:
    """`text` in NFC, with ``_`` for characters that Windows forbids, and without invisible ones."""
    characters = (_seen(character) for character in normalize("NFC", text))
    return normalize("NFC", " ".join("".join(characters).split())).strip(". ")


def _seen(character: str) -> str:
    if character in _FORBIDDEN:
        return "_"
    if character.isspace():
        return " "
    return "" if category(character) in ("Cc", "Cf", "Cs") else character


def _name(text: str, unknown: str) -> str:
    """`text` as one segment of a path. Of one that is too long, its beginning, a hash of all of it, its extension."""
    name = _clean(text) or unknown
    reserved = name.partition(".")[0].rstrip().upper() in _DEVICES
    if reserved or name.startswith(REPORT_PREFIXES):
        name = f"_{name}"
    if len(name.encode()) <= _MOST_BYTES:
        return name
    return marked(name, name, _DIGITS, _extension(name), _MOST_BYTES, trim=". ")


# --- templates -------------------------------------------------------------------------------------------------------


class PictureNames:
    """Fills the templates. Safe to use from many threads."""

    def __init__(
        self,
        folder_template: str = "{object}/{telescope}/{format}",
        filename_template: str = "{telescope}_{filename}",
        unknown: str = "Unknown",
    ) -> None:
        """`unknown` replaces missing facts. Raises TemplateError."""
        self._folders = [_checked("folder_template", part) for part in folder_template.split("/")]
        self._filename = _checked("filename_template", filename_template)
        if "/" in filename_template:
            raise TemplateError("filename_template holds a /; folders belong in folder_template")
        self._unknown = _name(unknown, "")
        if not self._unknown:
            raise TemplateError(
                f"unknown_object is {unknown!r}, which is not a valid folder name; write Unknown, for example"
            )

    def path_of(self, facts: PictureFacts) -> SafePath:
        """The path of the picture below the destination. The file keeps its extension.

        Raises NameTooLong if the templates make a path of more than 3,500 bytes.
        """
        values = {name: _clean(value or "") or self._unknown for name, value in _values(facts).items()}
        folders = [_name(part.format_map(values), self._unknown) for part in self._folders]
        extension = _extension(facts.filename) or _EXTENSIONS.get(format_of(facts) or "", "")
        filename = _clean(self._filename.format_map(values)) or self._unknown
        if not filename.lower().endswith(extension):
            filename += extension
        return safe_path("/".join((*folders, _name(filename, self._unknown))))


def _values(facts: PictureFacts) -> Mapping[str, str | None]:
    """The value of each placeholder."""
    taken = facts.taken
    return {
        "object": object_of(facts.title),
        "telescope": facts.telescope,
        "instrument": facts.instrument,
        "format": format_of(facts),
        "type": _type_of(facts),
        "filename": facts.filename,
        "title": facts.title,
        "date": f"{taken:%Y-%m-%d}" if taken else None,
        "year": f"{taken:%Y}" if taken else None,
        "month": f"{taken:%m}" if taken else None,
        "day": f"{taken:%d}" if taken else None,
    }


def _checked(setting: str, template: str) -> str:
    """`template`, if it contains only text and placeholders. Raises TemplateError."""
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    try:
        fields = list(Formatter().parse(template))
    except ValueError:
        raise TemplateError(f"{setting} has a stray brace in {template!r}; write one of {known}") from None
    for _, name, spec, conversion in fields:
        if name is not None and name not in PLACEHOLDERS:
            raise TemplateError(f"{setting} holds {{{name}}}, which is not a placeholder; write one of {known}")
        if spec or conversion:
            raise TemplateError(f"{setting} holds more than a name in {{{name}}}; write {{{name}}} and nothing else")
    if not template.strip(". ") or "\\" in template:
        raise TemplateError(
            f"{setting} has {template!r} for a name; write names and placeholders, with / between folders"
        )
    return template


# --- pictures with equal paths ---------------------------------------------------------------------------------------


class Duplicates(StrEnum):
    """What to do with pictures that would get the path of another."""

    SKIP = "skip"
    OVERWRITE = "overwrite"
    RENAME = "rename"


@dataclass(frozen=True, slots=True)
class Dropped(Generic[T]):
    """A picture that is not downloaded because another has its path."""

    path: SafePath
    record: T
    why: str


@dataclass(frozen=True, slots=True)
class Arrangement(Generic[T]):
    """The records with their paths, in the given order; no two paths are equal on any disk."""

    kept: tuple[tuple[SafePath, T], ...]
    dropped: tuple[Dropped[T], ...]


def arrange(placed: Iterable[tuple[SafePath, T]], duplicates: Duplicates, age: Callable[[T], Any]) -> Arrangement[T]:
    """Decides which of several records gets a path that they share, also on a disk that ignores case.

    `age` is a sort key, the oldest first, independent of the given order. `SKIP` keeps the oldest, `OVERWRITE` the
    newest; `RENAME` keeps all, the newer ones as ``name (1).png``, ``name (2).png``. Pass all known records, also those
    that are not selected, so that a record gets the same name each time.
    """
    pairs = list(placed)
    groups: dict[str, list[int]] = defaultdict(list)
    for number, (path, _) in enumerate(pairs):
        groups[folded(path.text)].append(number)
    for group in groups.values():
        group.sort(key=lambda number: age(pairs[number][1]))
    if duplicates is Duplicates.RENAME:
        return Arrangement(_renamed(pairs, groups), ())
    winner = 0 if duplicates is Duplicates.SKIP else -1
    winners = {group[winner] for group in groups.values()}
    kept = tuple(pair for number, pair in enumerate(pairs) if number in winners)
    side = "an older" if duplicates is Duplicates.SKIP else "a newer"
    losers = (pair for number, pair in enumerate(pairs) if number not in winners)
    dropped = (Dropped(path, record, f"{side} picture has the path {path}") for path, record in losers)
    return Arrangement(kept, tuple(dropped))


def _renamed(pairs: list[tuple[SafePath, T]], groups: Mapping[str, list[int]]) -> tuple[tuple[SafePath, T], ...]:
    paths = [path for path, _ in pairs]
    for group in groups.values():
        numbers = count(1)
        for index in group[1:]:
            counted = (_counted(paths[index], number) for number in numbers)
            paths[index] = next(path for path in counted if folded(path.text) not in groups)
    return tuple((path, record) for path, (_, record) in zip(paths, pairs, strict=True))


def _counted(path: SafePath, number: int) -> SafePath:
    """``folder/name.png`` as ``folder/name (1).png``."""
    extension = path.text[len(path.text) - len(_extension(path.name)) :]
    return safe_path(f"{path.text.removesuffix(extension)} ({number}){extension}")
