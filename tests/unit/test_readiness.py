"""Whether what the DAGs need is there: what is found, and that a look never takes longer than it may."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from downloader_tasks.readiness import CHECKS, CheckResult, Lookout, State, check_needs
from include.stand_ins.secrets import secret
from support.catalogues import MongoDatabase

ROOT = Path(__file__).parents[2]
CATALOGUE_DDL = ROOT / "include" / "catalogue.sql"
LONG = 60.0


class Setting(NamedTuple):
    """What the DAGs need, in a folder of the test's own."""

    folder: Path
    patch: pytest.MonkeyPatch

    def connect(self, connection_id: str, **fields: Any) -> None:
        self.patch.setenv(f"AIRFLOW_CONN_{connection_id.upper()}", json.dumps(fields))

    def configure(self, **sections: Any) -> None:
        names = ("output", "minio", "datasets", "slooh")
        drive = {"manifest": str(self.folder / "datasets.json")}
        settings = {"locations": {name: str(self.folder / name) for name in names}, "drive": drive, **sections}
        (self.folder / "config.yaml").write_text(json.dumps(settings))

    def look(self, dag_id: str) -> dict[str, CheckResult]:
        return check_needs([dag_id], Lookout(LONG, 0))[dag_id]


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    """All that the four DAGs need."""
    setting = Setting(tmp_path, monkeypatch)
    for name in ("output", "minio", "datasets", "slooh"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("DOWNLOADER_CONFIG", str(tmp_path / "config.yaml"))
    setting.configure()
    entry = {"id": "1" * 20, "name": "a.fits", "path": "a.fits", "size": 1, "sha256": "0" * 64}
    head = {"version": "1.0", "source": "https://drive.google.com/drive/folders/1abc", "generated": "2026-02-07"}
    (tmp_path / "datasets.json").write_text(json.dumps({**head, "datasets": [entry]}))
    with closing(sqlite3.connect(tmp_path / "catalogue.db")) as database:
        database.executescript(CATALOGUE_DDL.read_text())
    setting.connect("raw_files", conn_type="sqlite", host=str(tmp_path / "catalogue.db"))
    setting.connect("aws_default", conn_type="aws", login="AKIATEST", password=secret("aws"))
    setting.connect(
        "minio_default", conn_type="generic", host="minio", port=9000, login="key", password=secret("minio")
    )
    setting.connect("slooh_default", conn_type="http", login="ada", password=secret("slooh"))
    return setting


@pytest.mark.parametrize("dag_id", CHECKS)
def test_where_all_is_there_all_is_ready(setting: Setting, dag_id: str) -> None:
    found = setting.look(dag_id)
    assert {name: each.state for name, each in found.items()} == dict.fromkeys(CHECKS[dag_id], State.READY)
    assert (found["folder"].free or 0) > 0


@pytest.mark.parametrize("dag_id", CHECKS)
def test_a_folder_that_is_not_here_may_be_there_for_the_workers(setting: Setting, dag_id: str) -> None:
    setting.configure(locations=dict.fromkeys(("output", "minio", "datasets", "slooh"), "/no/such/folder"))
    found = setting.look(dag_id)["folder"]
    assert found.state is State.UNSEEN
    assert "which does not exist: create it, or change locations." in found.sentence
    assert found.sentence.endswith("; if it is there where the tasks run, all is well")


def test_a_folder_that_is_a_file_or_not_set_is_a_problem(setting: Setting) -> None:
    (setting.folder / "file").touch()
    setting.configure(locations={"output": str(setting.folder / "file")})
    assert setting.look("s3_downloader")["folder"] == CheckResult(
        State.PROBLEM,
        f"locations.output is {setting.folder / 'file'}, which is not a folder: move that file away, or change "
        f"locations.output in {setting.folder / 'config.yaml'}",
    )
    assert "locations.minio is not set" in setting.look("minio_downloader")["folder"].sentence


def test_a_full_disk_is_a_problem(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: _Usage(free=5_000_000))
    found = setting.look("slooh_images")["folder"]
    assert (found.state, found.free) == (State.PROBLEM, 5_000_000)
    assert found.sentence == f"the disk of {setting.folder / 'slooh'} is full; free room there"


class _Usage(NamedTuple):
    free: int


@pytest.mark.parametrize(
    ("dag_id", "connection_id", "fields", "state", "sentence"),
    [
        ("slooh_images", "slooh_default", {"conn_type": "http", "login": "ada"}, State.PROBLEM, "has no password"),
        ("minio_downloader", "minio_default", {"conn_type": "ftp"}, State.PROBLEM, "is of type ftp"),
        ("minio_downloader", "minio_default", {"conn_type": "generic"}, State.PROBLEM, "is not the name of a server"),
        ("minio_downloader", "minio_default", {"conn_type": "aws", "login": "key"}, State.PROBLEM, "has no password"),
        ("s3_downloader", "aws_default", {"conn_type": "aws", "login": "AKIATEST"}, State.PROBLEM, "has no password"),
        ("s3_downloader", "aws_default", {"conn_type": "aws"}, State.UNSEEN, "holds no keys"),
        (
            "s3_downloader",
            "aws_default",
            {"conn_type": "aws", "login": "A", "password": secret("aws"), "extra": {"endpoint_url": "not an address"}},
            State.PROBLEM,
            "endpoint_url is not an address",
        ),
        (
            "s3_downloader",
            "aws_default",
            {
                "conn_type": "aws",
                "login": "A",
                "password": secret("aws"),
                "extra": {"role_arn": "arn:aws:iam::123456789012:role/x"},
            },
            State.UNSEEN,
            "AWS is asked for credentials",
        ),
        (
            "drive_datasets",
            "google_drive_default",
            {"conn_type": "http", "password": secret("drive", " ")},
            State.PROBLEM,
            "not an API key",
        ),
    ],
)
def test_a_connection_that_is_incomplete_is_told_as_validate_would(
    setting: Setting, dag_id: str, connection_id: str, fields: dict[str, Any], state: State, sentence: str
) -> None:
    setting.connect(connection_id, **fields)
    found = setting.look(dag_id)["connection"]
    assert found.state is state
    assert sentence in found.sentence


@pytest.mark.parametrize(
    ("dag_id", "connection_id", "state"),
    [
        ("s3_downloader", "aws_default", State.UNSEEN),  # boto3 has ways of its own
        ("minio_downloader", "minio_default", State.ABSENT),
        ("drive_datasets", "google_drive_default", State.READY),
        ("slooh_images", "slooh_default", State.ABSENT),
    ],
)
def test_a_connection_that_is_missing(setting: Setting, dag_id: str, connection_id: str, state: State) -> None:
    setting.patch.delenv(f"AIRFLOW_CONN_{connection_id.upper()}", raising=False)
    assert setting.look(dag_id)["connection"].state is state


def test_a_catalogue_that_is_not_here_is_no_failure_and_one_without_a_table_is(setting: Setting) -> None:
    setting.connect("raw_files", conn_type="sqlite", host="/no/such/catalogue.db")
    found = setting.look("s3_downloader")["catalogue"]
    assert found.state is State.UNSEEN
    assert "/no/such/catalogue.db does not exist" in found.sentence

    (setting.folder / "empty.db").touch()
    setting.connect("raw_files", conn_type="sqlite", host=str(setting.folder / "empty.db"))
    assert setting.look("s3_downloader")["catalogue"].state is State.PROBLEM

    setting.patch.delenv("AIRFLOW_CONN_RAW_FILES")
    found = setting.look("s3_downloader")["catalogue"]
    assert found.state is State.ABSENT
    assert found.sentence.startswith("there is no Airflow connection raw_files, which leads to the catalogue")


def test_a_catalogue_in_mongodb_is_asked_too(setting: Setting, mongo: MongoDatabase) -> None:
    def connect(password: str) -> None:
        login = {"login": "reader", "password": password, "schema": "krakendb"}
        setting.connect("raw_files", conn_type="mongo", host="127.0.0.1", port=mongo.server.port, **login)

    connect(mongo.address.password)
    found = setting.look("s3_downloader")["catalogue"]
    assert (found.state, "is empty, or there is no such database" in found.sentence) == (State.PROBLEM, True)
    mongo.insert("sample", {})
    assert setting.look("s3_downloader")["catalogue"].state is State.READY
    connect(secret("mongo"))
    found = setting.look("s3_downloader")["catalogue"]
    assert (found.state, "refused the login" in found.sentence) == (State.PROBLEM, True)


def test_a_catalogue_whose_server_is_away_is_not_seen_from_here(setting: Setting) -> None:
    setting.connect("raw_files", conn_type="postgres", host="127.0.0.1", port=9, login="u", password=secret("postgres"))
    found = setting.look("s3_downloader")["catalogue"]
    assert found.state is State.UNSEEN
    assert "127.0.0.1" in found.sentence


def test_a_manifest_that_is_broken_is_a_problem_and_a_missing_one_is_not(setting: Setting) -> None:
    (setting.folder / "datasets.json").write_text("{")
    assert setting.look("drive_datasets")["manifest"].state is State.PROBLEM
    (setting.folder / "datasets.json").unlink()
    assert setting.look("drive_datasets")["manifest"].state is State.UNSEEN


def test_a_broken_configuration_is_all_that_is_told(setting: Setting) -> None:
    setting.configure(wrong=1)
    found = setting.look("s3_downloader")
    assert list(found) == ["configuration"]
    assert found["configuration"].state is State.PROBLEM
    assert "wrong: is not a known key" in found["configuration"].sentence
    (setting.folder / "config.yaml").unlink()
    assert setting.look("s3_downloader")["configuration"].state is State.UNSEEN


def test_s3_that_is_switched_off_is_told(setting: Setting) -> None:
    setting.configure(s3={"enabled": False})
    found = setting.look("s3_downloader")["connection"]
    assert found.state is State.ABSENT
    assert "switched off" in found.sentence


def test_no_sentence_shows_what_a_connection_holds(setting: Setting) -> None:
    held = secret("minio")
    setting.connect("minio_default", conn_type="generic", host=f"http://user:{held}@minio", login="k", password=held)
    setting.connect("aws_default", conn_type="aws", login="A", password=held, extra={"endpoint_url": f"x://{held}"})
    setting.connect("slooh_default", conn_type="http", host=f"https://{held}@slooh", login="k", password=held)
    told = [each.sentence for dag_id in CHECKS for each in setting.look(dag_id).values()]
    assert not [sentence for sentence in told if held in sentence]


def test_what_is_wrong_with_the_program_itself_is_told_without_its_text(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(configuration: object) -> CheckResult:
        raise RuntimeError("a bug")

    monkeypatch.setitem(CHECKS["slooh_images"], "connection", broken)
    found = setting.look("slooh_images")["connection"]
    assert found.state is State.UNSEEN
    assert "the log there says why" in found.sentence
    assert "a bug" not in found.sentence
    assert "a bug" in caplog.text


def test_who_never_answers_is_waited_for_once(setting: Setting) -> None:
    """A folder of a disk whose server is away: the thread that looks at it is gone until the server is back."""
    answer, asked = threading.Event(), []

    def question() -> str:
        asked.append(1)
        answer.wait(LONG)
        return "there"

    lookout: Lookout[str] = Lookout(0.01, LONG)
    assert lookout.ask({"slow": question, "quick": lambda: "here"})["slow"] is None
    assert lookout.ask({"slow": question})["slow"] is None
    assert len(asked) == 1
    answer.set()
    patient: Lookout[str] = Lookout(LONG, LONG)
    patient._asked = lookout._asked
    assert patient.ask({"slow": question, "quick": lambda: "here"}) == {"slow": "there", "quick": "here"}
    assert len(asked) == 1


def test_an_answer_is_kept_while_it_is_fresh() -> None:
    time = [0.0]
    lookout: Lookout[int] = Lookout(LONG, 5, lambda: time[0])
    answers = iter(range(10))
    assert [lookout.ask({"it": lambda: next(answers)})["it"] for _ in range(3)] == [0, 0, 0]
    time[0] += 5.1
    assert lookout.ask({"it": lambda: next(answers)})["it"] == 1


def test_what_is_late_is_said_to_be(setting: Setting) -> None:
    answer = threading.Event()

    def slow(configuration: object) -> CheckResult:
        answer.wait(LONG)
        return CheckResult(State.READY, "")

    setting.patch.setitem(CHECKS["slooh_images"], "folder", slow)
    found = check_needs(["slooh_images"], Lookout(0.01, LONG))["slooh_images"]
    answer.set()
    assert found["folder"].state is State.LATE
