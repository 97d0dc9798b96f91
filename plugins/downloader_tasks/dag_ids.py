"""The four DAGs. Light: Airflow's own processes import it."""

from __future__ import annotations

from typing import Final, Literal, get_args

__all__ = ["DAG_IDS", "DagId"]

DagId = Literal["drive_datasets", "minio_downloader", "s3_downloader", "slooh_images"]
DAG_IDS: Final[tuple[str, ...]] = get_args(DagId)
