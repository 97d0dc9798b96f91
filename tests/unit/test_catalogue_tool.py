"""include/catalogue.py, as people run it: against S3 servers, SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from downloader import disk
from downloader.catalogue import CatalogueAddress, RawFile, find_raw_file, open_catalogue
from downloader.checksums import MIB, PROCESSORS
from include.catalogue_tool import folder
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.secrets import secret
from support.catalogues import MongoDatabase
from support.postgres import PostgresDatabase
from support.restoring import content

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "include" / "catalogue.py"
LOGGED = re.compile(r"^\d{4}-\d{2}-\d{2}T\S+Z \[.*\n", re.MULTILINE)
"""Airflow's log, and that of a server in this process. The program itself is quiet."""
PASSWORD = secret("catalogue-tool")


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalogue_program", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


program = loaded()


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


@dataclass
class Ran:
    code: int
    out: str
    err: str


@dataclass
class Desk:
    """Where the program is run: a catalogue that its connection leads to, and perhaps a server."""

    folder: Path
    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    address: CatalogueAddress = field(init=False)

    def __post_init__(self) -> None:
        (self.folder / "output").mkdir()
        (self.folder / "config.yaml").write_text(
            f"locations: {{output: {self.folder / 'output'}}}\ntransfer: {{attempts: 1}}\n"
        )
        self.patch.setenv("DOWNLOADER_CONFIG", str(self.folder / "config.yaml"))
        self.file = self.folder / "catalogue.db"
        self.use(CatalogueAddress("sqlite", host=str(self.file)))

    def use(self, address: CatalogueAddress, connection_id: str = "raw_files") -> None:
        self.address = address
        names = {"conn_type": address.kind, "host": address.host, "schema": address.database, "login": address.user}
        self.connect(connection_id, **names, port=address.port, password=address.password)

    def connect(self, connection_id: str, **fields: Any) -> None:
        self.patch.setenv(f"AIRFLOW_CONN_{connection_id.upper()}", json.dumps(fields))

    def connect_to(self, server: S3Server, **extra: Any) -> None:
        extra = {"endpoint_url": server.url, "config_kwargs": {"s3": {"addressing_style": "path"}}, **extra}
        self.connect("aws_default", conn_type="aws", login=server.key, password=server.secret, extra=extra)

    def run(self, *arguments: str) -> Ran:
        self.capsys.readouterr()
        try:
            code = program.main(arguments)
        except SystemExit as left:
            code = left.code
        out, err = self.capsys.readouterr()
        return Ran(code, LOGGED.sub("", out), LOGGED.sub("", err))

    def add(self, source: object, *more: str, project: str = "PRID001") -> Ran:
        return self.run("add", str(source), "--project", project, *more)

    def record(self, raw_file_id: str) -> RawFile:
        """As the DAG reads it."""
        with closing(open_catalogue(self.address)) as records:
            return find_raw_file(records, raw_file_id)

    def info(self, raw_file_id: str) -> dict[str, object]:
        return dict(self.record(raw_file_id).file_info)

    def write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, monkeypatch, capsys)


@pytest.fixture
def samples(desk: Desk) -> Path:
    """A folder with two raw files: a folder, and a single file."""
    desk.write("data/one.d/a.bin", b"a" * 1000)
    desk.write("data/one.d/sub/ü.bin", b"")
    desk.write("data/two.raw", b"two")
    return desk.folder / "data"


# --- a bucket ---------------------------------------------------------------------------------------------------------


