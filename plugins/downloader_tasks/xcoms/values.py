"""The XComs of a run. Their keys, and how they are written and read, stand in this package alone.

| XCom | pushed by | holds |
| --- | --- | --- |
| the return value | `validate` | the shards: a list of `Shard` |
| `problem` | `validate` | the sentence that it failed with |
| `refused` | `validate` | the items that are not downloaded, each with the reason: a `Refusals` |
| `plan` | `download` | the files of its shard, where `report` could not list the same ones again: a `ShardPlan` |
| `results` | `download` | what became of them: a `ShardResults` |
| `result` | `report` | the result of the run, for people and programs: see `download_run.result` |
| the return value | `report` | the same: Airflow takes the DAG's result from here |
| `report_text` | `report` | the texts of the reports, within limits |

Those of dry runs are in `previews`, those of the task `approve` in `approval`, those of the tasks `thaw` in `thaws`.

Airflow keeps XComs when a person clears tasks: those of map indexes that are gone, and those of tasks that did not run
again. So each try of `validate` makes a plan with an id of its own, which its shards carry, and all that is made for
them: what was made for another plan counts as missing. So does a value that cannot be read, because another version of
this program wrote it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from types import UnionType
from typing import Any, Final, Protocol, Self, TypeVar, get_args, get_origin, get_type_hints

from downloader.errors import DownloadError, NotTried
from downloader.remote_file import Planned
from downloader.results import FileResult, Outcome, failed

from .approval import APPROVE, refusal_of
from .packed_results import Expected, expected, pack_expected, unpack, unpack_expected

__all__ = [
    "PLAN",
    "PROBLEM",
    "REFUSED",
    "RESULT",
    "RESULTS",
    "Received",
    "Refusals",
    "Shard",
    "ShardPlan",
    "ShardResults",
    "Validated",
    "push_dag_result",
    "push_plan",
    "push_problem",
    "push_result",
    "push_results",
    "push_validated",
    "read",
]

PROBLEM: Final = "problem"
REFUSED: Final = "refused"
PLAN: Final = "plan"
RESULTS: Final = "results"
RESULT: Final = "result"
REPORT_TEXT: Final = "report_text"

_RETURNED: Final = "return_value"
"""Airflow's own key."""

_SUCCESS: Final = "success"
_NO_RESULT: Final = {
    _SUCCESS: NotTried(
        "the download task ran before validate did, or a person marked it as successful",
        "clear the task download, or run it again; what is already there is kept",
    ),
    "failed": NotTried("the download task died, or was stopped, before it came to this file"),
}
"""By the state of the task."""
_NO_RUN: Final = NotTried("the download task did not run")

_Value = TypeVar("_Value")
_Made = TypeVar("_Made", "ShardPlan", "ShardResults")


