"""What a run would do, decided by names and sizes alone: no file is read, and none is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from downloader.disk import Destination, part_size
from downloader.errors import DownloadError
from downloader.planning import local_name
from downloader.remote_file import Planned, Refused
from downloader.transfer import Action, TransferPolicy, decide, inspect_by_size

from ..wording import counted, one_line, shown_size

__all__ = ["Prospect", "lines_of", "preview"]

_WORDS: Final = {
    Action.DOWNLOAD: ("fetch", "would be fetched"),
    Action.RESUME: ("resume", "would be resumed"),
    Action.HEAL: ("replace", "would be replaced"),
    Action.KEEP: ("keep", "would be kept (its size is right; a run also compares its checksum, if there is one)"),
    None: ("refuse", "would FAIL"),
}


@dataclass(frozen=True, slots=True)
class Prospect:
    """One file. `action`: None where nothing can be done. `size`: of the whole, None where it is not known.

    `have`: bytes that need not be fetched. `reason`: of the action, or why there is none.
    """

    name: str
    action: Action | None
    size: int | None
    have: int
    reason: str

    @property
    def to_come(self) -> int:
        """Bytes that would be fetched, 0 where no size is known."""
        return 0 if self.action is None else max(0, (self.size or 0) - self.have)


def preview(files: Sequence[Planned], folder: Path, policy: TransferPolicy) -> list[Prospect]:
    """One for each file, in their order."""
    destination = Destination(folder)
    return [_prospect(item, destination, policy) for item in files]


def _prospect(item: Planned, destination: Destination, policy: TransferPolicy) -> Prospect:
    name = local_name(item)
    if isinstance(item, Refused):
        return Prospect(name, None, None, 0, str(item.error))
    try:
        place = destination.place(item.path)
        found = inspect_by_size(place, item)
    except DownloadError as error:
        return Prospect(name, None, item.size, 0, str(error))
    decision = decide(found, item, part_size(place, item.identity), resumable=policy.resume)
    return Prospect(name, decision.action, item.size, decision.have, decision.reason)


def lines_of(prospects: Sequence[Prospect]) -> Iterator[str]:
    """Lines for people: one a file, and the totals."""
    for one in prospects:
        size = "size unknown" if one.size is None else shown_size(one.size)
        rest = f", {shown_size(one.to_come)} to download" if one.size is not None and one.have and one.to_come else ""
        why = f": {one_line(one.reason)}" if one.action in (Action.HEAL, None) else ""
        yield f"{one_line(one.name)}: {_WORDS[one.action][1]} ({size}{rest}){why}"
    for action, (verb, _) in _WORDS.items():
        mine = [one for one in prospects if one.action is action]
        if mine:
            yield f"To {verb}: {counted(len(mine))}, {shown_size(sum(one.size or 0 for one in mine))}"
    yield f"To download over the network: {shown_size(sum(one.to_come for one in prospects))}"
