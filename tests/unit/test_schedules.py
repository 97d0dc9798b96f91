"""Schedules: read with their defaults, wrong in words that name line and key, and made into DAGs that run on time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import AirflowFailException, DagRunTriggerException
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables import trigger
from airflow.timetables.base import DataInterval, TimeRestriction

from downloader_tasks.dag_ids import DAG_IDS
from downloader_tasks.schedules import location, make_dags
from downloader_tasks.schedules.location import has_none, schedules_file
from downloader_tasks.schedules.restore import RestoreOperator
from downloader_tasks.schedules.schedule import Schedule
from downloader_tasks.schedules.schedule_file import load_schedules
from downloader_tasks.settings import ConfigurationError
from include.stand_ins.secrets import secret

ROOT = Path(__file__).parents[2]
NIGHTLY = "{name: nightly, dag: minio_downloader, cron: 0 3 * * *}"
Read = Callable[..., list[Schedule]]


def params_of(dag_id: str) -> Mapping[str, Param]:
    params: Mapping[str, Param] = run_path(str(ROOT / "dags" / f"{dag_id}.py"))["PARAMS"]
    return params


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Writes a file and reads its schedules."""

    def write_and_read(text: str, only: str | None = None, **environ: str) -> list[Schedule]:
        file = tmp_path / "schedules.yaml"
        file.write_text(text)
        return load_schedules(params_of, {"DOWNLOADER_SCHEDULES": str(file), **environ}, only)

    return write_and_read


def problems(read: Read, text: str, **environ: str) -> list[str]:
    """What is wrong with the file, a line each."""
    with pytest.raises(ConfigurationError) as caught:
        read(text, **environ)
    assert str(caught.value).startswith(str(caught.value.file))
    return [str(problem) for problem in caught.value.problems]


def entry(**changes: str) -> str:
    """A file of one entry, whose keys stand in the lines 2 to 4 and on."""
    keys = {"name": "nightly", "dag": "minio_downloader", "cron": '"0 3 * * *"', **changes}
    lines = [f"{key}: {value}" for key, value in keys.items()]
    return "schedules:\n  - " + "\n    ".join(lines) + "\n"


# What is read


def test_an_entry_has_defaults(read: Read) -> None:
    assert read(f"schedules: [{NIGHTLY}]") == [
        Schedule(name="nightly", dag="minio_downloader", cron="0 3 * * *", timezone="UTC", conf={})
    ]


@pytest.mark.parametrize("text", ["", "schedules:\n", "schedules: []", "# nothing\n", "null"])
def test_no_entry_is_no_schedule(read: Read, text: str) -> None:
    assert read(text) == []


def test_a_key_alone_has_its_default(read: Read) -> None:
    (found,) = read(entry(timezone="", conf="", owner="", description="", enabled="", paused=""))
    assert found == read(entry())[0]


def test_the_contract_of_a_schedule(read: Read) -> None:
    text = """
schedules:
  - name: nightly_fhir                # makes the DAG schedule_nightly_fhir
    dag: minio_downloader             # one of the four
    cron: "0 3 * * *"                 # or @daily and the like
    timezone: Europe/Berlin           # default UTC
    conf: {bucket: fhir-data, organize: true}     # checked against that DAG's parameters when it is parsed
    owner: lab                        # optional; description, enabled (true), paused (false) too
"""
    (found,) = read(text)
    assert found.dag_id == "schedule_nightly_fhir"
    assert found.conf == {"bucket": "fhir-data", "organize": True}
    assert (found.timezone, found.owner, found.enabled, found.paused) == ("Europe/Berlin", "lab", True, False)


def test_the_shipped_file_has_no_schedule_and_an_example_for_each_dag(read: Read) -> None:
    assert load_schedules(params_of, {}) == []
    text = (ROOT / "include" / "schedules.yaml").read_text()
    before, _, examples = text.partition("schedules: []\n")
    found = read("schedules:\n" + re.sub(r"^#", "", examples, flags=re.MULTILINE))
    assert {schedule.dag for schedule in found} == set(DAG_IDS)
    assert all(schedule.conf for schedule in found)
    assert [key for key in Schedule.model_fields if not re.search(rf"^#   {key} ", before, re.MULTILINE)] == []


