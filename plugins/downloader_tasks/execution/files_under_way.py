"""Each large file on its way: how far, how fast, how long still."""

from __future__ import annotations

from typing import Any, Final

from downloader.transfer import FileProgress, Progress

from ..wording import duration, one_line, shown_size
from .speed import Speed, SpeedMeter

__all__ = ["FilesUnderWay"]

_MOST: Final = 20
"""Files that are told of at once."""


class FilesUnderWay:
    """Follows the files that are under way, by name. Used by one thread."""

    def __init__(self) -> None:
        self._paces: dict[str, SpeedMeter] = {}
        self._now: list[tuple[FileProgress, Speed]] = []

    def follow(self, progress: Progress) -> None:
        """Takes a look, some times a second."""
        here = progress.under_way[:_MOST]
        self._paces = {file.name: self._paces.get(file.name) or SpeedMeter(file.done) for file in here}
        self._now = [(file, self._speed(file)) for file in here]

    def figures(self) -> list[dict[str, Any]]:
        """As the state store shows them."""
        return [
            {
                "name": one_line(file.name),
                "bytes": file.done,
                "size": file.size,
                "bytes_a_second": round(speed.bytes_a_second),
                "seconds_left": None if speed.seconds_left is None else round(speed.seconds_left),
            }
            for file, speed in self._now
        ]

    def lines(self) -> list[str]:
        """``big.dat: 171.0 MB of 489.0 MB (35 %), 3.8 MB/s, about 83 s left``."""
        return [
            f"{one_line(file.name)}: {_amount(file)}, {shown_size(round(speed.bytes_a_second))}/s"
            + ("" if speed.seconds_left is None else f", about {duration(speed.seconds_left)} left")
            for file, speed in self._now
        ]

    def _speed(self, file: FileProgress) -> Speed:
        speed = self._paces[file.name].look(Progress(0, 1, file.done, file.size or 0))
        return speed if file.size else Speed(speed.bytes_a_second, None)


def _amount(file: FileProgress) -> str:
    """``171.0 MB of 489.0 MB (35 %)``."""
    whole = f" of {shown_size(file.size)} ({100 * file.done // file.size} %)" if file.size else ""
    return shown_size(file.done) + whole
