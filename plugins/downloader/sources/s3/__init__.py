"""Amazon S3 and what speaks like it, MinIO included."""

from __future__ import annotations

from .bucket import check_bucket
from .errors import AWS_FIELDS
from .minio import MinioSource, listed_file
from .minio_listing import Listed, Listing
from .minio_server import MinioServer
from .object_store import Limits
from .source import S3Access, S3Source, client_config

__all__ = [
    "AWS_FIELDS",
    "Limits",
    "Listed",
    "Listing",
    "MinioServer",
    "MinioSource",
    "S3Access",
    "S3Source",
    "check_bucket",
    "client_config",
    "listed_file",
]
