"""A laboratory in a nutshell: an S3 server, a catalogue, an output folder, and runs of the DAG."""

from __future__ import annotations

from pathlib import Path

import pytest

from dags.lab import Lab, Parts
from include.stand_ins.s3_servers import S3Server


@pytest.fixture
def parts(
    airflow_database: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Parts:
    """What every lab is made of: its folder, and what shows a run's settings, output and log."""
    return tmp_path, monkeypatch, capfd, caplog


@pytest.fixture
def lab(parts: Parts, moto: S3Server) -> Lab:
    """A lab with an empty bucket, an empty catalogue, and an empty output folder."""
    return Lab(*parts, moto)
