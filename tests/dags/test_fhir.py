"""Runs of `minio_downloader`."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from dags.fhir_lab import FhirLab, resources
from dags.lab import Parts, contents, when
from downloader.report import Status
from downloader.sources.s3.describe import NO_PROOF
from downloader_tasks.execution import attempt as attempts
from downloader_tasks.minio import download_run
from downloader_tasks.shards import ShardFiles
from downloader_tasks.xcoms import Shard
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.wire import Answer, Request, StandIn, serving

EXPORTS = {
    "Patient.ndjson": resources("Patient", 3),
    "Observation-0.ndjson": resources("Observation", 5),
    "exports/2024/1.Encounter.ndjson": resources("Encounter", 2),
}


@pytest.fixture
def lab(parts: Parts, moto: S3Server) -> FhirLab:
    return FhirLab(*parts, moto)


def flat(objects: dict[str, bytes]) -> dict[str, bytes]:
    return {key.rpartition("/")[2]: data for key, data in objects.items()}


def test_all_exports_come_home_into_one_folder(lab: FhirLab) -> None:
    lab.upload({**EXPORTS, "notes.txt": b"none", "folder/": b"", "empty/Group.ndjson": b""})
    run = lab.run()
    assert run.state == "success", run.log
    assert contents(lab.output) == {**flat(EXPORTS), "Group.ndjson": b""}
    report = run.report("")
    assert report.title == "MinIO Download Status Report"
    assert dict(report.head) == {"Source": f"{lab.bucket}@{lab.server.url.removeprefix('http://')}"}
    assert dict(report.extra) == {"Location": str(lab.output)}
    assert report.summary.status is Status.SUCCESS
    assert all(result.verified for result in report.results)
    assert "Found 4 files to download" in run.log
    assert "Downloading Patient.ndjson... ✓ (" in run.log
    assert "⊘" not in run.log
    again = lab.run()
    assert again.state == "success"
    assert set(again.lines("").values()) == {"skipped"}
    assert "⊘ (already exists, skipped)" in again.log


def test_organised_by_type_and_filtered(lab: FhirLab) -> None:
    lab.upload({**EXPORTS, "log.ndjson": b"{}\n"})
    run = lab.run({"filter": " patient ,ENCOUNTER,Bogus", "organize": True, "output": "2024/june"})
    assert run.state == "success"
    folder = lab.output / "2024" / "june"
    assert contents(folder) == {
        "Patient/Patient.ndjson": EXPORTS["Patient.ndjson"],
        "Encounter/1.Encounter.ndjson": EXPORTS["exports/2024/1.Encounter.ndjson"],
    }
    assert dict(run.report("2024/june").head)["Filter"] == "Encounter, Patient, Bogus"
    assert "The filter names Bogus, but " in run.log
    assert "Encounter (1), Observation (1), Patient (1), Unknown (1)" in run.log


def test_what_a_filter_leaves_out_is_told_by_type_and_number(lab: FhirLab) -> None:
    lab.upload({f"Patient-{number}.ndjson": resources("Patient", 1) for number in range(2)})
    lab.upload({"Group_7_Patient.ndjson": resources("Patient", 1), "patients.ndjson": resources("Patient", 1)})
    lab.upload({"Flag.ndjson": resources("Flag", 1), "export.ndjson": resources("Patient", 1), "a.jsonl": b""})
    lab.configure("shards: {files: 1}")
    run = lab.run({"filter": "Patient"})
    assert run.state == "success", run.log
    assert len(contents(lab.output)) == 4
    assert dict(run.report("").extra)["Left out by the filter"] == "2 files: Flag (1), Unknown (1)"
    assert "The filter leaves out 2 files: Flag (1), Unknown (1)" in run.log
    assert (
        "leaves out 1 file of type Unknown: the key tells no type, or several; with check_ndjson the first" in run.log
    )
    assert "Only *.ndjson and *.ndjson.gz are downloaded, and not: .jsonl (1)" in run.log


def test_files_whose_names_tell_no_type_are_filtered_and_organised_by_what_stands_in_them(lab: FhirLab) -> None:
    objects = {
        "a/export.ndjson": resources("Patient", 2),
        "b/export.ndjson": gzip.compress(resources("Observation", 2)),
        "c/export.ndjson": resources("Flag", 2),
        "Patient_Observation.ndjson": resources("Observation", 1),
        "Patient/part-0.ndjson": resources("Patient", 1),
        "MimicPatient.ndjson": resources("Patient", 1),
        "empty.ndjson": b"",
    }
    lab.upload(objects)
    lab.configure("shards: {files: 2}")
    run = lab.run({"filter": "Patient, Observation", "organize": True, "check_ndjson": True})
    assert run.state == "success", run.log
    assert contents(lab.output) == {
        "Patient/export.ndjson": objects["a/export.ndjson"],
        "Patient/part-0.ndjson": objects["Patient/part-0.ndjson"],
        "Patient/MimicPatient.ndjson": objects["MimicPatient.ndjson"],
        "Observation/export.ndjson": objects["b/export.ndjson"],
        "Observation/Patient_Observation.ndjson": objects["Patient_Observation.ndjson"],
    }
    assert dict(run.report("").extra)["Left out by the filter"] == "2 files: Flag (1), Unknown (1)"
    assert set(lab.run({"filter": "Patient", "organize": True, "check_ndjson": True}).lines("").values()) == {"skipped"}


def test_two_of_one_name_keep_their_folders_and_nothing_is_lost(lab: FhirLab) -> None:
    objects = {
        "a/Patient.ndjson": resources("Patient", 1),
        "b/Patient.ndjson": resources("Patient", 2),
        "c//Patient.ndjson": resources("Patient", 3),
        "c/Patient.ndjson": resources("Patient", 4),
        "Observation.ndjson": resources("Observation", 1),
    }
    lab.upload(objects)
    lab.configure("shards: {files: 1}")
    run = lab.run()
    assert run.state == "success", run.log
    assert len(run.map_indexes()) == 5
    found = contents(lab.output)
    assert sorted(found.values()) == sorted(objects.values())
    assert {name: data for name, data in found.items() if "~" not in name} == {
        "a/Patient.ndjson": objects["a/Patient.ndjson"],
        "b/Patient.ndjson": objects["b/Patient.ndjson"],
        "Observation.ndjson": objects["Observation.ndjson"],
    }
    assert set(run.lines("")) == set(found)


def test_odd_keys_come_home(lab: FhirLab) -> None:
    objects = {
        "with space/my Patient.ndjson": resources("Patient", 1),
        "per%2Fcent.Group.ndjson": resources("Group", 1),
        "größe/Beobachtung Observation.ndjson": resources("Observation", 1),
        "//Encounter.ndjson": resources("Encounter", 1),
        "plus+and&Device.ndjson.gz": gzip.compress(resources("Device", 2)),
        "../Flag.ndjson": resources("Flag", 1),
    }
    lab.upload(objects)
    run = lab.run({"check_ndjson": True})
    assert run.state == "success", run.log
    assert contents(lab.output) == flat(objects)
    assert not list(lab.folder.glob("Flag.ndjson"))


def test_what_is_in_the_files_is_checked_and_counted(lab: FhirLab) -> None:
    lab.upload({**EXPORTS, "Group.ndjson": resources("Group", 2) + b"{broken\n" + resources("Group", 1)})
    run = lab.run({"check_ndjson": True})
    assert run.state == "failed"
    report = run.report("")
    assert report.summary.status is Status.PARTIAL_FAILURE
    assert {result.name: result.resources for result in report.results} == {
        "Patient.ndjson": 3,
        "Observation-0.ndjson": 5,
        "1.Encounter.ndjson": 2,
        "Group.ndjson": None,
    }
    told = "failed Broken content: line 3 of Group.ndjson: it is not JSON (unexpected character, byte 2); "
    assert run.lines("")["Group.ndjson"].startswith(told)
    assert contents(lab.output) == flat(EXPORTS)
    assert dict(report.extra) == {
        "Resources": "10",
        "Resources of type Encounter": "2",
        "Resources of type Observation": "5",
        "Resources of type Patient": "3",
        "Location": str(lab.output),
    }
    again = lab.run({"check_ndjson": True})
    assert dict(again.report("").extra) == dict(report.extra), "what is kept is counted too"


def test_what_other_programs_may_refuse_comes_home_with_a_remark(lab: FhirLab) -> None:
    """Compressed where it was uploaded, joined from two files, and written by a program without a notion of Unicode."""
    half = b'{"resourceType":"Patient","id":"\\ud83d"}\n'
    packed = gzip.compress(resources("Group", 2))
    lab.upload({"Patient.ndjson": resources("Patient", 2) + half, "Flag.ndjson.gz": resources("Flag", 1)})
    lab.server.client().put_object(Bucket=lab.bucket, Key="Group.ndjson", Body=packed, ContentEncoding="gzip")
    for outcome in ("downloaded", "skipped"):
        run = lab.run({"check_ndjson": True})
        assert run.state == "success", run.log
        assert run.lines("") == {
            "Patient.ndjson": f"{outcome} half of a surrogate pair, which other programs may refuse (line 3)",
            "Group.ndjson": f"{outcome} compressed by gzip, though its name does not end in .gz",
            "Flag.ndjson.gz": f"{outcome} not compressed, though its name ends in .gz",
        }
        assert contents(lab.output)["Group.ndjson"] == packed
        assert dict(run.report("").extra)["Resources"] == "6"


def test_what_is_wrong_is_healed_and_what_is_half_there_is_resumed(lab: FhirLab) -> None:
    big = resources("Observation", 60_000)
    lab.upload({"Patient.ndjson": EXPORTS["Patient.ndjson"], "Observation.ndjson": big, "Group.ndjson": b"{}\n"})
    (lab.output / "Patient.ndjson").write_bytes(EXPORTS["Patient.ndjson"][::-1])
    (lab.output / "Observation.ndjson").write_bytes(big[:2_000_000])
    run = lab.run()
    assert run.state == "success"
    assert run.lines("") == {
        "Patient.ndjson": "self-healed hash mismatch detected",
        "Observation.ndjson": "resumed",
        "Group.ndjson": "downloaded",
    }
    fetched = {result.name: result.fetched for result in run.report("").results}
    assert fetched["Observation.ndjson"] < len(big) - 1_900_000


def test_overwrite_fetches_again(lab: FhirLab) -> None:
    lab.upload(EXPORTS)
    lab.run()
    run = lab.run({"overwrite": True})
    assert run.state == "success"
    assert set(run.lines("").values()) == {"downloaded"}
    assert sum(result.fetched for result in run.report("").results) == sum(map(len, EXPORTS.values()))


def test_of_a_versioned_bucket_the_latest(lab: FhirLab) -> None:
    client = lab.server.client()
    client.put_bucket_versioning(Bucket=lab.bucket, VersioningConfiguration={"Status": "Enabled"})
    lab.upload({"Patient.ndjson": resources("Patient", 1), "Group.ndjson": resources("Group", 1)})
    lab.upload({"Patient.ndjson": resources("Patient", 2)})
    client.delete_object(Bucket=lab.bucket, Key="Group.ndjson")
    run = lab.run()
    assert run.state == "success"
    assert contents(lab.output) == {"Patient.ndjson": resources("Patient", 2)}


def test_a_bucket_that_changes_while_the_run_goes_on(lab: FhirLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """One export goes, one comes whose name another has, one is written anew."""
    lab.upload({"a/Patient.ndjson": resources("Patient", 1), "b/Group.ndjson": resources("Group", 1)})
    lab.upload({"b/Flag.ndjson": resources("Flag", 1)})
    before = download_run.MinioRun.listed

    def change_first(self: download_run.MinioRun, shard: Shard, *more: Any) -> ShardFiles:
        lab.upload({"a/Group.ndjson": resources("Group", 7), "a/Patient.ndjson": resources("Patient", 9)})
        lab.server.client().delete_object(Bucket=lab.bucket, Key="b/Flag.ndjson")
        return before(self, shard, *more)

    monkeypatch.setattr(download_run.MinioRun, "listed", change_first)
    run = lab.run()
    assert run.state == "success", run.log
    assert "The bucket has changed since validate listed it" in run.log
    assert contents(lab.output) == {
        "Patient.ndjson": resources("Patient", 9),
        "a/Group.ndjson": resources("Group", 7),
        "b/Group.ndjson": resources("Group", 1),
    }
    assert set(run.lines("")) == set(contents(lab.output))


def test_a_bucket_that_is_emptied_while_the_run_goes_on(lab: FhirLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.upload({"Patient.ndjson": resources("Patient", 1)})
    client = lab.server.client()
    when("download", monkeypatch, lambda: client.delete_object(Bucket=lab.bucket, Key="Patient.ndjson"))
    run = lab.run()
    assert (run.state, run.states()["download"]) == ("failed", ["failed"]), run.log
    sentence = f"nothing is left in bucket {lab.bucket} of the 1 file that validate listed; run it again"
    assert sentence in run.xcom("result")["problems"][0]


@pytest.mark.parametrize("listed", [True, False])
def test_a_task_that_died_leaves_its_lines(lab: FhirLab, monkeypatch: pytest.MonkeyPatch, listed: bool) -> None:
    """`listed`: whether it got as far as telling the report what it had planned."""
    lab.upload(EXPORTS)

    def die(*args: object, **more: object) -> None:
        raise MemoryError

    if listed:
        monkeypatch.setattr(attempts, "restore", die)
    else:
        monkeypatch.setattr("downloader_tasks.download_run.download", die)
    run = lab.run()
    assert run.state == "failed"
    assert set(run.lines("")) == set(flat(EXPORTS))
    assert all("Not tried: the download task died" in line for line in run.lines("").values())


def test_a_task_that_died_and_a_bucket_that_is_gone_are_said(lab: FhirLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.upload({"Patient.ndjson": b"{}\n"})

    def vanish(*args: object) -> None:
        client = lab.server.client()
        client.delete_object(Bucket=lab.bucket, Key="Patient.ndjson")
        client.delete_bucket(Bucket=lab.bucket)
        raise MemoryError

    monkeypatch.setattr("downloader_tasks.download_run.download", vanish)
    run = lab.run()
    assert run.state == "failed"
    assert "no files can be named: Not found: there is no bucket" in run.log


def test_a_full_disk_is_found_before_anything_is_fetched(lab: FhirLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.upload(EXPORTS)
    usage = shutil.disk_usage(lab.output)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10))
    run = lab.run()
    assert run.state == "failed"
    assert "are free there; free " in run.problem()
    assert contents(lab.output) == {}


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        ({"bukcet": "x"}, "there is no parameter bukcet: did you mean bucket?"),
        ({"bucket": "no-such-bucket"}, "Not found: there is no bucket no-such-bucket at http://127.0.0.1"),
        ({"filter": "Device"}, "the filter matches no file in bucket b-"),
        ({"filter": "Bogus"}, "it has Encounter (1), Observation (1), Patient (1)"),
        (
            {"prefix": "nowhere/"},
            "begins with nowhere/; correct the prefix: the first key there is Observation-0.ndjson",
        ),
        ({"prefix": "exports/*.ndjson"}, "begins with exports/*.ndjson; * and ? are no wildcards in a prefix; correct"),
        ({"prefix": "/exports/2024"}, "begins with /exports/2024; leave out the slash: exports/2024"),
        ({"prefix": "notes"}, "below notes, but 2 files of other kinds: .txt (1), .zst (1); only *.ndjson and"),
        ({"output": "/etc"}, "output is /etc, which is not a folder below"),
        ({"output": "../elsewhere"}, "output is ../elsewhere, which is not a folder below"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused_in_a_sentence(lab: FhirLab, conf: dict[str, Any], sentence: str) -> None:
    lab.upload({**EXPORTS, "notes.txt": b"", "notes.zst": b""})
    run = lab.run(conf)
    assert run.state == "failed"
    assert sentence in run.problem()
    assert run.states()["download"] in (["upstream_failed"], ["skipped"])
    assert contents(lab.output) == {}
    assert not list(lab.output.rglob("_download_status_*"))
    assert "Traceback" not in run.problem()


def test_the_names_of_other_buckets_are_told(lab: FhirLab) -> None:
    problem = lab.run({"bucket": "no-such-bucket"}).problem()
    there = problem.partition("check the bucket's name: there are ")[2].removesuffix(", ...").split(", ")
    known = {bucket["Name"] for bucket in lab.server.client().list_buckets()["Buckets"]}
    assert there
    assert set(there) <= known
    assert lab.bucket in known


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"port": 1}, "cannot be reached; check host and port"),
        ({"extra": {"secure": True}}, 'does not speak TLS; write "secure": false into the connection\'s extra'),
        ({"extra": {"secure": "perhaps"}}, "secure in the extra of the connection minio_default is neither true nor"),
        ({"extra": {"sekure": True}}, "has an unknown key sekure; its keys are"),
        (
            {"extra": {"secure": True, "verify": "/no/such/file"}},
            "the file of trusted authorities, /no/such/file, does not exist",
        ),
        ({"host": "a b/c"}, "is not the name of a server"),
        ({"conn_type": "postgres"}, "is of type postgres, and MinIO needs one of type generic or aws"),
    ],
)
def test_a_wrong_connection_is_told_by_its_field(lab: FhirLab, changes: dict[str, Any], sentence: str) -> None:
    lab.upload(EXPORTS)
    lab.connect(**changes)
    run = lab.run()
    assert run.state == "failed"
    assert sentence in run.problem()
    assert lab.server.secret not in run.log


def test_no_connection_at_all(lab: FhirLab) -> None:
    lab.patch.delenv("AIRFLOW_CONN_MINIO_DEFAULT")
    assert "there is no Airflow connection minio_default for MinIO" in lab.run().problem()


def test_a_connection_of_type_aws_leads_there_as_well(lab: FhirLab) -> None:
    lab.upload(EXPORTS)
    connection = {
        "conn_type": "aws",
        "login": lab.server.key,
        "password": lab.server.secret,
        "extra": {"endpoint_url": lab.server.url},
    }
    lab.patch.setenv("AIRFLOW_CONN_MINIO_DEFAULT", json.dumps(connection))
    run = lab.run()
    assert run.state == "success", run.log
    assert contents(lab.output) == flat(EXPORTS)
    del connection["extra"]
    lab.patch.setenv("AIRFLOW_CONN_MINIO_DEFAULT", json.dumps(connection))
    assert "has no endpoint_url in its extra" in lab.run().problem()


def test_an_empty_bucket(lab: FhirLab) -> None:
    assert lab.run().problem().endswith(f"bucket {lab.bucket} is empty")


def test_a_folder_that_is_missing(lab: FhirLab) -> None:
    lab.upload(EXPORTS)
    lab.output.rmdir()
    assert "does not exist: create it" in lab.run().problem()


# --- servers whose ETags are no MD5s ----------------------------------------------------------------------------------


@dataclass(kw_only=True)
class EtagProxy(StandIn):
    """Hands requests on to a server, and the answers with other ETags back."""

    behind: str
    made: str
    """What becomes of an ETag; `{hash}`: other hex digits."""

    def take(self, request: Request) -> Answer:
        """What `request` gets."""
        link = HTTPConnection(urlsplit(self.behind).netloc, timeout=20)
        kept = {
            name: value for name, value in request.headers.items() if name not in ("host", "if-match", "connection")
        }
        link.request(request.method, request.uri, request.body or None, kept)
        got = link.getresponse()
        body = re.sub(rb"&quot;([0-9a-f-]+)&quot;", lambda found: self._other(found[1].decode()).encode(), got.read())
        link.close()
        headers = {name: value for name, value in got.getheaders() if name.lower() not in _OF_THE_LINK}
        if "ETag" in headers:
            headers["ETag"] = f'"{self._other(headers["ETag"])}"'
        if request.method == "HEAD":
            body = bytes(int(got.getheader("Content-Length") or 0))
        return Answer(got.status, headers, body)

    def _other(self, etag: str) -> str:
        return self.made.format(hash=hashlib.md5(etag.strip('"').encode()).hexdigest())


_OF_THE_LINK = ("content-length", "connection", "transfer-encoding", "date", "server")


def behind_proxy(lab: FhirLab, proxy: EtagProxy) -> None:
    host, _, port = proxy.url.removeprefix("http://").rpartition(":")
    lab.connect(host=host, port=int(port))


@pytest.mark.parametrize("made", ["{hash}-1", f"{'0' * 32}-1", "{hash}-7", "no-hex"])
def test_where_etags_are_no_md5s_exports_come_home_by_their_size(lab: FhirLab, made: str) -> None:
    """As MinIO makes them of objects that it compresses or encrypts, and with `--no-compat`."""
    lab.upload({"Patient.ndjson": resources("Patient", 3)})
    with serving(EtagProxy(behind=lab.server.url, made=made)) as proxy:
        behind_proxy(lab, proxy)
        run = lab.run()
        assert run.state == "success", run.log
        assert contents(lab.output) == {"Patient.ndjson": resources("Patient", 3)}
        (result,) = run.report("").results
        assert (result.assurance, result.message) == ("size", NO_PROOF)
        assert set(lab.run().lines("").values()) == {"skipped"}


def test_an_etag_that_looks_like_an_md5_and_differs_is_told_with_both_causes(lab: FhirLab) -> None:
    lab.upload({"Patient.ndjson": resources("Patient", 3)})
    with serving(EtagProxy(behind=lab.server.url, made="{hash}")) as proxy:
        behind_proxy(lab, proxy)
        run = lab.run()
    assert run.state == "failed"
    assert "damaged or was replaced, or the server's ETag is not an MD5" in run.lines("")["Patient.ndjson"]
    assert contents(lab.output) == {}
