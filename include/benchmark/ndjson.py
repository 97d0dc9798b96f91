"""Our contestant in the case `ndjson`: files of FHIR resources, all checked at once, as `check_ndjson` does.

    python -m include.benchmark.ndjson FILES BYTES LINE

Each file has that many bytes, in lines of `LINE` bytes, and comes in the pieces in which a download brings it. Nothing
is stored. Prints one JSON object: `started`, `inside`, `processor` (seconds), and `resources`.
"""

# ruff: noqa: E402 (the clock starts before the imports)
from __future__ import annotations

import time

BEGAN = time.perf_counter()

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from downloader.content import NdjsonCheck
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile

from .output import measured

_PIECE = 4 * 1024 * 1024
_HEAD, _TAIL = b'{"resourceType":"Binary","data":"', b'"}\n'


def pieces(size: int, line: int) -> Iterator[bytes]:
    """About `size` bytes in lines of `line` bytes; one piece of a long line after the other."""
    body = line - len(_HEAD) - len(_TAIL)
    if line <= _PIECE:
        block = (_HEAD + b"A" * body + _TAIL) * (_PIECE // line)
        yield from [block] * (size // len(block))
        return
    for _ in range(size // line):
        yield _HEAD
        yield from [b"A" * _PIECE] * (body // _PIECE)
        yield b"A" * (body % _PIECE) + _TAIL


def check_all(files: int, size: int, line: int) -> dict[str, object]:
    """Checks them, one in a thread."""
    check = NdjsonCheck()

    def look(number: int) -> int | None:
        name = f"Binary-{number}.ndjson"
        content = check.begin(RemoteFile(safe_path(name), None, name))
        for piece in pieces(size, line):
            content.update(piece)
        return content.conclude().resources

    with ThreadPoolExecutor(files) as pool:
        return {"resources": sum(filter(None, pool.map(look, range(files))))}


def main(files: str, size: str, line: str) -> None:
    """See above."""
    print(measured(BEGAN, lambda: check_all(int(files), int(size), int(line))))


if __name__ == "__main__":
    main(*sys.argv[1:])