def test_every_dag_that_is_here_can_be_scheduled() -> None:
    assert set(DAG_IDS) == {file.stem for file in (ROOT / "dags").glob("*.py")} - {"schedules"}


def test_the_environment_fills_single_values(read: Read) -> None:
    (found,) = read(entry(conf="{bucket: '${BUCKET}', prefix: '${WHERE:-exports/}'}"), BUCKET="x: [")
    assert found.conf == {"bucket": "x: [", "prefix": "exports/"}


def test_a_file_that_is_named_and_missing_is_an_error(tmp_path: Path) -> None:
    for path, problem in ((tmp_path / "none.yaml", "does not exist"), (tmp_path, "is a folder")):
        with pytest.raises(ConfigurationError, match=f"{problem}; correct the environment variable DOWNLOADER_SCHED"):
            load_schedules(params_of, {"DOWNLOADER_SCHEDULES": str(path)})


@pytest.mark.parametrize(
    ("text", "none"),
    [
        ("schedules: []", True),
        ("# a\n\nschedules: []  \n#  - name: b\n  # c\n", True),
        ("", False),
        ("schedules:\n  - name: a", False),
        ("schedules: []\n - name: a", False),
        ("schedules: [] # a", False),
        (" schedules: []", False),
    ],
)
def test_that_there_is_none_is_seen_without_reading_yaml(tmp_path: Path, text: str, none: bool) -> None:
    file = tmp_path / "schedules.yaml"
    file.write_text(text)
    assert has_none(file) is none


def test_the_shipped_file_may_be_missing_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_none(schedules_file({}))
    assert not has_none(tmp_path / "none.yaml")
    assert not has_none(tmp_path)
    monkeypatch.setattr(location, "_SHIPPED", tmp_path / "none.yaml")
    assert has_none(schedules_file({}))


