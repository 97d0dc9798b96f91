"""Records as documents of MongoDB: read from their bytes, so that a document of 130,000 files needs little memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from .entries import Entries, InPlace
from .errors import RecordUnusable
from .file_info import parse_file_info, shown
from .interface import DocumentNames
from .raw_file import RawFile

__all__ = ["RAW", "id_of", "to_raw_file"]

_LENIENT: Final = CodecOptions[dict[str, Any]](
    unicode_decode_error_handler="surrogateescape", datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
"""Text that is not UTF-8, or a date of no calendar, makes its own entry invalid, not the whole record."""
RAW: Final = _LENIENT.with_options(document_class=RawBSONDocument)
"""How the driver hands documents over: as bytes."""

_BROKEN: Final = (BSONError, ValueError, LookupError, OverflowError, struct.error)
"""What bytes that are no document raise, here and in the driver."""
_LENGTH: Final = struct.Struct("<i")
_DOCUMENT: Final = 0x03
_ARRAY: Final = 0x04
_REGEX: Final = 0x0B
_FIXED: Final = {
    **dict.fromkeys((0x06, 0x0A, 0x7F, 0xFF), 0),
    0x08: 1,
    0x10: 4,
    **dict.fromkeys((0x01, 0x09, 0x11, 0x12), 8),
    0x07: 12,
    0x13: 16,
}
"""Types whose values have a fixed number of bytes (https://bsonspec.org/spec.html)."""
_COUNTED: Final = {0x02: 4, 0x0D: 4, 0x0E: 4, 0x05: 5, 0x0C: 16, _DOCUMENT: 0, _ARRAY: 0, 0x0F: 0}
"""Types whose values begin with a length, and the bytes that it does not count."""


def to_raw_file(document: Mapping[str, Any], raw_file_id: str, names: DocumentNames) -> RawFile:
    """The record in a document. Raises RecordUnusable if it is none."""
    fields = (names.project_id, names.s3_upload_path, names.backup_status, names.file_info)
    try:
        values = {field: document[field] for field in fields if field in document}
    except _BROKEN as error:
        raise RecordUnusable(f"the document of raw file {raw_file_id} is not valid BSON ({error})") from error
    if not values:
        raise RecordUnusable(
            f"the document {shown(raw_file_id)} is no record of a raw file: it has none of the fields"
            f" {', '.join(fields)}",
            "name the collection and the fields of the catalogue under mongo in the configuration",
        )

    def text(field: str) -> str | None:
        value = values.get(field)
        if value is None or isinstance(value, str):
            return value
        if type(value) in (int, bson.Int64):
            return str(value)
        raise RecordUnusable(f"the {field} of raw file {raw_file_id} is {_kind(value)}, and not text")

    return RawFile(
        raw_file_id,
        text(names.project_id) or "",
        text(names.s3_upload_path),
        text(names.backup_status),
        _file_info(values.get(names.file_info), raw_file_id),
    )


def id_of(document: Mapping[str, Any], field: str) -> str | None:
    """The id in a document, None if it has none. One that is no text is shown as one, to be named in an error."""
    value = document.get(field)
    return value if isinstance(value, str) else None if value is None else _kind(value)


def _file_info(value: object, raw_file_id: str) -> Mapping[str, object]:
    if isinstance(value, RawBSONDocument):
        raw = bytes(value.raw)
        try:
            return Entries(_scan(raw), partial(_entry_at, raw))
        except _BROKEN as error:
            raise RecordUnusable(f"the file_info of raw file {raw_file_id} is not valid BSON") from error
    if isinstance(value, str | None):
        return parse_file_info(value, raw_file_id)
    raise RecordUnusable(f"the file_info of raw file {raw_file_id} is {_kind(value)}, and not a document of files")


def _kind(value: object) -> str:
    """What a value is, without reading a large one."""
    if isinstance(value, RawBSONDocument):
        return "an embedded document"
    return "an array" if isinstance(value, list) else shown(value)


def _scan(raw: bytes) -> Iterator[tuple[str, int]]:
    """Name and position of each element of a document. Raises struct.error, ValueError, IndexError if it is none."""
    at, end = _LENGTH.size, len(raw) - 1
    while at < end:
        name_end = raw.index(0, at + 1)
        yield raw[at + 1 : name_end].decode("utf-8", "surrogateescape"), at
        at = _value_end(raw, at, name_end + 1)
    if at != end:
        raise ValueError("an element reaches beyond the end")


def _value_end(raw: bytes, at: int, start: int) -> int:
    """Where the value at `start` ends, of the element at `at`."""
    kind = raw[at]
    fixed = _FIXED.get(kind)
    if fixed is not None:
        return start + fixed
    if kind == _REGEX:
        return raw.index(0, raw.index(0, start) + 1) + 1
    (length,) = _LENGTH.unpack_from(raw, start)
    if kind not in _COUNTED or length < 0:
        raise ValueError("not an element")
    return start + int(length) + _COUNTED[kind]


def _entry_at(raw: bytes, at: int) -> object:
    """The value of the element at `at`, as JSON would have it."""
    start = raw.index(0, at + 1) + 1
    value = raw[start : _value_end(raw, at, start)]
    document = _LENGTH.pack(len(value) + 7) + raw[at : at + 1] + b"\0" + value + b"\0"
    try:
        found = bson.decode(document, _LENIENT)[""]
    except _BROKEN:
        return InPlace("not valid BSON")
    return [int(one) if isinstance(one, bson.Int64) else one for one in found] if isinstance(found, list) else found
