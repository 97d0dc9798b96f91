"""What our contestants print of their results, for the checks of `contestants`."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from downloader.results import FileResult

__all__ = ["measured", "summary"]


def measured(began: float, work: Callable[[], Mapping[str, object]]) -> str:
    """The result of `work` as JSON, with the seconds `started` (since `began`), `inside` and `processor`.

    `processor` includes that of processes which `work` has started and waited for.
    """
    called, clock = time.perf_counter(), sum(os.times()[:4])
    result = work()
    inside, processor = time.perf_counter() - called, sum(os.times()[:4]) - clock
    return json.dumps({"started": called - began, "inside": inside, "processor": processor, **result})


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
