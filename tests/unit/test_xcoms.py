"""What travels between the tasks of a run, and what another version of the program may have left there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

import pytest

from downloader.checksums import Checksum
from downloader.paths import safe_path
from downloader.remote_file import RemoteFile
from downloader.results import FileResult, Outcome
from downloader_tasks.xcoms import (
    Received,
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
    results_of,
)

MD5 = Checksum("md5", "0" * 32)
FILES = [RemoteFile(safe_path(name), 5, name, (MD5,)) for name in ("a", "b")]
SHARD = Shard(3, "raw_one", "raw_one, files 1 to 2 of 9", "0123456789abcdef", 0, 2)
KEYS = Shard(4, "bucket", "bucket", "fedcba9876543210", 2, 4, after="a\ud800", upto="z", levels="eJw=")
DOWNLOADED = FileResult("a", Outcome.DOWNLOADED, 5, 5, 1.5, str(MD5))
PLAN = ShardPlan.of(SHARD, FILES)
RESULTS = ShardResults(
    3, "0123456789abcdef", pack([DOWNLOADED, None], expected(FILES)), "", 1.0, 2.5, {"by_type": {"Patient": 3}}
)


@dataclass(frozen=True, slots=True)
class Added:
    by_type: dict[str, int]
    pairs: list[tuple[str, int]]
    note: str | None = None


class TaskInstance:
    """Keeps XComs as Airflow does: as JSON, those of a mapped task in a list."""

    def __init__(self, **pushed: Any) -> None:
        self.pushed = {("download" if key in ("plan", "results") else "validate", key): pushed[key] for key in pushed}

    def xcom_push(self, key: str, value: Any) -> None:
        task = "download" if key in ("plan", "results") else "validate"
        value = json.loads(json.dumps(value))
        self.pushed[task, key] = [value] if task == "download" else value

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        return self.pushed.get((task_ids, key))


def test_what_is_pushed_is_received() -> None:
    ti = TaskInstance()
    ti.xcom_push("return_value", push_validated(ti, Validated([SHARD, KEYS], {"raw_two": "no record"})))
    push_problem(ti, "it failed before")
    push_plan(ti, PLAN)
    push_results(ti, RESULTS)
    assert Received.pull(ti) == Received(
        [SHARD, KEYS], "it failed before", {"raw_two": "no record"}, {3: PLAN}, {3: RESULTS}
    )
    assert PLAN.expected() == expected(FILES)
    assert [result.outcome for result in results_of(expected(FILES), RESULTS)] == [Outcome.DOWNLOADED, Outcome.FAILED]


def test_results_say_which_plan_they_were_made_for() -> None:
    assert (PLAN.shard, PLAN.fingerprint) == (SHARD.number, SHARD.fingerprint)


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
        {"raw_file_id": "raw", "start": 0, "stop": 1, "fingerprint": "", "label": "raw"},
    ],
)
def test_what_is_no_shard_is_not_read_as_one(value: object) -> None:
    assert Shard.from_xcom(value) is None
    assert Received.pull(TaskInstance(return_value=[value])).shards == []


def test_keys_of_a_newer_version_are_ignored() -> None:
    assert Shard.from_xcom({**SHARD.to_xcom(), "newer": [1]}) == SHARD


@pytest.mark.parametrize("broken", [None, 7, "text", {}, {"shard": 3}, [[]], {**asdict(RESULTS), "began": "now"}])
def test_broken_plans_results_and_refusals_count_as_missing(broken: Any) -> None:
    pushed = broken if isinstance(broken, list) else [broken]
    received = Received.pull(TaskInstance(plan=pushed, results=pushed, refused=pushed, problem=pushed))
    assert (received.plans, received.results, received.refused, received.problem) == ({}, {}, {}, "")


@pytest.mark.parametrize("packed", ["text", "AAAA", pack([], []), pack([DOWNLOADED], expected(FILES[:1]))])
def test_results_that_cannot_be_unpacked_count_as_missing(packed: str) -> None:
    results = list(results_of(expected(FILES), replace(RESULTS, results=packed)))
    assert [result.name for result in results] == ["a", "b"]
    assert all(result.message.startswith("Not tried: the download task died") for result in results)


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
