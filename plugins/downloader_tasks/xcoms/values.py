"""The XComs of a run. Their keys, and how they are written and read, stand here alone.

| XCom | pushed by | holds |
| --- | --- | --- |
| the return value | `validate` | the shards: a list of `Shard` |
| `problem` | `validate` | the sentence that it failed with |
| `refused` | `validate` | the items that are not downloaded, each with the reason: see `Validated` |
| `plan` | `download` | the files of its shard, where `report` could not list the same ones again: a `ShardPlan` |
| `results` | `download` | what became of them: a `ShardResults` |

A value that cannot be read, because another version of this program wrote it, counts as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from types import UnionType
from typing import Any, Final, Self, TypeVar, get_args, get_origin, get_type_hints

from downloader.errors import NotTried
from downloader.remote_file import Planned
from downloader.results import FileResult, Outcome, failed

from .packed_results import Expected, expected, pack_expected, unpack, unpack_expected

__all__ = [
    "PLAN",
    "PROBLEM",
    "REFUSED",
    "RESULTS",
    "Received",
    "Shard",
    "ShardPlan",
    "ShardResults",
    "Validated",
    "push_plan",
    "push_problem",
    "push_results",
    "push_validated",
    "read",
    "results_of",
]

PROBLEM: Final = "problem"
REFUSED: Final = "refused"
PLAN: Final = "plan"
RESULTS: Final = "results"

_DIED: Final = "the download task died before it came to this file"

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Shard:
    """The slice of an item's files that one task downloads.

    `item`: what the files belong to, and what their report is on: a raw file, a bucket, a manifest. `label`: for
    people; `three_tasks` names the mapped task by it. `fingerprint`: stands for the files as `validate` listed them,
    ``""`` where it did not. `start`, `stop`: their positions in that list. `after`, `upto`: where a listing by keys is
    cut, the first exclusive, the second inclusive. `levels`: see `minio.survey`.
    """

    number: int
    item: str
    label: str
    fingerprint: str = ""
    start: int = 0
    stop: int = 0
    after: str = ""
    upto: str = ""
    levels: str = ""

    @property
    def files(self) -> int:
        """How many there were when `validate` listed them."""
        return self.stop - self.start

    @classmethod
    def from_xcom(cls, value: object) -> Self | None:
        """What `to_xcom` made; None for anything else."""
        return read(cls, value)

    def to_xcom(self) -> dict[str, Any]:
        """As JSON, without what is empty: a mapped task reads the list of all shards."""
        always = ("number", "item", "label")
        return {name: value for name, value in asdict(self).items() if value or name in always}


@dataclass(frozen=True, slots=True)
class Validated:
    """What `validate` found: the shards, and the items that are refused beside them, each with a sentence."""

    shards: list[Shard]
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """The files of a shard as its task listed them. `shard`: its number. `files`: packed."""

    shard: int
    fingerprint: str
    files: str

    @classmethod
    def of(cls, shard: Shard, planned: Iterable[Planned]) -> Self:
        """The plan of `planned`."""
        return cls(shard.number, shard.fingerprint, pack_expected(expected(planned)))

    def expected(self) -> list[Expected] | None:
        """The files; None where they cannot be read."""
        with suppress(ValueError):
            return unpack_expected(self.files)
        return None


@dataclass(frozen=True, slots=True)
class ShardResults:
    """What became of the files of a shard in one try of its task, so far.

    `shard`, `fingerprint`: the number and the fingerprint of the shard that it was made for. `results`: packed, ``""``
    for none. `note`: why each file failed that has no result of its own. `began`, `ended`: seconds since the epoch.
    `added`: what else the report is to know, see `read`.
    """

    shard: int
    fingerprint: str
    results: str
    note: str
    began: float
    ended: float
    added: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    """All that `report` receives. `plans`, `results`: by the number of their shard, of the tasks that got so far."""

    shards: list[Shard]
    problem: str
    refused: dict[str, str]
    plans: dict[int, ShardPlan]
    results: dict[int, ShardResults]

    @classmethod
    def pull(cls, ti: Any) -> Self:
        """Reads the XComs of the other tasks."""
        problem = ti.xcom_pull(task_ids="validate", key=PROBLEM)
        refused = ti.xcom_pull(task_ids="validate", key=REFUSED)
        return cls(
            shards=list(_read_all(Shard, ti.xcom_pull(task_ids="validate"))),
            problem=problem if isinstance(problem, str) else "",
            refused=refused if _fits(refused, dict[str, str]) else {},
            plans={plan.shard: plan for plan in _read_all(ShardPlan, ti.xcom_pull(task_ids="download", key=PLAN))},
            results={
                each.shard: each for each in _read_all(ShardResults, ti.xcom_pull(task_ids="download", key=RESULTS))
            },
        )


def push_validated(ti: Any, validated: Validated) -> list[dict[str, Any]]:
    """Pushes what is refused. Answers the shards, as `validate` has to return them."""
    ti.xcom_push(key=REFUSED, value=validated.refused)
    return [shard.to_xcom() for shard in validated.shards]


def push_problem(ti: Any, sentence: str) -> None:
    """Pushes why `validate` failed."""
    ti.xcom_push(key=PROBLEM, value=sentence)


def push_plan(ti: Any, plan: ShardPlan) -> None:
    """Pushes what is planned in a shard."""
    ti.xcom_push(key=PLAN, value=asdict(plan))


def push_results(ti: Any, results: ShardResults) -> None:
    """Pushes what became of a shard. The latest counts."""
    ti.xcom_push(key=RESULTS, value=asdict(results))


def results_of(files: Sequence[Expected], handed: ShardResults | None) -> Iterator[FileResult]:
    """One result for each file. `handed`: from the task of its shard, None where it pushed nothing."""
    results: Sequence[FileResult | None] = [None] * len(files)
    if handed is not None and handed.results:
        with suppress(ValueError):
            results = unpack(handed.results, files)
    note = "" if handed is None else handed.note
    for file, result in zip(files, results, strict=True):
        if result is not None:
            yield result
        elif note:
            yield FileResult(file.name, Outcome.FAILED, message=note)
        else:
            yield failed(file.name, NotTried(_DIED))


def read(kind: type[_Value], value: object) -> _Value | None:
    """The dataclass `kind` of which `value` is the `asdict`, after a way as JSON; None for anything else.

    Keys that `kind` does not have are ignored.
    """
    if not isinstance(value, Mapping):
        return None
    hints = _hints(kind)
    known = {name: value[name] for name in hints if name in value}
    if not all(_fits(known[name], hints[name]) for name in known):
        return None
    with suppress(TypeError):  # a field without a default is missing
        return kind(**known)
    return None


def _read_all(kind: type[_Value], pulled: object) -> Iterator[_Value]:
    """`pulled`: what all instances of a task pushed, or a single one of them, which is not in a list."""
    for value in pulled if isinstance(pulled, list) else [pulled]:
        made = read(kind, value)
        if made is not None:
            yield made


def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _fits(value: object, hint: Any) -> bool:
    """Whether `value` is of that type, where a list may stand for a tuple, as JSON has no tuples."""
    kind, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if kind is UnionType:
        return any(_fits(value, each) for each in inner)
    if kind is list:
        return isinstance(value, list) and all(_fits(each, inner[0]) for each in value)
    if kind is dict:
        return isinstance(value, dict) and all(_fits(each, inner[1]) for each in value.values())
    if kind is tuple:
        return isinstance(value, list | tuple) and [*map(type, value)] == [*inner]
    return isinstance(value, int | float if hint is float else hint)
