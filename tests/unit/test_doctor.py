"""include/doctor.py, as people run it: what it says of good and of bad settings."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from downloader_tasks.dag_ids import DAG_IDS
from include.stand_ins.secrets import secret

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "include" / "doctor.py"
FOLDERS = ("output", "minio", "datasets", "slooh")
PASSWORD = secret("doctor")


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("doctor_program", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


program = loaded()


@dataclass
class Clinic:
    """All that the four DAGs need, in a folder of the test's own and in Airflow's database."""

    folder: Path
    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        for name in FOLDERS:
            (self.folder / name).mkdir()
        self.configure()
        self.patch.setenv("DOWNLOADER_CONFIG", str(self.folder / "config.yaml"))
        entry = {"id": "1" * 20, "name": "a.fits", "path": "a.fits", "size": 1, "sha256": "0" * 64}
        head = {"version": "1.0", "source": "https://drive.google.com/drive/folders/1abc", "generated": "2026-02-07"}
        (self.folder / "datasets.json").write_text(json.dumps({**head, "datasets": [entry]}))
        with closing(sqlite3.connect(self.folder / "catalogue.db")) as database:
            database.executescript((ROOT / "include" / "catalogue.sql").read_text())
        self.connect("raw_files", conn_type="sqlite", host=str(self.folder / "catalogue.db"))
        self.connect("aws_default", conn_type="aws", login="AKIATEST", password=PASSWORD)
        self.connect("minio_default", conn_type="generic", host="minio", port=9000, login="key", password=PASSWORD)
        self.connect("slooh_default", conn_type="http", login="ada", password=PASSWORD)

    def configure(self, **sections: Any) -> None:
        locations = {name: str(self.folder / name) for name in FOLDERS}
        drive = {"manifest": str(self.folder / "datasets.json")}
        settings = {"locations": locations, "drive": drive, **sections}
        (self.folder / "config.yaml").write_text(json.dumps(settings))

    def connect(self, connection_id: str, **fields: Any) -> None:
        self.patch.setenv(f"AIRFLOW_CONN_{connection_id.upper()}", json.dumps(fields))

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit code and what was printed."""
        printed = io.StringIO()
        return program.main(arguments, printed), printed.getvalue()

    def wrong(self, *arguments: str) -> dict[tuple[str, str], str]:
        """The sentences of what is wrong. The exit code must agree."""
        code, printed = self.run("--json", *arguments)
        told = json.loads(printed)
        found = {(one["about"], one["check"]): one["sentence"] for one in told["checks"] if one["state"] == "WRONG"}
        assert (code, told["ok"]) == (1 if found else 0, not found)
        return found


@contextmanager
def deleting() -> Iterator[Any]:
    """A session of Airflow's database in which DAGs may go that tests before have left runs of."""
    from airflow.utils.session import create_session
    from sqlalchemy import text

    with create_session() as session:
        session.execute(text("PRAGMA foreign_keys=OFF"))
        yield session
        session.commit()
        session.execute(text("PRAGMA foreign_keys=ON"))


@pytest.fixture
def rows(airflow_database: None) -> Iterator[None]:
    """The four DAGs and their pools, as Airflow keeps them."""
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    def clear() -> None:
        with deleting() as session:
            session.execute(delete(DagModel).where(DagModel.dag_id.in_(DAG_IDS)))
            session.execute(delete(Pool).where(Pool.pool != "default_pool"))

    clear()
    with create_session() as session:
        if session.get(DagBundleModel, "doctor") is None:
            session.add(DagBundleModel(name="doctor"))
            session.flush()
        for dag_id in DAG_IDS:
            row = DagModel(dag_id=dag_id, bundle_name="doctor", is_paused=False)  # type: ignore[no-untyped-call]
            row.is_stale = False
            session.add(row)
        for name, pool in json.loads((ROOT / "include" / "pools.json").read_text()).items():
            session.add(Pool(pool=name, slots=pool["slots"], include_deferred=False))
    yield
    clear()


