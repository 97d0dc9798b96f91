"""The way of a newcomer: a bucket, no catalogue; include/catalogue.py adds the record, and the DAG restores it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dags.lab import Lab, contents, md5
from downloader.checksums import MIB
from support.restoring import content

ROOT = Path(__file__).parents[2]
FILES = {"sample.d/analysis.tdf": b"tdf" * 5000, "sample.d/frames/1.bin": b"", "sample.raw": b"raw"}


def add(lab: Lab, source: str, *more: str) -> str:
    """Runs the program as a newcomer does, with the settings of the lab. Answers what it printed."""
    lab.catalogue.unlink()  # there is none
    program = ROOT / "include" / "catalogue.py"
    command = [sys.executable, str(program), "add", source, "--project", "PRID001", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_bucket_without_a_catalogue_is_restored(lab: Lab) -> None:
    client = lab.server.client()
    for name, data in FILES.items():
        client.put_object(Bucket=lab.bucket, Key=f"backups/20250115_sample/{name}", Body=data)
    printed = add(lab, f"s3://{lab.bucket}/backups/20250115_sample")
    assert """airflow dags trigger s3_downloader --conf '{"raw_file_id": "20250115_sample"}'""" in printed
    run = lab.run({"raw_file_id": "20250115_sample"})
    assert run.state == "success"
    assert contents(lab.output / "PRID001") == FILES
    assert {result.name: result.assurance for result in run.report().results} == {
        name: f"md5:{md5(data)}" for name, data in FILES.items()
    }


def test_each_raw_file_of_a_bucket_is_restored_by_its_project(lab: Lab) -> None:
    client, first, second = lab.server.client(), content(5 * MIB, 1), content(100, 2)
    client.put_object(Bucket=lab.bucket, Key="backups/one.d/a.bin", Body=b"one")
    upload = client.create_multipart_upload(Bucket=lab.bucket, Key="backups/two.d/a.bin")["UploadId"]
    sent = [
        client.upload_part(Bucket=lab.bucket, Key="backups/two.d/a.bin", UploadId=upload, PartNumber=number, Body=data)
        for number, data in ((1, first), (2, second))
    ]
    parts = [{"PartNumber": number, "ETag": part["ETag"]} for number, part in enumerate(sent, start=1)]
    client.complete_multipart_upload(
        Bucket=lab.bucket, Key="backups/two.d/a.bin", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    add(lab, f"s3://{lab.bucket}/backups", "--each")
    run = lab.run({"project_id": "PRID001"})
    assert run.state == "success"
    assert contents(lab.output / "PRID001") == {"one.d/a.bin": b"one", "two.d/a.bin": first + second}


@pytest.mark.parametrize("more", [(), ("--each",)], ids=["one", "each"])
def test_a_folder_that_was_uploaded_is_restored_and_its_object_is_proved(
    lab: Lab, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """Also one that was damaged on its way into the bucket: the MD5 is that of the file."""
    original = tmp_path / "sample"
    (original / "sample.d").mkdir(parents=True)
    (original / "sample.d" / "fine").write_bytes(b"fine")
    (original / "sample.d" / "damaged").write_bytes(b"right")
    for name, data in (("fine", b"fine"), ("damaged", b"wrong")):
        lab.server.client().put_object(Bucket=lab.bucket, Key=f"up/sample.d/{name}", Body=data)
    add(lab, str(original), "--s3-path", f"s3://{lab.bucket}/up", *more)
    run = lab.run({"raw_file_id": "sample.d" if more else "sample"})
    assert run.state == "failed"
    assert contents(lab.output / "PRID001") == {"sample.d/fine": b"fine"}
    assert "Checksum mismatch" in run.lines()["sample.d/damaged"]
