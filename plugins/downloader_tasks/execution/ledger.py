"""What became of each file of a shard, in all tries of its task so far."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from downloader.planning import local_name
from downloader.remote_file import Planned
from downloader.results import FileResult, Outcome

from ..xcoms import expected, pack, unpack

__all__ = ["Ledger"]


class Ledger:
    """Results by the index of the planned file. Used by one thread."""

    def __init__(self, planned: Sequence[Planned], earlier: str = "") -> None:
        """`earlier`: what `packed` answered in an earlier try of the same shard."""
        self._files = expected(planned)
        self._sizes = [item.size or 0 for item in planned]
        self._index = {local_name(item): index for index, item in enumerate(planned)}
        self._results: list[FileResult | None] = [None] * len(planned)
        if earlier:
            # What another version of this program kept may not be readable: then it counts as missing.
            with suppress(ValueError):
                self._results = unpack(earlier, self._files)

    def note(self, result: FileResult) -> None:
        """Records one result of this try."""
        index = self._index[result.name]
        earlier = self._results[index]
        if result.outcome is Outcome.SKIPPED and earlier and earlier.ok and earlier.outcome is not Outcome.SKIPPED:
            # What an earlier try of this task downloaded, and this one skipped, was downloaded by this task.
            result = replace(earlier, assurance=result.assurance)
        self._results[index] = result

    def planned_size(self, name: str) -> int:
        """Bytes that a file was planned with, 0 where that is not known."""
        return self._sizes[self._index[name]]

    def results(self) -> list[FileResult | None]:
        """One for each planned file; None where there is none yet."""
        return list(self._results)

    def packed(self) -> str:
        """All results as a short text."""
        return pack(self._results, self._files)