@pytest.fixture
def clinic(rows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clinic:
    return Clinic(tmp_path, monkeypatch, capsys)


def change(model: str, key: str, **values: Any) -> None:
    """Changes a row of Airflow's database, or deletes it where no values are given."""
    from airflow.models.dag import DagModel
    from airflow.models.pool import Pool
    from sqlalchemy import delete, update

    table, column = {"dag": (DagModel, DagModel.dag_id), "pool": (Pool, Pool.pool)}[model]
    with deleting() as session:
        session.execute(
            update(table).where(column == key).values(**values) if values else delete(table).where(column == key)
        )


def test_where_all_is_there_nothing_is_wrong(clinic: Clinic) -> None:
    code, printed = clinic.run()
    assert code == 0, printed
    lines = printed.splitlines()
    assert lines[-1].endswith("checked, 0 wrong")
    assert {line.split()[0] for line in lines[:-1]} <= {"ok", "remark"}
    for dag_id in DAG_IDS:
        checks = {line.split()[2] for line in lines if line.split()[1] == dag_id}
        assert {"dag", "pool", "folder", "connection"} <= checks
    assert PASSWORD not in printed


def test_the_dags_that_are_named_are_looked_at_once(clinic: Clinic) -> None:
    _, printed = clinic.run("--json", "slooh_images", "slooh_images")
    told = [(one["about"], one["check"]) for one in json.loads(printed)["checks"]]
    assert {about for about, _ in told} == {"airflow", "slooh_images"}
    assert told.count(("slooh_images", "pool")) == 1


@pytest.mark.parametrize("name", ["no_dag", "a\nok     airflow", "\x1b[2J", "../s3_downloader", ""])
def test_another_name_is_wrong_usage_and_stays_in_its_line(clinic: Clinic, name: str) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(["s3_downloader", name])
    told = clinic.capsys.readouterr()
    assert (ended.value.code, told.out) == (2, "")
    assert "choose from drive_datasets" in told.err.splitlines()[-1]
    assert "\x1b" not in told.err


@pytest.mark.parametrize(
    ("model", "key", "values", "check", "sentence"),
    [
        ("pool", "slooh_download_pool", {}, "pool", "there is no pool slooh_download_pool"),
        ("pool", "slooh_download_pool", {"slots": 0}, "pool", "has no slots"),
        ("dag", "slooh_images", {}, "dag", "does not know this DAG yet"),
        ("dag", "slooh_images", {"is_paused": True}, "dag", "run: airflow dags unpause slooh_images"),
        ("dag", "slooh_images", {"is_stale": True}, "dag", "did not find its file"),
        ("dag", "slooh_images", {"has_import_errors": True}, "dag", "could not import its file"),
    ],
)
def test_what_lets_runs_wait_for_ever_is_wrong(
    clinic: Clinic, model: str, key: str, values: dict[str, Any], check: str, sentence: str
) -> None:
    change(model, key, **values)
    found = clinic.wrong()
    assert list(found) == [("slooh_images", check)]
    assert sentence in found["slooh_images", check]


def test_a_folder_that_is_missing_is_wrong_here(clinic: Clinic) -> None:
    hostile = "gone\nok     airflow\x1b[2J"
    clinic.configure(locations={**{name: str(clinic.folder / name) for name in FOLDERS}, "minio": f"/{hostile}"})
    assert "does not exist" in clinic.wrong()["minio_downloader", "folder"]
    _, printed = clinic.run()
    assert "\x1b" not in printed
    assert len([line for line in printed.splitlines() if line.startswith("WRONG")]) == 1
    assert not [line for line in printed.splitlines() if line.startswith("ok     airflow\\")]


def test_a_full_disk_is_wrong(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 5_000_000

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    assert "is full; free room there" in clinic.wrong("slooh_images")["slooh_images", "folder"]


def test_connection_catalogue_and_manifest_are_looked_at(clinic: Clinic) -> None:
    clinic.connect("slooh_default", conn_type="http", login="ada")
    clinic.connect("raw_files", conn_type="sqlite", host="/no/such/catalogue.db")
    clinic.connect("minio_default", conn_type="generic", host=f"http://user:{PASSWORD}@minio", login="k")
    (clinic.folder / "datasets.json").write_text("{")
    found = clinic.wrong()
    assert set(found) == {
        ("slooh_images", "connection"),
        ("s3_downloader", "catalogue"),
        ("minio_downloader", "connection"),
        ("drive_datasets", "manifest"),
    }
    assert "seen from this machine: " in found["s3_downloader", "catalogue"]
    assert not [sentence for sentence in found.values() if PASSWORD in sentence]


def test_a_dag_that_is_not_set_up_is_wrong_only_if_it_is_named(clinic: Clinic) -> None:
    clinic.patch.delenv("AIRFLOW_CONN_SLOOH_DEFAULT")
    assert clinic.wrong() == {}
    assert "no Airflow connection slooh_default" in clinic.wrong("slooh_images")["slooh_images", "connection"]


def test_credentials_that_a_role_gives_are_a_remark(clinic: Clinic) -> None:
    clinic.connect("aws_default", conn_type="aws")
    assert clinic.wrong("s3_downloader") == {}


def test_a_broken_configuration_is_told_in_one_line(clinic: Clinic) -> None:
    clinic.configure(wrong=1, worse=2)
    found = clinic.wrong("s3_downloader")
    assert "wrong: is not a known key" in found["s3_downloader", "configuration"]
    assert "worse: is not a known key" in found["s3_downloader", "configuration"]
    assert "\n" not in found["s3_downloader", "configuration"]


def test_an_error_in_the_schedules_is_wrong(clinic: Clinic) -> None:
    file = clinic.folder / "schedules.yaml"
    file.write_text('schedules: [{name: a, dag: slooh_images, cron: "every night"}]')
    clinic.patch.setenv("DOWNLOADER_SCHEDULES", str(file))
    assert f"{file}, line 1" in clinic.wrong("slooh_images")["airflow", "schedules"]
    clinic.patch.setenv("DOWNLOADER_SCHEDULES", "/no/such/file")
    assert "does not exist" in clinic.wrong("slooh_images")["airflow", "schedules"]


def test_folders_of_airflow_that_are_others_are_wrong(clinic: Clinic) -> None:
    clinic.patch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(clinic.folder))
    clinic.patch.setenv("AIRFLOW__CORE__PLUGINS_FOLDER", str(clinic.folder))
    found = clinic.wrong("slooh_images")
    assert "set AIRFLOW__CORE__DAGS_FOLDER" in found["airflow", "dags folder"]
    assert "AIRFLOW__CORE__PLUGINS_FOLDER is" in found["airflow", "plugin"]


def test_dags_of_a_git_bundle_are_not_judged(clinic: Clinic) -> None:
    bundle = [{"name": "lab", "classpath": "airflow.providers.git.bundles.git.GitDagBundle", "kwargs": {}}]
    clinic.patch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(bundle))
    assert clinic.wrong("slooh_images") == {}


