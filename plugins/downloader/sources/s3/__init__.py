"""Amazon S3 and what speaks like it, MinIO included."""

from __future__ import annotations

from .bucket import check_bucket
from .errors import AWS_FIELDS, BUSY_CODES
from .minio import MinioSource, listed_file
from .minio_listing import BucketListing, Listed
from .minio_server import MinioServer
from .source import S3Access, S3Source, client_config

__all__ = [
    "AWS_FIELDS",
    "BUSY_CODES",
    "BucketListing",
    "Listed",
    "MinioServer",
    "MinioSource",
    "S3Access",
    "S3Source",
    "check_bucket",
    "client_config",
    "listed_file",
]
