"""Healing by parts: of a damaged file only the parts that are wrong are fetched, where their checksums are known.

The part file is filled in order. What is right in it stays, what is right in the old copy is copied, and the rest is
fetched. So a run that is killed leaves a part file of right parts, and the old copy as it was: the next run goes on
with both. Nothing of this proves the file. Its own checksum does, once all parts are there.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import Final

from ..disk import PartFile, Place, digest_of, open_for_reading, side_by_side
from ..errors import PermanentError, RetryableError, from_os_error
from ..remote_file import RemoteFile, RemotePart
from ..source import parts_of
from .context import BatchContext
from .inspection import Inspection, State

__all__ = ["HealingPlan", "Origin", "Step", "known_parts", "old_copy", "plan_healing"]

log = logging.getLogger(__name__)

_ATTEMPTS: Final = 3
"""Times that a source is asked for the parts: without an answer the file is fetched whole."""


class Origin(StrEnum):
    """Where right bytes of a part are."""

    PART_FILE = "part file"
    COPY = "copy"
    """The old copy under the final name."""
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Step:
    """Bytes of adjacent parts that come from the same place."""

    span: range
    origin: Origin


@dataclass(frozen=True, slots=True)
class HealingPlan:
    """How a part file is filled, in order. `wrong`: how many of the `parts` are fetched."""

    steps: tuple[Step, ...]
    parts: int
    wrong: int

    @property
    def there(self) -> int:
        """Bytes that stay in the part file."""
        return sum(len(step.span) for step in self.steps if step.origin is Origin.PART_FILE)

    @property
    def helps(self) -> bool:
        """Whether anything is right, and anything is to be changed."""
        return self.wrong < self.parts and any(step.origin is not Origin.PART_FILE for step in self.steps)


def known_parts(file: RemoteFile, batch: BatchContext) -> tuple[RemotePart, ...]:
    """The parts of `file`; empty where its source knows none, or does not answer. Raises NotTried."""
    policy = replace(batch.retry, attempts=min(_ATTEMPTS, batch.retry.attempts))
    try:
        return policy.call(lambda: parts_of(batch.source, file))
    except (RetryableError, PermanentError) as error:
        log.info("%s: the checksums of its parts are not known (%s)", file.path, error.what)
        return ()


@contextmanager
def old_copy(place: Place, found: Inspection) -> Iterator[int | None]:
    """A descriptor of the damaged or incomplete copy; None where there is none that can be read."""
    descriptor = None
    if found.state in (State.ALTERED, State.PARTIAL):
        try:
            descriptor = open_for_reading(place.final)
        except OSError as error:
            _raise_what_passes(error)
    try:
        usable = descriptor is not None and stat.S_ISREG(os.fstat(descriptor).st_mode)
        yield descriptor if usable else None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def plan_healing(
    parts: Sequence[RemotePart], part: PartFile, copy: int | None, check: Callable[[], None]
) -> HealingPlan:
    """Reads part file and old copy, and decides for each of `parts` where it comes from.

    `check` is called now and then, and may raise. Raises TooManyFiles, DiskUnavailable.
    """

    def origin_of(remote: RemotePart) -> Origin:
        if remote.span.stop <= part.size and _is_right(part.descriptor, remote, check):
            return Origin.PART_FILE
        if copy is not None and _is_right(copy, remote, check):
            return Origin.COPY
        return Origin.SOURCE

    origins = side_by_side(origin_of, parts)
    steps = []
    for origin, group in groupby(zip(origins, parts, strict=True), key=lambda pair: pair[0]):
        spans = [remote.span for _, remote in group]
        steps.append(Step(range(spans[0].start, spans[-1].stop), origin))
    return HealingPlan(tuple(steps), len(parts), origins.count(Origin.SOURCE))


def _is_right(descriptor: int, remote: RemotePart, check: Callable[[], None]) -> bool:
    """Whether a part lies in an open file. One that cannot be read does not."""
    try:
        return digest_of(descriptor, remote.span, remote.checksum, check).hex() == remote.checksum.value
    except EOFError:
        return False
    except OSError as error:
        _raise_what_passes(error)
        return False


def _raise_what_passes(error: OSError) -> None:
    """An answer of the disk that may be another one soon tells nothing of the file."""
    problem = from_os_error(error, "the old copy")
    if problem.retryable:
        raise problem from None
