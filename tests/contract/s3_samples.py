"""A bucket on any S3 server, for the suite that every source joins."""

from __future__ import annotations

from collections.abc import Mapping

from contract.source_contract import file_of
from downloader.remote_file import RemoteFile
from downloader.source import Source
from downloader.sources.s3 import S3Source
from include.stand_ins.s3_servers import S3Server


class S3Samples:
    def __init__(self, server: S3Server) -> None:
        self.server = server
        self.bucket = ""

    def source_of(self, files: Mapping[str, bytes]) -> tuple[Source, list[RemoteFile]]:
        self.bucket = self.server.new_bucket(files)
        planned = self.planned(list(files))
        return self.source(self.bucket, planned), planned

    def replace(self, key: str, data: bytes) -> None:
        self.server.client().put_object(Bucket=self.bucket, Key=key, Body=data)

    def nowhere(self) -> Source | None:
        return self.source("no-such-bucket", [])

    def planned(self, keys: list[str]) -> list[RemoteFile]:
        """The objects of the bucket, as somebody plans them who has a record of their keys."""
        return [file_of(key, number) for number, key in enumerate(keys)]

    def source(self, bucket: str, planned: list[RemoteFile]) -> Source:
        return S3Source(bucket, self.server.access())