class MadeFor(Protocol):
    """What is made for one shard of one plan."""

    @property
    def plan(self) -> str: ...
    @property
    def shard(self) -> int: ...
    @property
    def fingerprint(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Shard:
    """The slice of an item's files that one task downloads.

    `item`: what the files belong to, and what their report is on: a raw file, a bucket, a manifest. `label`: for
    people; `three_tasks` names the mapped task by it. `fingerprint`: stands for the files as `validate` listed them,
    ``""`` where it did not. `start`, `stop`: their positions in that list. `after`, `upto`: where a listing by keys is
    cut, the first exclusive, the second inclusive. `levels`, `left_out`: see
    `minio.survey`. `plan`: the id of the plan, which
    `push_validated` gives.
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
    left_out: str = ""
    plan: str = ""

    @property
    def files(self) -> int:
        """How many there were when `validate` listed them."""
        return self.stop - self.start

    @classmethod
    def from_xcom(cls, value: object) -> Self | None:
        """What `to_xcom` made of a shard of a plan; None for anything else."""
        shard = read(cls, value)
        return shard if shard is not None and shard.plan else None

    def made(self, value: MadeFor) -> bool:
        """Whether `value` was made for this very shard of this very plan."""
        return (value.plan, value.shard, value.fingerprint) == (self.plan, self.number, self.fingerprint)

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
class Refusals:
    """What is refused beside the shards of a plan. `items`: the sentence on each."""

    plan: str
    items: dict[str, str]


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """The files of a shard as its task listed them.

    `plan`, `shard`, `fingerprint`: see `Shard.made`. `files`: packed.
    """

    plan: str
    shard: int
    fingerprint: str
    files: str

    @classmethod
    def of(cls, shard: Shard, planned: Iterable[Planned]) -> Self:
        """The plan of `planned`."""
        return cls(shard.plan, shard.number, shard.fingerprint, pack_expected(expected(planned)))

    def expected(self) -> list[Expected] | None:
        """The files; None where they cannot be read."""
        with suppress(ValueError):
            return unpack_expected(self.files)
        return None


@dataclass(frozen=True, slots=True)
class ShardResults:
    """What became of the files of a shard in one try of its task, so far.

    `plan`, `shard`, `fingerprint`: see `Shard.made`. `results`: packed, ``""`` for none. `note`: why each file failed
    that has no result of its own. `began`, `ended`: seconds since the epoch. `added`: what else the report is to know,
    see `read`. `unreported`: see `execution.unreported`. `cleared`: how often tasks of the run had been cleared.
    `whole`: whether the try came to its end, and no file failed.
    """

    plan: str
    shard: int
    fingerprint: str
    results: str
    note: str
    began: float
    ended: float
    added: dict[str, Any] = field(default_factory=dict)
    unreported: dict[str, int] = field(default_factory=dict)
    cleared: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """All that `report` receives of the plan of the last try of `validate`, and of no other.

    `shards`: none where `problem` says why there is no plan. `plans`, `results`: by the number of their shard, of the
    tasks that got so far. `states`: of the tasks, by the number of their shard.
    """

    shards: list[Shard]
    problem: str
    refused: dict[str, str]
    plans: dict[int, ShardPlan]
    results: dict[int, ShardResults]
    states: dict[int, str]

    @classmethod
    def pull(cls, ti: Any, cleared: int) -> Self:
        """Reads the states and the XComs of the other tasks. `cleared`: how often tasks of the run were cleared."""
        tasks = ["validate", APPROVE, "download"]
        states = ti.get_task_states(ti.dag_id, task_ids=tasks, run_ids=[ti.run_id])[ti.run_id]
        problem, returned = "", ti.xcom_pull(task_ids="validate")
        shards = _shards(returned)
        if states.get("validate") != _SUCCESS:
            # What it returned is of an earlier try.
            problem, shards = _problem(ti), []
        elif shards is None:
            problem, shards = "validate answered nothing that this version of its DAG can read: clear the task", []
        elif refusal := refusal_of(ti, states.get(APPROVE)):
            problem, shards = refusal, []
        refused = read(Refusals, ti.xcom_pull(task_ids="validate", key=REFUSED))
        of_tasks = {shard.number: str(states.get(f"download_{shard.number}") or "") for shard in shards}
        results = _made(shards, ShardResults, ti.xcom_pull(task_ids="download", key=RESULTS))
        for number, each in list(results.items()):
            # Its task was cleared since, and ended before it began: it did not remove the XCom of the try before.
            if each.whole and each.cleared != cleared and of_tasks[number] != _SUCCESS:
                del results[number]
        return cls(
            shards,
            problem,
            refused.items if refused and shards and refused.plan == shards[0].plan else {},
            _made(shards, ShardPlan, ti.xcom_pull(task_ids="download", key=PLAN)),
            results,
            of_tasks,
        )

    def results_of(
        self, number: int, files: Sequence[Expected], interrupted: Callable[[str], DownloadError | None]
    ) -> Iterator[FileResult]:
        """One result for each of `files`, those of the shard `number`.

        `interrupted` is asked about each file without a result whether it was begun.
        """
        handed = self.results.get(number)
        results: Sequence[FileResult | None] = [None] * len(files)
        if handed is not None and handed.results:
            with suppress(ValueError):
                results = unpack(handed.results, files)
        for file, result in zip(files, results, strict=True):
            if result is not None:
                yield result
            elif handed is not None and handed.note:
                yield FileResult(file.name, Outcome.FAILED, message=handed.note)
            else:
                begun = interrupted(file.name)
                yield failed(file.name, begun or _NO_RESULT.get(self.states[number], _NO_RUN))


def push_validated(ti: Any, validated: Validated) -> list[dict[str, Any]]:
    """Makes a plan. Pushes what is refused, and answers the shards, as `validate` has to return them."""
    plan = secrets.token_hex(8)
    ti.xcom_push(key=REFUSED, value=asdict(Refusals(plan, validated.refused)))
    return [replace(shard, plan=plan).to_xcom() for shard in validated.shards]


def push_problem(ti: Any, sentence: str) -> None:
    """Pushes why `validate` failed."""
    ti.xcom_push(key=PROBLEM, value=sentence)


def push_plan(ti: Any, plan: ShardPlan) -> None:
    """Pushes what is planned in a shard."""
    ti.xcom_push(key=PLAN, value=asdict(plan))


def push_results(ti: Any, results: ShardResults) -> None:
    """Pushes what became of a shard. The latest counts."""
    ti.xcom_push(key=RESULTS, value=asdict(results))


def push_result(ti: Any, result: Mapping[str, Any], texts: Sequence[Mapping[str, Any]]) -> None:
    """Pushes the result of the run, as `push_dag_result`, and the texts of its reports."""
    push_dag_result(ti, result)
    ti.xcom_push(key=REPORT_TEXT, value=texts)


def push_dag_result(ti: Any, result: object) -> None:
    """Pushes the result of a run, also as that of its DAG.

    A task that fails returns nothing. So what Airflow would push for it is pushed here, and red runs have a result too.
    """
    for key in (RESULT, _RETURNED):
        ti.xcom_push(key=key, value=result)


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


def _shards(returned: object) -> list[Shard] | None:
    """What `validate` returned; None where that is not a list of the shards of one plan."""
    found = [Shard.from_xcom(value) for value in returned] if isinstance(returned, list) else [None]
    shards = [shard for shard in found if shard is not None]
    return shards if len(shards) == len(found) and len({shard.plan for shard in shards}) <= 1 else None


def _problem(ti: Any) -> str:
    problem = ti.xcom_pull(task_ids="validate", key=PROBLEM)
    return f"validate failed: {problem}" if isinstance(problem, str) else "validate failed, or was stopped: see its log"


def _made(shards: Sequence[Shard], kind: type[_Made], pulled: object) -> dict[int, _Made]:
    """What was made for each of `shards`.

    `pulled`: what all instances of a task pushed, or a single one of them, which is not in a list.
    """
    found = [read(kind, value) for value in (pulled if isinstance(pulled, list) else [pulled])]
    numbered = {shard.number: shard for shard in shards}
    return {each.shard: each for each in found if each and each.shard in numbered and numbered[each.shard].made(each)}


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