# What is wrong


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "'no way'"}, "line 2, schedules[0].name: is 'no way'; write a name of letters, digits, _ and -, at "),
        ({"name": "../up"}, "line 2, schedules[0].name: is '../up'; write a name of letters"),
        ({"name": "7"}, "line 2, schedules[0].name: is 7; write a name of letters, digits"),
        ({"name": ""}, "line 2, schedules[0].name: is missing; write a name"),
        ({"dag": "minio"}, "line 3, schedules[0].dag: is 'minio'; write one of drive_datasets, minio_downloader, s3_"),
        ({"cron": '"0 3 * *"'}, "line 4, schedules[0].cron: is '0 3 * *'; write a time that comes, as five fields of "),
        ({"cron": '"0 3 * * * 7"'}, "line 4, schedules[0].cron: is '0 3 * * * 7'; write a time"),
        ({"cron": '"61 3 * * *"'}, "line 4, schedules[0].cron: is '61 3 * * *'; write a time"),
        ({"cron": '"0 0 31 2 *"'}, "line 4, schedules[0].cron: is '0 0 31 2 *'; write a time that comes"),
        ({"cron": '"R R * * *"'}, "line 4, schedules[0].cron: is 'R R * * *'; write a time"),
        ({"cron": '"H(0-5) 3 * * *"'}, "line 4, schedules[0].cron: is 'H(0-5) 3 * * *'; write a time"),
        ({"cron": '"@once"'}, "line 4, schedules[0].cron: is '@once'; write a time"),
        ({"cron": '"@continuous"'}, "line 4, schedules[0].cron: is '@continuous'; write a time"),
        ({"cron": '""'}, "line 4, schedules[0].cron: is ''; write a time"),
        ({"timezone": "Berlin"}, "line 5, schedules[0].timezone: is 'Berlin'; write the name of a time zone in the"),
        ({"timezone": "Europe"}, "line 5, schedules[0].timezone: is 'Europe'; write"),
        ({"timezone": "../../etc/passwd"}, "line 5, schedules[0].timezone: is '../../etc/passwd'; write"),
        ({"timezone": "'+02:00'"}, "line 5, schedules[0].timezone: is '+02:00'; write"),
        ({"conf": "[1]"}, "line 5, schedules[0].conf: is not a group of keys; write its keys below it"),
        ({"enabled": "perhaps"}, "line 5, schedules[0].enabled: is 'perhaps'; write true or false"),
        ({"paused": "3"}, "line 5, schedules[0].paused: is 3; write true or false"),
        ({"owner": "[a]"}, "line 5, schedules[0].owner: is ['a']; write a name of at most 100 characters, in quotes"),
        ({"corn": "x"}, "line 5, schedules[0].corn: is not a known key; did you mean cron?"),
        ({"zzz": "x"}, "line 5, schedules[0].zzz: is not a known key; remove it, or use one of name, dag, cron, "),
        ({"conf": "{buckets: x}"}, "line 5, schedules[0].conf.buckets: is not a parameter of minio_downloader; did"),
        ({"conf": "{zzz: x}"}, "line 5, schedules[0].conf.zzz: is not a parameter of minio_downloader; the "),
        ({"conf": "{organize: 'yes'}"}, "line 5, schedules[0].conf.organize: is 'yes'; write true or false"),
        ({"conf": "{bucket: 7}"}, "line 5, schedules[0].conf.bucket: is 7; write null or a text"),
        ({"conf": "{max_speed: 0}"}, "line 5, schedules[0].conf.max_speed: is 0; write a number of at least 0.01"),
        ({"conf": "{max_speed: 1e6}"}, "line 5, schedules[0].conf.max_speed: is 1000000.0; write a number of at most "),
    ],
)
def test_a_wrong_value_is_named_with_its_line(read: Read, changes: dict[str, str], problem: str) -> None:
    (found,) = problems(read, entry(**changes))
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("dag", "conf", "problem"),
    [
        ("slooh_images", "{select: old}", "conf.select: is 'old'; write one of new, all, failed, mission"),
        ("slooh_images", "{since: 2026-02-30}", "conf.since: is '2026-02-30'; write a date, such as 2026-02-28"),
        ("s3_downloader", "{raw_file_id: ab}", "conf.raw_file_id: is 'ab'; write a text of at least 3 characters"),
        ("s3_downloader", "{files: [a, '']}", "conf.files[1]: is ''; write a text of at least 1 characters"),
        ("s3_downloader", "{files: a}", "conf.files: is 'a'; write null or a list"),
        ("drive_datasets", "{concurrency: 99}", "conf.concurrency: is 99; write a number of at most 16"),
        ("drive_datasets", "{concurrency: 2.5}", "conf.concurrency: is 2.5; write a whole number"),
    ],
)
def test_parameters_are_checked_as_at_the_trigger(read: Read, dag: str, conf: str, problem: str) -> None:
    (found,) = problems(read, entry(dag=dag, conf=conf))
    assert found.partition("schedules[0].")[2] == problem


