"""An S3 server on this machine (moto's), filled with backups."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
import requests
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from ..processes import Processes, free_port
from .home import Home
from .local_copies import flipped
from .screen import say

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["KEYS", "REGION", "S3Server", "running"]

REGION: Final = "eu-central-1"
_MIB = 1024 * 1024
_PART = 8 * _MIB
KEYS: Final = ("demo-access-key", "demo-secret-key")
"""Login and password. The server takes any."""
_AT_ONCE = 8


class S3Server:
    """A server that runs. It holds its objects in memory: each demo begins with an empty one."""

    def __init__(self, address: str) -> None:
        self.address = address
        config = Config(max_pool_connections=_AT_ONCE, retries={"total_max_attempts": 2}, proxies={})
        login, password = KEYS
        self._client: S3Client = boto3.session.Session(login, password, region_name=REGION).client(
            "s3", endpoint_url=address, config=config
        )

    def connection(self) -> str:
        """The server as an Airflow connection, in JSON."""
        login, password = KEYS
        path_style = {"s3": {"addressing_style": "path"}}
        extra = {"endpoint_url": self.address, "region_name": REGION, "config_kwargs": path_style}
        return json.dumps({"conn_type": "aws", "login": login, "password": password, "extra": extra})

    def make_bucket(self, name: str) -> None:
        """Makes an empty bucket."""
        self._client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})

    def upload(self, bucket: str, key: str, content: bytes) -> list[object]:
        """Uploads one object, in parts where it is large. Answers its catalogue entry: `[size, md5, etag__part]`."""
        if len(content) < _PART:
            etag = self._client.put_object(Bucket=bucket, Key=key, Body=content)["ETag"].strip('"')
        else:
            parts = TransferConfig(multipart_threshold=_PART, multipart_chunksize=_PART, max_concurrency=2)
            self._client.upload_fileobj(BytesIO(content), bucket, key, Config=parts)
            etag = self._client.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return [len(content), md5, f"{etag}__{_PART // _MIB}"]

    def upload_all(self, bucket: str, contents: dict[str, bytes]) -> dict[str, list[object]]:
        """`upload` for each key, several at a time."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            entries = pool.map(lambda key: self.upload(bucket, key, contents[key]), contents)
            return dict(zip(contents, entries, strict=True))

    def damage(self, bucket: str, key: str, content: bytes) -> None:
        """Puts a damaged object in place of `content`, past the catalogue."""
        self._client.put_object(Bucket=bucket, Key=key, Body=flipped(content))


@contextmanager
def running(home: Home, name: str) -> Iterator[S3Server]:
    """Starts a server on a free port, stops it afterwards. `name`: of its log. Raises ProgramError."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    say(f"Starting the {name} at {address} ...")
    with Processes(home.logs, home.environment({})) as processes:
        processes.start(name, command)
        processes.wait_until(name, lambda: _answers(address))
        yield S3Server(address)


def _answers(address: str) -> bool:
    session = requests.Session()
    session.trust_env = False
    try:
        return session.get(address, timeout=5).ok
    except requests.ConnectionError:
        return False
