"""Amazon S3 and what speaks like it. MinIO has a door of its own: `minio`."""

from __future__ import annotations

from .archive import EXPEDITED, TIERS, Archive, RestoreStage, Stored, ThawOrder, ThawRefusal
from .bucket import check_bucket
from .describe import describe_object
from .errors import AWS_FIELDS, BUSY_CODES
from .source import S3Access, S3Source, client_config

__all__ = [
    "AWS_FIELDS",
    "BUSY_CODES",
    "EXPEDITED",
    "TIERS",
    "Archive",
    "RestoreStage",
    "S3Access",
    "S3Source",
    "Stored",
    "ThawOrder",
    "ThawRefusal",
    "check_bucket",
    "client_config",
    "describe_object",
]
