"""MinIO's source on `rclone serve s3` joins the suite: it checks signatures, and knows no If-Match."""

from __future__ import annotations

import pytest

from contract.minio_samples import MinioSamples
from contract.source_contract import SourceContract
from include.stand_ins.s3_servers import S3Server


class TestMinioOnRclone(SourceContract):
    @pytest.fixture
    def samples(self, rclone: S3Server) -> MinioSamples:
        return MinioSamples(rclone)
