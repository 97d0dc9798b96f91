"""Runs of `s3_downloader` whose catalogue is MongoDB, or PostgreSQL, instead of a SQLite file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from dags.lab import Lab, Parts, contents
from include.stand_ins.s3_servers import S3Server
from support.catalogues import PASSWORD, USER, Database, MongoDatabase, PostgresTwin, mongo
from support.postgres import postgres, postgres_socket

__all__ = ["mongo", "postgres", "postgres_socket"]

SAMPLE = "20250115_sample"


@dataclass
class CatalogueLab(Lab):
    """Its records are in `database`."""

    database: Database | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        assert self.database is not None
        address = self.database.address
        connection = {
            "conn_type": address.kind, "host": address.host, "port": address.port, "schema": address.database,
            "login": address.user, "password": address.password, "extra": dict(address.options),
        }  # fmt: skip
        self.patch.setenv("AIRFLOW_CONN_RAW_FILES", json.dumps(connection))

    def record(self, raw_file_id: str, file_info: Mapping[str, object], **columns: Any) -> None:
        values = {"project_id": "PRID001", "s3_upload_path": f"{self.bucket}/{raw_file_id}/", **columns}
        if isinstance(self.database, MongoDatabase):
            self.database.insert(raw_file_id, dict(file_info), **values)
        elif isinstance(self.database, PostgresTwin):
            done = {"backup_status": "upload_done", **values, "file_info": json.dumps(file_info)}
            self.database.insert_bare(raw_file_id, **done)


@pytest.fixture
def mongo_lab(parts: Parts, moto: S3Server, mongo: MongoDatabase) -> CatalogueLab:
    return CatalogueLab(*parts, moto, database=mongo)


@pytest.fixture(params=["mongo", "postgres"])
def each_lab(request: pytest.FixtureRequest, parts: Parts, moto: S3Server) -> CatalogueLab:
    found: Any = request.getfixturevalue(request.param)
    return CatalogueLab(*parts, moto, database=found if request.param == "mongo" else PostgresTwin(found))


def test_a_raw_file_whose_record_is_in_mongodb_is_downloaded(mongo_lab: CatalogueLab, mongo: MongoDatabase) -> None:
    mongo_lab.configure("shards: {files: 2}")
    files = {f"sample.d/{number}.a.b": b"x" * number for number in range(5)} | {"$odd.raw": b"y"}
    folder = mongo_lab.upload(SAMPLE, files)
    before = mongo.holds()
    run = mongo_lab.run({"raw_file_id": SAMPLE})
    assert (run.state, contents(folder)) == ("success", files)
    assert len(run.states()["download"]) > 1, "each task reads the record again"
    assert {result.assurance.partition(":")[0] for result in run.report().results} == {"md5"}
    assert mongo.holds() == before
    assert "find" in mongo.asked() <= {"hello", "ismaster", "saslStart", "saslContinue", "endSessions", "find"}
    second = mongo_lab.run({"raw_file_id": SAMPLE})
    assert set(second.lines().values()) == {"skipped"}


def test_a_project_is_listed_by_each_catalogue(each_lab: CatalogueLab) -> None:
    folder = each_lab.upload("raw_one", {"one.raw": b"1"})
    each_lab.upload("raw_two", {"two.raw": b"2"})
    each_lab.upload("raw_of_others", {"other.raw": b"3"}, project="PRID002")
    each_lab.record("raw_begun", {"begun.raw": [1, None]}, backup_status="upload_in_progress")
    run = each_lab.run({"project_id": "PRID001"})
    assert (run.state, contents(folder)) == ("success", {"one.raw": b"1", "two.raw": b"2"})
    assert len(list(folder.glob("_download_status_*.txt"))) == 2


def test_what_is_wrong_with_mongodb_is_one_sentence_of_validate(mongo_lab: CatalogueLab, mongo: MongoDatabase) -> None:
    mongo_lab.upload(SAMPLE, {"sample.raw": b"1"})
    assert "did you mean 20250115_sample?" in mongo_lab.run({"raw_file_id": "20250115_sampel"}).problem()
    mongo.server.users[USER] = f"{PASSWORD}2"
    run = mongo_lab.run({"raw_file_id": SAMPLE})
    assert run.state == "failed"
    assert "refused the login" in run.problem()
    assert PASSWORD not in run.log
