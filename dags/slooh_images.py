"""Downloads an astronomer's pictures from Slooh. What the tasks do is in `plugins/downloader_tasks/slooh`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Param, dag

from downloader_tasks.forms import HOW, more
from downloader_tasks.three_tasks import shared_params, three_tasks, usual

if TYPE_CHECKING:
    from downloader_tasks.download_run import DownloadRun

DOC = f"""
### Download your pictures from Slooh

Press *Trigger*: the new pictures of your account are downloaded to the configured folder, by object, telescope and
format, with a report next to them: `_download_status_slooh_<time>.txt`. All fields are optional.

| task | what it does |
| --- | --- |
| `validate` | logs in, and says in one sentence what is wrong, if anything is |
| `approve` | only with *Ask before downloading*: shows what would be done, and waits for a person; else skipped |
| `download` | reads the list of your pictures, and downloads those that match, by default at 30 requests a minute |
| `report` | writes the report, prints it in its log, and fails the run if any picture failed |

**What is new?** Pictures that no earlier report lists as downloaded. Keep the reports.

**The run failed?** Open the log of `report`: it names each picture that failed, why, and what to do. Then trigger the
DAG again, with *Which pictures* set to those that failed to download only them. {more("slooh_images")}
"""

_ONLY = "Only some of them"

PARAMS = {
    "select": Param(
        "new",
        type="string",
        enum=["new", "all", "failed", "mission"],
        values_display={
            "new": "new: no earlier report lists them as downloaded",
            "all": "all pictures of the account",
            "failed": "failed: the failures of the latest report",
            "mission": "those of one mission",
        },
        title="Which pictures",
        description_md="The reports are the record of what was downloaded. " + more("which-pictures-are-new"),
    ),
    "mission_id": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Mission",
        description="The number of the mission, if those of one mission are selected above; leave empty otherwise.",
    ),
    "include_fits": Param(
        False,
        type="boolean",
        title="Include raw FITS frames",
        description="Takes one more request for each mission; the membership has to include FITS frames.",
    ),
    "since": Param(
        None,
        type=["null", "string"],
        format="date",
        section=_ONLY,
        title="Taken since (day, UTC)",
        description="The first day; leave empty for all. Less of the list has to be read then.",
    ),
    "until": Param(
        None,
        type=["null", "string"],
        format="date",
        section=_ONLY,
        title="Taken until (day, UTC)",
        description="The last day; leave empty for all.",
    ),
    "telescopes": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1},
        section=_ONLY,
        title="Only by these telescopes",
        description="One per line: part of a name, such as canary, or a pattern, such as Chile *. Leave empty for all.",
    ),
    "objects": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1},
        section=_ONLY,
        title="Only of these objects",
        description="One per line: M31, NGC 7000, or part of a title, such as horsehead. Leave empty for all.",
    ),
    "file_types": Param(
        None,
        type=["null", "array"],
        items={"type": "string", "minLength": 1},
        examples=["png", "jpeg", "fits"],
        values_display={"png": "PNG pictures", "jpeg": "JPEG pictures", "fits": "FITS frames"},
        section=_ONLY,
        title="Only these file types",
        description="Leave empty for all. FITS frames come only if they are included above.",
    ),
    "max_scan": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        section=_ONLY,
        title="Maximum number of pictures to scan",
        description="The newest ones; leave empty for all.",
    ),
    "duplicates": Param(
        "skip",
        type="string",
        enum=["skip", "overwrite", "rename"],
        values_display={
            "skip": "skip: keep the file that exists",
            "overwrite": "overwrite: replace it",
            "rename": "rename: keep both, as name (1).png",
        },
        section=HOW,
        title="If the name is taken",
        description_md="Also where two pictures of the account have one name. " + more("when-the-name-is-taken"),
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
    from downloader_tasks.slooh import SloohRun

    return SloohRun


@dag(
    dag_id="slooh_images",
    dag_display_name="Pictures from Slooh",
    description="Download an astronomer's pictures from Slooh, checked for completeness, with a report",
    doc_md=DOC,
    tags=["slooh", "astronomy", "download", "manual"],
    params=PARAMS,
    schedule=None,
    **usual("slooh_images"),
)
def slooh_images() -> None:
    """Validate, download, report."""
    three_tasks(run_type, "slooh_download_pool")


THE_DAG = slooh_images()
