"""Where the wares of a trial are put: on each server in its own way. Answers the plan that the workers get.

A plan is a dict of JSON: `source`, `address` (the proxy's), `login`, `secret`, `files` (see `wares.as_json`), and for
S3 the `bucket`, for Slooh the `addresses`. Wares are put there past the proxy.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from downloader.remote_file import RemoteFile
from downloader.retry import RetryPolicy
from downloader.sources.s3.minio import listed_file
from downloader.sources.s3.minio_listing import Listing
from downloader.sources.s3.minio_server import MinioServer

from ..stand_ins.drive_server import file_id
from ..stand_ins.servers import S3Server
from .servant import Servant
from .stand_in import API_KEY
from .wares import Ware, as_json, remote_file

__all__ = ["BucketShelf", "DriveShelf", "Shelf", "SloohShelf"]

_PREFIX: Final = "backup/"
_OFTEN: Final = 0.5

Plan = dict[str, Any]


class Shelf(Protocol):
    """Puts wares on a server."""

    def offer(self, wares: Sequence[Ware], folder: Path, dice: random.Random) -> tuple[Plan, list[RemoteFile]]:
        """Puts them there; `folder` may take what the server reads them from. The plan lacks the destination."""


class BucketShelf:
    """On an S3 server, in a bucket that replaces the one of the trial before."""

    def __init__(self, server: S3Server, proxy: str, *, listed: bool) -> None:
        """`listed`: the plan is what MinIO's listing says, not what a catalogue recorded."""
        self._server = server
        self._proxy = proxy
        self._listed = listed
        self._held: tuple[str, list[str]] | None = None

    def offer(self, wares: Sequence[Ware], folder: Path, dice: random.Random) -> tuple[Plan, list[RemoteFile]]:
        """As `Shelf.offer`."""
        self._clear()
        contents = {_PREFIX + ware.name: ware.content for ware in wares}
        bucket = self._server.new_bucket(contents)
        self._held = bucket, list(contents)
        recorded = [remote_file(ware, _PREFIX + ware.name) for ware in wares]
        files = self._listing(bucket, recorded) if self._listed else recorded
        access = {"login": self._server.key, "secret": self._server.secret, "bucket": bucket}
        source = "minio" if self._listed else "s3"
        return {"source": source, "address": self._proxy, **access, "files": [as_json(file) for file in files]}, files

    def _listing(self, bucket: str, files: Sequence[RemoteFile]) -> list[RemoteFile]:
        """By the engine's own listing, over a network without faults: a plan is made once, before any worker."""
        endpoint = self._server.url.removeprefix("http://")
        server = MinioServer(endpoint, self._server.key, self._server.secret, secure=False)
        listed = {one.key: one for one in Listing(server, bucket, RetryPolicy()).objects(_PREFIX)}
        return [listed_file(listed[file.key], file.path) for file in files]

    def _clear(self) -> None:
        if self._held is not None:
            client, (bucket, keys) = self._server.client(), self._held
            for key in keys:
                client.delete_object(Bucket=bucket, Key=key)
            client.delete_bucket(Bucket=bucket)


class DriveShelf:
    """In the stand-in for Drive: by key or without, some behind a warning, some without a length."""

    def __init__(self, stand_in: Servant, proxy: str) -> None:
        self._stand_in = stand_in
        self._proxy = proxy

    def offer(self, wares: Sequence[Ware], folder: Path, dice: random.Random) -> tuple[Plan, list[RemoteFile]]:
        """As `Shelf.offer`."""
        files = [remote_file(ware, file_id(ware.key)) for ware in wares]
        kept = _kept(wares, folder)
        held = [
            {"key": file.key, "content": str(path), "warned": dice.random() < _OFTEN, "chunked": dice.random() < _OFTEN}
            for file, path in zip(files, kept, strict=True)
        ]
        self._stand_in.order({"address": self._proxy, "files": held})
        key = dice.choice(("", API_KEY))
        return _plan("drive", self._proxy, key, files), files


class SloohShelf:
    """On the stand-in for Slooh's image host."""

    def __init__(self, stand_in: Servant, proxy: str) -> None:
        self._stand_in = stand_in
        self._proxy = proxy

    def offer(self, wares: Sequence[Ware], folder: Path, dice: random.Random) -> tuple[Plan, list[RemoteFile]]:
        """As `Shelf.offer`."""
        files = [remote_file(ware, ware.key) for ware in wares]
        held = [
            {"key": ware.key, "content": str(path), "kind": ware.form.upper(), "chunked": dice.random() < _OFTEN}
            for ware, path in zip(wares, _kept(wares, folder), strict=True)
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


def _kept(wares: Sequence[Ware], folder: Path) -> list[Path]:
    """The contents as files, for a server in another process to read."""
    paths = [folder / ware.key for ware in wares]
    for ware, path in zip(wares, paths, strict=True):
        path.write_bytes(ware.content)
    return paths
