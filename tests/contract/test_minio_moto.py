"""MinIO's source on moto's server joins the suite."""

from __future__ import annotations

import pytest

from contract.minio_samples import MinioSamples
from contract.source_contract import SourceContract
from include.stand_ins.s3_servers import S3Server


class TestMinioOnMoto(SourceContract):
    @pytest.fixture
    def samples(self, moto: S3Server) -> MinioSamples:
        return MinioSamples(moto)
