"""A worker: restores one plan as a `download` task does, without Airflow around it.

``python -m include.chaos.worker PLAN`` reads the plan (JSON, see `source_servers`), prints ``began``, restores, and
prints the results as one line of JSON. Its timeouts are short: a stream that stalls is given up after a second.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from downloader.checksums import Checksum
from downloader.content import PictureCheck
from downloader.disk import writing
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.retry import RetryPolicy
from downloader.source import Source
from downloader.transfer import TransferLimits, TransferOptions, TransferPolicy, restore

from ..processes import end_with_parent

__all__ = ["files_of", "main"]

_KIB: Final = 1024
_LIMITS: Final = TransferLimits(
    threads=8,
    large_threads=4,
    range_size=256 * _KIB,
    read_ahead=4,
    small_file=64 * _KIB,
    memory=4096 * _KIB,
    lock_wait=10.0,
)
"""Small, so that a file of a megabyte counts as a large one of many ranges."""
_BLOCK: Final = 16 * _KIB
"""Bytes that are written at once: a process that is killed in the middle of a file leaves a part to resume."""
_CONNECT, _STALL = 5.0, 1.0


def files_of(plan: dict[str, Any]) -> list[RemoteFile]:
    """The files of a plan."""
    return [
        RemoteFile(
            safe_path(file["path"]),
            file["size"],
            file["key"],
            tuple(Checksum(kind, value, tuple(sizes), guessed) for kind, value, sizes, guessed in file["checksums"]),
            file["etag"],
        )
        for file in plan["files"]
    ]


def _s3(plan: dict[str, Any]) -> Source:
    import boto3

    from downloader.source import Timeouts
    from downloader.sources.s3 import S3Access, S3Source, client_config

    timeouts = Timeouts(_CONNECT, _STALL)
    session = boto3.Session(plan["login"], plan["secret"], region_name="eu-central-1")
    client = session.client("s3", endpoint_url=plan["address"], config=client_config(timeouts))
    return S3Source(plan["bucket"], S3Access(client, session.get_credentials(), timeouts=timeouts))


def _minio(plan: dict[str, Any]) -> Source:
    from downloader.source import Timeouts
    from downloader.sources.s3.minio import MinioServer, MinioSource

    endpoint = plan["address"].removeprefix("http://")
    server = MinioServer(endpoint, plan["login"], plan["secret"], secure=False, timeouts=Timeouts(_CONNECT, _STALL))
    return MinioSource(plan["bucket"], server.access())


def _drive(plan: dict[str, Any]) -> Source:
    from downloader.source import Timeouts
    from downloader.sources.drive import DriveAccess, DriveSource

    address = plan["address"]
    access = DriveAccess(address, address, f"{address}/drive/v3", plan["secret"], Timeouts(_CONNECT, _STALL))
    return DriveSource(access)


def _slooh(plan: dict[str, Any]) -> Source:
    from downloader.source import Timeouts
    from downloader.sources.slooh import ImageHosts, SloohSource, image_client

    client = image_client(ImageHosts(plan["address"]), timeouts=Timeouts(_CONNECT, _STALL))
    return SloohSource(plan["addresses"], client)


_SOURCES: Final = {"s3": _s3, "minio": _minio, "drive": _drive, "slooh": _slooh}


def main(plan: dict[str, Any]) -> None:
    """Restores."""
    writing._BLOCK = _BLOCK  # noqa: SLF001 - files of its usual 2 MiB would all be gone, or whole
    files = files_of(plan)
    policy = TransferPolicy(content=PictureCheck()) if plan["source"] == "slooh" else TransferPolicy()
    options = TransferOptions(
        _LIMITS, RetryPolicy(first_wait=0.02, longest_wait=0.3, longest_retry_after=2.0), policy=policy
    )
    source = _SOURCES[plan["source"]](plan)
    print("began", flush=True)
    results = restore(files, source, Path(plan["destination"]), options)
    print(json.dumps([asdict(result) for result in results]), flush=True)


if __name__ == "__main__":
    end_with_parent(signal.SIGKILL)
    faulthandler.enable()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
