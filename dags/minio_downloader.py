"""Brings FHIR exports home from a bucket of MinIO. What the tasks do is in `plugins/downloader_tasks/minio`."""

from __future__ import annotations

from airflow.sdk import Param, dag

from downloader_tasks.three_tasks import USUAL, three_tasks

DOC = """
### Bring FHIR exports home from MinIO

Press *Trigger*: every `.ndjson` file of the bucket comes into the configured folder, each checked against the checksum
that the server has of it, and a report lies beside them: `_download_status_<bucket>_<time>.txt`. All fields may stay
as they are.

| task | what it does |
| --- | --- |
| `validate` | looks through the bucket, and says in one sentence what is wrong, if anything is |
| `download` | fetches the files: what is right is kept, what is damaged is replaced, what is half there is resumed |
| `report` | writes the report, prints it in its log, and turns the run red if any file failed |

**The run is red?** Open the log of `report`: it names each file that failed, why, and what to do. Then trigger the same
run again: what is already there is not fetched a second time.
"""

PARAMS = {
    "bucket": Param(
        None,
        type=["null", "string"],
        maxLength=255,
        title="Bucket",
        description="Leave it empty for the bucket of the configuration.",
    ),
    "prefix": Param(
        None,
        type=["null", "string"],
        maxLength=1024,
        title="Only keys that begin with",
        description="Such as exports/2024/; leave it empty for the whole bucket.",
    ),
    "filter": Param(
        None,
        type=["null", "string"],
        maxLength=10_000,
        title="Only these resource types",
        description="With commas between them: Patient, Observation. Leave it empty for all.",
    ),
    "organize": Param(
        False,
        type="boolean",
        title="A folder for each resource type",
        description="Off: all files come into one folder.",
    ),
    "overwrite": Param(
        False,
        type="boolean",
        title="Fetch again what is there",
        description="Off: what is there and right is kept. A file is replaced by a verified one only, in either case.",
    ),
    "check_ndjson": Param(
        False,
        type="boolean",
        title="Look into the files",
        description="Every line has to be a FHIR resource. The report then says how many there are of each type.",
    ),
    "output": Param(
        None,
        type=["null", "string"],
        maxLength=3500,
        title="Folder",
        description="Below the configured one, such as exports/2024; leave it empty for that folder itself.",
    ),
}


@dag(
    dag_id="minio_downloader",
    description="Bring FHIR exports home from MinIO, verified, with a report",
    doc_md=DOC,
    tags=["minio", "fhir", "download", "manual"],
    params=PARAMS,
    schedule=None,
    **USUAL,
)
def minio_downloader() -> None:
    """Validate, download, report."""
    three_tasks("downloader_tasks.minio.tasks", "minio_download_pool")


minio_downloader()