@pytest.mark.parametrize(
    ("dag", "conf", "problem"),
    [
        ("s3_downloader", "{}", 'no raw file is named; give raw_file_id, such as {"raw_file_id": "20250115_sample"}'),
        ("s3_downloader", "", 'no raw file is named; give raw_file_id, such as {"raw_file_id": "20250115_sample"}'),
        ("s3_downloader", "{thaw: Bulk, raw_file_id: '   '}", "no raw file is named; give raw_file_id, such as"),
        ("s3_downloader", "{raw_file_id: abc, project_id: P}", "raw_file_id and project_id are both given; give only"),
        ("s3_downloader", "{project_id: P, audit: true, thaw: Bulk}", "audit is given with thaw: an audit reads"),
        ("minio_downloader", "{audit: true, overwrite: true}", "audit is given with overwrite: an audit reads"),
        ("slooh_images", "{select: mission}", "select is mission, and no mission_id is given; give the mission's"),
        ("slooh_images", "{mission_id: 7}", "mission_id is 7, and select is new; set select to mission, or remove"),
        ("slooh_images", "{since: '2026-03-02', until: '2026-03-01'}", "since is 2026-03-02, which is after until"),
    ],
)
def test_parameters_that_do_not_fit_together_are_told_before_the_run(
    read: Read, dag: str, conf: str, problem: str
) -> None:
    (found,) = problems(read, entry(dag=dag, conf=conf))
    assert found.partition("schedules[0].")[2].startswith(f"conf: does not fit together: {problem}")
    assert found.startswith("line ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("schedules: {}", "line 1, schedules: is {}; write a list of schedules, each behind a dash"),
        ("schedules: [nightly]", "line 1, schedules[0]: is not a group of keys; write its keys below it"),
        ("schedule: []", "line 1, schedule: is not a known key; did you mean schedules?"),
        ("- a", "line 1: is not a group of keys"),
        ("schedules: [", "is not valid YAML"),
    ],
)
def test_a_file_of_another_shape_is_named(read: Read, text: str, problem: str) -> None:
    (found,) = problems(read, text)
    assert problem in found


def test_all_that_is_wrong_is_told_at_once(read: Read) -> None:
    text = "schedules:\n- {name: a, dag: x, cron: '0 3 * * *'}\n" + f"- {NIGHTLY}\n" * 2
    text += "- {name: b, dag: slooh_images, cron: x, conf: {select: y, objekts: z}}\n"
    assert [problem.partition(";")[0] for problem in problems(read, text)] == [
        "line 2, schedules[0].dag: is 'x'",
        "line 4, schedules[2].name: is that of the schedule in line 3",
        "line 5, schedules[3].conf.objekts: is not a parameter of slooh_images",
        "line 5, schedules[3].conf.select: is 'y'",
        "line 5, schedules[3].cron: is 'x'",
    ]


def test_what_a_variable_holds_is_not_shown(read: Read) -> None:
    held = secret("stray")
    text = entry(dag="slooh_images", cron="${STRAY}", timezone="${STRAY}", conf="{select: '${STRAY}'}")
    found = problems(read, text, STRAY=held)
    assert [problem.partition(";")[0].partition(": ")[2] for problem in found] == ["is filled from ${STRAY}"] * 3
    assert held not in str(found)


def test_a_task_needs_its_own_entry_alone(read: Read) -> None:
    text = f"schedules:\n- {NIGHTLY}\n- {{name: a, dag: x, cron: '${{NOT_SET}}'}}\n- {{name: b}}\n- 7\nunknown: 1\n"
    lines = [int(problem.split()[1].strip(",")) for problem in problems(read, text)]
    assert lines == [3, 3, 4, 4, 5, 6]
    assert [schedule.name for schedule in read(text, "schedule_nightly")] == ["nightly"]
    assert read(text, "schedule_gone") == []
    with pytest.raises(ConfigurationError, match=r"schedules\[2\]\.cron: is missing"):
        read(text, "schedule_b")


# The DAGs


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[DAG]]:
    """Makes the DAGs of a file."""

    def write_and_make(text: str) -> list[DAG]:
        file = tmp_path / "schedules.yaml"
        file.write_text(text)
        monkeypatch.setenv("DOWNLOADER_SCHEDULES", str(file))
        return make_dags(params_of)

    return write_and_make


def test_a_schedule_is_a_dag_of_one_task(made: Callable[[str], list[DAG]]) -> None:
    conf = "{bucket: '{{ conn.aws_default.password }}', organize: true}"
    (dag,) = made(entry(conf=conf, owner="lab", description="At night", timezone="Europe/Berlin", paused="true"))
    assert (dag.dag_id, dag.description, dag.max_active_runs, dag.catchup) == ("schedule_nightly", "At night", 1, False)
    assert dag.is_paused_upon_creation is True
    (task,) = dag.tasks
    assert isinstance(task, TriggerDagRunOperator)
    assert (task.task_id, task.owner, task.retries, task.trigger_dag_id) == ("restore", "lab", 2, "minio_downloader")
    assert (task.deferrable, task.wait_for_completion, task.fail_when_dag_is_paused) == (True, True, True)
    assert task.returns_dag_result
    # Nothing is a template: what is written is what the run is given.
    assert task.conf == {"bucket": "{{ conn.aws_default.password }}", "organize": True}
    assert task.template_fields == ()
    assert '"organize": true' in (dag.doc_md or "")


