"""Which raw file of a run each final name belongs to: two of one project may have files of the same name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from downloader.planning import local_name
from downloader.remote_file import Planned, RemoteFile

from ..failures import Refusal
from ..shards import digest_of
from ..wording import one_line

__all__ = ["NameReservations"]


class NameReservations:
    """Final names that are spoken for."""

    def __init__(self) -> None:
        self._held: dict[tuple[Path, str], tuple[str, bytes]] = {}

    def take(self, raw_file_id: str, files: Sequence[Planned], destination: Path) -> None:
        """Claims the names of `files`.

        Raises Refusal, and claims nothing, where one is to hold another content for another raw file: each would
        replace what the other brought home.
        """
        claimed = {(destination, local_name(item)): digest_of(item) for item in files if isinstance(item, RemoteFile)}
        for place in claimed.keys() & self._held.keys():
            holder, content = self._held[place]
            if content != claimed[place]:
                raise Refusal(
                    f"raw files {one_line(holder)} and {one_line(raw_file_id)} would both be written to "
                    f"{destination}/{one_line(place[1])}; restore {one_line(holder)}, move its files away, and then "
                    f"restore {one_line(raw_file_id)}"
                )
        self._held |= {place: (raw_file_id, content) for place, content in claimed.items()}
