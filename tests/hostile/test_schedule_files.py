"""Files of schedules that are none, or nearly: read, or refused with line and key, in bounded time."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
from hypothesis import strategies as st

from downloader_tasks.schedules.schedule_file import load_schedules
from downloader_tasks.settings import ConfigurationError
from support.fast_folder import fast_folder
from support.hostile import CASES, VALUES, ZOO, assert_readable, damaged, held_against, mutated

pytestmark = pytest.mark.timeout(100, method="thread")

TEXT = b"""\
# At night
schedules:
  - name: nightly_fhir
    dag: minio_downloader
    cron: "0 3 * * 1-5"
    timezone: Europe/Berlin
    conf: {bucket: "${X}", organize: true, max_speed: 2.5}
  - {name: b, dag: slooh_images, cron: "@daily", conf: {select: new, since: 2026-01-01, objects: [M31]}, paused: true}
"""
GOOD: dict[str, Any] = {
    "schedules": [
        {"name": "a", "dag": "s3_downloader", "cron": "0 3 * * *", "conf": {"raw_file_ids": ["one"], "files": ["*"]}},
        {"name": "b", "dag": "drive_datasets", "cron": "@weekly", "timezone": "Asia/Kolkata", "owner": "lab"},
        {"name": "c", "dag": "slooh_images", "cron": "0 0 L * *", "conf": {"max_scan": 3}, "enabled": False},
    ]
}
_FOLDER = tempfile.TemporaryDirectory(dir=fast_folder())
_PARAMS = {
    file.stem: run_path(str(file)).get("PARAMS", {}) for file in (Path(__file__).parents[2] / "dags").glob("*.py")
}


def judged(text: bytes | str, variable: str = "x") -> str:
    """What a file comes to. What is reported of it can be shown, a problem a line."""
    file = Path(_FOLDER.name, "schedules.yaml")
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    try:
        load_schedules(_PARAMS.__getitem__, {"DOWNLOADER_SCHEDULES": str(file), "X": variable})
    except ConfigurationError as error:
        refused = error
    else:
        return "taken"
    assert refused.problems
    assert_readable(str(refused).removeprefix(str(file)), lines=22, most=20_000)
    return "refused"


@held_against(st.tuples(damaged(TEXT, most=2), st.sampled_from([*ZOO.values()])), ["taken", "refused"], CASES // 4)
def test_damaged_files(case: tuple[bytes, str]) -> str:
    return judged(*case)


_short = [value for what, value in VALUES.items() if what not in ("a long list", "a long text", "a wide group")]


@held_against(mutated(GOOD, _short).map(json.dumps), ["taken", "refused"], CASES // 4)
def test_files_with_one_wrong_value(text: str) -> str:
    """JSON is YAML, but for a few of its words."""
    return judged(text)