def test_packages_that_differ_are_told(clinic: Clinic) -> None:
    direct, lock = clinic.folder / "requirements.txt", clinic.folder / "constraints.txt"
    direct.write_text("boto3==0.0.1  # why\n")
    lock.write_text("boto3==0.0.1\n    # via x\npytest==0.0.2\nno-such-package==1.0\n")
    told = {one.state.value: one.sentence for one in program.packages(direct, lock)}
    assert set(told) == {"WRONG", "remark"}
    assert told["WRONG"].startswith("boto3 ")
    assert "(tested: 0.0.1)" in told["WRONG"]
    assert "pytest" in told["remark"]
    assert "no-such-package" not in told["remark"], "a tool of the tests need not be there"
    direct.write_text("no-such-package==1.0\n")
    assert "no-such-package missing" in next(iter(program.packages(direct, lock))).sentence
    lock.unlink()
    assert [one.state.value for one in program.packages(direct, lock)] == ["remark"]


def test_a_disk_without_nameless_files_or_locks_is_a_remark(clinic: Clinic) -> None:
    before = sorted((clinic.folder / "slooh").iterdir())
    clinic.patch.setattr("downloader.disk.nameless_file.is_local", lambda path: False)
    code, printed = clinic.run("slooh_images")
    assert code == 0
    assert "O_TMPFILE" in next(line for line in printed.splitlines() if line.startswith("remark slooh_images"))
    clinic.patch.undo()
    assert sorted((clinic.folder / "slooh").iterdir()) == before == []


def test_a_disk_without_locks_is_a_remark(clinic: Clinic) -> None:
    def refused(*arguments: object) -> None:
        raise OSError(38, "Function not implemented")

    clinic.patch.setattr(program.fcntl, "flock", refused)
    code, printed = clinic.run("slooh_images")
    assert (code, "no locks (flock)" in printed) == (0, True)


def test_a_database_that_cannot_be_read_is_told_without_its_address(tmp_path: Path) -> None:
    """As its own process: Airflow reads these settings once."""
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg://lab:{PASSWORD}@127.0.0.1:9/airflow",
        "DOWNLOADER_CONFIG": "/no/such/file",
    }
    command = [sys.executable, str(SCRIPT), "drive_datasets"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "WRONG  airflow          database" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    assert "ok     airflow          plugin" in done.stdout
    assert "Traceback" not in done.stderr


def test_what_airflow_cannot_import_is_wrong_and_stays_out_of_the_json(tmp_path: Path) -> None:
    for folder in ("dags", "plugins"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "include").mkdir()
    for program_file in (SCRIPT, SCRIPT.with_name("installed_packages.py")):
        shutil.copy(program_file, tmp_path / "include")
    for file in ("dags/slooh_images.py", "plugins/downloader_plugin.py"):
        with (tmp_path / file).open("a") as written:
            written.write('raise RuntimeError("broken\\x1b[2J")')
    env = {
        **os.environ,
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(tmp_path / "plugins"),
    }
    command = [sys.executable, str(tmp_path / "include" / "doctor.py"), "--json", "slooh_images"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    told = {(one["about"], one["check"]): one for one in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1
    assert told["airflow", "packages"]["state"] == "remark", "there is no list to compare with"
    for about, check in (("airflow", "plugin"), ("slooh_images", "dag")):
        assert told[about, check]["state"] == "WRONG"
        assert "cannot be imported" in told[about, check]["sentence"]
        assert "broken\\x1b[2J" in told[about, check]["sentence"]


def test_help_is_printed(clinic: Clinic) -> None:
    printed = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        program.main(["--help"], printed)
    assert ended.value.code == 0
    assert "exit code: 0 nothing is wrong" in printed.getvalue()
