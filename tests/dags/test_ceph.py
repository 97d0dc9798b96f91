"""Whole runs of both DAGs that speak S3, on Ceph's object gateway."""

from __future__ import annotations

from dags.fhir_lab import FhirLab, resources
from dags.lab import Lab, Parts, contents
from include.stand_ins.s3_servers import S3Server

FILES = {
    "sample.raw": bytes(range(256)) * 40_960,
    "sample.d/empty": b"",
    "sample.d/\u00e9": b"composed",
    "sample.d/e\u0301": b"decomposed",
    "sample.d/with  spaces +&%2F?#": b"odd",
    "sample.d/\ttab": b"a control character",
}


def test_a_raw_file_is_restored_kept_and_healed(parts: Parts, ceph: S3Server) -> None:
    lab = Lab(*parts, ceph, ceph.secret)
    folder = lab.upload("20250115_sample", FILES)
    run = lab.run({"raw_file_id": "20250115_sample"})
    assert run.state == "success", run.log
    assert contents(folder) == FILES
    assert all(result.verified for result in run.report().results)
    (folder / "sample.raw").write_bytes(b"damaged")
    lab.server.client().delete_object(Bucket=lab.bucket, Key="20250115_sample/sample.d/empty")
    (folder / "sample.d/empty").unlink()
    again = lab.run({"raw_file_id": "20250115_sample"})
    assert again.state == "failed"
    lines = again.lines()
    assert lines.pop("sample.raw") == "self-healed incomplete copy detected"
    assert lines.pop("sample.d/empty").startswith("failed Not found: there is no object s3://")
    assert set(lines.values()) == {"skipped"}


def test_exports_are_downloaded_and_kept(parts: Parts, ceph: S3Server) -> None:
    lab = FhirLab(*parts, ceph)
    exports = {
        "a/Patient.ndjson": resources("Patient", 3),
        "b//Patient.ndjson": resources("Patient", 4),
        "../Encounter.ndjson": resources("Encounter", 2),
        "Observation \u00e9.ndjson": resources("Observation", 5),
        "Group.ndjson": b"",
    }
    lab.upload(exports)
    run = lab.run()
    assert run.state == "success", run.log
    assert sorted(contents(lab.output).values()) == sorted(exports.values())
    assert all(result.verified for result in run.report("").results)
    assert set(lab.run().lines("").values()) == {"skipped"}
