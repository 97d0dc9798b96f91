"""The wait of one task `thaw`: looks at the archived objects of its shard, and between them nothing, not even a worker.

A look ends the task, or has Airflow begin it again later (`AirflowRescheduleException`): meanwhile a run costs a row in
a table. That outlives restarts of the scheduler. How far the restores are S3 knows; since when the task waits, and of
how many objects, is in the state store, for people and for the next look.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from ..wording import duration, shown_size
from ..xcoms import Shard, ShardThaw, push_thaw, read
from .interruptions import Interruptions
from .task_state import THAW, TaskState

__all__ = ["ThawFigures", "ThawLook", "ThawTerms", "ThawWait"]

_EXPEDITED: Final = 120
"""Seconds between two looks where objects come within minutes."""
_AFTER_AN_ERROR: Final = 300
_A_LOOK: Final = 4
"""Seconds that a look takes of a processor: the looks of many shards are spread, so that they never fill one."""
_LONGEST: Final = 7200

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ThawTerms:
    """How objects are thawed.

    `tier`: of the retrieval. `days`: for how long what is restored can be read. `wait`, `pause`: seconds, in all and
    between two looks. `expedited`: whether objects come within minutes.
    """

    tier: str
    days: int
    wait: float
    pause: float
    expedited: bool

    def pause_among(self, shards: int) -> float:
        """Seconds to the next look, where so many shards look."""
        wanted = min(self.pause, _EXPEDITED) if self.expedited else self.pause
        return max(wanted, min(shards * _A_LOOK, _LONGEST) if shards > 1 else 0)


@dataclass(frozen=True, slots=True)
class ThawLook:
    """What a look found, by positions in the shard.

    `sizes`: bytes of each file of the shard. `under_way`: objects that are being restored. `refused`: those that are
    not, by ``WHY; ADVICE``. `unasked`: the same for files that are not archived as far as is known, or need not be
    restored.
    """

    sizes: Sequence[int]
    under_way: Sequence[int]
    refused: Mapping[str, Sequence[int]]
    unasked: Mapping[str, Sequence[int]]

    def size(self, positions: Sequence[int]) -> int:
        """Their bytes."""
        return sum(self.sizes[position] for position in positions)


@dataclass(frozen=True, slots=True)
class ThawFigures:
    """What the state store has under `thaw`.

    `made_for`: the plan, and how often tasks of the run were cleared. `since`: the first look; `until`: the end of the
    wait; `looked`, `next`: looks; `ready_since`: when more were seen to be ready. These are in ISO 8601, or ``""``.
    """

    made_for: str
    tier: str
    since: str
    until: str
    objects: int = 0
    bytes: int = 0
    ready: int = 0
    ready_bytes: int = 0
    refused: int = 0
    ready_since: str = ""
    looked: str = ""
    next: str = ""


class ThawWait:
    """One look of one task `thaw`, and what follows from it."""

    def __init__(
        self, shard: Shard, terms: ThawTerms, context: Mapping[str, Any], now: Callable[[], float] = time.time
    ) -> None:
        self._shard = shard
        self._terms = terms
        self._ti = context["ti"]
        self._state = TaskState(context, Interruptions())
        self._now = now()
        made_for = f"{shard.plan} {context['dag_run'].clear_number}"
        before = read(ThawFigures, self._state.shown(THAW))
        self._again = before is not None and before.made_for == made_for
        if before is None or not self._again:
            before = ThawFigures(made_for, terms.tier, _iso(self._now), _iso(self._now + terms.wait))
        self._before = before

    def conclude(self, look: ThawLook) -> None:
        """Ends the task, or has it begin again later.

        Raises AirflowRescheduleException while objects are being restored, and AirflowSkipException where none had to
        be.
        """
        before, refused = self._before, sum(map(len, look.refused.values()))
        waiting = len(look.under_way) + refused
        waiting_bytes = look.size(look.under_way) + sum(map(look.size, look.refused.values()))
        objects, size = max(before.objects, waiting), max(before.bytes, waiting_bytes)
        ready = objects - waiting
        more = ready > before.ready
        figures = replace(
            before,
            objects=objects,
            bytes=size,
            ready=ready,
            ready_bytes=size - waiting_bytes,
            refused=refused,
            ready_since=_iso(self._now) if more else before.ready_since,
        )
        if not objects:
            self._skip()
        for sentence, positions in look.refused.items():
            log.error("%s in an archive tier%s", _lying(len(positions), look.size(positions)), sentence)
        if look.under_way and self._now < _seconds(before.until):
            self._look_again(figures, self._terms.pause_among(self._shards()))
        self._end(figures, look)

    def put_off(self, error: Exception) -> None:
        """S3, or the catalogue, did not answer. Raises AirflowRescheduleException until the wait is over."""
        if self._now >= _seconds(self._before.until):
            log.error("The wait is over, and what is ready is not known: %s", error)
            return
        log.warning("What is ready is not known for now: %s", error)
        self._look_again(self._before, min(_AFTER_AN_ERROR, self._terms.pause_among(1)))

    def _skip(self) -> NoReturn:
        from airflow.sdk.exceptions import AirflowSkipException

        raise AirflowSkipException("Nothing has to be thawed")

    def _look_again(self, figures: ThawFigures, pause: float) -> NoReturn:
        from airflow.sdk.exceptions import AirflowRescheduleException

        at = min(self._now + pause, max(_seconds(figures.until), self._now))
        figures = replace(figures, looked=_iso(self._now), next=_iso(at))
        self._show(figures)
        log.info("%s; looking again at %s", _standing(figures), _clock(figures.next))
        raise AirflowRescheduleException(datetime.fromtimestamp(at, UTC))  # type: ignore[no-untyped-call]

    def _end(self, figures: ThawFigures, look: ThawLook) -> None:
        self._show(replace(figures, looked=_iso(self._now), next=""))
        reasons = {**look.refused, **look.unasked}
        if look.under_way:
            waited = duration(self._now - _seconds(figures.since))
            sentence = f", and its restore ({figures.tier}) was not done after {waited}; run it again: it is joined"
            reasons[sentence] = look.under_way
            log.error("%s in an archive tier%s", _lying(len(look.under_way), look.size(look.under_way)), sentence)
        log.info("%s", _standing(figures))
        push_thaw(self._ti, ShardThaw.of(self._shard, reasons))

    def _show(self, figures: ThawFigures) -> None:
        self._state.show(THAW, asdict(figures))

    def _shards(self) -> int:
        """How many tasks `thaw` the run has."""
        count: int = self._ti.get_ti_count(self._ti.dag_id, task_ids=[self._ti.task_id], run_ids=[self._ti.run_id])
        return count


def _standing(figures: ThawFigures) -> str:
    """``Thaw (Bulk): 3 of 12 objects, 1.2 GB of 4.0 GB, are ready, the latest since 2026-11-28 14:02 UTC``."""
    latest = f", the latest since {_clock(figures.ready_since)}" if figures.ready_since else ""
    return (
        f"Thaw ({figures.tier}): {figures.ready:,} of {figures.objects:,} objects, {shown_size(figures.ready_bytes)} "
        f"of {shown_size(figures.bytes)}, are ready{latest}; asked for at {_clock(figures.since)}"
    )


def _lying(count: int, size: int) -> str:
    return f"1 object ({shown_size(size)}) lies" if count == 1 else f"{count:,} objects ({shown_size(size)}) lie"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def _clock(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M} UTC"
