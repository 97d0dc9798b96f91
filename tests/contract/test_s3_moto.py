"""S3 on moto's server joins the suite."""

from __future__ import annotations

import pytest

from contract.s3_samples import S3Samples
from contract.source_contract import SourceContract
from include.stand_ins.s3_servers import S3Server


class TestS3OnMoto(SourceContract):
    @pytest.fixture
    def samples(self, moto: S3Server) -> S3Samples:
        return S3Samples(moto)
