"""Fixtures that the unit tests share."""

from support.postgres import postgres, postgres_socket
from support.s3_fixtures import moto, nobodys_credentials, object_server, rclone

__all__ = ["moto", "nobodys_credentials", "object_server", "postgres", "postgres_socket", "rclone"]
