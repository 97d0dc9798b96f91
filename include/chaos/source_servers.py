"""The servers that the sample files of a trial are put on, and the plan that the workers get.

A plan is a dict of JSON: `source`, `address` (the proxy's), `login`, `secret`, `files` (see `sample_files.as_json`),
and for S3 the `bucket`, for Slooh the `addresses`. The files are put there directly, not through the proxy.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from downloader.remote_file import RemoteFile
from downloader.retry import RetryPolicy
from downloader.sources.s3.minio import BucketListing, MinioServer, listed_file

from ..stand_ins.drive_server import file_id
from ..stand_ins.s3_servers import S3Server
from .sample_files import SampleFile, as_json, remote_file
from .server_process import ServerProcess
from .stand_in import API_KEY

__all__ = ["DriveSourceServer", "S3SourceServer", "SloohSourceServer", "SourceServer"]

_PREFIX: Final = "backup/"
_OFTEN: Final = 0.5

Plan = dict[str, Any]


class SourceServer(Protocol):
    """A server that sample files can be put on."""

    def offer(self, samples: Sequence[SampleFile], folder: Path, dice: random.Random) -> tuple[Plan, list[RemoteFile]]:
        """Puts the files there; the server may read them from `folder`. The plan lacks the destination."""


class S3SourceServer:
    """An S3 server: a bucket that replaces the one of the trial before."""

    def __init__(self, server: S3Server, proxy: str, *, listed: bool) -> None:
        """`listed`: plan by the listing of the bucket, as for MinIO, not by the record of a catalogue."""
        self._server = server
        self._proxy = proxy
        self._listed = listed
        self._held: tuple[str, list[str]] | None = None

    def offer(self, samples: Sequence[SampleFile], folder: Path, dice: random.Random) -> tuple[Plan, list[RemoteFile]]:
        """As `SourceServer.offer`."""
        self._clear()
        contents = {_PREFIX + sample.name: sample.content for sample in samples}
        bucket = self._server.new_bucket(contents)
        self._held = bucket, list(contents)
        recorded = [remote_file(sample, _PREFIX + sample.name) for sample in samples]
        files = self._listing(bucket, recorded) if self._listed else recorded
        access = {"login": self._server.key, "secret": self._server.secret, "bucket": bucket}
        source = "minio" if self._listed else "s3"
        return {"source": source, "address": self._proxy, **access, "files": [as_json(file) for file in files]}, files

    def _listing(self, bucket: str, files: Sequence[RemoteFile]) -> list[RemoteFile]:
        """By the engine's own listing, over a network without faults: a plan is made once, before any worker."""
        endpoint = self._server.url.removeprefix("http://")
        server = MinioServer(endpoint, self._server.key, self._server.secret, secure=False)
        listed = {one.key: one for one in BucketListing(server, bucket, RetryPolicy()).objects(_PREFIX)}
        return [listed_file(listed[file.key], file.path) for file in files]

    def _clear(self) -> None:
        if self._held is not None:
            client, (bucket, keys) = self._server.client(), self._held
            for key in keys:
                client.delete_object(Bucket=bucket, Key=key)
            client.delete_bucket(Bucket=bucket)


class DriveSourceServer:
    """The stand-in for Drive: with an API key or without, some files behind a warning, some without a length."""

    def __init__(self, stand_in: ServerProcess, proxy: str) -> None:
        self._stand_in = stand_in
        self._proxy = proxy

    def offer(self, samples: Sequence[SampleFile], folder: Path, dice: random.Random) -> tuple[Plan, list[RemoteFile]]:
        """As `SourceServer.offer`."""
        files = [remote_file(sample, file_id(sample.key)) for sample in samples]
        kept = _kept(samples, folder)
        held = [
            {"key": file.key, "content": str(path), "warned": dice.random() < _OFTEN, "chunked": dice.random() < _OFTEN}
            for file, path in zip(files, kept, strict=True)
        ]
        self._stand_in.order({"address": self._proxy, "files": held})
        key = dice.choice(("", API_KEY))
        return _plan("drive", self._proxy, key, files), files


class SloohSourceServer:
    """The stand-in for Slooh's image host."""

    def __init__(self, stand_in: ServerProcess, proxy: str) -> None:
        self._stand_in = stand_in
        self._proxy = proxy

    def offer(self, samples: Sequence[SampleFile], folder: Path, dice: random.Random) -> tuple[Plan, list[RemoteFile]]:
        """As `SourceServer.offer`."""
        files = [remote_file(sample, sample.key) for sample in samples]
        held = [
            {"key": sample.key, "content": str(path), "kind": sample.form.upper(), "chunked": dice.random() < _OFTEN}
            for sample, path in zip(samples, _kept(samples, folder), strict=True)
        ]
        self._stand_in.order({"address": self._proxy, "files": held})
        addresses = {file.key: f"{self._proxy}/images/{file.key}" for file in files}
        return {**_plan("slooh", self._proxy, "", files), "addresses": addresses}, files


def _plan(source: str, address: str, secret: str, files: Sequence[RemoteFile]) -> Plan:
    return {
        "source": source,
        "address": address,
        "login": "",
        "secret": secret,
        "files": [as_json(file) for file in files],
    }


def _kept(samples: Sequence[SampleFile], folder: Path) -> list[Path]:
    """The contents as files, for a server in another process to read."""
    paths = [folder / sample.key for sample in samples]
    for sample, path in zip(samples, paths, strict=True):
        path.write_bytes(sample.content)
    return paths
