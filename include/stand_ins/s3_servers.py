"""Real S3 servers on a free port: moto's, and rclone's over a folder."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from downloader.source import Timeouts
from downloader.sources.s3 import S3Access, client_config

from .secrets import secret

__all__ = ["OWN_SECRET", "S3Server", "moto_server", "rclone_server", "rclone_serving"]

OWN_SECRET: Final = secret("s3")
"""Opens moto, which takes any, and stand-ins."""
_LISTENS: Final = re.compile(r"https?://127\.0\.0\.1:\d+")


@dataclass(frozen=True)
class S3Server:
    """A server, and how to get at it."""

    url: str
    key: str = "AKIATESTONLY"
    secret: str = OWN_SECRET
    timeouts: Timeouts = field(default_factory=lambda: Timeouts(connect=5, stall=20))
    location: str | None = "eu-central-1"
    """Where new buckets are made; None: where the server makes them by itself."""

    def session(self, token: str | None = None) -> boto3.session.Session:
        """A boto3 session with this server's credentials."""
        return _session(self.key, self.secret, token)

    def client(self, session: boto3.session.Session | None = None, config: Config | None = None) -> Any:
        """A boto3 client for this server. Typed as Any: the stubs want literals where tests hand names around."""
        settings = client_config(self.timeouts).merge(config or Config(s3={"addressing_style": "path"}))
        return (session or self.session()).client("s3", endpoint_url=self.url, config=settings)

    def access(self, session: boto3.session.Session | None = None, config: Config | None = None) -> S3Access:
        """What `S3Source` takes."""
        session = session or self.session()
        return S3Access(self.client(session, config), session.get_credentials(), timeouts=self.timeouts)

    def new_bucket(self, objects: Mapping[str, bytes] | None = None) -> str:
        """A bucket of its own, filled with `objects`."""
        name, client = f"b-{uuid.uuid4().hex[:12]}", self.client()
        where = {"CreateBucketConfiguration": {"LocationConstraint": self.location}} if self.location else {}
        client.create_bucket(Bucket=name, **where)
        for key, data in (objects or {}).items():
            client.put_object(Bucket=name, Key=key, Body=data)
        return name


@cache
def _session(key: str, secret: str, token: str | None) -> boto3.session.Session:
    """A new session reads megabytes of models before its first client."""
    return boto3.session.Session(key, secret, token, region_name="eu-central-1")


@contextmanager
def moto_server() -> Iterator[S3Server]:
    """moto's server: most of S3, in memory.

    Its part for S3 alone. The one for all of AWS reads a folder of hundreds of services for each request.
    """
    server = make_server("127.0.0.1", 0, create_backend_app("s3"), threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, name="moto", daemon=True)
    thread.start()
    try:
        yield S3Server(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def rclone_server(folder: Path) -> Iterator[S3Server]:
    """``rclone serve s3``: another team's idea of S3, over `folder`. It checks signatures and knows no If-Match."""
    server = S3Server("", secret=secret("rclone"))
    with rclone_serving(folder, "--auth-key", f"{server.key},{server.secret}") as url:
        yield S3Server(url, server.key, server.secret)


@contextmanager
def rclone_serving(folder: Path, *options: str) -> Iterator[str]:
    """The address of ``rclone serve s3`` over `folder`, with more options. Raises RuntimeError if it does not start."""
    program = Path(sys.executable).with_name("rclone")
    command = [str(program), "serve", "s3", "--config", "", "--addr", "127.0.0.1:0", "--log-level", "NOTICE"]
    with subprocess.Popen([*command, *options, str(folder)], stderr=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process)
        finally:
            process.terminate()


def _address(process: subprocess.Popen[str]) -> str:
    lines = []
    for line in process.stderr or ():
        lines.append(line)
        if found := _LISTENS.search(line):
            return found[0]
    raise RuntimeError("rclone did not start: " + "".join(lines))
