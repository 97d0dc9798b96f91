"""S3 on moto's server joins the suite."""

from __future__ import annotations

import pytest

from contract.s3_shelf import S3Shelf
from contract.source_contract import SourceContract
from include.stand_ins.servers import S3Server


class TestS3OnMoto(SourceContract):
    @pytest.fixture
    def shelf(self, moto: S3Server) -> S3Shelf:
        return S3Shelf(moto)
