"""A plugin of pytest: S3 servers, one of each kind for a whole session."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from botocore import session

from include.stand_ins import ceph_server
from include.stand_ins.object_server import ObjectServer, serving
from include.stand_ins.s3_servers import S3Server, moto_server, rclone_server
from support.machine import require

__all__ = ["ceph", "models_read_once", "moto", "object_server", "rclone"]


@pytest.fixture(scope="session", autouse=True)
def models_read_once() -> Iterator[None]:
    """Each new session of boto3 would read megabytes of models again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "create_loader", cache(session.create_loader))
        yield


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    """moto's server."""
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """``rclone serve s3``."""
    with rclone_server(tmp_path_factory.mktemp("buckets")) as server:
        yield server


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Ceph's object gateway."""
    require(*ceph_server.PROGRAMS)
    with ceph_server.ceph_server(tmp_path_factory.mktemp("ceph")) as server:
        yield server


@pytest.fixture
def object_server() -> Iterator[ObjectServer]:
    """An empty bucket with scripted faults."""
    with serving() as server:
        yield server