def upload_in_parts(server: S3Server, name: str, key: str, sizes: list[int]) -> str:
    """The ETag of the object."""
    client, parts = server.client(), []
    upload = client.create_multipart_upload(Bucket=name, Key=key)["UploadId"]
    for number, size in enumerate(sizes, start=1):
        etag = client.upload_part(Bucket=name, Key=key, UploadId=upload, PartNumber=number, Body=content(size, number))[
            "ETag"
        ]
        parts.append({"PartNumber": number, "ETag": etag})
    done = client.complete_multipart_upload(Bucket=name, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
    return str(done["ETag"].strip('"'))


def test_a_prefix_becomes_one_raw_file(desk: Desk, moto: S3Server) -> None:
    desk.connect_to(moto)
    objects = {"runs/s1.d/": b"", "runs/s1.d/a.bin": b"a", "runs/s1.d/sub/b.bin": b"bb", "runs/s1.dat": b"other"}
    name = moto.new_bucket(objects)
    ran = desk.add(f"s3://{name}/runs/s1.d/")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == "added       s1.d: 2 files, 3 B"
    assert """airflow dags trigger s3_downloader --conf '{"raw_file_id": "s1.d"}'""" in ran.out
    assert desk.record("s1.d").project_id == "PRID001"
    assert desk.record("s1.d").s3_upload_path == f"s3://{name}/runs/s1.d/"
    assert desk.record("s1.d").backup_status == "upload_done"
    assert desk.info("s1.d") == {"a.bin": [1, md5(b"a")], "sub/b.bin": [2, md5(b"bb")]}


def test_each_entry_below_a_prefix_becomes_a_raw_file(desk: Desk, moto: S3Server) -> None:
    desk.connect_to(moto)
    name = moto.new_bucket({"runs/s1.d/a": b"a", "runs/s1.d/b/c": b"c", "runs/s2.d/a": b"2", "runs/loose.raw": b"raw"})
    ran = desk.add(f"s3://{name}/runs", "--each")
    assert ran.code == 0
    assert """--conf '{"project_id": "PRID001"}'""" in ran.out
    assert {one: desk.info(one) for one in ("s1.d", "s2.d", "loose.raw")} == {
        "s1.d": {"s1.d/a": [1, md5(b"a")], "s1.d/b/c": [1, md5(b"c")]},
        "s2.d": {"s2.d/a": [1, md5(b"2")]},
        "loose.raw": {"loose.raw": [3, md5(b"raw")]},
    }
    assert desk.record("s2.d").s3_upload_path == f"s3://{name}/runs/"


def test_a_single_object_and_a_whole_bucket_can_be_added(desk: Desk, moto: S3Server) -> None:
    desk.connect_to(moto)
    name = moto.new_bucket({"runs/s1.raw": b"raw", "runs/s1.raw.log": b"log"})
    assert desk.add(f"s3://{name}/runs/s1.raw").code == 0
    assert desk.info("s1.raw") == {"s1.raw": [3, md5(b"raw")]}
    assert desk.record("s1.raw").s3_upload_path == f"s3://{name}/runs/"
    assert desk.add(f"s3://{name}", "--id", "all of it").code == 0
    assert sorted(desk.info("all of it")) == ["runs/s1.raw", "runs/s1.raw.log"]


@pytest.mark.parametrize(
    ("sizes", "behind"),
    [([5 * MIB, 5 * MIB, 100], "-3__5"), ([5 * MIB + 1, 100], "-2"), ([6 * MIB, 5 * MIB, 100], "-3"), ([100], None)],
    ids=["whole MiB", "no whole MiB", "parts of many sizes", "one part"],
)
def test_a_multipart_etag_is_recorded_with_its_part_size(
    desk: Desk, moto: S3Server, sizes: list[int], behind: str | None
) -> None:
    desk.connect_to(moto)
    name = moto.new_bucket()
    etag = upload_in_parts(moto, name, "big/x.bin", sizes)
    assert desk.add(f"s3://{name}/big").code == 0
    entry = [sum(sizes), None] if behind is None else [sum(sizes), None, etag.partition("-")[0] + behind]
    assert desk.info("big") == {"x.bin": entry}


def test_what_is_no_md5_is_not_recorded_as_one(desk: Desk, moto: S3Server) -> None:
    desk.connect_to(moto)
    name = moto.new_bucket()
    moto.client().put_object(Bucket=name, Key="run/kms", Body=b"x", ServerSideEncryption="aws:kms")
    ran = desk.add(f"s3://{name}/run")
    assert desk.info("run") == {"kms": [1, None]}
    assert "1 of them without a checksum in the record" in ran.out


def test_an_archived_object_is_recorded_and_doubtful(desk: Desk, moto: S3Server) -> None:
    desk.connect_to(moto)
    name = moto.new_bucket()
    moto.client().put_object(Bucket=name, Key="ice/a", Body=b"x", StorageClass="DEEP_ARCHIVE")
    assert desk.add(f"s3://{name}/ice").code == 0
    assert desk.info("ice") == {"a": [1, md5(b"x")]}
    ran = desk.run("check", "ice")
    assert ran.code == 0
    assert "doubtful        ice: 1 file, 1 B; 1 of 1 file is in an archive tier (a)" in ran.out


def test_a_listing_of_many_pages_is_read_to_its_end(
    desk: Desk, moto: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.connect_to(moto)
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "5")  # of a page; S3's is 1,000
    name = moto.new_bucket({f"run/{number:04}": b"" for number in range(23)})
    assert desk.add(f"s3://{name}/run", "--dry-run").out.startswith("would add   run: 23 files, 0 B\n")


def test_rclone_serves_what_can_be_added(desk: Desk, rclone: S3Server) -> None:
    desk.connect_to(rclone)
    name = rclone.new_bucket({"run/a.raw": b"a", "run/d/b.raw": b"b"})
    assert desk.add(f"s3://{name}/run").code == 0
    assert desk.info("run") == {"a.raw": [1, md5(b"a")], "d/b.raw": [1, md5(b"b")]}
    assert desk.run("check").code == 0


def test_another_server_can_be_named(desk: Desk, moto: S3Server) -> None:
    desk.connect_to(moto, endpoint_url="http://127.0.0.1:9")
    name = moto.new_bucket({"run/a": b"a"})
    assert desk.add(f"s3://{name}/run", "--endpoint-url", moto.url).code == 0
    assert desk.run("check", "--endpoint-url", moto.url).code == 0


# --- a folder ---------------------------------------------------------------------------------------------------------


def test_a_folder_becomes_one_raw_file(desk: Desk, samples: Path) -> None:
    ran = desk.add(samples, "--s3-path", "s3://backups/PRID001", "--id", "20250115_sample")
    assert (ran.code, ran.err) == (0, "")
    assert desk.record("20250115_sample").s3_upload_path == "s3://backups/PRID001/"
    assert desk.record("20250115_sample").backup_status == "upload_done"
    assert desk.info("20250115_sample") == {
        "one.d/a.bin": [1000, md5(b"a" * 1000)],
        "one.d/sub/ü.bin": [0, md5(b"")],
        "two.raw": [3, md5(b"two")],
    }


def test_each_entry_of_a_folder_becomes_a_raw_file(desk: Desk, samples: Path) -> None:
    assert desk.add(samples, "--each", "--s3-path", "backups/PRID001").code == 0
    assert sorted(desk.info("one.d")) == ["one.d/a.bin", "one.d/sub/ü.bin"]
    assert desk.info("two.raw") == {"two.raw": [3, md5(b"two")]}


def test_without_an_s3_path_a_folder_is_recorded_and_is_not_restorable(desk: Desk, samples: Path) -> None:
    ran = desk.add(samples / "two.raw")
    assert ran.code == 0
    assert "No restore is possible before the S3 path is known" in ran.out
    assert desk.record("two.raw").s3_upload_path is None
    checked = desk.run("check", "--records-only")
    assert checked.code == 1
    assert "not restorable  two.raw: raw file two.raw has no S3 backup" in checked.out
    # Its path comes later, and stays when it is added once more without one.
    assert desk.add(samples / "two.raw", "--s3-path", "s3://b01/x", "--replace").code == 0
    assert desk.add(samples / "two.raw").out.startswith("unchanged   two.raw")
    assert desk.record("two.raw").s3_upload_path == "s3://b01/x/"


def test_links_pipes_and_reports_are_left_out(desk: Desk, samples: Path) -> None:
    (samples / "link").symlink_to("two.raw")
    (samples / "linked").symlink_to("one.d")
    os.mkfifo(samples / "pipe")
    desk.write("data/_download_status_x_20250101_000000.txt", b"report")
    (samples / os.fsdecode(b"\xff.raw")).touch()
    ran = desk.add(samples, "--id", "all")
    assert ran.code == 0
    assert sorted(desk.info("all")) == ["one.d/a.bin", "one.d/sub/ü.bin", "two.raw"]
    assert {line.partition(": ")[2] for line in ran.err.splitlines()} == {
        "a symbolic link",
        "neither a file nor a folder",
        "'_download_status_x_20250101_000000.txt' would pass for a report",
        r"'\udcff.raw' cannot be written as UTF-8",
    }


def test_files_are_hashed_side_by_side(desk: Desk, samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are processors: each waits for the others to have begun."""
    together = threading.Barrier(PROCESSORS)
    for number in range(PROCESSORS):
        desk.write(f"many/{number}", b"x")

    def hash_bytes(*arguments: Any) -> None:
        together.wait(60)
        disk.hash_bytes(*arguments)

    monkeypatch.setattr(folder, "hash_bytes", hash_bytes)
    assert desk.add(desk.folder / "many").code == 0


def test_a_file_that_is_written_to_meanwhile_is_not_recorded(
    desk: Desk, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hash_bytes(*arguments: Any) -> None:
        disk.hash_bytes(*arguments)
        (samples / "two.raw").write_bytes(b"more")

    monkeypatch.setattr(folder, "hash_bytes", hash_bytes)
    ran = desk.add(samples / "two.raw")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"catalogue: {samples / 'two.raw'} was written to while it was read; run it again when its writer is done\n"
    )


# --- records that are there -------------------------------------------------------------------------------------------


def test_a_record_that_differs_is_changed_only_where_that_is_asked_for(desk: Desk, samples: Path) -> None:
    place = ("--s3-path", "s3://backups/x", "--id", "sample")
    assert desk.add(samples / "one.d", *place).code == 0
    before = desk.record("sample")
    desk.write("data/one.d/a.bin", b"changed")
    desk.write("data/one.d/new.bin", b"new")
    (samples / "one.d/sub/ü.bin").unlink()
    ran = desk.add(samples / "one.d", *place, project="PRID002")
    differs = (
        "project_id is PRID001, and not PRID002, new: 1 file (new.bin), gone: 1 file (sub/ü.bin), "
        "different: 1 file (a.bin)"
    )
    assert ran.code == 1
    assert ran.out == f"differs     sample: {differs}; its record stays as it is, --replace changes it\n"
    dry = desk.add(samples / "one.d", *place, "--replace", "--dry-run", project="PRID002")
    assert dry.out == f"would change  sample: {differs}\nA dry run: nothing was written.\n"
    assert desk.record("sample") == before
    assert desk.add(samples / "one.d", *place, "--replace", project="PRID002").out.startswith(
        f"changed     sample: {differs}\n"
    )
    assert desk.record("sample").project_id == "PRID002"
    assert desk.info("sample") == {"a.bin": [7, md5(b"changed")], "new.bin": [3, md5(b"new")]}
    assert desk.add(samples / "one.d", *place, project="PRID002").out == "unchanged   sample: 2 files, 10 B\n"


def test_a_record_that_cannot_be_read_is_replaced_too(desk: Desk, samples: Path) -> None:
    assert desk.add(samples / "two.raw", "--s3-path", "s3://b01/x").code == 0
    with closing(sqlite3.connect(desk.file)) as database, database:
        database.execute("UPDATE raw_file SET file_info = '[1'")
    ran = desk.add(samples / "two.raw", "--s3-path", "s3://b01/x")
    assert ran.code == 1
    assert "differs     two.raw: the file_info of raw file two.raw is not valid JSON" in ran.out
    assert desk.add(samples / "two.raw", "--s3-path", "s3://b01/x", "--replace").code == 0
    assert desk.info("two.raw") == {"two.raw": [3, md5(b"two")]}


def test_a_dry_run_makes_no_catalogue(desk: Desk, samples: Path) -> None:
    ran = desk.add(samples, "--dry-run")
    assert (ran.code, ran.out) == (0, "would add   data: 3 files, 1003 B\nA dry run: nothing was written.\n")
    assert not desk.file.exists()


def test_an_id_that_no_run_takes_is_left_out(desk: Desk) -> None:
    desk.write("data/ab", b"1")
    desk.write("data/abc", b"1")
    ran = desk.add(desk.folder / "data", "--each")
    assert ran.code == 1
    assert "left out    ab: an id has 3 to 255 characters" in ran.out
    assert desk.info("abc") == {"abc": [1, md5(b"1")]}


# --- catalogues -------------------------------------------------------------------------------------------------------


def test_postgresql_takes_and_changes_records(desk: Desk, samples: Path, postgres: PostgresDatabase) -> None:
    desk.use(postgres.address)
    place = ("--s3-path", "s3://backups/x")
    assert desk.add(samples, "--each", *place).code == 0
    assert desk.info("two.raw") == {"two.raw": [3, md5(b"two")]}
    desk.write("data/two.raw", b"2")
    assert desk.add(samples, "--each", *place).code == 1
    assert desk.add(samples, "--each", *place, "--replace").code == 0
    assert desk.info("two.raw") == {"two.raw": [1, md5(b"2")]}
    checked = desk.run("check", "--project", "PRID001", "--records-only")
    assert (checked.code, checked.out.splitlines()[-1]) == (0, "2 checked: 2 restorable, 0 not")


def test_a_user_of_postgresql_who_may_only_read_is_told_so(
    desk: Desk, samples: Path, postgres: PostgresDatabase
) -> None:
    postgres.execute("DROP ROLE IF EXISTS catalogue_reader")
    postgres.execute("CREATE ROLE catalogue_reader LOGIN")
    postgres.execute("GRANT SELECT ON raw_file TO catalogue_reader")
    desk.use(CatalogueAddress("postgres", postgres.address.host, database="postgres", user="catalogue_reader"))
    ran = desk.add(samples)
    assert ran.code == 1
    assert ran.err.endswith(
        "took no record (permission denied for table raw_file); give the connection's user INSERT and UPDATE on "
        "raw_file, or name another with --connection\n"
    )
    desk.use(postgres.address, "writers")
    assert desk.add(samples, "--connection", "writers").code == 0


def test_postgresql_without_the_table_is_told_so(desk: Desk, samples: Path, postgres: PostgresDatabase) -> None:
    postgres.execute("DROP TABLE raw_file")
    desk.use(postgres.address)
    ran = desk.add(samples)
    assert ran.code == 1
    assert "as include/catalogue.sql describes it" in ran.err


def test_mongodb_is_never_written_to(desk: Desk, samples: Path) -> None:
    desk.connect("raw_files", conn_type="mongo", host="localhost", login="u", password=PASSWORD)
    ran = desk.add(samples)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "catalogue: the catalogue is of type mongo, which belongs to another program and is never written to; "
        "name a connection of type sqlite or postgres with --connection\n"
    )


def test_records_of_mongodb_are_shown_and_checked(desk: Desk, moto: S3Server, mongo: MongoDatabase) -> None:
    desk.connect_to(moto)
    desk.use(mongo.address)
    bucket = moto.new_bucket({"run/a.raw": b"a", "run/b.raw": b"b"})
    info = {"a.raw": [1, md5(b"a")], "b.raw": [1, None]}
    mongo.insert("whole", info, s3_upload_path=f"{bucket}/run")
    mongo.insert("short", {"a.raw": [2, None]}, s3_upload_path=f"{bucket}/run")
    mongo.insert(
        "away", info, project_id="PRID002", s3_upload_path=f"{bucket}/none", backup_status="upload_in_progress"
    )
    assert json.loads(desk.run("show", "whole", "--json").out)["file_info"] == info
    assert "no raw file hole in the catalogue; did you mean whole?" in desk.run("show", "hole").err
    of_project = desk.run("check", "--project", "PRID001")
    assert [line[:21] for line in of_project.out.splitlines()] == [
        "not restorable  short",
        "ok              whole",
        "2 checked: 1 restorab",
    ]
    everything = desk.run("check")
    assert (everything.code, everything.out.splitlines()[-1]) == (1, "3 checked: 1 restorable, 2 not")
    assert mongo.asked() - {"find"} <= {"hello", "ismaster", "saslStart", "saslContinue", "ping", "endSessions"}


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/no/such/folder/catalogue.db", "there is no folder /no/such/folder; make that folder"),
        ("catalogue.db", "which is not an absolute path"),
        ("/dev/null", "is not a file"),
    ],
)
def test_a_catalogue_that_cannot_be_made_is_told(desk: Desk, samples: Path, path: str, sentence: str) -> None:
    desk.use(CatalogueAddress("sqlite", host=path))
    ran = desk.add(samples)
    assert (ran.code, len(ran.err.splitlines())) == (1, 1)
    assert sentence in ran.err


def test_no_connection_is_told_with_what_to_do(desk: Desk, samples: Path) -> None:
    desk.patch.delenv("AIRFLOW_CONN_RAW_FILES")
    ran = desk.add(samples)
    assert ran.code == 1
    assert ran.err.startswith("catalogue: there is no Airflow connection raw_files, ")


# --- show and check ---------------------------------------------------------------------------------------------------


def test_a_record_is_shown_as_text_and_as_json(desk: Desk, samples: Path) -> None:
    desk.add(samples / "two.raw", "--s3-path", "s3://backups/x")
    assert desk.run("show", "two.raw").out.splitlines() == [
        "raw file       two.raw",
        "project        PRID001",
        "S3 path        s3://backups/x/",
        "backup status  upload_done",
        "files          1 file, 3 B",
        f"  two.raw: 3 bytes, md5:{md5(b'two')}",
    ]
    assert json.loads(desk.run("show", "two.raw", "--json").out) == {
        "id": "two.raw",
        "project_id": "PRID001",
        "s3_upload_path": "s3://backups/x/",
        "backup_status": "upload_done",
        "file_info": {"two.raw": [3, md5(b"two")]},
    }
    missing = desk.run("show", "two")
    assert (missing.code, missing.out) == (1, "")
    assert "no raw file two in the catalogue; did you mean two.raw?" in missing.err


def spoil_object(desk: Desk, server: S3Server, name: str) -> None:
    server.client().delete_object(Bucket=name, Key="run/a.raw")


def spoil_size(desk: Desk, server: S3Server, name: str) -> None:
    server.client().put_object(Bucket=name, Key="run/a.raw", Body=b"longer")


def set_column(column: str, value: object) -> Callable[[Desk, S3Server, str], None]:
    def spoil(desk: Desk, server: S3Server, name: str) -> None:
        with closing(sqlite3.connect(desk.file)) as database, database:
            database.execute(f"UPDATE raw_file SET {column} = ?", (value,))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (spoil_object, "1 of 2 files is not in the bucket"),
        (spoil_size, "1 of 2 files is of another size in the bucket"),
        (set_column("project_id", None), "belongs to no project"),
        (set_column("s3_upload_path", "s3://no-such-bucket/run"), "there is no bucket no-such-bucket"),
        (set_column("file_info", "{}"), "has no files"),
        (set_column("file_info", '{"../x": [1, null]}'), "1 of 1 file is refused, first ../x: Unsafe path"),
        (set_column("file_info", '{"x": 1}'), "1 of 1 file is refused, first x: Corrupt record"),
        (set_column("file_info", "["), "is not valid JSON"),
    ],
    ids=["no object", "size", "no project", "no bucket", "no files", "unsafe", "corrupt", "no JSON"],
)
def test_check_says_why_a_record_is_not_restorable(
    desk: Desk, moto: S3Server, spoil: Callable[[Desk, S3Server, str], None], sentence: str
) -> None:
    desk.connect_to(moto)
    name = moto.new_bucket({"run/a.raw": b"a", "run/b.raw": b"b"})
    assert desk.add(f"s3://{name}/run").code == 0
    assert desk.run("check").out == "ok              run: 2 files, 2 B\n1 checked: 1 restorable, 0 not\n"
    spoil(desk, moto, name)
    ran = desk.run("check")
    assert ran.code == 1
    line, total = ran.out.splitlines()
    assert line.startswith("not restorable  run: ")
    assert sentence in line
    assert total == "1 checked: 0 restorable, 1 not"


def test_a_check_of_nothing_does_not_read_as_if_all_were_well(desk: Desk, moto: S3Server) -> None:
    desk.connect_to(moto)
    name = moto.new_bucket({"run/a.raw": b"a"})
    desk.add(f"s3://{name}/run")
    ran = desk.run("check", "--project", "PRID0001")
    assert (ran.code, ran.out) == (1, "")
    assert "the catalogue has no raw file of project PRID0001; check the project's id" in ran.err
    with closing(sqlite3.connect(desk.file)) as database, database:
        database.execute("DELETE FROM raw_file")
    ran = desk.run("check", "--records-only")
    assert (ran.code, ran.out) == (1, "")
    assert "the catalogue has no raw file" in ran.err


def test_check_doubts_a_backup_that_is_not_done(desk: Desk, moto: S3Server) -> None:
    desk.connect_to(moto)
    name = moto.new_bucket({"run/a.raw": b"a"})
    desk.add(f"s3://{name}/run")
    set_column("backup_status", "upload_in_progress")(desk, moto, name)
    ran = desk.run("check", "run")
    assert ran.code == 0
    assert "doubtful        run: 1 file, 1 B; its backup_status is upload_in_progress" in ran.out


# --- the command line -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["add", "s3://b01/x"], "--project"),
        (["add", "s3://b01/x", "--project", "a/b"], "not a plain folder name"),
        (["add", "s3://b01/x", "--project", "_FALLBACK"], "--project: belongs to no project"),
        (["add", "s3://b01/x", "--project", "../x"], "--project: has a project_id that names no folder: '../x' would"),
        (["add", "gs://b01/x", "--project", "P"], "begins with gs://"),
        (["add", "s3://b01/x", "--project", "P", "--each", "--id", "abc"], "leave it out with --each"),
        (["add", "s3://b01/x", "--project", "P", "--s3-path", "s3://b02"], "--s3-path is for a folder"),
        (["add", ".", "--project", "P", "--s3-path", "s3://"], "it names no bucket"),
        (["check", "abc", "--project", "P"], "not both"),
        ([], "COMMAND"),
    ],
    ids=str,
)
def test_wrong_usage_is_told(desk: Desk, arguments: list[str], sentence: str) -> None:
    ran = desk.run(*arguments)
    assert ran.code == 2
    assert sentence in " ".join(ran.err.split())
    assert not desk.file.exists()


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("s3://no-such-bucket-here/x", "there is no bucket no-such-bucket-here"),
        ("/no/such/folder", "there is no folder /no/such/folder; check the path"),
    ],
)
def test_a_source_that_is_not_there_is_told_in_one_sentence(
    desk: Desk, moto: S3Server, source: str, sentence: str
) -> None:
    desk.connect_to(moto)
    ran = desk.add(source)
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (1, "", 1)
    assert sentence in ran.err


def test_it_runs_as_a_program_and_reads_connections_from_airflows_database(
    desk: Desk, samples: Path, tmp_path: Path, airflow_database: None
) -> None:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    desk.patch.delenv("AIRFLOW_CONN_RAW_FILES")
    with create_session() as session:
        session.add(Connection("tool_catalogue", conn_type="sqlite", host=str(desk.file)))
    command = [sys.executable, str(SCRIPT), "add", str(samples), "--project", "P01", "--connection", "tool_catalogue"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("added       data: 3 files, 1003 B\n")
    assert sorted(desk.info("data")) == ["one.d/a.bin", "one.d/sub/ü.bin", "two.raw"]
