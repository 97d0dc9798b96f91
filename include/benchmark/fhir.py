"""Our contestant in the cases `listing` and `bucket`: a bucket of MinIO, listed and downloaded as the tasks of
`minio_downloader` do: `validate` surveys the whole listing and cuts it into ranges of keys, `download` lists each range
again and fetches it. Here one after the other, in one process, without a scheduler around it.

Prints one JSON object: `started` (seconds from the start of this program: imports, among them Airflow's, and clients),
`inside` and `processor` (seconds of the work), `shards`, `xcom` (bytes of all of them as they travel), and `files` or
what became of them (see `output`). ``--list`` stops where `validate` does.
"""

# ruff: noqa: E402 (the clock starts before the imports)
from __future__ import annotations

import time

BEGAN = time.perf_counter()

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from downloader.content import NdjsonCheck
from downloader.results import FileResult
from downloader.sources.s3.minio import MinioServer
from downloader.transfer import restore
from downloader_tasks.minio.download_run import MinioRun
from downloader_tasks.minio.request import ExportRequest
from downloader_tasks.minio.survey import BucketSurvey
from downloader_tasks.settings import Configuration, transfer_options
from downloader_tasks.shards import bounds_of
from downloader_tasks.xcoms import Shard

from .output import measured, summary

_CONFIGURATION = Configuration()


def run_of(endpoint: str, bucket: str, destination: Path) -> MinioRun:
    """The download run, with the default configuration."""
    request = ExportRequest(
        bucket=bucket,
        prefix="",
        types=frozenset(),
        unheard=(),
        organize=False,
        overwrite=False,
        check_ndjson=False,
        location=destination,
        output=destination,
    )
    server = MinioServer(endpoint, "benchmark", "benchmark", secure=False)
    access = server.access()
    server = replace(server, transport=access.transport())
    return MinioRun(request, server, access, transfer_options(_CONFIGURATION.transfer), NdjsonCheck())


def survey(run: MinioRun) -> list[Shard]:
    """What `validate` answers."""
    seen = BucketSurvey(run.request, bounds_of(_CONFIGURATION))
    for listed in run.listing().objects(run.request.prefix):
        seen.add(listed)
    return seen.shards()


def results_of(run: MinioRun, shards: Sequence[Shard]) -> Iterator[FileResult]:
    """Brings shard after shard home."""
    for shard in shards:
        files = run.listed(shard)
        yield from restore(files.planned, files.connect(), files.run_target.folder, run.options)


def download(run: MinioRun, *, only_list: bool) -> dict[str, Any]:
    """Downloads the bucket, or only lists it. Returns the figures."""
    shards = survey(run)
    told = {"shards": len(shards), "xcom": len(json.dumps([shard.to_xcom() for shard in shards]))}
    if only_list:
        return {**told, "files": sum(shard.files for shard in shards)}
    return {**told, **summary(results_of(run, shards))}


def main() -> None:
    """Downloads the bucket and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True, help="host:port")
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--destination", required=True, type=Path)
    parser.add_argument("--list", action="store_true", help="only list it, and cut it into shards")
    asked = parser.parse_args()
    run = run_of(asked.endpoint, asked.bucket, asked.destination)
    print(measured(BEGAN, lambda: download(run, only_list=asked.list)))


if __name__ == "__main__":
    main()
