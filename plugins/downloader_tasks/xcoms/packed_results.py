"""Results as a short text, on their way from the tasks that download to the one that reports.

A result stands for the expected file with the same index, and says only what could not be expected: a plain file takes
a byte or two. Where both ends make the same plan, neither names nor checksums travel. Where they cannot (a listing is
another one a moment later), what is expected travels too, once. A check value tells results of other files.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from downloader.planning import local_name
from downloader.remote_file import Planned, RemoteFile
from downloader.results import SIZE_ONLY, UNVERIFIED, FileResult, Outcome

__all__ = ["LONGEST_MESSAGE", "Expected", "expected", "pack", "pack_expected", "unpack", "unpack_expected"]

LONGEST_MESSAGE: Final = 1000
"""Characters of a message; more is cut off."""

_NONE: Final = "-"
_LETTERS: Final = {
    Outcome.DOWNLOADED: "d",
    Outcome.RESUMED: "r",
    Outcome.SELF_HEALED: "h",
    Outcome.SKIPPED: "s",
    Outcome.INTACT: "i",
    Outcome.FAILED: "f",
}
_OUTCOMES: Final = {letter: outcome for outcome, letter in _LETTERS.items()}


class Expected(NamedTuple):
    """What is known of a file's result before there is one. `assurance`: that of a plain success."""

    name: str
    size: int | None
    assurance: str


def expected(planned: Iterable[Planned]) -> list[Expected]:
    """What is to be expected of planned files."""
    return [Expected(local_name(item), item.size, _usual_assurance(item)) for item in planned]


def pack_expected(files: Sequence[Expected]) -> str:
    """What is expected, as a short text."""
    return _packed([list(column) for column in zip(*files, strict=True)])


def unpack_expected(packed: str) -> list[Expected]:
    """What `pack_expected` made a text of. Raises ValueError."""
    try:
        return [Expected(*row) for row in zip(*_unpacked(packed), strict=True)]
    except TypeError as error:
        raise ValueError("this was not packed here") from error


def pack(results: Sequence[FileResult | None], files: Sequence[Expected]) -> str:
    """One result, or None, for each expected file, as a short text. Messages are cut at `LONGEST_MESSAGE`."""
    outcomes = "".join(_LETTERS[result.outcome] if result else _NONE for result in results)
    tenths = [round(result.seconds * 10) for result in results if result]
    odd = {
        index: difference
        for index, (result, file) in enumerate(zip(results, files, strict=True))
        if result and (difference := _difference(result, file))
    }
    return _packed([outcomes, tenths, odd, _check_value(files)])


def unpack(packed: str, files: Sequence[Expected]) -> list[FileResult | None]:
    """What `pack` made a text of. Raises ValueError where it is of other files, or cannot be read."""
    try:
        outcomes, tenths, odd, check_value = _unpacked(packed)
        if check_value != _check_value(files):
            raise ValueError("these are the results of other files")
        seconds = iter(tenths)
        return [
            None if letter == _NONE else _result(file, _OUTCOMES[letter], next(seconds) / 10, odd.get(str(index), {}))
            for index, (letter, file) in enumerate(zip(outcomes, files, strict=True))
        ]
    except (AttributeError, KeyError, StopIteration, TypeError) as error:
        raise ValueError("this was not packed here") from error


def _check_value(files: Sequence[Expected]) -> int:
    return zlib.crc32(ascii([*map(tuple, files)]).encode())


def _packed(value: object) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode())).decode()


def _unpacked(packed: str) -> Any:
    try:
        return json.loads(zlib.decompress(base64.b64decode(packed)))
    except zlib.error as error:
        raise ValueError("this was not packed here") from error


def _difference(result: FileResult, file: Expected) -> dict[str, Any]:
    """What is not as one would expect it of such a file and such an outcome."""
    usual = _usual(file, result.outcome)
    here = {
        "size": result.size,
        "fetched": result.fetched,
        "assurance": result.assurance,
        "message": _short(result.message),
        "retryable": result.retryable,
        "resources": result.resources,
    }
    return {name: value for name, value in here.items() if value != usual[name]}


def _result(file: Expected, outcome: Outcome, seconds: float, difference: dict[str, Any]) -> FileResult:
    return FileResult(file.name, outcome, seconds=seconds, **{**_usual(file, outcome), **difference})


def _usual(file: Expected, outcome: Outcome) -> dict[str, Any]:
    ok = outcome is not Outcome.FAILED
    size = (file.size or 0) if ok else 0
    came = outcome in (Outcome.DOWNLOADED, Outcome.SELF_HEALED)
    return {
        "size": size,
        "fetched": size if came else 0,
        "assurance": file.assurance if ok else "",
        "message": "",
        "retryable": False,
        "resources": None,
    }


def _usual_assurance(item: Planned) -> str:
    if isinstance(item, RemoteFile) and item.checksums:
        return str(item.checksums[0])
    return UNVERIFIED if item.size is None else SIZE_ONLY


def _short(message: str) -> str:
    return message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 3] + "..."
