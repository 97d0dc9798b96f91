"""Our contestant in the cases `million` and `many`: a raw file of a catalogue, planned and downloaded as the
tasks of `s3_downloader` do, one after the other, without a scheduler. Each is a process of its own, as with
Airflow: the peak of memory is that of the largest.

`validate` looks the record up, sees whether there is room, and cuts the plan into shards (``--only plan``); each
`download` looks the record up again, takes its slice of it (``--only slice``), and fetches that.

Prints one JSON object: `started` (seconds from the start of this program: imports, among them Airflow's, and clients),
`inside` and `processor` (seconds of the work), `shards`, `xcom` (bytes of all of them in XComs), and `files` or
the results (see `output`).
"""

# ruff: noqa: E402 (the clock starts before the imports)
from __future__ import annotations

import time

BEGAN = time.perf_counter()

import argparse
import json
import logging
from dataclasses import dataclass
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from downloader.catalogue import Catalogue, CatalogueAddress, open_catalogue
from downloader.results import FileResult
from downloader.transfer import restore
from downloader_tasks.folders import Space
from downloader_tasks.raw_files.restores import Restore, find_restore
from downloader_tasks.settings import Configuration, Locations, transfer_options
from downloader_tasks.shards import bounds_of, cut, digest_of, fingerprint_of
from downloader_tasks.xcoms import Shard

from .catalogue import RAW_FILE
from .output import measured, summary
from .restore import source


@dataclass(frozen=True, slots=True)
class Tasks:
    """What the tasks of one run do."""

    records: Catalogue
    configuration: Configuration
    endpoint: str

    def plan(self) -> dict[str, Any]:
        """What `validate` makes of it."""
        return _figures(self._shards())

    def slice(self) -> dict[str, Any]:
        """What a `download` does before it fetches: here that of the last files, as many as a shard may have."""
        plan = self._find().plan
        most = bounds_of(self.configuration).for_plan(len(plan.files)).files
        planned = plan.files[-most:]
        fingerprint_of(plan.origin, map(digest_of, planned))
        return {"files": len(planned)}

    def download(self) -> dict[str, Any]:
        """The whole run: `validate`, then each `download`."""
        with get_context("fork").Pool(1, maxtasksperchild=1) as tasks:
            shards = tasks.apply(self._shards)
            results = summary(chain.from_iterable(tasks.imap(self._download, shards)))
            tasks.close()
            tasks.join()  # else its time and memory are not counted
        return {**_figures(shards), **results}

    def _find(self) -> Restore:
        return find_restore(self.records, self.configuration, RAW_FILE, ())

    def _shards(self) -> list[Shard]:
        found = self._find()
        Space().share(found.plan.files, found.destination)
        return cut([found.plan.outline()], bounds_of(self.configuration))

    def _download(self, shard: Shard) -> list[FileResult]:
        found = self._find()
        planned = found.plan.cut(shard)
        bucket, destination = source(found.upload.bucket, self.endpoint), found.destination
        del found  # as the task does
        destination.mkdir(exist_ok=True)
        return restore(planned, bucket, destination, transfer_options(self.configuration.transfer))


def _figures(shards: list[Shard]) -> dict[str, Any]:
    sent = json.dumps([shard.to_xcom() for shard in shards])
    return {"files": shards[-1].stop, "shards": len(shards), "xcom": len(sent)}


def main() -> None:
    """Does what is asked for and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalogue", required=True, type=Path)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--destination", required=True, type=Path, help="the output location")
    parser.add_argument("--only", choices=["plan", "slice"])
    asked = parser.parse_args()
    logging.disable(logging.INFO)  # only the JSON may be printed
    configuration = Configuration(locations=Locations(output=asked.destination))
    records = open_catalogue(CatalogueAddress("sqlite", str(asked.catalogue)))
    tasks = Tasks(records, configuration, asked.endpoint)
    print(measured(BEGAN, {"plan": tasks.plan, "slice": tasks.slice}.get(asked.only, tasks.download)))


if __name__ == "__main__":
    main()
