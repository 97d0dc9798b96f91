"""Downloads public data sets from Google Drive. What the tasks do is in `plugins/downloader_tasks/drive`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Param, dag

from downloader_tasks.forms import HOW, more
from downloader_tasks.three_tasks import shared_params, three_tasks, usual

if TYPE_CHECKING:
    from downloader_tasks.download_run import DownloadRun

DOC = f"""
### Download public data sets from Google Drive

Press *Trigger*: the files that the manifest lists are downloaded to the configured folder, several at once, with a
report next to them: `_download_status_<manifest>_<time>.txt`. All fields are optional.

| task | what it does |
| --- | --- |
| `validate` | reads the whole manifest, and says in one sentence what is wrong, if anything is |
| `approve` | only with *Ask before downloading*: shows what would be done, and waits for a person; else skipped |
| `download` | downloads the files: intact ones are kept, damaged ones are replaced, partial ones are resumed |
| `report` | writes the report, prints it in its log, and fails the run if any file failed |

**The run failed?** Open the log of `report`: it names each file that failed, why, and where to open it by hand. Google
limits how often a file is downloaded each day; trigger the same run again tomorrow: files that are complete are not
downloaded again.

A manifest is made by `python include/generate_manifest.py FOLDER_URL`. {more("the-manifest")}
"""

PARAMS = {
    "manifest": Param(
        None,
        type=["null", "string"],
        maxLength=1000,
        title="Manifest",
        description_md=(
            "The name of a file in the folder of the configured manifest; leave empty for the configured one. "
            + more("the-manifest")
        ),
    ),
    "datasets": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1},
        title="Only these data sets",
        description="One name, path or pattern per line, such as fan/*; leave empty for all.",
    ),
    "concurrency": Param(
        3,
        type="integer",
        minimum=1,
        maximum=16,
        section=HOW,
        title="Streams at once",
        description="Above 5 Google Drive soon answers that there are too many requests.",
    ),
    "verify": Param(
        True,
        type="boolean",
        section=HOW,
        title="Compare checksums",
        description="If off, only sizes are compared.",
    ),
    "resume": Param(
        True,
        type="boolean",
        section=HOW,
        title="Resume partial files",
        description="If off, a partial file is downloaded from its beginning.",
    ),
    "quiet": Param(
        False,
        type="boolean",
        section=HOW,
        title="Short log",
        description="Log only failures and the summary.",
    ),
    **shared_params(),
}


def run_type() -> type[DownloadRun]:
    """What the tasks run. Imported where a task runs, so that the DAG is parsed quickly."""
    from downloader_tasks.drive import DriveRun

    return DriveRun


@dag(
    dag_id="drive_datasets",
    dag_display_name="Data sets from Google Drive",
    description="Download public data sets from Google Drive, verified, with a report",
    doc_md=DOC,
    tags=["drive", "datasets", "download", "manual"],
    params=PARAMS,
    schedule=None,
    **usual("drive_datasets"),
)
def drive_datasets() -> None:
    """Validate, download, report."""
    three_tasks(run_type, "drive_download_pool")


THE_DAG = drive_datasets()
