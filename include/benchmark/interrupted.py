"""A contestant that is killed at work and started again, until it is done.

    python -m include.benchmark.interrupted KILLS SIZE URL FOLDER COMMAND...

`COMMAND` fills `FOLDER` with `SIZE` bytes from the stand-in at `URL`. It is killed with SIGKILL whenever one part more
of `KILLS` + 1 equal ones is there. Prints a JSON object: `kills`, what the last one printed, and `twice`, the share of
all bytes that the server sent more than once.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import requests

__all__ = ["interrupted"]

_LOOK = 0.02
_PATIENCE = 600.0
"""Seconds in which the next part has to come."""


def interrupted(command: Sequence[str], kills: int, done: Callable[[], float]) -> dict[str, Any]:
    """What the last process of `command` printed. `done`: the share of the work that is there, at most 1.

    One that ends before its kill is due has done its work: there are fewer kills then.
    """
    for number in range(1, kills + 1):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            _wait_for(process, done, number / (kills + 1))
            process.kill()
            output, _ = process.communicate()
        if process.returncode != -signal.SIGKILL:
            return {"kills": number - 1, **_parsed(process.returncode, output)}
    last = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    return {"kills": kills, **_parsed(last.returncode, last.stdout)}


def _parsed(status: int, output: bytes) -> dict[str, Any]:
    if status:
        raise SystemExit(f"it ended with {status}")
    parsed: dict[str, Any] = json.loads(output)
    return parsed


def _wait_for(process: subprocess.Popen[bytes], done: Callable[[], float], share: float) -> None:
    late = time.monotonic() + _PATIENCE
    while process.poll() is None and done() < share:
        if time.monotonic() > late:
            process.kill()
            raise SystemExit(f"{share:.0%} of the bytes never arrived")
        time.sleep(_LOOK)


def _bytes_below(folder: Path) -> int:
    """Of all files, part files too."""
    sizes = []
    for path in folder.rglob("*"):
        try:
            sizes.append(path.stat().st_size if path.is_file() else 0)
        except FileNotFoundError:
            continue  # a part file that has got its final name
    return sum(sizes)


def _sent(url: str) -> int:
    return int(requests.get(f"{url}/sent", timeout=30).text)


def main(kills: str, size: str, url: str, folder: str, *command: str) -> None:
    """See above."""
    before = _sent(url)
    result = interrupted(command, int(kills), lambda: _bytes_below(Path(folder)) / int(size))
    print(json.dumps({**result, "twice": (_sent(url) - before - int(size)) / int(size)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
