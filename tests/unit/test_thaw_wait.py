"""The wait of a task `thaw`: when it looks again, what it shows, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSkipException

from downloader.errors import NetworkError
from downloader_tasks.execution import ThawLook, ThawTerms, ThawWait
from downloader_tasks.xcoms import Shard, ShardThaw, pull_thaw

SHARD = Shard(0, "raw", "raw", "f", 0, 4, plan="p")
HOUR = 3600
BULK = ThawTerms("Bulk", 7, 72 * HOUR, HOUR / 2, expedited=False)
EXPEDITED = ThawTerms("Expedited", 7, 72 * HOUR, HOUR / 2, expedited=True)
SIZES = (10, 20, 30, 40)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


@dataclass
class Airflow:
    """What a task `thaw` has of Airflow, over all its looks. `shards`: how many such tasks the run has."""

    shards: int = 1
    cleared: int = 0
    now: float = BEGAN
    store: dict[str, Any] = field(default_factory=dict)
    pushed: dict[str, Any] = field(default_factory=dict)
    dag_id = task_id = run_id = "x"

    def look(
        self,
        under_way: Sequence[int] = (),
        refused: Mapping[str, Sequence[int]] | None = None,
        terms: ThawTerms = BULK,
        shard: Shard = SHARD,
    ) -> float | None:
        """Seconds to the next look; None where the task has ended."""
        look = ThawLook(SIZES, under_way, refused or {}, {", kept; move it": [3]})
        return self._waits(lambda: self.wait(terms, shard).conclude(look))

    def fail(self) -> float | None:
        """As `look`, where S3 does not answer."""
        return self._waits(lambda: self.wait().put_off(NetworkError("gone")))

    def wait(self, terms: ThawTerms = BULK, shard: Shard = SHARD) -> ThawWait:
        context = {"ti": self, "task_state_store": self, "dag_run": type("R", (), {"clear_number": self.cleared})}
        return ThawWait(shard, terms, context, lambda: self.now)

    def _waits(self, act: Any) -> float | None:
        try:
            act()
        except AirflowRescheduleException as again:
            return float(again.reschedule_date.timestamp() - self.now)
        return None

    def get(self, key: str) -> Any:
        return self.store.get(key)

    def set(self, key: str, value: Any) -> None:
        self.store[key] = value

    def get_ti_count(self, *_: object, **__: object) -> int:
        return self.shards

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, key: str, **_: object) -> Any:
        return self.pushed.get(key)

    @property
    def thaw(self) -> dict[str, Any]:
        return dict(self.store["thaw"])

    def reasons(self) -> dict[int, str]:
        """Position -> why the file was not thawed."""
        thaw = pull_thaw(self, SHARD)
        assert thaw is not None
        return dict(thaw.by_position())


def test_it_looks_again_until_all_are_ready(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    airflow = Airflow()
    assert airflow.look([0, 1, 2]) == HOUR / 2
    airflow.now += HOUR
    assert airflow.look([1, 2]) == HOUR / 2
    assert (airflow.thaw["ready"], airflow.thaw["objects"], airflow.thaw["ready_bytes"]) == (1, 3, 10)
    assert caplog.messages[-1] == (
        "Thaw (Bulk): 1 of 3 objects, 10 B of 60 B, are ready, the latest since 2026-01-01 01:00 UTC; asked for at "
        "2026-01-01 00:00 UTC; looking again at 2026-01-01 01:30 UTC"
    )
    airflow.now += HOUR
    assert airflow.look([1, 2]) == HOUR / 2
    assert airflow.thaw["ready_since"].startswith("2026-01-01T01:00"), "nothing came since"
    airflow.now += HOUR
    assert airflow.look() is None
    assert (airflow.thaw["ready"], airflow.thaw["next"]) == (3, "")
    assert airflow.reasons() == {3: ", kept; move it"}


@pytest.mark.parametrize(
    ("terms", "shards", "seconds"),
    [(EXPEDITED, 1, 120), (BULK, 1, 1800), (EXPEDITED, 100, 400), (BULK, 100, 1800), (BULK, 1000, 4000)],
)
def test_looks_are_rarer_where_many_shards_look(terms: ThawTerms, shards: int, seconds: float) -> None:
    assert Airflow(shards).look([0], terms=terms) == seconds


def test_the_wait_ends_and_says_of_what(caplog: pytest.LogCaptureFixture) -> None:
    airflow = Airflow()
    airflow.look([0, 1, 2])
    airflow.now += 72 * HOUR - 60
    assert airflow.look([0, 1]) == 60, "the last look is at the end of the wait"
    airflow.now += 60
    assert airflow.look([0, 1]) is None
    late = ", and its restore (Bulk) was not done after 72 h 0 min; run it again: it is joined"
    assert airflow.reasons() == {0: late, 1: late, 3: ", kept; move it"}
    assert f"2 objects (30 B) lie in an archive tier{late}" in caplog.messages


def test_what_is_refused_is_waited_for_as_long_as_others_are(caplog: pytest.LogCaptureFixture) -> None:
    airflow, full = Airflow(), {", and there is no capacity; wait": [1, 2]}
    assert airflow.look([0], full) is not None
    assert (airflow.thaw["refused"], airflow.thaw["ready"]) == (2, 0)
    assert "2 objects (50 B) lie in an archive tier, and there is no capacity; wait" in caplog.messages
    assert airflow.look([], full) is None
    assert airflow.reasons()[1] == ", and there is no capacity; wait"


def test_nothing_archived_skips_the_task() -> None:
    airflow = Airflow()
    with pytest.raises(AirflowSkipException):
        airflow.look()
    assert airflow.store == {}


def test_a_server_that_does_not_answer_is_asked_again_and_costs_no_try() -> None:
    airflow = Airflow()
    assert airflow.fail() == 300
    airflow.now += 300
    assert airflow.look([0]) is not None
    airflow.now += 10 * HOUR
    assert airflow.fail() == 300
    assert airflow.thaw["objects"] == 1
    airflow.now += 72 * HOUR
    assert airflow.fail() is None


@pytest.mark.parametrize("change", [{"cleared": 1}, {"shard": Shard(0, "raw", "raw", "f", 0, 4, plan="q")}])
def test_a_clear_and_another_plan_begin_a_wait_of_their_own(change: dict[str, Any]) -> None:
    airflow = Airflow()
    airflow.look([0, 1, 2])
    airflow.now += 80 * HOUR
    airflow.cleared = change.get("cleared", 0)
    assert airflow.look([0], shard=change.get("shard", SHARD)) == HOUR / 2
    assert (airflow.thaw["objects"], airflow.thaw["since"][:10]) == (1, "2026-01-04")


def test_reasons_are_short_however_many_files_there_are() -> None:
    made = ShardThaw.of(SHARD, {"why; do": range(20_000), "other; do": [20_001, 20_002, 20_005], "none; do": []})
    assert made.reasons == {"why; do": [0, 20_000], "other; do": [20_001, 20_003, 20_005, 20_006]}
    assert dict(made.by_position()) == {
        **dict.fromkeys(range(20_000), "why; do"), **dict.fromkeys((20_001, 20_002, 20_005), "other; do")
    }  # fmt: skip


@pytest.mark.parametrize("value", [None, 7, {}, {"plan": "p", "shard": 0, "fingerprint": "f", "reasons": {"a": "b"}}])
def test_what_another_version_pushed_is_nothing(value: object) -> None:
    airflow = Airflow(pushed={"thaw": value})
    assert pull_thaw(airflow, SHARD) is None
