"""S3 on `rclone serve s3` joins the suite. It knows no If-Match: what holds the pin is the ETag of each answer."""

from __future__ import annotations

import pytest

from contract.s3_shelf import S3Shelf
from contract.source_contract import SourceContract
from include.stand_ins.servers import S3Server


class TestS3OnRclone(SourceContract):
    @pytest.fixture
    def shelf(self, rclone: S3Server) -> S3Shelf:
        return S3Shelf(rclone)
