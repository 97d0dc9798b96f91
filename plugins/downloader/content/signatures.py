"""What a file is by its first bytes: compressed, an archive, a table, a web page, text in another encoding.

Names are not looked at: an object keeps its name where a server or a loader compresses it, and where a proxy's page
takes its place.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["ENOUGH", "GZIP", "foreign_form", "may_be_gzip"]

ENOUGH: Final = 512
"""First bytes of a file that tell what it is, if it has so many."""
GZIP: Final = b"\x1f\x8b\x08"
"""RFC 1952: the two bytes of gzip, and the only method that there is."""

_SIGNATURES: Final = (
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"BZh", "compressed by bzip2"),
    (b"\xfd7zXZ\0", "compressed by xz"),
    (b"\x04\x22\x4d\x18", "compressed by lz4"),
    (b"\xff\x06\0\0sNaPpY", "compressed by snappy"),
    (b"\x1f\x9d", "compressed by compress (.Z)"),
    (b"\x78\x01", "compressed by zlib"),
    (b"\x78\x5e", "compressed by zlib"),
    (b"\x78\x9c", "compressed by zlib"),
    (b"\x78\xda", "compressed by zlib"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "a zip archive"),
    (b"PK\x07\x08", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"PAR1", "a Parquet file"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC", "an ORC file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"%PDF-", "a PDF document"),
    (b"\x1e", "a sequence of JSON texts (RFC 7464)"),
    (b"\xff\xfe\0\0", "text in UTF-32"),
    (b"\0\0\xfe\xff", "text in UTF-32"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
)
_ZSTD_SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
_WITHOUT_MARK: Final = (
    (re.compile(rb"(?:\0\0\0[\x01-\x7f]){2}|(?:[\x01-\x7f]\0\0\0){2}"), "text in UTF-32"),
    (re.compile(rb"(?:\0[\x01-\x7f]){2}|(?:[\x01-\x7f]\0){2}"), "text in UTF-16"),
)
"""Characters of ASCII without a byte order mark before them."""
_TAR: Final = (257, b"ustar")
_PAGE: Final = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|meta|title)\b", re.IGNORECASE)
_XML: Final = re.compile(rb"<(?:\?xml|!--|!DOCTYPE|[A-Za-z_])", re.IGNORECASE)
_BOM: Final = b"\xef\xbb\xbf"


def may_be_gzip(head: bytes) -> bool:
    """Whether a file that begins with `head` is gzip, or may be if it is as short as that."""
    return bool(head) and (head.startswith(GZIP) or GZIP.startswith(head))


def foreign_form(head: bytes) -> str:
    """What a file that begins with `head` is if it is no JSON (``a zip archive``); ``""`` if that cannot be told.

    `head`: its first `ENOUGH` bytes, or all of it. Gzip is not told, see `may_be_gzip`.
    """
    for signature, form in _SIGNATURES:
        if head.startswith(signature):
            return form
    if _ZSTD_SKIPPABLE.match(head):
        return "compressed by zstd"
    for pattern, form in _WITHOUT_MARK:
        if pattern.match(head):
            return form
    if head.startswith(_TAR[1], _TAR[0]):
        return "a tar archive"
    if head and not head.strip(b"\0"):
        return "nothing but zero bytes where it begins; a lost block of a disk, perhaps"
    text = head.removeprefix(_BOM).lstrip()
    if not text.startswith(b"<"):
        return ""
    if _PAGE.search(text):
        return "a web page (HTML)"
    return "XML" if _XML.match(text) else ""
