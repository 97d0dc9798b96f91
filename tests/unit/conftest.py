"""Fixtures that the unit tests share."""

from support.postgres import postgres, postgres_socket
from support.s3_fixtures import moto, object_server, rclone

__all__ = ["moto", "object_server", "postgres", "postgres_socket", "rclone"]
