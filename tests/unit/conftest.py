"""Fixtures that the unit tests share."""

from support.catalogues import mongo, opened, sqlite_database
from support.fast_folder import tmp_path
from support.postgres import postgres, postgres_socket
from support.s3_fixtures import moto, object_server, rclone

__all__ = [
    "mongo",
    "moto",
    "object_server",
    "opened",
    "postgres",
    "postgres_socket",
    "rclone",
    "sqlite_database",
    "tmp_path",
]
