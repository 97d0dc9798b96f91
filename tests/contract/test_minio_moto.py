"""MinIO's source on moto's server joins the suite."""

from __future__ import annotations

import pytest

from contract.minio_shelf import MinioShelf
from contract.source_contract import SourceContract
from include.stand_ins.servers import S3Server


class TestMinioOnMoto(SourceContract):
    @pytest.fixture
    def shelf(self, moto: S3Server) -> MinioShelf:
        return MinioShelf(moto)
