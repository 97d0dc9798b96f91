"""What travels between the tasks of a run, and what another version of the program may have left there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import pytest

from downloader.checksums import Checksum
from downloader.errors import Interrupted
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.results import FileResult, Outcome
from downloader_tasks.xcoms import (
    Received,
    Refusals,
    Shard,
    ShardPlan,
    ShardResults,
    Validated,
    expected,
    pack,
    push_plan,
    push_problem,
    push_results,
    push_validated,
    read,
)

MD5 = Checksum("md5", "0" * 32)
FILES = [RemoteFile(safe_path(name), 5, name, (MD5,)) for name in ("a", "b")]
SHARD = Shard(3, "raw_one", "raw_one, files 1 to 2 of 9", "0123456789abcdef", 0, 2, plan="this")
KEYS = Shard(4, "bucket", "bucket", "fedcba9876543210", 2, 4, after="a\ud800", upto="z", levels="eJw=", plan="this")
DOWNLOADED = FileResult("a", Outcome.DOWNLOADED, 5, 5, 1.5, str(MD5))
PLAN = ShardPlan.of(SHARD, FILES)
RESULTS = ShardResults(
    "this", 3, "0123456789abcdef", pack([DOWNLOADED, None], expected(FILES)), "", 1.0, 2.5, {"by_type": {"Patient": 3}}
)


@dataclass(frozen=True, slots=True)
class Added:
    by_type: dict[str, int]
    pairs: list[tuple[str, int]]
    note: str | None = None


class TaskInstance:
    """Keeps XComs as Airflow does: as JSON, those of a mapped task in a list."""

    dag_id, run_id = "s3_downloader", "manual"

    def __init__(self, states: Mapping[str, str | None] | None = None, **pushed: Any) -> None:
        self.states = states or {"validate": "success", "download_3": "failed", "download_4": "success"}
        self.pushed = {("download" if key in ("plan", "results") else "validate", key): pushed[key] for key in pushed}

    def xcom_push(self, key: str, value: Any) -> None:
        task = "download" if key in ("plan", "results") else "validate"
        value = json.loads(json.dumps(value))
        self.pushed[task, key] = [value] if task == "download" else value

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        return self.pushed.get((task_ids, key))

    def answer(self, state: str | None, *, rejected: bool = False) -> None:
        """The task `approve` has this state now."""
        self.states = {**self.states, "approve": state}
        self.pushed["approve", "skipmixin_key"] = {"skipped": ["download"]} if rejected else None

    def get_task_states(self, dag_id: str, task_ids: list[str], run_ids: list[str]) -> Any:
        assert (dag_id, task_ids, run_ids) == (self.dag_id, ["validate", "approve", "download"], [self.run_id])
        return {self.run_id: self.states}


def validated(ti: TaskInstance) -> list[Shard]:
    """The shards of a new plan, as the tasks download get them."""
    ti.xcom_push("return_value", push_validated(ti, Validated([SHARD, KEYS], {"raw_two": "no record"})))
    shards = [Shard.from_xcom(value) for value in ti.xcom_pull("validate")]
    return [shard for shard in shards if shard is not None]


def never(name: str) -> None:
    """No file was begun."""


def lines(received: Received, number: int = 3) -> list[str]:
    """What the report says of the two files of a shard."""
    return [str(each.message or each.outcome) for each in received.results_of(number, expected(FILES), never)]


def test_what_is_pushed_is_received() -> None:
    ti = TaskInstance()
    shards = validated(ti)
    plan, results = ShardPlan.of(shards[0], FILES), replace(RESULTS, plan=shards[0].plan)
    push_problem(ti, "what an earlier try failed with")
    push_plan(ti, plan)
    push_results(ti, results)
    states = {3: "failed", 4: "success"}
    assert Received.pull(ti, 0) == Received(shards, "", {"raw_two": "no record"}, {3: plan}, {3: results}, states)
    assert [replace(shard, plan="this") for shard in shards] == [SHARD, KEYS]
    assert plan.expected() == expected(FILES)
    became = list(Received.pull(ti, 0).results_of(3, expected(FILES), Interrupted))
    assert [each.outcome for each in became] == [Outcome.DOWNLOADED, Outcome.FAILED]
    assert became[1].message.startswith("Interrupted: b; run it again")


def test_each_try_of_validate_makes_a_plan_of_its_own() -> None:
    ti = TaskInstance()
    assert validated(ti)[0].plan != validated(ti)[0].plan
    assert len({shard.plan for shard in validated(ti)}) == 1


@pytest.mark.parametrize(
    "change", [{"plan": "earlier"}, {"plan": ""}, {"shard": 4}, {"shard": 9}, {"fingerprint": "f"}]
)
def test_what_was_made_for_another_shard_or_plan_is_worth_nothing(change: dict[str, Any]) -> None:
    ti = TaskInstance(
        return_value=[SHARD.to_xcom(), KEYS.to_xcom()],
        plan=[asdict(replace(PLAN, **change))],
        results=[
            asdict(replace(RESULTS, **change)),
            {key: value for key, value in asdict(RESULTS).items() if key != "plan"},
        ],
        refused=asdict(Refusals("earlier", {"raw_two": "no record"})),
    )
    received = Received.pull(ti, 0)
    assert (received.plans, received.results, received.refused) == ({}, {}, {})


def test_of_two_map_indexes_only_the_one_of_this_plan_counts() -> None:
    """A plan of fewer shards leaves XComs behind, and Airflow hands over those of all map indexes."""
    earlier = asdict(replace(RESULTS, plan="earlier"))
    for order in ([asdict(RESULTS), earlier], [earlier, asdict(RESULTS)]):
        assert Received.pull(TaskInstance(return_value=[SHARD.to_xcom()], results=order), 0).results == {3: RESULTS}


@pytest.mark.parametrize("state", ["success", "failed", None])
@pytest.mark.parametrize("cleared", [1, 2])
@pytest.mark.parametrize("whole", [True, False])
def test_a_task_that_was_cleared_and_never_began_has_no_result(state: str | None, cleared: int, whole: bool) -> None:
    """Its XComs are those of the try before it. Where that one had failed, it may as well be the last one."""
    results = asdict(replace(RESULTS, cleared=1, whole=whole))
    states = {"validate": "success", "download_3": state}
    ti = TaskInstance(states, return_value=[SHARD.to_xcom()], results=[results])
    counts = state == "success" or cleared == 1 or not whole
    assert list(Received.pull(ti, cleared).results) == [3] * counts


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("failed", "Not tried: the download task died, or was stopped, before it came to this file; run it again; "),
        (
            "success",
            "Not tried: the download task ran before validate did, or a person marked it as successful; clear ",
        ),
        ("upstream_failed", "Not tried: the download task did not run; run it again; "),
        (None, "Not tried: the download task did not run; run it again; "),
    ],
)
def test_a_file_without_a_result_says_what_became_of_its_task(state: str | None, says: str) -> None:
    states = {"validate": "success", "download_3": state}
    received = Received.pull(TaskInstance(states, return_value=[SHARD.to_xcom()]), 0)
    assert [line.startswith(says) for line in lines(received)] == [True, True]


@pytest.mark.parametrize("state", ["failed", "upstream_failed", "skipped", None])
@pytest.mark.parametrize(
    ("pushed", "says"),
    [
        ({"problem": "no record"}, "validate failed: no record"),
        ({}, "validate failed, or was stopped: see its log"),
        ({"problem": 7}, "validate failed, or was stopped: see its log"),
    ],
)
def test_the_plan_of_an_earlier_try_counts_no_more_once_validate_has_failed(
    state: str | None, pushed: dict[str, Any], says: str
) -> None:
    states = {"validate": state, "download_3": "success"}
    received = Received.pull(
        TaskInstance(states, return_value=[SHARD.to_xcom()], results=[asdict(RESULTS)], **pushed), 0
    )
    assert received == Received([], says, {}, {}, {}, {})


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "text",
        [],
        {},
        {"number": 3},
        {"number": "3", "item": "a", "label": "a"},
        {"number": 3, "item": "a", "label": "a", "start": None},
        {"raw_file_id": "raw", "start": 0, "stop": 1, "fingerprint": "", "label": "raw", "plan": "this"},
        {"number": 3, "item": "a", "label": "a"},
    ],
)
def test_what_is_no_shard_is_not_read_as_one(value: object) -> None:
    assert Shard.from_xcom(value) is None
    for returned in ([value], [SHARD.to_xcom(), value], value):
        received = Received.pull(TaskInstance(return_value=returned), 0)
        unreadable = "validate answered nothing that this version of its DAG can read: clear the task"
        assert (received.shards, received.problem) == ([], "" if returned == [] else unreadable)


def test_shards_of_two_plans_are_none_of_either() -> None:
    mixed = [SHARD.to_xcom(), replace(KEYS, plan="another").to_xcom()]
    assert Received.pull(TaskInstance(return_value=mixed), 0).shards == []


def test_keys_of_a_newer_version_are_ignored() -> None:
    assert Shard.from_xcom({**SHARD.to_xcom(), "newer": [1]}) == SHARD


@pytest.mark.parametrize("broken", [None, 7, "text", {}, {"shard": 3}, [[]], {**asdict(RESULTS), "began": "now"}])
def test_broken_plans_results_and_refusals_count_as_missing(broken: Any) -> None:
    pushed = broken if isinstance(broken, list) else [broken]
    shards = [SHARD.to_xcom()]
    received = Received.pull(TaskInstance(return_value=shards, plan=pushed, results=pushed, refused=pushed), 0)
    assert (received.plans, received.results, received.refused, received.problem) == ({}, {}, {}, "")


@pytest.mark.parametrize("packed", ["text", "AAAA", pack([], []), pack([DOWNLOADED], expected(FILES[:1]))])
def test_results_that_cannot_be_unpacked_count_as_missing(packed: str) -> None:
    results = asdict(replace(RESULTS, results=packed))
    received = Received.pull(TaskInstance(return_value=[SHARD.to_xcom()], results=[results]), 0)
    assert all(line.startswith("Not tried: the download task died") for line in lines(received))
    noted = replace(RESULTS, results=packed, note="Network error: it broke")
    received = Received.pull(TaskInstance(return_value=[SHARD.to_xcom()], results=[asdict(noted)]), 0)
    assert lines(received) == ["Network error: it broke"] * 2


@pytest.mark.parametrize("packed", ["", "text", RESULTS.results])
def test_a_plan_that_cannot_be_unpacked_is_made_again(packed: str) -> None:
    assert replace(PLAN, files=packed).expected() is None


def test_what_a_run_adds_is_read_as_its_own_type() -> None:
    added = Added({"Patient": 3}, [("M31", 2)])
    there = json.loads(json.dumps(asdict(added)))
    found = read(Added, there)
    assert found is not None
    assert json.loads(json.dumps(asdict(found))) == there
    wrong: dict[str, list[Any]] = {"by_type": [{"Patient": "3"}, []], "pairs": [[["M31"]], [7], {}], "note": [7]}
    for change in ({key: value} for key, values in wrong.items() for value in values):
        assert read(Added, {**there, **change}) is None
    assert read(Added, {"pairs": []}) is None


@pytest.mark.parametrize(
    ("state", "rejected", "problem"),
    [
        (None, False, ""),
        ("skipped", False, ""),
        ("success", False, ""),
        ("success", True, "a person rejected this run in its task approve, so nothing was downloaded"),
        ("failed", False, "nobody approved this run (its task approve is failed), so nothing was downloaded"),
        ("awaiting_input", False, "nobody approved this run (its task approve is awaiting_input), so nothing was"),
        ("removed", False, "nobody approved this run (its task approve is removed), so nothing was downloaded"),
    ],
)
def test_what_nobody_approved_is_not_reported_on(state: str | None, rejected: bool, problem: str) -> None:
    ti = TaskInstance()
    shards = validated(ti)
    ti.answer(state, rejected=rejected)
    received = Received.pull(ti, 0)
    assert received.problem.startswith(problem)
    assert received.shards == ([] if problem else shards)
    assert bool(received.problem) is bool(problem)
