"""What a batch would do with its files, before it begins: its own decision, made from names and sizes alone.

No file is read and none is written. So a file of the right size counts as intact, though a run that compares its
checksum, or looks at its content, may heal it; and a part file counts as the beginning of the remote file.

The source is asked what it knows of files that are to be fetched, as the transfer of a large file asks it before it
decides: one that is missing, archived or forbidden fails here too.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..disk import Destination, Place, part_size
from ..errors import DownloadError, as_download_error
from ..planning import local_name
from ..remote_file import Planned, Refused, RemoteFile
from ..source import Source
from .decision import Action, Decision, decide
from .inspection import MISSING, Inspection, inspect_by_size
from .options import TransferOptions

__all__ = ["Prospect", "Questions", "foresee"]

_AT_ONCE: Final = 64
"""Questions on their way."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What would become of one file.

    `size`: of the whole, in bytes; None where it is not known. `decision`: None where `error` says why it would fail.
    """

    name: str
    size: int | None
    decision: Decision | None
    error: DownloadError | None = None

    @property
    def to_fetch(self) -> int:
        """Bytes that would be fetched, but for those that a copy is compared with; 0 where no size is known."""
        return max(0, (self.size or 0) - self.decision.have) if self.decision else 0


@dataclass(slots=True)
class Questions:
    """`left`: files that sources may still be asked about. `asked`, `unasked`: those to be fetched so far.

    Where a source does not answer, no more are asked: a preview is not worth the waits of thousands of retries.
    """

    left: int
    asked: int = 0
    unasked: int = 0


def foresee(
    planned: Sequence[Planned], source: Source, folder: Path, options: TransferOptions, questions: Questions
) -> list[Prospect]:
    """One for each file, in the order of the plan. `folder`: the destination, which need not exist.

    The source is asked about the first files that are to be fetched, if it can tell more than the plan. An error that
    may pass by itself is no failure here.
    """
    destination = Destination(folder)
    looks = [_Look.at(item, destination, overwrite=options.policy.overwrite) for item in planned]
    if source.capabilities.describes:
        _ask([look for look in looks if look.is_to_come], source, options, questions)
    return [look.prospect(source, options) for look in looks]


@dataclass(slots=True)
class _Look:
    """What is known of one planned file. `file`: as its source describes it, once that was asked."""

    planned: Planned
    file: RemoteFile | None = None
    place: Place | None = None
    found: Inspection = MISSING
    error: DownloadError | None = None

    @classmethod
    def at(cls, item: Planned, destination: Destination, *, overwrite: bool) -> _Look:
        if isinstance(item, Refused):
            return cls(item, error=item.error)
        try:
            place = destination.place(item.path)
            return cls(item, item, place, inspect_by_size(place, item, overwrite=overwrite))
        except DownloadError as error:
            return cls(item, error=error)

    @property
    def is_to_come(self) -> bool:
        return self.file is not None and decide(self.found, self.file).action is not Action.KEEP

    def ask(self, source: Source, options: TransferOptions) -> bool:
        """Whether the source answered, be it with an error."""
        file = self.file
        try:
            self.file = options.retry.call(lambda: source.describe(file)) if file else None
        except Exception as error:  # noqa: BLE001 one bad file never stops the others
            problem = as_download_error(error, local_name(self.planned))
            self.error = None if problem.retryable else problem
            return not problem.retryable
        return True

    def prospect(self, source: Source, options: TransferOptions) -> Prospect:
        name, size = local_name(self.planned), self.planned.size
        if self.error is not None or self.file is None or self.place is None:
            return Prospect(name, size, None, self.error)
        decision = decide(self.found, self.file)
        # A small file that is missing is fetched whole, whatever is left of an earlier try.
        small = size is not None and size <= options.limits.most_small(source.capabilities.connections)
        if decision.action is not Action.KEEP and not (small and decision.action is Action.DOWNLOAD):
            part, ranges = part_size(self.place, self.file.identity), source.capabilities.ranges
            decision = decide(self.found, self.file, part, resumable=options.policy.resume and ranges)
        return Prospect(name, self.file.size, decision)


def _ask(looks: Sequence[_Look], source: Source, options: TransferOptions, questions: Questions) -> None:
    silent = threading.Event()

    def asked(look: _Look) -> bool:
        if not silent.is_set() and look.ask(source, options):
            return True
        silent.set()
        return False

    first = looks[: questions.left]
    with ThreadPoolExecutor(max(1, min(len(first), _AT_ONCE, source.capabilities.connections)), "preview") as pool:
        try:
            answered = sum(pool.map(asked, first))
        except BaseException as interruption:  # a task that is killed: the pool waits for what is being asked
            options.retry.halt.set(f"the task was interrupted ({type(interruption).__name__})")
            raise
    questions.left = 0 if silent.is_set() else questions.left - len(first)
    questions.asked += answered
    questions.unasked += len(looks) - answered
