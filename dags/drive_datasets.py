"""Brings public data sets home from Google Drive. What the tasks do is in `plugins/downloader_tasks/drive`."""

from __future__ import annotations

from airflow.sdk import Param, dag

from downloader_tasks.three_tasks import USUAL, three_tasks

DOC = """
### Bring public data sets home from Google Drive

Press *Trigger*: the files that the manifest lists come into the configured folder, several at once, and a report lies
beside them: `_download_status_<manifest>_<time>.txt`. All fields may stay as they are.

| task | what it does |
| --- | --- |
| `validate` | reads the manifest as a whole, and says in one sentence what is wrong, if anything is |
| `download` | fetches the files: what is right is kept, what is damaged is replaced, what is half there is resumed |
| `report` | writes the report, prints it in its log, and turns the run red if any file failed |

**The run is red?** Open the log of `report`: it names each file that failed, why, and where to open it by hand. Google
lets only so many fetch a file each day; trigger the same run again tomorrow: what is already there is not fetched a
second time.

A manifest is made by `python include/generate_manifest.py FOLDER_URL`.
"""

PARAMS = {
    "manifest": Param(
        None,
        type=["null", "string"],
        maxLength=1000,
        title="Manifest",
        description="The name of a file beside the configured manifest; leave it empty for that one itself.",
    ),
    "datasets": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1},
        title="Only these data sets",
        description="One name, path or pattern a line, such as fan/*; leave it empty for all.",
    ),
    "concurrency": Param(
        3,
        type="integer",
        minimum=1,
        maximum=16,
        title="Streams at once",
        description="Above 5 Google Drive soon answers that there are too many requests.",
    ),
    "verify": Param(
        True,
        type="boolean",
        title="Compare checksums",
        description="Off: the sizes alone are compared.",
    ),
    "resume": Param(
        True,
        type="boolean",
        title="Go on with what is half there",
        description="Off: what is half there is fetched from its start.",
    ),
    "dry_run": Param(
        False,
        type="boolean",
        title="Only say what would be done",
        description="The log of validate lists every file. Nothing is fetched, nothing is written.",
    ),
    "quiet": Param(
        False,
        type="boolean",
        title="A short log",
        description="The log names failures alone, and the summary.",
    ),
}


@dag(
    dag_id="drive_datasets",
    description="Bring public data sets home from Google Drive, verified, with a report",
    doc_md=DOC,
    tags=["drive", "datasets", "download", "manual"],
    params=PARAMS,
    schedule=None,
    **USUAL,
)
def drive_datasets() -> None:
    """Validate, download, report."""
    three_tasks("downloader_tasks.drive.tasks", "drive_download_pool")


drive_datasets()
