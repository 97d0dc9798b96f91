"""Results on their way from the tasks that downloaded to the one that reports: small, whatever the number of files.

Both ends make the same plan, so that neither names nor expected checksums travel: a result stands for the planned file
with the same index, and says only what the plan does not. A plain file takes a byte or two.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any, Final

from downloader.planning import local_name
from downloader.remote_file import Planned, RemoteFile
from downloader.results import SIZE_ONLY, UNVERIFIED, FileResult, Outcome

__all__ = ["LONGEST_MESSAGE", "pack", "unpack"]

LONGEST_MESSAGE: Final = 1000
"""Characters of a message; more is cut off."""

_NONE: Final = "-"
_LETTERS: Final = {
    Outcome.DOWNLOADED: "d",
    Outcome.RESUMED: "r",
    Outcome.SELF_HEALED: "h",
    Outcome.SKIPPED: "s",
    Outcome.FAILED: "f",
}
_OUTCOMES: Final = {letter: outcome for outcome, letter in _LETTERS.items()}


def pack(results: Sequence[FileResult | None], planned: Sequence[Planned]) -> str:
    """One result, or None, for each planned file, as a short text. Messages are cut at `LONGEST_MESSAGE`."""
    outcomes = "".join(_LETTERS[result.outcome] if result else _NONE for result in results)
    tenths = [round(result.seconds * 10) for result in results if result]
    odd = {
        index: difference
        for index, (result, item) in enumerate(zip(results, planned, strict=True))
        if result and (difference := _difference(result, item))
    }
    text = json.dumps([outcomes, tenths, odd], separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode())).decode()


def unpack(packed: str, planned: Sequence[Planned]) -> list[FileResult | None]:
    """What `pack` made a text of. Raises ValueError where it is of another plan, or cannot be read."""
    try:
        outcomes, tenths, odd = json.loads(zlib.decompress(base64.b64decode(packed)))
    except zlib.error as error:
        raise ValueError("these are no results") from error
    if len(outcomes) != len(planned):
        raise ValueError(f"results of {len(outcomes)} files, {len(planned)} are planned")
    seconds = iter(tenths)
    return [
        None if letter == _NONE else _result(item, _OUTCOMES[letter], next(seconds) / 10, odd.get(str(index), {}))
        for index, (letter, item) in enumerate(zip(outcomes, planned, strict=True))
    ]


def _difference(result: FileResult, item: Planned) -> dict[str, Any]:
    """What is not as one would expect it of such a file and such an outcome."""
    usual = _usual(item, result.outcome)
    here = {
        "size": result.size,
        "fetched": result.fetched,
        "assurance": result.assurance,
        "message": _short(result.message),
        "retryable": result.retryable,
    }
    return {name: value for name, value in here.items() if value != usual[name]}


def _result(item: Planned, outcome: Outcome, seconds: float, difference: dict[str, Any]) -> FileResult:
    return FileResult(local_name(item), outcome, seconds=seconds, **{**_usual(item, outcome), **difference})


def _usual(item: Planned, outcome: Outcome) -> dict[str, Any]:
    ok = outcome is not Outcome.FAILED
    size = (item.size or 0) if ok else 0
    came = outcome in (Outcome.DOWNLOADED, Outcome.SELF_HEALED)
    return {
        "size": size,
        "fetched": size if came else 0,
        "assurance": _usual_assurance(item) if ok else "",
        "message": "",
        "retryable": False,
    }


def _usual_assurance(item: Planned) -> str:
    if isinstance(item, RemoteFile) and item.checksums:
        return str(item.checksums[0])
    return UNVERIFIED if item.size is None else SIZE_ONLY


def _short(message: str) -> str:
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 3] + "..."
