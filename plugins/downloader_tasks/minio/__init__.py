"""`minio_downloader`: FHIR exports of a bucket of MinIO."""

from __future__ import annotations

from .download_run import MinioRun
from .endpoint import endpoint as minio_endpoint

__all__ = ["MinioRun", "minio_endpoint"]
