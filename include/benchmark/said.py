"""What our contestants print of their results, to be looked at by `contestants`."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from downloader.results import FileResult

__all__ = ["measured", "summary"]


def measured(began: float, work: Callable[[], Mapping[str, object]]) -> str:
    """What `work` tells, as JSON, behind its seconds: `inside`, those of processors, and `started`, from `began` on."""
    called, clock = time.perf_counter(), time.process_time()
    told = work()
    inside, processor = time.perf_counter() - called, time.process_time() - clock
    return json.dumps({"started": called - began, "inside": inside, "processor": processor, **told})


def summary(results: Iterable[FileResult]) -> dict[str, object]:
    """What became of the files: how many had which outcome and which assurance, and the first failure."""
    outcomes: Counter[str] = Counter()
    assurances: Counter[str] = Counter()
    failure = ""
    for result in results:
        outcomes[result.outcome] += 1
        assurances[result.assurance.partition(":")[0]] += 1
        if not result.ok and not failure:
            failure = f"{result.name}: {result.message}"
    return {"outcomes": outcomes, "assurances": assurances, "failure": failure}
