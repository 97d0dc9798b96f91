"""FHIR exports in a bucket of MinIO: listed by `minio_listing`, read as any object of S3 is."""

from __future__ import annotations

from dataclasses import replace

from ...checksums import Checksum, from_etag
from ...errors import SizeMismatch
from ...paths import SafePath
from ...remote_file import RemoteFile
from .minio_listing import Listed
from .source import S3Source

__all__ = ["MinioSource", "listed_file"]


def listed_file(listed: Listed, path: SafePath) -> RemoteFile:
    """An object of a listing as it is planned.

    Its ETag pins it, and most likely is its MD5; but encrypted objects have others, so a mismatch is to prove nothing.
    """
    claim = from_etag(listed.etag)
    checksums: tuple[Checksum, ...] = () if claim is None else (replace(claim, guessed=True),)
    return RemoteFile(path, listed.size, listed.key, checksums, listed.etag or None)


class MinioSource(S3Source):
    """Objects of one bucket."""

    def describe(self, file: RemoteFile) -> RemoteFile:
        """As `Source.describe`: what the object itself says goes before what the listing let guess.

        The size of an object that was replaced since it was listed is that of the new one: the old one is no record.
        """
        asked = replace(file, checksums=())
        try:
            return super().describe(asked)
        except SizeMismatch:
            now = super().describe(replace(asked, size=None))
            if file.etag is None or file.etag == now.etag:
                raise
        return now
