"""A bucket on any S3 server, for the suite that every source joins."""

from __future__ import annotations

from collections.abc import Mapping

from contract.source_contract import file_of
from downloader.remote_file import RemoteFile
from downloader.source import Source
from downloader.sources.s3 import S3Source
from support.servers import S3Server


class S3Shelf:
    def __init__(self, server: S3Server) -> None:
        self._server = server
        self._bucket = ""

    def source_of(self, files: Mapping[str, bytes]) -> tuple[Source, list[RemoteFile]]:
        self._bucket = self._server.new_bucket(files)
        planned = [file_of(key, number) for number, key in enumerate(files)]
        return S3Source(self._bucket, planned, self._server.access()), planned

    def replace(self, key: str, data: bytes) -> None:
        self._server.client().put_object(Bucket=self._bucket, Key=key, Body=data)

    def nowhere(self) -> Source | None:
        return S3Source("no-such-bucket", [], self._server.access())
