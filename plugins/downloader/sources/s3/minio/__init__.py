"""MinIO: lists by its own client, whose import takes longer than those of S3; bytes are read as S3's are."""

from __future__ import annotations

from .listing import BucketListing
from .pages import Listed
from .server import MinioServer
from .source import MinioSource, listed_file

__all__ = ["BucketListing", "Listed", "MinioServer", "MinioSource", "listed_file"]
