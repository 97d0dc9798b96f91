"""What a run shows before it downloads: in the log, in the XComs of a dry run, and to a person who may approve it.

`validate` looks and says it in its log. Of a dry run it hands the same to `report`, which publishes it as `result` and
`report_text` and writes nothing; of a run that asks first, to the task `approve`.
"""

from __future__ import annotations

import logging
from typing import Any

from downloader.report import IS_FAILURE

from ..failures import failure
from ..xcoms import Previews, Validated, pull_previews, push_approval, push_previews, push_result
from .preview import ItemPreview, previews_of
from .question import question_of
from .receipts import one_sentence
from .result import DRY_RUN
from .run import DownloadRun

__all__ = ["announce", "publish_dry_run"]

log = logging.getLogger(__name__)


def announce(run: DownloadRun, validated: Validated, ti: Any, *, dry_run: bool, ask_first: bool) -> Validated:
    """Says what the run would do, where that is wanted. Answers the shards that are to be downloaded after that.

    Raises as `previews_of`.
    """
    previews = _logged(run, validated) if dry_run or ask_first else []
    if dry_run:
        problems = [*validated.refused.values()]
        push_previews(ti, Previews([one.figures() for one in previews], [one.text() for one in previews], problems))
        return Validated([], validated.refused)
    if ask_first:
        push_approval(ti, *question_of(previews, [*validated.refused.values()]))
    return validated


def publish_dry_run(ti: Any) -> None:
    """What `report` does of a dry run. Raises `failure` where something was refused, as after any other run."""
    previews = pull_previews(ti)
    if previews is None:
        raise failure("validate left nothing that this version of its DAG can read: clear the task")
    result = {"status": DRY_RUN, "reports": previews.reports, "problems": previews.problems}
    push_result(ti, result, previews.texts)
    log.info("A dry run: nothing was downloaded and nothing written; the log of validate lists what would be done")
    if previews.problems:
        raise failure(one_sentence(previews.problems))


def _logged(run: DownloadRun, validated: Validated) -> list[ItemPreview]:
    previews = []
    for preview in previews_of(run, validated.shards):
        log.info("What would be done with the files of %s:", preview.about)
        for line in preview.lines(failures_alone=run.quiet):
            log.log(logging.ERROR if IS_FAILURE in line else logging.INFO, "%s", line)
        previews.append(preview)
    return previews
