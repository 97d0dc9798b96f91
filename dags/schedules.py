"""Makes a DAG for each schedule of `include/schedules.yaml`, which Airflow reads at each parse.

What the DAGs do is in `plugins/downloader_tasks/schedules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from runpy import run_path

from airflow.sdk import Param

from downloader_tasks.schedules import make_dags


def params_of(dag_id: str) -> Mapping[str, Param]:
    """The parameters of the DAG in the file beside this one. An import fails where the files lie deeper than `dags`."""
    found: Mapping[str, Param] = run_path(str(Path(__file__).with_name(f"{dag_id}.py")))["PARAMS"]
    return found


make_dags(params_of)
