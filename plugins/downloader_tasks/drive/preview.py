"""What a run would do, by names and sizes alone: no file is read, and none is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from downloader.disk import Destination, part_name
from downloader.errors import DownloadError
from downloader.planning import local_name
from downloader.remote_file import Planned, Refused, RemoteFile

from ..folders import size_there
from ..wording import counted, one_line, shown_size

__all__ = ["Prospect", "Step", "lines_of", "preview"]


class Step(StrEnum):
    """What would become of a file."""

    FETCH = "fetch"
    RESUME = "resume"
    REPLACE = "replace"
    KEEP = "keep"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Prospect:
    """One file. `size`: of the whole. `to_come`: bytes that would be fetched; None where no size is known."""

    name: str
    step: Step
    size: int | None
    to_come: int | None
    why: str = ""


def preview(files: Sequence[Planned], folder: Path, *, resume: bool = True) -> list[Prospect]:
    """One for each file, in their order."""
    destination = Destination(folder)
    return [_prospect(item, destination, resume=resume) for item in files]


def _prospect(item: Planned, destination: Destination, *, resume: bool) -> Prospect:
    name = local_name(item)
    if isinstance(item, Refused):
        return Prospect(name, Step.REFUSE, None, 0, str(item.error))
    try:
        place = destination.place(item.path)
    except DownloadError as error:
        return Prospect(name, Step.REFUSE, item.size, 0, str(error))
    here = size_there(place.final)
    half = size_there(f"{place.folder}/{part_name(item.path.name, item.identity)}")
    return _judged(item, here, half if resume else -1, resume=resume)


def _judged(file: RemoteFile, here: int, half: int, *, resume: bool) -> Prospect:
    """`here`, `half`: sizes of what lies under the final name and of the part file; -1 for nothing."""
    name, size = file.path.text, file.size
    if here >= 0 and size in (None, here):
        return Prospect(name, Step.KEEP, size, 0)
    usable = max(half, here if resume and size is not None and here < size else -1)
    if size is not None and 0 < usable <= size:
        return Prospect(name, Step.RESUME, size, size - usable)
    return Prospect(name, Step.FETCH if here < 0 else Step.REPLACE, size, size)


_WORDS = {
    Step.FETCH: "would be fetched",
    Step.RESUME: "would be resumed",
    Step.REPLACE: "would be replaced (its size is not that of the manifest)",
    Step.KEEP: "would be kept (its size is right; a run also compares its checksum, if there is one)",
    Step.REFUSE: "would FAIL",
}


def lines_of(prospects: Sequence[Prospect]) -> Iterator[str]:
    """Lines for people: one a file, and the totals."""
    for one in prospects:
        size = "size unknown" if one.size is None else shown_size(one.size)
        rest = f", {shown_size(one.to_come or 0)} to come" if one.step is Step.RESUME else ""
        why = f": {one_line(one.why)}" if one.why else ""
        yield f"{one_line(one.name)}: {_WORDS[one.step]} ({size}{rest}){why}"
    for step in Step:
        mine = [one for one in prospects if one.step is step]
        if mine:
            yield f"To {step}: {counted(len(mine))}, {shown_size(sum(one.size or 0 for one in mine))}"
    yield f"To come over the network: {shown_size(sum(one.to_come or 0 for one in prospects))}"
