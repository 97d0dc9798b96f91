"""Downloads an astronomer's pictures from Slooh. What the tasks do is in `plugins/downloader_tasks/slooh`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Param, dag

from downloader_tasks.three_tasks import USUAL, shared_params, three_tasks

if TYPE_CHECKING:
    from downloader_tasks.download_run import DownloadRun

DOC = """
### Download your pictures from Slooh

Press *Trigger*: the new pictures of your account are downloaded to the configured folder, by object, telescope and
format, with a report next to them: `_download_status_slooh_<time>.txt`. All fields are optional.

| task | what it does |
| --- | --- |
| `validate` | logs in, and says in one sentence what is wrong, if anything is |
| `download` | reads the list of your pictures, and downloads those that match, by default at 30 requests a minute |
| `report` | writes the report, prints it in its log, and fails the run if any picture failed |

**What is new?** Pictures that no earlier report lists as downloaded. Keep the reports.

**The run failed?** Open the log of `report`: it names each picture that failed, why, and what to do. Then trigger the
DAG again, with *Which pictures* set to `failed` to download only those.
"""

PARAMS = {
    "select": Param(
        "new",
        type="string",
        enum=["new", "all", "failed", "mission"],
        title="Which pictures",
        description="new: those that no earlier report lists as downloaded. failed: the failures of the latest report.",
    ),
    "mission_id": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Mission",
        description="The number of the mission if mission is selected above; leave empty otherwise.",
    ),
    "since": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Taken since",
        description="The first day, in UTC; leave empty for all. Less of the list has to be read then.",
    ),
    "until": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Taken until",
        description="The last day, in UTC; leave empty for all.",
    ),
    "telescopes": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1},
        title="Only by these telescopes",
        description="One per line: part of a name, such as canary, or a pattern, such as Chile *. Leave empty for all.",
    ),
    "objects": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1},
        title="Only of these objects",
        description="One per line: M31, NGC 7000, or part of a title, such as horsehead. Leave empty for all.",
    ),
    "file_types": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1},
        title="Only these file types",
        description="One per line: png, jpeg, fits. Leave empty for all.",
    ),
    "include_fits": Param(
        False,
        type="boolean",
        title="Include raw FITS frames",
        description="Takes one more request for each mission; the membership has to include FITS frames.",
    ),
    "max_scan": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Maximum number of pictures to scan",
        description="The newest ones; leave empty for all.",
    ),
    "duplicates": Param(
        "skip",
        type="string",
        enum=["skip", "overwrite", "rename"],
        title="If the name is taken",
        description="skip keeps the existing file, overwrite replaces it, rename keeps both: name (1).png.",
    ),
    "quiet": Param(
        False,
        type="boolean",
        title="Short log",
        description="Log only failures and the summary.",
    ),
    **shared_params(),
}


def run_type() -> type[DownloadRun]:
    """What the tasks run. Imported where a task runs, so that the DAG is parsed quickly."""
    from downloader_tasks.slooh import SloohRun

    return SloohRun


@dag(
    dag_id="slooh_images",
    description="Download an astronomer's pictures from Slooh, checked for completeness, with a report",
    doc_md=DOC,
    tags=["slooh", "astronomy", "download", "manual"],
    params=PARAMS,
    schedule=None,
    **USUAL,
)
def slooh_images() -> None:
    """Validate, download, report."""
    three_tasks(run_type, "slooh_download_pool")


slooh_images()
