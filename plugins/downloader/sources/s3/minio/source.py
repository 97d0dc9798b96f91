"""FHIR exports in a bucket of MinIO: listed by `listing`, read like any object of S3."""

from __future__ import annotations

from dataclasses import replace

from ....checksums import Checksum, from_etag, opaque_tag, same_object
from ....errors import SizeMismatch
from ....paths import SafePath
from ....remote_file import RemoteFile
from ..describe import NO_PROOF
from ..source import S3Source
from .pages import Listed

__all__ = ["MinioSource", "listed_file"]


def listed_file(listed: Listed, path: SafePath) -> RemoteFile:
    """An object of a listing as a planned file.

    Its ETag is the expected ETag, and most likely its MD5. Objects that are encrypted or compressed have other ETags,
    so a mismatch proves nothing.
    """
    likely = from_etag(opaque_tag(listed.etag))
    checksums: tuple[Checksum, ...] = () if likely is None else (replace(likely, guessed=True, doubt=NO_PROOF),)
    return RemoteFile(path, listed.size, listed.key, checksums, listed.etag or None)


class MinioSource(S3Source):
    """Objects of one bucket."""

    def describe(self, file: RemoteFile) -> RemoteFile:
        """As `Source.describe`: the object's own checksums replace the guess from the listing.

        An object that was replaced since it was listed gets its new size: a listing does not say what it should be.
        """
        asked = replace(file, checksums=())
        try:
            return super().describe(asked)
        except SizeMismatch:
            now = super().describe(replace(asked, size=None))
            if file.etag is not None and not same_object(file.etag, now.etag or ""):
                return now
            problem = SizeMismatch(
                f"{file.path} has {now.size} bytes at its source, {file.size} in the listing of the bucket, and is the "
                "same object by its ETag",
                "the server contradicts itself: check the bucket there",
            )
        raise problem
