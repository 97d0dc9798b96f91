"""What has to stand before anything is imported: an Airflow of the tests' own, and nobody's AWS credentials."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from include.stand_ins.secrets import secret
from support.fast_folder import folder_of_process
from support.measuring import serve_unmeasured, unmeasured

if TYPE_CHECKING:
    from include.stand_ins.drive_server import DriveServer
    from support.restoring import FakeClock

ROOT = Path(__file__).parents[1]

pytest_plugins = (
    "support.collecting",
    "support.machine_report",
    "support.order",
    "support.postgres",
    "support.real_airflow",
    "support.restoring",
    "support.s3_fixtures",
    "support.secret_guard",
    "support.small_disk",
)


def _take_away_settings() -> None:
    """Airflow's, the project's and AWS's settings of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(("AIRFLOW_", "AWS_", "DOWNLOADER_")):
            del os.environ[name]


def _own_airflow() -> dict[str, str]:
    # Its database waits for the disk many times a run: a fifth of the time that runs take.
    home = folder_of_process("airflow-tests-")
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

serve_unmeasured()


# How long an example takes depends on the load of the machine. (In CI Hypothesis loads a profile of its own, without a
# deadline too.)
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])

_UNTRACED = {"hostile", "properties"}
"""Folders whose tests run the same lines thousands of times. Tracing them would double their time."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves tests with many examples out of the measured coverage."""
    for item in items:
        if item.path.parent.name in _UNTRACED or item.get_closest_marker("hypothesis"):
            item.add_marker("no_cover")


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Airflow's own database, empty, for tests that run DAGs. Takes some seconds, once."""
    from airflow.utils.db import initdb

    unmeasured(initdb)()


@pytest.fixture
def clock() -> FakeClock:
    """Time that passes only where somebody would sleep."""
    from support.restoring import FakeClock

    return FakeClock()


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    """An empty folder that files are downloaded to."""
    folder = tmp_path / "destination"
    folder.mkdir()
    return folder


@pytest.fixture
def drive() -> Iterator[DriveServer]:
    """An empty stand-in for Google Drive."""
    from include.stand_ins.drive_server import DriveServer, serving

    with serving(DriveServer()) as server:
        yield server
