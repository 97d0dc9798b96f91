"""What our contestants print of their results, to be looked at by `contestants`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from downloader.results import FileResult

__all__ = ["summary"]


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
