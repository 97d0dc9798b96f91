"""Servers for the suites that every source and every catalogue join."""

from __future__ import annotations

import pytest

from support.catalogues import database, mongo, opened, sqlite_database
from support.postgres import postgres, postgres_socket
from support.s3_fixtures import ceph, moto, object_server, rclone

__all__ = [
    "ceph",
    "database",
    "mongo",
    "moto",
    "object_server",
    "opened",
    "postgres",
    "postgres_socket",
    "rclone",
    "sqlite_database",
]

pytest.register_assert_rewrite("contract.source_contract")
