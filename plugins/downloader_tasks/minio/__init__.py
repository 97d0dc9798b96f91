"""`minio_downloader`: FHIR exports of a bucket of MinIO."""

from __future__ import annotations

from .download_run import MinioRun

__all__ = ["MinioRun"]
