"""Lists a bucket of MinIO as a stream, in the order of the keys, from any key on.

Not with obstore, which lists ``/a`` and the folder marker ``a/`` both as ``a``, and holds answers of any length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from minio import Minio
from minio.helpers import check_bucket_name

from ....errors import DownloadError, Misconfigured, NetworkError, ObjectNotFound
from ....retry import RetryPolicy
from .pages import Listed, Page
from .server import MINIO_ERRORS, MinioServer, from_minio

__all__ = ["BucketListing"]

_PAGE: Final = 1000
"""Keys of one answer: S3's own limit."""
_MOST_BUCKETS: Final = 20
_MOST_SIZE: Final = 2**63 - 1
_MOST_NAME: Final = 100
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{3,63}")
"""The name of a bucket."""


class BucketListing:
    """Lists one bucket. Holds one page at a time."""

    def __init__(self, server: MinioServer, bucket: str, policy: RetryPolicy | None = None) -> None:
        """Raises Misconfigured if the server's settings cannot be used. No request is sent yet."""
        self._answers = server.answers()
        self._client: Minio = server.client(self._answers)
        self._about = server.subject(bucket)
        self._policy = policy or RetryPolicy()

    def objects(self, prefix: str = "", after: str = "", upto: str | None = None) -> Iterator[Listed]:
        """The objects whose keys begin with `prefix`, sorted, from the first key after `after` to `upto`, included.

        Of an object with versions, the latest; none if that is a delete marker. Folder markers (keys that end in a
        slash) are skipped. Raises DownloadError, after its own retries.
        """
        _refuse_invalid_name(self._about.bucket)
        last, truncated = after, True
        while truncated and (upto is None or last < upto):
            page = self._policy.call(lambda last=last: self._page(prefix, last))  # type: ignore[misc]
            truncated = page.truncated
            for listed in page.objects:
                if upto is not None and listed.key > upto:
                    return
                # Code points have the order of their bytes in UTF-8.
                if listed.key <= last or not 0 <= listed.size <= _MOST_SIZE:
                    raise self._invalid(listed, last)
                last = listed.key
                if not last.endswith("/"):
                    yield listed

    def _page(self, prefix: str, after: str) -> Page:
        self._answers.moved_on()
        try:
            found = self._client.list_objects(
                self._about.bucket, prefix=prefix or None, recursive=True, start_after=after or None
            )
            return self._read(found)
        except MINIO_ERRORS as error:
            problem = from_minio(error, self._about)
        except SyntaxError:  # as ElementTree's ParseError is: a truncated answer, or no XML
            problem = NetworkError(
                f"{self._about.address} sent a listing of {self._about} that cannot be read",
                f"run it again; if it stays like this, check {self._about.fields.address}, and any proxy on the way",
            )
        raise self._with_buckets(problem) if isinstance(problem, ObjectNotFound) else problem

    def _read(self, found: Iterator[Any]) -> Page:
        """What the client itself read, and behind it the last page where that was read without it.

        The client asks for further pages until there are `_PAGE` objects, and takes such a page for the last one.
        """
        objects: list[Listed] = []
        for one in islice(found, _PAGE):
            self._answers.moved_on()
            objects.append(Listed.of(one.object_name, one.size, one.etag))
        page = self._answers.page
        return Page(objects, len(objects) == _PAGE) if page is None else Page([*objects, *page.objects], page.truncated)

    def _invalid(self, listed: Listed, last: str) -> Misconfigured:
        """The error of a key that cannot come after the key `last`, or cannot have its size."""
        what = f"does not list the keys of {self._about} in their order"
        if listed.key > last:
            what = f"lists an object of {self._about} with an impossible size"
        return Misconfigured(f"{self._about.address} {what}", "use a server that follows S3's ListObjectsV2")

    def _with_buckets(self, problem: DownloadError) -> DownloadError:
        """The error of a missing bucket, with the names of existing ones if the credentials may list them."""
        try:
            names = sorted(bucket.name for bucket in self._client.list_buckets() if _NAME.fullmatch(bucket.name))
        except (*MINIO_ERRORS, SyntaxError):
            return problem
        shown = ", ".join(names[:_MOST_BUCKETS]) + (", ..." if len(names) > _MOST_BUCKETS else "")
        there = f"there are {shown}" if names else "the server has no buckets"
        return ObjectNotFound(problem.what, f"check the bucket's name: {there}")


def _refuse_invalid_name(bucket: str) -> None:
    """Raises ObjectNotFound for a name that no bucket can have, before the client does with a sentence of its own."""
    try:
        check_bucket_name(bucket)
    except ValueError:
        problem = ObjectNotFound(
            f"{bucket[:_MOST_NAME]!r} is not a valid name of a bucket",
            "check the bucket's name: 3 to 63 lower case letters, digits, dots and dashes",
        )
    else:
        return
    raise problem
