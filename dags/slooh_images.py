"""Downloads an astronomer's pictures from Slooh. What the tasks do is in `plugins/downloader_tasks/slooh`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Param, dag

from downloader_tasks.three_tasks import USUAL, three_tasks

if TYPE_CHECKING:
    from downloader_tasks.download_run import DownloadRun

DOC = """
### Download your pictures from Slooh

Press *Trigger*: the new pictures of your account are downloaded to the configured folder, by object, telescope and
format, with a report beside them: `_download_status_slooh_<time>.txt`. All fields may stay as they are.

| task | what it does |
| --- | --- |
| `validate` | logs in, and says in one sentence what is wrong, if anything is |
| `download` | reads the list of your pictures, and downloads those that are wanted, at 30 requests a minute |
| `report` | writes the report, prints it in its log, and turns the run red if any picture failed |

**What is new?** What no earlier report lists as downloaded. Keep the reports.

**The run is red?** Open the log of `report`: it names each picture that failed, why, and what to do. Then trigger it
again, with *Which pictures* set to `failed` if you like.
"""

PARAMS = {
    "select": Param(
        "new",
        type="string",
        enum=["new", "all", "failed", "mission"],
        title="Which pictures",
        description="new: what no earlier report lists as downloaded. failed: the failures of the latest report.",
    ),
    "mission_id": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Mission",
        description="Its number, with mission above; leave it empty otherwise.",
    ),
    "since": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Taken since",
        description="The first day, UTC; leave it empty for all. It also makes the list shorter to read.",
    ),
    "until": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Taken until",
        description="The last day, UTC; leave it empty for all.",
    ),
    "telescopes": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1},
        title="Only by these telescopes",
        description="One a line: a part of the name, such as canary, or a pattern, such as Chile *. Empty: all.",
    ),
    "objects": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1},
        title="Only of these objects",
        description="One a line: M31, NGC 7000, or a part of the title, such as horsehead. Empty: all.",
    ),
    "file_types": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1},
        title="Only these file types",
        description="One a line: png, jpeg, fits. Empty: all.",
    ),
    "include_fits": Param(
        False,
        type="boolean",
        title="Raw FITS frames too",
        description="One request more for each mission; the membership has to include them.",
    ),
    "max_scan": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Look at so many pictures at most",
        description="The newest ones; leave it empty for all.",
    ),
    "duplicates": Param(
        "skip",
        type="string",
        enum=["skip", "overwrite", "rename"],
        title="When the name is taken",
        description="skip keeps what is there, overwrite replaces it, rename keeps both pictures: name (1).png.",
    ),
    "quiet": Param(
        False,
        type="boolean",
        title="A short log",
        description="The log names failures alone, and the summary.",
    ),
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
