"""The sources that know the parts of their files join the suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract.minio_samples import MinioSamples
from contract.parts_contract import SIZES, PartsContract, Stored
from contract.s3_samples import S3Samples
from contract.source_contract import BODY, file_of
from downloader.remote_file import RemotePart
from downloader.source import Source
from downloader.sources.memory import MemoryObject, MemorySource
from include.stand_ins.attributes_server import AttributesServer, in_front_of
from include.stand_ins.object_server import ObjectRequest
from include.stand_ins.s3_servers import S3Server
from include.stand_ins.wire import Answer
from support.stored_parts import parts_of_data
from support.uploads import upload_in_parts

DATA = BODY[: sum(SIZES)]
CUT = [DATA[sum(SIZES[:number]) :][:size] for number, size in enumerate(SIZES)]


class TestMemory(PartsContract):
    @pytest.fixture
    def stored(self) -> Stored:
        parts, at = [], 0
        for data in CUT:
            (part,) = parts_of_data(data, len(data))
            parts.append(RemotePart(range(at, at + len(data)), part.checksum))
            at += len(data)
        source = MemorySource({"parts": MemoryObject(DATA, parts=tuple(parts)), "whole": DATA})
        return described(source, DATA)


def described(source: Source, data: bytes) -> Stored:
    return Stored(source, data, source.describe(file_of("parts")), source.describe(file_of("whole", 1)))


@pytest.fixture
def front(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[AttributesServer]:
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    with in_front_of(moto) as server:
        yield server


def refuse_attributes(request: ObjectRequest) -> Answer | None:
    return Answer(501, {}) if "attributes" in request.query else None


class OnS3(PartsContract):
    samples: type[S3Samples] = S3Samples
    algorithm = "SHA256"

    def bucket(self, front: AttributesServer) -> Stored:
        bucket = front.behind.new_bucket({"whole": DATA})
        upload_in_parts(front.behind, bucket, "parts", CUT, self.algorithm)
        return described(self.samples(front.front).source(bucket, []), DATA)

    @pytest.fixture
    def stored(self, front: AttributesServer) -> Stored:
        return self.bucket(front)


class TestS3(OnS3):
    pass


class TestS3WithPages(OnS3):
    algorithm = "CRC32C"

    @pytest.fixture
    def stored(self, front: AttributesServer) -> Stored:
        front.parts_at_once = 2
        return self.bucket(front)


class TestS3WithoutAttributes(OnS3):
    """A HEAD of each part."""

    algorithm = "CRC32"

    @pytest.fixture
    def stored(self, front: AttributesServer) -> Stored:
        front.intercept = refuse_attributes
        return self.bucket(front)


class TestMinio(OnS3):
    samples = MinioSamples
    algorithm = "SHA1"
