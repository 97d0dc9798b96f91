"""A bucket on any S3 server, listed and read as MinIO's are, for the suite that every source joins."""

from __future__ import annotations

from functools import cache

from contract.s3_samples import S3Samples
from downloader.paths import SafePath
from downloader.remote_file import RemoteFile
from downloader.source import Source
from downloader.sources.s3 import S3Access
from downloader.sources.s3.minio import MinioSource, listed_file
from downloader.sources.s3.minio.listing import BucketListing
from downloader.sources.s3.minio.server import MinioServer
from support.minio import minio_of


class MinioSamples(S3Samples):
    def planned(self, keys: list[str]) -> list[RemoteFile]:
        """The objects of the bucket, as its listing tells of them."""
        listed = {found.key: found for found in BucketListing(minio_of(self.server), self.bucket).objects()}
        return [listed_file(listed[key], SafePath(f"file-{number}")) for number, key in enumerate(keys)]

    def source(self, bucket: str, planned: list[RemoteFile]) -> Source:
        return MinioSource(bucket, _access(minio_of(self.server)))


@cache
def _access(server: MinioServer) -> S3Access:
    """Each new one reads megabytes of boto3's models."""
    return server.access()
