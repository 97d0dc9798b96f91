"""A laboratory in a nutshell: an S3 server, a catalogue, an output folder, and runs of the DAG."""

from __future__ import annotations

from pathlib import Path

import pytest

from dags.lab import Lab
from include.stand_ins.s3_servers import S3Server
from support.s3_fixtures import moto

__all__ = ["moto"]


@pytest.fixture
def lab(
    moto: S3Server,
    airflow_database: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Lab:
    """A lab with an empty bucket, an empty catalogue, and an empty output folder."""
    return Lab(tmp_path, monkeypatch, capfd, caplog, moto)
