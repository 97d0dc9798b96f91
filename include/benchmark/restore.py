"""Our contestant: a restore as the DAG's `download` task does it, without Airflow around it.

The plan comes from a record in the shape of a catalogue's `file_info`, the source from a boto3 session. Prints one JSON
object: `started` (seconds from the start of this program to the call of `restore`: imports, plan, clients), `inside`
and `processor` (seconds of `restore`), `outcomes` and `assurances` with their counts, and the first failure.

`BENCHMARK_WITHOUT_FLUSH=1` takes the flushes out, in this process only, to show what they cost.
"""

# ruff: noqa: E402 (the clock starts before the imports, and the flushes go out before those who use them come in)
from __future__ import annotations

import time

BEGAN = time.perf_counter()

import argparse
import os
from pathlib import Path

from downloader.disk import commit_group, destination, flushing, nameless_file, part_file


def take_flushes_out() -> None:
    """In all modules of the disk that use them."""
    for name in ("flush_file", "flush_folder", "flush_file_system", "start_writeback"):
        for module in (flushing, part_file, nameless_file, commit_group, destination):
            if hasattr(module, name):
                setattr(module, name, lambda *_: True)


if os.environ.get("BENCHMARK_WITHOUT_FLUSH"):
    take_flushes_out()

import boto3

from downloader.catalogue import parse_file_info, read_entry
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.sources.s3 import S3Access, S3Source, client_config
from downloader.transfer import restore

from .output import measured, summary


def plan(record: Path, prefix: str) -> list[RemoteFile]:
    """The files of the record."""
    entries = parse_file_info(record.read_text(encoding="utf-8"), record.stem)
    return [_remote_file(name, prefix + name, entry) for name, entry in entries.items()]


def _remote_file(name: str, key: str, entry: object) -> RemoteFile:
    size, checksums = read_entry(entry)
    return RemoteFile(safe_path(name), size, key, checksums)


def source(bucket: str, endpoint: str) -> S3Source:
    """The bucket, by the credentials of the environment."""
    session = boto3.Session()
    client = session.client("s3", endpoint_url=endpoint, config=client_config())
    return S3Source(bucket, S3Access(client, session.get_credentials()))


def main() -> None:
    """Restores and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--prefix", required=True, help="of the keys, with its slash")
    parser.add_argument("--record", required=True, type=Path)
    parser.add_argument("--destination", required=True, type=Path)
    asked = parser.parse_args()
    files = plan(asked.record, asked.prefix)
    bucket = source(asked.bucket, asked.endpoint)
    print(measured(BEGAN, lambda: summary(restore(files, bucket, asked.destination))))


if __name__ == "__main__":
    main()
