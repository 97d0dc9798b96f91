"""Ceph's object gateway joins the suite, for S3 and for MinIO's source. One file: one worker starts one cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from contract.minio_samples import MinioSamples
from contract.s3_samples import S3Samples
from contract.source_contract import SourceContract, file_of
from downloader.checksums import S3_ETAG
from downloader.errors import AccessDenied, ObjectNotFound
from downloader.source import Source
from downloader.sources.s3 import S3Source
from downloader.sources.s3.minio import MinioSource
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.secrets import secret
from support.minio import minio_of


class TestS3OnCeph(SourceContract):
    @pytest.fixture
    def samples(self, ceph: S3Server) -> S3Samples:
        return S3Samples(ceph)


class TestMinioOnCeph(SourceContract):
    @pytest.fixture
    def samples(self, ceph: S3Server) -> MinioSamples:
        return MinioSamples(ceph)


def s3_source(server: S3Server, bucket: str) -> Source:
    return S3Source(bucket, server.access())


def minio_source(server: S3Server, bucket: str) -> Source:
    return MinioSource(bucket, minio_of(server).access())


both_sources = pytest.mark.parametrize("source_on", [s3_source, minio_source])


@both_sources
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda server: replace(server, key="AKIAWRONG"), "does not know the access key"),
        (lambda server: replace(server, secret=secret("wrong")), "refused the signature"),
    ],
)
def test_wrong_credentials_are_denied_by_their_cause(
    ceph: S3Server,
    source_on: Callable[[S3Server, str], Source],
    change: Callable[[S3Server], S3Server],
    words: str,
) -> None:
    bucket = ceph.new_bucket({"a": b"a"})
    with pytest.raises(AccessDenied, match=words):
        source_on(change(ceph), bucket).open(file_of("a"))


@both_sources
def test_an_object_behind_a_delete_marker_is_not_found(
    ceph: S3Server, source_on: Callable[[S3Server, str], Source]
) -> None:
    bucket, client = ceph.new_bucket(), ceph.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket=bucket, Key="a", Body=b"a")
    client.delete_object(Bucket=bucket, Key="a")
    with pytest.raises(ObjectNotFound):
        source_on(ceph, bucket).open(file_of("a"))


def test_a_multipart_etag_is_a_checksum_though_partnumber_is_ignored(ceph: S3Server) -> None:
    """This gateway answers a HEAD of a part with the size of the whole, and without the number of parts."""
    bucket, client, body = ceph.new_bucket(), ceph.client(), bytes(range(256)) * 4096 * 12
    part = 5 * 2**20
    upload = client.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    parts = []
    for number, start in enumerate(range(0, len(body), part), 1):
        piece = {"Bucket": bucket, "Key": "a", "UploadId": upload, "PartNumber": number}
        parts.append(
            {"PartNumber": number, "ETag": client.upload_part(**piece, Body=body[start : start + part])["ETag"]}
        )
    client.complete_multipart_upload(Bucket=bucket, Key="a", UploadId=upload, MultipartUpload={"Parts": parts})
    described = s3_source(ceph, bucket).describe(file_of("a"))
    assert [(checksum.algorithm, checksum.parts) for checksum in described.checksums] == [(S3_ETAG, 3)]
    values = []
    for form in described.checksums[0].candidates(len(body)):
        hasher = form.hasher()
        hasher.update(body)
        values.append(hasher.value())
    assert described.checksums[0].value in values
