"""What a run would do: figures of each item, and a listing of its files within bounds.

Files are looked at shard by shard, as the tasks `download` would list them, and none is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from downloader.errors import Archived, DownloadError, cut
from downloader.report import IS_FAILURE
from downloader.transfer import Action, Prospect, Questions, foresee

from ..execution import ThawTerms
from ..folders import free_space
from ..wording import counted, one_line, shown_size
from ..xcoms import Shard
from .result import DRY_RUN, MOST_FAILURES, MOST_TEXT, share
from .run import DownloadRun

__all__ = ["ItemPreview", "previews_of", "shown_amount"]

_MOST_TEXTS: Final = 1024 * 1024
"""Bytes of the listings of all items."""
_SUMMARY: Final = 16 * 1024
"""Bytes of `MOST_TEXT` that are left to the summary, which names a folder."""
_FOR_FAILURES: Final = 0.25
"""Share of a listing that only failures may use."""
_MOST_ASKED: Final = 10_000
"""Files of a run that its source is asked about."""
_ALL_FAILURES: Final = 1000
"""Failures in the figures of all items."""
_LONGEST: Final = 1000
"""Characters of a failure's message."""

_LABELS: Final = {Action.KEEP: "Keep", Action.RESUME: "Resume", Action.HEAL: "Heal", Action.DOWNLOAD: "Download"}
_THAW: Final = "thaw"
"""Comes before one of the others, where a run has archived objects restored; else they are failures."""
_LOOKS_LIKE_AN_ACTION: Final = re.compile(r":(?= [A-Z]+ - )")


@dataclass(slots=True)
class _Listing:
    """Lines in `room` bytes: the first ones, and of those behind them the failures, as far as there is room."""

    room: int
    lines: list[str] = field(default_factory=list)
    left_out: int = 0
    _used: int = 0

    def add(self, line: str, *, failed: bool) -> None:
        size = len(line.encode()) + 1
        room = self.room if failed else int(self.room * (1 - _FOR_FAILURES)) * (not self.left_out)
        if self._used + size <= room:
            self._used += size
            self.lines.append(line)
        else:
            self.left_out += 1


class ItemPreview:
    """What would become of the files of one item. `about`: its name, as in `result`."""

    def __init__(self, about: str, folder: Path, room: int, most_failures: int, terms: ThawTerms | None = None) -> None:
        """`terms`: how archived objects would be thawed, where they would."""
        self.terms = terms
        self.thawed = [0, 0]
        """Files and bytes that would be thawed; those of `under_way` among them."""
        self.under_way = [0, 0]
        self.about = one_line(about)
        self.folder = folder
        self.files = 0
        self.bytes = 0
        self.to_fetch = 0
        self._counts = {action: [0, 0, 0] for action in Action}
        """Files, their bytes, and how many are of unknown size."""
        self._failed = 0
        self._failures: list[dict[str, str]] = []
        self._most_failures = most_failures
        self._asked = Questions(0)
        self._listing = _Listing(room)
        self._free: int | None = None

    def add(self, prospect: Prospect, under_way: bool | None = None) -> None:
        """Counts and lists one file. `under_way`: of an archived object, whether its restore was asked for before."""
        size = prospect.size or 0
        self.files += 1
        self.bytes += size
        if under_way is not None and _would_be_fetched(prospect):
            for counts in (self.thawed, self.under_way)[: 1 + under_way]:
                counts[0] += 1
                counts[1] += size
            self.to_fetch += size if prospect.decision is None else prospect.to_fetch
            self._listing.add(_thaw_line(prospect, under_way=under_way), failed=False)
            return
        self.to_fetch += prospect.to_fetch
        self._listing.add(_line(prospect), failed=prospect.decision is None)
        if prospect.decision is None:
            self._note_failure(prospect.name, prospect.error)
        else:
            counts = self._counts[prospect.decision.action]
            for number, more in enumerate((1, size, prospect.size is None)):
                counts[number] += more

    @property
    def files_to_fetch(self) -> int:
        """Files that are neither kept nor would fail; also those that are thawed first."""
        fetched = (files for action, (files, _, _) in self._counts.items() if action is not Action.KEEP)
        return self.thawed[0] + sum(fetched)

    @property
    def unsized(self) -> int:
        """Files to be fetched of which no size is known."""
        return sum(unsized for action, (_, _, unsized) in self._counts.items() if action is not Action.KEEP)

    def close(self, asked: Questions) -> None:
        """All files were added. `asked`: of these files."""
        self._asked = asked
        self._free = free_space(self.folder)

    def figures(self) -> dict[str, Any]:
        """As a report of `result`."""
        actions = {action.value: counts for action, counts in self._counts.items()} | {_THAW: self.thawed}
        terms = {"tier": self.terms.tier, "days": self.terms.days} if self.terms else {}
        return {
            "about": self.about,
            "path": "",
            "destination": one_line(str(self.folder)),
            "status": DRY_RUN,
            "files": self.files,
            "bytes": self.bytes,
            "actions": {name: {"files": files, "bytes": size} for name, (files, size, *_) in actions.items()},
            "to_fetch": self.to_fetch,
            "free": self._free,
            "unsized": self.unsized,
            "failed": self._failed,
            "failures": self._failures,
            **({"thaw": terms} if terms else {}),
        }

    def lines(self, *, failures_alone: bool = False) -> list[str]:
        """The listing and the summary."""
        listed = [line for line in self.listed() if not failures_alone or IS_FAILURE in line]
        return [*listed, *([""] if listed else []), "Summary:", "--------", *self.figures_in_words()]

    def listed(self) -> list[str]:
        """A line of each file, as far as there is room."""
        return self._listing.lines

    def text(self) -> dict[str, Any]:
        """As one of `report_text`."""
        text = "".join(f"{line}\n" for line in self.lines())
        return {"about": self.about, "path": "", "text": text, "left_out": self._listing.left_out}

    def figures_in_words(self) -> Iterator[str]:
        """Lines on all files."""
        yield f"Destination: {one_line(str(self.folder))}"
        yield f"Total files: {self.files:,}"
        for action, label in _LABELS.items():
            yield f"{label}: {_shown_count(*self._counts[action])}"
        if self.terms:
            yield f"Thaw: {self._thaw_summary(self.terms)}"
        yield f"Fail: {counted(self._failed)}"
        yield f"To fetch: {shown_amount(self.to_fetch, self.unsized)}"
        yield f"Free on the disk: {'unknown' if self._free is None else shown_size(self._free)}"
        yield from self._remarks()

    def _thaw_summary(self, terms: ThawTerms) -> str:
        files, size = self.thawed
        days = f"{terms.days:,} day{'' if terms.days == 1 else 's'}"
        already = self.under_way[0]
        more = f"; {already:,} of them are being restored already" if already else ""
        return f"{counted(files)}, {shown_size(size)} ({terms.tier}, to be read for {days}, which costs money){more}"

    def _remarks(self) -> Iterator[str]:
        if self._counts[Action.KEEP][0]:
            yield "Kept is what has the right name and size; a run compares checksums too, and heals what is wrong"
        if self._asked.asked and self._asked.unasked:
            yield (
                f"The source was asked about {counted(self._asked.asked)}; "
                f"{self._asked.unasked:,} more that would be fetched may be missing, archived or forbidden there"
            )
        if self._listing.left_out:
            yield f"Not listed: {counted(self._listing.left_out)}"

    def _note_failure(self, name: str, error: DownloadError | None) -> None:
        self._failed += 1
        if error is not None and len(self._failures) < self._most_failures:
            message = cut(one_line(f"{error.what}; {error.to_do}"), _LONGEST)
            self._failures.append({"name": one_line(name), "kind": error.kind, "message": message})