def test_one_that_is_not_enabled_is_checked_and_not_made(made: Callable[[str], list[DAG]]) -> None:
    assert made(entry(enabled="false")) == []
    with pytest.raises(ConfigurationError, match="cron"):
        made(entry(enabled="false", cron="x"))


def test_the_owner_and_the_queue_come_from_the_environment(
    made: Callable[[str], list[DAG]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOWNLOADER_OWNER", "imaging")
    monkeypatch.setenv("DOWNLOADER_QUEUE_MINIO_DOWNLOADER", "beside_the_disk")
    (dag,) = made(entry())
    assert [(task.owner, task.queue) for task in dag.tasks] == [("imaging", "beside_the_disk")]
    (dag,) = made(entry(owner="lab"))
    assert [task.owner for task in dag.tasks] == ["lab"]


def next_runs(dag: DAG, since: datetime, count: int) -> list[datetime]:
    """The times of the runs behind one at `since`, as Airflow's scheduler has them."""
    timetable = coerce_to_core_timetable(dag.timetable)
    found: list[datetime] = []
    moment = pendulum.instance(since)
    for _ in range(count):
        info = timetable.next_dagrun_info(
            last_automated_data_interval=DataInterval.exact(moment), restriction=TimeRestriction(None, None, True)
        )
        assert info is not None
        moment = info.run_after
        found.append(datetime.fromisoformat(moment.isoformat()))
    return found


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("cron", "since", "expected"),
    [
        ("0 3 * * *", datetime(2026, 3, 27, 3, tzinfo=BERLIN), ["28 02:00", "29 01:00", "30 01:00"]),
        ("0 3 * * *", datetime(2026, 10, 23, 3, tzinfo=BERLIN), ["24 01:00", "25 02:00", "26 02:00"]),
        # 02:30 does not come on the one day, and comes twice on the other: there is one run on each.
        ("30 2 * * *", datetime(2026, 3, 27, 2, 30, tzinfo=BERLIN), ["28 01:30", "29 01:30", "30 00:30"]),
        ("30 2 * * *", datetime(2026, 10, 23, 2, 30, tzinfo=BERLIN), ["24 00:30", "25 01:30", "26 01:30"]),
        # Each hour that passes has a run.
        ("@hourly", datetime(2026, 3, 29, 1, tzinfo=BERLIN), ["29 01:00", "29 02:00", "29 03:00"]),
        ("@hourly", datetime(2026, 10, 25, 1, tzinfo=BERLIN), ["25 00:00", "25 01:00", "25 02:00"]),
    ],
)
def test_the_clock_is_the_zones_across_a_change(
    made: Callable[[str], list[DAG]], cron: str, since: datetime, expected: list[str]
) -> None:
    (dag,) = made(entry(cron=f'"{cron}"', timezone="Europe/Berlin"))
    runs = next_runs(dag, since.astimezone(UTC), len(expected))
    assert [run.astimezone(UTC).strftime("%d %H:%M") for run in runs] == expected


def test_a_year_of_nights_has_each_night_once(made: Callable[[str], list[DAG]]) -> None:
    (dag,) = made(entry(cron='"0 3 * * *"', timezone="America/New_York"))
    zone = ZoneInfo("America/New_York")
    runs = next_runs(dag, datetime(2026, 1, 1, 3, tzinfo=zone).astimezone(UTC), 365)
    local = [run.astimezone(zone) for run in runs]
    assert {(run.hour, run.minute) for run in local} == {(3, 0)}
    assert [run.date() for run in local] == [local[0].date() + timedelta(days=day) for day in range(365)]


def test_the_first_run_is_at_the_next_time_and_not_the_last(
    made: Callable[[str], list[DAG]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (dag,) = made(entry())
    monkeypatch.setattr(trigger, "utcnow", lambda: pendulum.datetime(2026, 5, 1, 3, 1))
    info = coerce_to_core_timetable(dag.timetable).next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(None, None, False)
    )
    assert info is not None
    assert info.run_after == pendulum.datetime(2026, 5, 2, 3)


# The task


class Instance:
    """What a task sees of itself."""

    def __init__(self, result: object = None, *, paused: bool = False) -> None:
        self.pushed: dict[str, object] = {}
        self._result = result
        self._paused = paused

    def get_dag(self, dag_id: str) -> Any:
        return SimpleNamespace(dag_id=dag_id, is_paused=self._paused)

    def xcom_push(self, key: str, value: object) -> None:
        self.pushed[key] = value

    def xcom_pull(self, **asked: Any) -> object:
        assert asked == {
            "task_ids": "report", "dag_id": "minio_downloader", "run_id": "the run", "key": "result", "map_indexes": -1,
        }  # fmt: skip
        return self._result


@pytest.fixture
def restore(made: Callable[[str], list[DAG]]) -> RestoreOperator:
    (dag,) = made(entry(timezone="Europe/Berlin"))
    (task,) = dag.tasks
    assert isinstance(task, RestoreOperator)
    return task


def context(instance: Instance, after: datetime = datetime(2026, 7, 1, 1, tzinfo=UTC)) -> Any:
    return {"ti": instance, "dag_run": SimpleNamespace(run_after=after)}


@pytest.mark.parametrize(
    ("after", "run_id"),
    [
        (datetime(2026, 7, 1, 1, tzinfo=UTC), "nightly__2026-07-01T03:00:00+02:00"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "nightly__2026-10-25T02:30:00+02:00"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "nightly__2026-10-25T02:30:00+01:00"),
    ],
)
def test_the_run_is_named_by_the_schedule_and_its_local_time(
    restore: RestoreOperator, after: datetime, run_id: str
) -> None:
    with pytest.raises(DagRunTriggerException) as asked:
        restore.execute(context(Instance(), after))
    assert (asked.value.trigger_dag_id, asked.value.dag_run_id) == ("minio_downloader", run_id)
    assert (asked.value.deferrable, asked.value.reset_dag_run, asked.value.logical_date) == (True, True, None)


def test_a_dag_that_is_paused_is_told_and_not_waited_for(restore: RestoreOperator) -> None:
    with pytest.raises(AirflowFailException, match="the DAG minio_downloader is paused: unpause it"):
        restore.execute(context(Instance(paused=True)))


def ended(state: str) -> tuple[str, dict[str, Any]]:
    return "", {"run_ids": ["the run"], "the run": state}


RESULT = {"status": "PARTIAL FAILURE", "reports": [{"files": 7, "failed": 1}, {"files": 4, "failed": 0}]}


def test_a_green_run_hands_its_result_on(restore: RestoreOperator) -> None:
    instance = Instance(RESULT)
    restore.execute_complete(context(instance), ended("success"))
    assert instance.pushed == {"result": RESULT, "return_value": RESULT}


@pytest.mark.parametrize(
    ("result", "figures"),
    [
        (RESULT, " failed (PARTIAL FAILURE: 1 of 11 files failed); the log"),
        ({"status": "REFUSED", "reports": []}, " failed (REFUSED); the log"),
        (None, " failed; the log"),
    ],
)
def test_a_red_run_hands_its_result_on_and_is_red(restore: RestoreOperator, result: object, figures: str) -> None:
    instance = Instance(result)
    with pytest.raises(AirflowFailException) as failure:
        restore.execute_complete(context(instance), ended("failed"))
    assert str(failure.value).startswith(f"the run the run of minio_downloader{figures}")
    assert instance.pushed == {"result": result, "return_value": result}
