"""Restores raw files from their S3 backup. What the tasks do is in `plugins/downloader_tasks/raw_files`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Param, dag

from downloader_tasks.forms import more
from downloader_tasks.three_tasks import audit_params, shared_params, three_tasks, usual

if TYPE_CHECKING:
    from downloader_tasks.download_run import DownloadRun

DOC = f"""
### Restore raw files from S3

Enter the **raw file id**, press *Trigger*, and wait for the run to succeed. The files are then in
`<output location>/<project>/`, each verified by its checksum in the catalogue, with a report next to them:
`_download_status_<raw file id>_<time>.txt`.

| task | what it does |
| --- | --- |
| `validate` | looks the raw file up, and says in one sentence what is wrong, if anything is |
| `approve` | only with *Ask before downloading*: shows what would be done, and waits for a person; else skipped |
| `thaw` | only with *Thaw archived objects*: has S3 restore them, and waits for hours or days; else skipped |
| `download` | downloads the files: intact ones are kept, damaged ones are replaced, partial ones are resumed |
| `report` | writes the report, prints it in its log, and fails the run if any file failed |

**The run failed?** Open the log of `report`: it names each file that failed, why, and what to do. Then trigger the same
run again: files that are complete are not downloaded again.

Nothing is ever written to the catalogue. {more("s3_downloader")}
"""

PARAMS = {
    "raw_file_id": Param(
        None,
        type=["null", "string"],
        minLength=3,
        title="Raw file",
        description_md="The id of the raw file to restore, as it is in the catalogue. " + more("s3_downloader"),
    ),
    "raw_file_ids": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 3},
        maxItems=1000,
        title="Or several raw files",
        description="One id per line. Each raw file gets its own report; a wrong id does not stop the others.",
    ),
    "project_id": Param(
        None,
        type=["null", "string"],
        minLength=1,
        maxLength=255,
        title="Or all raw files of a project",
        description=(
            "The id of the project, as it is in the catalogue. Its raw files whose backup is done are restored, each "
            "with its own report."
        ),
    ),
    "files": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1},
        title="Only these files",
        description=(
            "One pattern per line; leave empty for all files. * matches anything, including subfolders: *.tdf or "
            "sample.d/*. The name of a folder matches everything in it."
        ),
    ),
    "thaw": Param(
        None,
        type=["null", "string"],
        enum=[None, "Bulk", "Standard", "Expedited"],
        values_display={
            "Bulk": "Bulk: within 5 to 12 hours (Deep Archive: 48), the cheapest",
            "Standard": "Standard: within 3 to 5 hours (Deep Archive: 12)",
            "Expedited": "Expedited: within minutes, the most expensive; not from Deep Archive",
        },
        title="Thaw archived objects",
        description_md=(
            "Has objects in Glacier, Deep Archive and the archive tiers of Intelligent-Tiering restored, which **costs "
            "money**, and waits for them without a worker; each task download begins once its own objects are ready. "
            "Leave empty to have archived objects reported as failures. " + more("thawing")
        ),
    ),
    **audit_params(),
    **shared_params(),
}


def run_type() -> type[DownloadRun]:
    """What the tasks run. Imported where a task runs, so that the DAG is parsed quickly."""
    from downloader_tasks.raw_files import RawFilesRun

    return RawFilesRun


@dag(
    dag_id="s3_downloader",
    dag_display_name="Raw files from S3",
    description="Restore raw files from S3, verified, with a report",
    doc_md=DOC,
    tags=["s3", "download", "restore", "manual"],
    params=PARAMS,
    schedule=None,
    **usual("s3_downloader"),
)
def s3_downloader() -> None:
    """Validate, download, report."""
    three_tasks(run_type, "s3_download_pool", thaws=True)


THE_DAG = s3_downloader()
