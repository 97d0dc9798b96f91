"""`file_info`: what a record contains for each of its files, in all known formats.

    relative path -> [size, md5]
                     [size, md5, etag]    a multipart ETag is "hex-N"; a suffix "__MiB" is the size of its parts
                     [size, etag]         older records; an ETag without "-N" is an MD5
    every element may be null

The MD5 decides. An ETag comes second: a multipart one always (compared with the file, it proves it or proves nothing),
one without parts only if the uploader wrote the part size after it. A bare ``hex`` as the third element may be the ETag
of the server, which is no MD5 for an encrypted object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from reprlib import Repr
from typing import Final, NamedTuple

from ..checksums import MIB, S3_ETAG, Checksum, from_etag
from ..errors import CorruptRecord, cut
from .entries import Entries, InPlace
from .errors import RecordUnusable

__all__ = ["FileEntry", "parse_file_info", "read_entry", "shown"]

_MOST_BYTES: Final = 2**63 - 1
"""The largest offset of a file system."""
_MOST_PART_MIB: Final = 5 * 1024
"""S3's own limit of a part is 5 GiB."""
_EXACT_FLOAT: Final = 2**53
_SHORTENED: Final = Repr()
_SHORTENED.maxstring = _SHORTENED.maxlong = _SHORTENED.maxother = 120
_PART_MIB = re.compile(r"[1-9][0-9]{0,3}")
_PLAIN_MD5 = re.compile(r"[0-9a-f]{32}")


class FileEntry(NamedTuple):
    """One file of a record: its size in bytes, and its checksums, the most reliable first."""

    size: int | None
    checksums: tuple[Checksum, ...]


def _scan(text: str) -> Iterator[tuple[str, int]]:
    """Name and position of each entry of the JSON object that `text` is.

    Raises ValueError, IndexError, RecursionError if it is none.
    """
    found = _BEGIN.match(text)
    if found is None:
        raise ValueError
    at, more = found.end(), not found[1]
    while more:
        if text[at] != '"':
            raise ValueError
        name, at = _DECODER.raw_decode(text, at)
        found = _COLON.match(text, at)
        if found is None:
            raise ValueError
        at = found.end()
        yield name, at
        found = _NEXT.match(text, _DECODER.raw_decode(text, at)[1])
        if found is None:
            raise ValueError
        at, more = found.end(), found[1] == ","
    if at != len(text):
        raise ValueError


def parse_file_info(text: str | bytes | None, raw_file_id: str) -> Mapping[str, object]:
    """The JSON text of the column as a mapping, sorted by names; empty for null.

    Raises RecordUnusable, with the record's id.
    """
    if text is None:
        return {}
    if isinstance(text, bytes):
        with suppress(UnicodeDecodeError):
            text = text.decode(json.detect_encoding(text), "surrogatepass")
    if isinstance(text, str) and not text.startswith("\ufeff"):
        with suppress(ValueError, IndexError, RecursionError):
            return Entries(_scan(text), partial(_entry_at, text))
    return _parsed(text, raw_file_id)


def _entry_at(text: str, start: int) -> object:
    return _DECODER.raw_decode(text, start)[0]


def _parsed(text: str | bytes, raw_file_id: str) -> dict[str, object]:
    """The same of a text that is no object of entries. Raises RecordUnusable."""
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, ValueError) else "nested too deeply"
        raise RecordUnusable(f"the file_info of raw file {raw_file_id} is not valid JSON ({why})") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise RecordUnusable(
            f"the file_info of raw file {raw_file_id} is {shown(found)}, and not a JSON object of files"
        )
    return found


def read_entry(entry: object) -> FileEntry:
    """One entry of `file_info`. Raises CorruptRecord, with the reason."""
    if not isinstance(entry, list | tuple) or len(entry) not in (2, 3):
        raise CorruptRecord(f"its entry is {shown(entry)}, neither [size, md5] nor [size, md5, etag]")
    return FileEntry(_size(entry[0]), _checksums(entry[1], entry[2] if len(entry) == 3 else None))


def _size(value: object) -> int | None:
    """A float is accepted if it is exactly an integer: stores that only have doubles write 5.0 for 5."""
    if isinstance(value, float) and 0 <= value <= _EXACT_FLOAT and value.is_integer():
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_BYTES):
        return value
    raise CorruptRecord(f"its size is {shown(value)}, which is not a number of bytes")


def _checksums(second: object, third: object) -> tuple[Checksum, ...]:
    if isinstance(second, str) and _PLAIN_MD5.fullmatch(second) and _adds_nothing(third, second):
        return (Checksum("md5", second),)
    first = _checksum(second, "md5", bare_is_md5=True)
    if first is None or first.algorithm == S3_ETAG:
        behind = _checksum(third, "etag", bare_is_md5=False)
    else:
        behind = _etag_behind_md5(third)
    return tuple(checksum for checksum in (first, behind) if checksum is not None)


def _adds_nothing(etag: object, md5: str) -> bool:
    """The common case, without parsing the ETag: none, or that of an upload in one part."""
    return etag is None or (isinstance(etag, str) and etag.startswith(f"{md5}__"))


def _etag_behind_md5(value: object) -> Checksum | None:
    """The MD5 decides: only a multipart ETag adds information, and an invalid one is ignored.

    Both were computed from the original file.
    """
    try:
        etag = _checksum(value, "etag", bare_is_md5=False)
    except CorruptRecord:
        if isinstance(value, str):
            return None
        raise
    return replace(etag, same_original=True) if etag is not None and etag.algorithm == S3_ETAG else None


def _checksum(value: object, called: str, *, bare_is_md5: bool) -> Checksum | None:
    """A checksum of a record; None for null, for an empty one, and for a bare ETag that may be no MD5."""
    if value is None or value == "":
        return None
    text, underscores, part_mib = value.partition("__") if isinstance(value, str) else ("", "", "")
    if underscores and not (_PART_MIB.fullmatch(part_mib) and int(part_mib) <= _MOST_PART_MIB):
        raise CorruptRecord(
            f"its part size is {shown(part_mib)}, and not a whole number of MiB from 1 to {_MOST_PART_MIB}"
        )
    found = from_etag(text, (int(part_mib) * MIB,) if underscores else ())
    if found is None:
        raise CorruptRecord(f"its {called} is {shown(value)}, which is not a valid {called}")
    return found if found.algorithm == S3_ETAG or underscores or bare_is_md5 else None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        for name, value in pairs:
            if found[name] != value:
                found[name] = InPlace()
    return found


def _integer(digits: str) -> int | str:
    """An integer; an overlong one stays a text, so that only its own entry is invalid, not the whole record."""
    return int(digits) if len(digits) <= 20 else digits


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)
_BEGIN: Final = re.compile(r"[ \t\n\r]*\{[ \t\n\r]*(\}[ \t\n\r]*)?")
_COLON: Final = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")
_NEXT: Final = re.compile(r"[ \t\n\r]*([,}])[ \t\n\r]*")


def shown(value: object) -> str:
    """`value`, short enough for a line of a report. Reads only as much of it as is shown."""
    return cut(_SHORTENED.repr(value), 60)
