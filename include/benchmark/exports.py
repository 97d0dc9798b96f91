"""A bucket of as many FHIR exports as anybody likes, in S3's protocol: the server behind nginx for `listing`, `bucket`.

The bucket ``fhir-200000`` holds 200,000 objects of one size. Nothing is stored: pages of a listing are made when they
are requested, from any key on, in 0.2 ms; and number n has the bytes of n modulo 1,000, so that nginx soon has all of
them in its cache and this program lists. ETags are MD5s, as MinIO's are. Signatures are not looked at.

Servers that hold their objects were tried first: `rclone serve s3` takes 1.5 s for a page of 200,000 keys, moto 0.35 s
for one of 20,000, and the time of both grows with the number of keys.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import sys
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import quote

from ..stand_ins.object_server import refuse
from ..stand_ins.wire import Answer, Request, StandIn, serve_until_ended

__all__ = ["SIZE", "bucket_of", "name_of"]

_CONTENTS: Final = 1_000
"""Different objects; a power of ten, of which nginx keeps the digits."""
_PAGE: Final = 1_000
_BUCKET: Final = re.compile(r"/fhir-(\d{1,6}|1000000)/?")
_OBJECT: Final = re.compile(r"/object/(\d{3})")
_WRITTEN: Final = ("2024-02-04T14:30:22.000Z", "Sun, 04 Feb 2024 14:30:22 GMT")
_ENTRY: Final = (
    f"<Contents><Key>{{}}</Key><LastModified>{_WRITTEN[0]}</LastModified><ETag>&quot;{{}}&quot;</ETag>"
    "<Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)
_NAME: Final = "Observation-{}.ndjson"
_THOUSAND: Final = "***"
_XML: Final = {"Content-Type": "application/xml"}
_SPOKEN: Final = {"list-type": "2", "delimiter": "/", "encoding-type": "url"}
"""What these may be, if they are given; keys have no slash, so that nothing is rolled up."""
_READ: Final = {"prefix", "start-after", "continuation-token", "max-keys", "fetch-owner"}


def bucket_of(count: int) -> str:
    """The bucket of `count` objects."""
    return f"fhir-{count}"


def name_of(number: int) -> str:
    """The key of an object; keys sort as their numbers do."""
    return _NAME.format(f"{number:06d}")


@cache
def _content(number: int) -> bytes:
    note = random.Random(number).randbytes(440).hex()
    line = {"resourceType": "Observation", "id": f"{number:03d}", "status": "final", "note": [{"text": note}]}
    return json.dumps(line).encode() + b"\n"


@cache
def _etag(number: int) -> str:
    return hashlib.md5(_content(number)).hexdigest()


SIZE: Final = len(_content(0))
"""Bytes of each object."""


@cache
def _thousand() -> str:
    """The entries of a thousand numbers, with `_THOUSAND` for their first three digits."""
    return "".join(_ENTRY.format(_NAME.format(f"{_THOUSAND}{n:03d}"), _etag(n), SIZE) for n in range(_CONTENTS))


def _entries(start: int, stop: int) -> str:
    """The entries of the numbers from `start` to `stop` (exclusive): all have the same length."""
    length, found = len(_thousand()) // _CONTENTS, []
    while start < stop:
        thousand, first = divmod(start, _CONTENTS)
        end = min(stop, (thousand + 1) * _CONTENTS)
        part = _thousand()[first * length : (end - thousand * _CONTENTS) * length]
        found.append(part.replace(_THOUSAND, f"{thousand:03d}"))
        start = end
    return "".join(found)


class NotSpoken(Exception):
    """A question that is not answered here."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing: the numbers from `start` to `stop` (exclusive), of those up to `end` that there are."""

    start: int
    stop: int
    end: int

    @classmethod
    def asked(cls, count: int, query: dict[str, str]) -> Page:
        """The page of a bucket of `count` objects. Raises NotSpoken, ValueError."""
        for name, value in query.items():
            if name not in _READ and _SPOKEN.get(name) != value and value:
                raise NotSpoken(name)
        if "list-type" not in query:
            raise NotSpoken("ListObjects, version 1")
        numbers, prefix = range(count), query.get("prefix", "")
        first = bisect_left(numbers, prefix, key=name_of)
        end = bisect_right(numbers, prefix, key=lambda number: name_of(number)[: len(prefix)])
        after = query.get("continuation-token") or query.get("start-after") or ""
        start = max(first, bisect_right(numbers, after, key=name_of))
        most = min(_PAGE, int(query.get("max-keys") or _PAGE))
        return cls(start, max(start, min(start + most, end)), end)

    def xml(self, bucket: str, query: dict[str, str]) -> str:
        """As S3 writes it."""
        truncated = self.stop < self.end
        more = f"<NextContinuationToken>{name_of(self.stop - 1)}</NextContinuationToken>" if truncated else ""
        echoed = "".join(
            f"<{tag}>{quote(query[name])}</{tag}>"
            for name, tag in (("prefix", "Prefix"), ("delimiter", "Delimiter"), ("encoding-type", "EncodingType"))
            if query.get(name)
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{bucket}</Name>{echoed}<KeyCount>{self.stop - self.start}</KeyCount><MaxKeys>{_PAGE}</MaxKeys>"
            f"<IsTruncated>{str(truncated).lower()}</IsTruncated>{more}{_entries(self.start, self.stop)}"
            "</ListBucketResult>"
        )


@dataclass(kw_only=True)
class ExportServer(StandIn):
    """All buckets of exports."""

    def take(self, request: Request) -> Answer:
        """The answer to `request`: an object, a page of a listing, or an error."""
        if found := _OBJECT.fullmatch(request.path):
            number = int(found[1])
            headers = {"ETag": f'"{_etag(number)}"', "Last-Modified": _WRITTEN[1], "Accept-Ranges": "bytes"}
            return Answer(200, headers, _content(number))
        if found := _BUCKET.fullmatch(request.path):
            return _listing(int(found[1]), request.query)
        return _refused(404, "NoSuchBucket", request.path)


def _listing(count: int, query: dict[str, str]) -> Answer:
    try:
        page = Page.asked(count, query)
    except (NotSpoken, ValueError) as problem:
        return _refused(501, "NotImplemented", str(problem))
    return Answer(200, _XML, page.xml(bucket_of(count), query).encode())


def _refused(status: int, code: str, message: str) -> Answer:
    return refuse(status, code, quote(message), Content_Type="application/xml")(Answer(status, {}))


def main() -> None:
    """Serves on the port that the first argument names, until it is ended."""
    serve_until_ended(ExportServer(port=int(sys.argv[1])))


if __name__ == "__main__":
    main()
