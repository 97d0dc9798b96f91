"""S3 on `rclone serve s3` joins the suite. It ignores If-Match: only the ETag of each answer shows a change."""

from __future__ import annotations

import pytest

from contract.s3_samples import S3Samples
from contract.source_contract import SourceContract
from include.stand_ins.s3_servers import S3Server


class TestS3OnRclone(SourceContract):
    @pytest.fixture
    def samples(self, rclone: S3Server) -> S3Samples:
        return S3Samples(rclone)
