"""What has to stand before anything is imported: an Airflow of the tests' own, and nobody's AWS credentials."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from include.stand_ins.secrets import secret

ROOT = Path(__file__).parents[1]

pytest_plugins = ("support.secret_guard",)


def _take_away_settings() -> None:
    """Airflow's, the project's and AWS's settings of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(("AIRFLOW_", "AWS_", "DOWNLOADER_")):
            del os.environ[name]


def _own_airflow() -> dict[str, str]:
    home = tempfile.mkdtemp(prefix="airflow-tests-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API_AUTH__JWT_SECRET": secret("airflow-jwt", "-" * 32),
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    }


_NOBODYS_CREDENTIALS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

# Airflow reads its settings once, when it is first imported: a fixture would come too late.
_take_away_settings()
os.environ.update(_own_airflow() | _NOBODYS_CREDENTIALS)


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Airflow's own database, empty, for tests that run DAGs. Takes some seconds, once."""
    from airflow.utils.db import initdb

    initdb()