def shown_amount(size: int, unsized: int) -> str:
    """``30.0 MB``, ``30.0 MB and 2 files of unknown size``."""
    more = f"{counted(unsized)} of unknown size" if unsized else ""
    return more if more and not size else shown_size(size) + (f" and {more}" if more else "")


def _shown_count(files: int, size: int, unsized: int) -> str:
    """``3 files, 30.0 MB``; ``2 files, size unknown``; ``3 files, 30.0 MB and 1 of unknown size``."""
    if unsized and unsized == files:
        return f"{counted(files)}, size unknown"
    return f"{counted(files)}, {shown_size(size)}{f' and {unsized:,} of unknown size' if unsized else ''}"


def previews_of(run: DownloadRun, shards: Sequence[Shard]) -> Iterator[ItemPreview]:
    """One for each item, in the order of the shards. Raises as `DownloadRun.item` and `RunItem.listed` do."""
    items = len({shard.item for shard in shards})
    room = share(_MOST_TEXTS, items, least=0, most=MOST_TEXT - _SUMMARY)
    most_failures = share(_ALL_FAILURES, items, least=1, most=MOST_FAILURES)
    left = _MOST_ASKED
    for name, group in groupby(shards, key=lambda shard: shard.item):
        item, questions = run.item(name), Questions(left)
        folder = item.run_target.folder
        terms = run.thaw_terms
        preview = ItemPreview(item.run_target.report_id, folder, room, most_failures, terms)
        for shard in group:
            files = item.listed(shard)
            archived = item.archived(files) if terms else {}
            for prospect in foresee(files.planned, files.connect(), folder, run.options, questions):
                preview.add(prospect, archived.get(prospect.name))
        preview.close(questions)
        left = questions.left
        yield preview


def _would_be_fetched(prospect: Prospect) -> bool:
    """Whether it would be, once it is thawed."""
    decision = prospect.decision
    return isinstance(prospect.error, Archived) if decision is None else decision.action is not Action.KEEP


def _thaw_line(prospect: Prospect, *, under_way: bool) -> str:
    """``a.raw: THAW - 12.0 MB``, as `_line`."""
    size = "size unknown" if prospect.size is None else shown_size(prospect.size)
    return f"{_shown_name(prospect)}: {_THAW.upper()} - {size}{' (its restore is under way)' if under_way else ''}"


def _shown_name(prospect: Prospect) -> str:
    return _LOOKS_LIKE_AN_ACTION.sub(r"\\x3a", one_line(prospect.name))


def _line(prospect: Prospect) -> str:
    """``a.raw: RESUME - 12.0 MB, 4.0 MB to fetch``, escaped like the line of a report."""
    name = _shown_name(prospect)
    decision = prospect.decision
    if decision is None:
        return f"{name}{IS_FAILURE}{cut(one_line(str(prospect.error)), _LONGEST)}"
    size = "size unknown" if prospect.size is None else shown_size(prospect.size)
    left = f", {shown_size(prospect.to_fetch)} to fetch" if decision.have and prospect.to_fetch else ""
    why = f" ({one_line(decision.reason)})" if decision.action is Action.HEAL else ""
    return f"{name}: {decision.action.upper()} - {size}{left}{why}"
