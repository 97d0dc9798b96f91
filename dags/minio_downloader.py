"""Downloads FHIR exports from a bucket of MinIO. What the tasks do is in `plugins/downloader_tasks/minio`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Param, dag

from downloader_tasks.forms import FHIR_TYPES, more
from downloader_tasks.three_tasks import audit_params, shared_params, three_tasks, usual

if TYPE_CHECKING:
    from downloader_tasks.download_run import DownloadRun

DOC = f"""
### Download FHIR exports from MinIO

Press *Trigger*: every `.ndjson` file of the bucket is downloaded to the configured folder, and verified by the checksum
that the server has for it. A report is written next to the files: `_download_status_<bucket>_<time>.txt`. All fields
are optional.

| task | what it does |
| --- | --- |
| `validate` | lists the bucket, and says in one sentence what is wrong, if anything is |
| `approve` | only with *Ask before downloading*: shows what would be done, and waits for a person; else skipped |
| `download` | downloads the files: intact ones are kept, damaged ones are replaced, partial ones are resumed |
| `report` | writes the report, prints it in its log, and fails the run if any file failed |

**The run failed?** Open the log of `report`: it names each file that failed, why, and what to do. Then trigger the same
run again: files that are complete are not downloaded again. {more("minio_downloader")}
"""

PARAMS = {
    "bucket": Param(
        None,
        type=["null", "string"],
        maxLength=255,
        title="Bucket",
        description="Leave empty for the bucket in the configuration.",
    ),
    "prefix": Param(
        None,
        type=["null", "string"],
        maxLength=1024,
        title="Only keys that begin with",
        description="For example exports/2024/; leave empty for the whole bucket.",
    ),
    # The form offers a list, because that comes first; a run may be given a text too: "Patient,Observation".
    "filter": Param(
        None,
        type=["null", "array", "string"],
        items={"type": "string", "minLength": 1},
        maxLength=10_000,
        examples=FHIR_TYPES,
        title="Only these resource types",
        description_md="Leave empty for all. " + more("file-names-and-resource-types"),
    ),
    "organize": Param(
        False,
        type="boolean",
        section="Files",
        title="A folder for each resource type",
        description="Off: all files go into one folder.",
    ),
    "overwrite": Param(
        False,
        type="boolean",
        section="Files",
        title="Download existing files again",
        description="Off: intact files are kept. On or off, a file is only ever replaced by a verified one.",
    ),
    "check_ndjson": Param(
        False,
        type="boolean",
        section="Files",
        title="Check the content",
        description_md=(
            "Every line has to be a FHIR resource. The report then counts the resources of each type. "
            + more("checking-the-content")
        ),
    ),
    "output": Param(
        None,
        type=["null", "string"],
        maxLength=3500,
        section="Files",
        title="Folder",
        description="A folder below the configured one, such as exports/2024; leave empty for the configured one.",
    ),
    **audit_params(),
    **shared_params(),
}


def run_type() -> type[DownloadRun]:
    """What the tasks run. Imported where a task runs, so that the DAG is parsed quickly."""
    from downloader_tasks.minio import MinioRun

    return MinioRun


@dag(
    dag_id="minio_downloader",
    dag_display_name="FHIR exports from MinIO",
    description="Download FHIR exports from MinIO, verified, with a report",
    doc_md=DOC,
    tags=["minio", "fhir", "download", "manual"],
    params=PARAMS,
    schedule=None,
    **usual("minio_downloader"),
)
def minio_downloader() -> None:
    """Validate, download, report."""
    three_tasks(run_type, "minio_download_pool")


THE_DAG = minio_downloader()
