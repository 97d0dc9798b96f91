"""The type of FHIR resources that an object's key tells of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from ..fhir_types import RESOURCE_TYPES, UNKNOWN

__all__ = ["type_of"]

_ENDING: Final = re.compile(r"(?:\.(?:ndjson|gz|parquet|json))+$", re.IGNORECASE)
_SPACE: Final = re.compile(r"%20")
_ENCODED: Final = re.compile(r"%[23][0-9a-f]", re.IGNORECASE)
"""Slashes, colons and the like in URL encoding: some uploaders leave it in keys. Its letters belong to no word."""
_PHRASES: Final = re.compile(r"[A-Za-z]+(?:[-_ ]+[A-Za-z]+)*")
"""Words that nothing but a dash separates: together they may be one type (``medication_request``)."""
_WORD: Final = re.compile(r"[A-Za-z]+")
_CAMEL: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+")
_MOST_WORDS: Final = 5
"""Words of the longest type."""
_SHORTEST: Final = 4
"""Letters of the shortest one."""
_PARTITION: Final = re.compile(r"[^=]+=.*|\d{4}-?\d{2}-?\d{2}.*|(?:19|20)?\d{2}")
"""A folder that divides a table: ``year=2024``, a day, ``2024/01/31``."""
_GROUP: Final = "Group"
_DIGITS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_MOST_HELD: Final = 1024
"""Names, without their digits, of which the types are held."""


def type_of(key: str) -> str:
    """The type that an object's key tells of: ``Patient`` for ``exports/1.Patient.ndjson``, else `UNKNOWN`.

    Looked for, until something is found: words of the name (``Patient``, ``patients``, ``medication_request``), those
    in the official spelling first; parts of a word (``MimicPatient``); the folder (``Patient/part-0.ndjson``). A group
    before another type is that of the export (``Group_7_Condition``). Two types are none: `UNKNOWN` is better than the
    wrong one.
    """
    folders, _, name = key.rpartition("/")
    # Digits only divide the words of a name, so of numbered exports one is looked at. (Digits of an encoding are more.)
    plain = name.encode(errors="surrogatepass")  # strings take ten times as long to translate
    return _type_of(folders, plain if b"%" in plain else plain.translate(_DIGITS))


@lru_cache(_MOST_HELD)
def _type_of(folders: str, plain: bytes) -> str:
    name = plain.decode(errors="surrogatepass")
    stem = _ENCODED.sub(".", _SPACE.sub(" ", _ENDING.sub("", name)))
    kinds = _in_words(stem) or _in_parts(stem) or _of_folder(folders)
    if kinds[:1] == [_GROUP] and set(kinds) != {_GROUP}:
        kinds = [kind for kind in kinds if kind != _GROUP]
    return kinds[0] if len(set(kinds)) == 1 else UNKNOWN


def _in_words(stem: str) -> list[str]:
    """The types that are words of a name: those in the official spelling, else those in any."""
    runs = [
        run for phrase in _PHRASES.findall(stem) if len(phrase) >= _SHORTEST for run in _runs(_WORD.findall(phrase))
    ]
    exact = [kind for run, kind in runs if run.startswith(kind)]
    return exact or [kind for _, kind in runs]


def _in_parts(stem: str) -> list[str]:
    """The types that are parts of words in a name."""
    words = (word for word in _WORD.findall(stem) if len(word) >= _SHORTEST and not (word.islower() or word.isupper()))
    return [kind for word in words for _, kind in _runs(_CAMEL.findall(word))]


def _of_folder(folders: str) -> list[str]:
    """The type that is the name of the folder, without what divides it further."""
    for folder in reversed(folders.split("/")):
        name = _ENDING.sub("", folder)
        if name.rpartition("=")[2] in RESOURCE_TYPES:
            return [name.rpartition("=")[2]]
        if not _PARTITION.fullmatch(folder):
            kind = _ONE_OR_MANY.get(name.lower())
            return [kind] if kind else []
    return []


def _runs(words: list[str]) -> Iterator[tuple[str, str]]:
    """Words that are a type together, the longest first, and the type."""
    lowered = [word.lower() for word in words]
    at = 0
    while at < len(words):
        for end in range(min(len(words), at + _MOST_WORDS), at, -1):
            kind = _ONE_OR_MANY.get("".join(lowered[at:end]))
            if kind:
                yield "".join(words[at:end]), kind
                at = end
                break
        else:
            at += 1


def _forms(name: str) -> Iterator[str]:
    """``patient`` and ``patients``, ``imagingstudy`` and ``imagingstudies``."""
    lowered = name.lower()
    yield from (lowered, f"{lowered}s")
    if lowered.endswith("y"):
        yield f"{lowered[:-1]}ies"


_ONE_OR_MANY: Final = {form: name for name in RESOURCE_TYPES for form in _forms(name)}
