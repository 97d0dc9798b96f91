"""Workers that do what ours must not, to see that each fault is counted. Right ones copy what the server would have.

``python -m chaos.broken_worker PLAN``; the plan's `fault` says which.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

__all__: list[str] = []

Results = list[dict[str, Any]]


def _commit(final: Path, data: bytes) -> None:
    part = final.with_name(f".{final.name}.0123456789abcdef.part")
    part.write_bytes(data)
    part.rename(final)


def _straight(final: Path, data: bytes) -> None:
    """Half under the final name, then the rest."""
    with final.open("wb", buffering=0) as file:
        file.write(data[: len(data) // 2])
        time.sleep(0.05)
        file.write(data[len(data) // 2 :])


def _damaged(final: Path, data: bytes) -> None:
    _commit(final, b"wrong" + data)


def _removed_first(final: Path, data: bytes) -> None:
    final.unlink(missing_ok=True)
    _commit(final, data)


def _part_left(final: Path, data: bytes) -> None:
    _commit(final, data)
    final.with_name(f".{final.name}.fedcba9876543210.part").write_bytes(data)


def _silent(final: Path, data: bytes) -> None:
    _commit(final, data)
    os._exit(1)


def _endless(final: Path, data: bytes) -> None:
    time.sleep(60)


_WRITE: Final[dict[str, Callable[[Path, bytes], None]]] = {
    "straight": _straight,
    "damaged": _damaged,
    "removed": _removed_first,
    "part left": _part_left,
    "broke off": _silent,
    "endless": _endless,
}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _answer(fault: str, results: Results) -> Results:
    if fault == "lost":
        return results[1:]
    if fault == "twice":
        return [*results, results[0]]
    if fault == "unexpected":
        return [{**results[0], "message": "Unexpected error: KeyError; report it"}, *results[1:]]
    if fault == "given up":
        return [{**results[0], "outcome": "failed", "message": "Network error: it broke; run it again"}, *results[1:]]
    return results


def main(plan: dict[str, Any]) -> None:
    """Copies the files of the plan, in its way."""
    mark = Path(plan["stock"], "mark")
    is_first = not mark.exists()
    mark.touch()
    _say("began")
    if is_first and plan["fault"] == "killed once":
        time.sleep(60)
    for part in Path(plan["destination"]).rglob(".*.part"):
        part.unlink()
    results = []
    for file in plan["files"]:
        final = Path(plan["destination"], file["path"])
        final.parent.mkdir(parents=True, exist_ok=True)
        _WRITE.get(plan["fault"], _commit)(final, Path(plan["stock"], file["key"]).read_bytes())
        results.append({"name": file["path"], "outcome": "downloaded", "message": "", "assurance": "size"})
    _say(json.dumps(_answer(plan["fault"], results)))


if __name__ == "__main__":
    faulthandler.enable()
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
