"""The XCom `thaw`: why a task `thaw` could not have objects restored, for the FAILURE lines of the task `download`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final, Self

from .values import Shard, read

__all__ = ["ShardThaw", "pull_thaw", "push_thaw"]

_THAW: Final = "thaw"


@dataclass(frozen=True, slots=True)
class ShardThaw:
    """Why files of a shard may be found in an archive tier though the run thaws.

    `plan`, `shard`, `fingerprint`: see `Shard.made`. `reasons`: sentence -> the positions of its files in the shard, as
    starts and stops in turn; ``WHY; ADVICE``. A file that is in none of them could be read when its task ended.
    """

    plan: str
    shard: int
    fingerprint: str
    reasons: dict[str, list[int]]

    @classmethod
    def of(cls, shard: Shard, reasons: Mapping[str, Sequence[int]]) -> Self:
        """`reasons`: sentence -> positions, sorted."""
        packed = {sentence: _packed(positions) for sentence, positions in reasons.items() if positions}
        return cls(shard.plan, shard.number, shard.fingerprint, packed)

    def by_position(self) -> Iterator[tuple[int, str]]:
        """Each position that has a reason, with that."""
        for sentence, spans in self.reasons.items():
            for start, stop in list(pairwise(spans))[::2]:
                yield from ((position, sentence) for position in range(start, stop))


def push_thaw(ti: Any, thaw: ShardThaw) -> None:
    """Pushes what could not be restored."""
    ti.xcom_push(key=_THAW, value=asdict(thaw))


def pull_thaw(ti: Any, shard: Shard) -> ShardThaw | None:
    """What the task `thaw` of a shard pushed; None where it did not run, or for another plan."""
    thaw = read(ShardThaw, ti.xcom_pull(task_ids="thaw", map_indexes=shard.number, key=_THAW))
    return thaw if thaw is not None and shard.made(thaw) else None


def _packed(positions: Iterable[int]) -> list[int]:
    spans: list[int] = []
    for position in positions:
        if spans and spans[-1] == position:
            spans[-1] = position + 1
        else:
            spans += [position, position + 1]
    return spans
