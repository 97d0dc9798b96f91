"""Pages of a listing in the form that S3 servers write them, read ten times as fast as by the `minio` client.

Only what the grammar here matches to its last byte is read; any other page (other elements, characters that are not
encoded, prefixes, versions, comments) is left to the client's own parser, which reads the same in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

__all__ = ["Listed", "Page", "read_page"]

_ETAG: Final = re.compile(r"[\x21\x23-\x7e]{1,256}")
"""What can be sent back as an expected ETag."""
_TEXT: Final = r"[ !\"#$%'-;=?-~]"
"""Printable ASCII that stands for itself in XML."""
_TIME: Final = (
    r"[12][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?Z"
)
"""One that exists. It is not used; the client's parser refuses others."""
_ENTRY: Final = re.compile(
    r"<Contents>\s*<Key>(" + _TEXT + r"+)</Key>\s*<LastModified>" + _TIME + r"</LastModified>\s*"
    r"<ETag>(?:&quot;|&#34;|\")?([!#$%'-;=?-~]{0,256})(?:&quot;|&#34;|\")?</ETag>\s*"
    r"(?:<(?:ChecksumAlgorithm|ChecksumType)>[A-Z0-9_]*</(?:ChecksumAlgorithm|ChecksumType)>\s*)*"
    r"<Size>([0-9]{1,18})</Size>\s*"
    r"(?:<StorageClass>\w*</StorageClass>\s*|<Type>\w*</Type>\s*|"
    r"<Owner>\s*(?:<ID>" + _TEXT + r"*</ID>\s*|<DisplayName>" + _TEXT + r"*</DisplayName>\s*)*</Owner>\s*)*"
    r"</Contents>\s*",
    re.ASCII,
)
"""Begins with a word and not with spaces, so that a page of spaces is not searched again at each of them."""
_SHELL: Final = re.compile(
    r"(?:<\?xml version=[\"']1\.0[\"'](?: encoding=[\"'](?i:utf-8)[\"'])?\s*\?>)?\s*"
    r"<ListBucketResult(?: xmlns=\"http://s3\.amazonaws\.com/doc/2006-03-01/\")?>"
    r"((?:\s*<(?!Contents\b|CommonPrefixes\b)(?:([A-Z]\w*)>" + _TEXT + r"*</\2>|[A-Z]\w*\s*/>))*)"
    r"\s*</ListBucketResult>\s*",
    re.ASCII,
)
"""A page without its entries. Its elements have text alone, so that none hides another; an entry of another form than
`_ENTRY`, without a key perhaps, is none of them."""
_TRUNCATED: Final = "<IsTruncated>true</IsTruncated>"
_COMPLETE: Final = "<IsTruncated>false</IsTruncated>"
_NAME: Final = re.compile(r"<Name>[^<]")
_OBJECT: Final = "<Contents>"
_ENCODED: Final = "<EncodingType>url</EncodingType>"


class Listed(NamedTuple):  # a dataclass takes twice as long to make
    """One object of a listing. `etag` has no quotes; ``""`` if there is none."""

    key: str
    size: int
    etag: str

    @classmethod
    def of(cls, key: str | None, size: int | None, etag: str | None) -> Listed:
        """What a server lists. An ETag that cannot be sent back is none."""
        return cls(key or "", size or 0, etag if etag and _ETAG.fullmatch(etag) else "")


@dataclass(frozen=True, slots=True)
class Page:
    """Objects in the order in which they are listed, and whether there are more."""

    objects: Sequence[Listed]
    truncated: bool


def read_page(body: bytes) -> Page | None:
    """The page that `body` is; None where it is in another form, or lists nothing."""
    if not body.isascii() or b"\f" in body or b"\v" in body:  # these two are spaces, but not in XML
        return None
    text = body.decode()
    first = text.find(_OBJECT)
    if first < 0:
        return None
    # What stands before each entry, then its key, its ETag and its size; and what stands behind the last one.
    pieces = _ENTRY.split(text[first:])
    before, keys, etags, sizes = (pieces[at::4] for at in range(4))
    shell = _SHELL.fullmatch(text[:first] + before[-1])
    if any(before[:-1]) or _OBJECT in before[-1] or shell is None:
        return None
    told = shell[1]
    truncated, complete = told.count(_TRUNCATED), told.count(_COMPLETE)
    if _ENCODED not in told or not _NAME.search(told) or truncated + complete != 1 or told.count("<IsTruncated>") != 1:
        return None
    names = [unquote_plus(key) if "%" in key or "+" in key else key for key in keys]
    return Page(list(map(Listed, names, map(int, sizes), etags)), bool(truncated))
