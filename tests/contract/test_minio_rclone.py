"""MinIO's source on `rclone serve s3` joins the suite: it checks signatures, and knows no If-Match."""

from __future__ import annotations

import pytest

from contract.minio_shelf import MinioShelf
from contract.source_contract import SourceContract
from include.stand_ins.servers import S3Server


class TestMinioOnRclone(SourceContract):
    @pytest.fixture
    def shelf(self, rclone: S3Server) -> MinioShelf:
        return MinioShelf(rclone)
