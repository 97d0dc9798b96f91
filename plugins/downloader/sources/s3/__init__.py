"""Amazon S3 and what speaks like it. MinIO has a door of its own: `minio`."""

from __future__ import annotations

from .archive import EXPEDITED, TIERS, Archive, Refusal, Stage, Stored, ThawOrder
from .bucket import check_bucket
from .errors import AWS_FIELDS, BUSY_CODES
from .source import S3Access, S3Source, client_config

__all__ = [
    "AWS_FIELDS",
    "BUSY_CODES",
    "EXPEDITED",
    "TIERS",
    "Archive",
    "Refusal",
    "S3Access",
    "S3Source",
    "Stage",
    "Stored",
    "ThawOrder",
    "check_bucket",
    "client_config",
]
