"""What fetching small files costs at least with the S3 library of ours: a yardstick, not a program for users.

Files are fetched by many threads, compared with their MD5, written without a name (``O_TMPFILE``), and named in groups
between two flushes of the file system. There is no inspection, no retry, no report, and no thought of another run: what
ours takes longer than this is the price of these, or waste.

    python -m include.benchmark.floor ENDPOINT BUCKET PREFIX RECORD THREADS FOLDER
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import obstore
from obstore.store import S3Store

from downloader.disk.flushing import flush_file_system

from .output import measured

_GROUP: Final = 256


class _Floor:
    def __init__(self, store: S3Store, prefix: str, record: Path, folder: Path) -> None:
        self._store = store
        self._prefix = prefix
        self._files = iter(json.loads(record.read_text(encoding="utf-8")).items())
        self._turn = threading.Lock()
        self._written: SimpleQueue[tuple[int, str] | None] = SimpleQueue()
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def run(self, threads: int) -> dict[str, object]:
        """Fetches all files. Raises ValueError for one that is wrong."""
        fetchers = [threading.Thread(target=self._fetch, daemon=True) for _ in range(threads)]
        for fetcher in fetchers:
            fetcher.start()
        running, group, files = threads, [], 0
        while running:
            item = self._written.get()
            if item is None:
                running -= 1
                continue
            group.append(item)
            files += 1
            if len(group) == _GROUP:
                self._name(group)
                group = []
        self._name(group)
        return {"files": files}

    def _fetch(self) -> None:
        while True:
            with self._turn:
                item = next(self._files, None)
            if item is None:
                break
            name, (size, md5) = item
            body = memoryview(obstore.get(self._store, self._prefix + name).bytes())
            if len(body) != size or hashlib.md5(body, usedforsecurity=False).hexdigest() != md5:
                raise ValueError(name)
            descriptor = os.open(".", os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o666, dir_fd=self._folder)
            os.pwrite(descriptor, body, 0)
            self._written.put((descriptor, name))
        self._written.put(None)

    def _name(self, group: list[tuple[int, str]]) -> None:
        flush_file_system(self._folder)
        for descriptor, name in group:
            here = self._folder
            os.link(f"/proc/self/fd/{descriptor}", name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=True)
            os.close(descriptor)
        flush_file_system(self._folder)


def main(endpoint: str, bucket: str, prefix: str, record: str, threads: str, folder: str) -> None:
    """Fetches, and prints the seconds."""
    store = S3Store(
        bucket,
        endpoint=endpoint,
        access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        region=os.environ["AWS_REGION"],
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    floor = _Floor(store, prefix, Path(record), Path(folder))
    print(measured(time.perf_counter(), lambda: floor.run(int(threads))))


if __name__ == "__main__":
    main(*sys.argv[1:])
