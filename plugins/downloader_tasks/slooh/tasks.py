"""The three tasks of `slooh_images`.

`validate` refuses, in one sentence, what no picture could come home with: parameters, configuration, the connection,
the login. Slooh's list is read in `download`, once: each request counts against the limit, and the pool of that task
has one slot.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ..download_run import download as download_shard
from ..download_run import report_on, validated
from ..execution import Interruptions, TaskState
from ..failures import airflow_errors
from ..settings import Configuration
from ..wording import one_line
from .download_run import SloohReport, SloohRun

__all__ = ["download", "report", "validate"]

_LISTING = "listing"
"""Key in the state store of how far the list has been read."""

log = logging.getLogger(__name__)


def validate(context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The one shard of what is to come home, as an XCom. A failure's sentence is pushed as `PROBLEM`."""
    return validated(context, _shards)


def download(shard: dict[str, Any], context: Mapping[str, Any]) -> None:
    """Reads Slooh's list, and brings the pictures home."""
    outbox = TaskState(context, "", Interruptions())
    with airflow_errors():
        run = SloohRun.of(context["params"], show=lambda figures: outbox.show(_LISTING, figures))
    download_shard(run, shard, context)


def report(context: Mapping[str, Any]) -> None:
    """Writes the report, and fails the run if anything failed."""
    report_on(SloohReport.of, context)


def _shards(params: Mapping[str, Any], configuration: Configuration) -> list[dict[str, Any]]:
    run = SloohRun.of(params, configuration)
    request, base_url = run.request, run.account.base_url
    log.info("=== Slooh Image Downloader ===")
    log.info("Source: %s", base_url)
    log.info("Destination: %s", request.location)
    log.info("Select: %s", request.what)
    if base_url.startswith("http:"):
        log.warning("The login goes to %s unencrypted: write https into the connection, if it is Slooh's own", base_url)
    if request.lacks_frames:
        log.warning("file_types names FITS, and include_fits is off: raw frames come with include_fits alone")
    _log_in(run)
    return [{"number": 0, "label": f"slooh: {request.what}"}]


def _log_in(run: SloohRun) -> None:
    name = run.client.login()
    status = run.client.status()
    log.info("Logged in as %s", one_line(status.display_name or name or "a member without a name"))
    for label, value in (
        ("Tier", status.tier),
        ("Gravity points", None if status.gravity_points is None else f"{status.gravity_points:,}"),
        ("Member since", status.member_since),
    ):
        if value:
            log.info("%s: %s", label, one_line(value))
