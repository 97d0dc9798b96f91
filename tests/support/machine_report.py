"""A plugin of pytest: skips a test for what the machine lacks, and ends the run with a list of what to install.

In CI (the variable CI is set) such a test fails where a package would bring what is lacking: .ci/run has to install it.
What no package brings (the rights of root, or what the kernel or a container refuses) stays a skip.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Final

import pytest

from support.machine import Lack, LackingError

__all__ = ["lines_of", "pytest_runtest_makereport", "pytest_terminal_summary"]

_PROPERTY: Final = "lacks"
_KINDS: Final = ("skipped", "failed", "error")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Makes a skip of LackingError, or a failure without a traceback."""
    report = yield
    if call.excinfo is None or not isinstance(call.excinfo.value, LackingError):
        return report
    error = call.excinfo.value
    report.user_properties += [(_PROPERTY, [lack.what, lack.remedy, lack.package]) for lack in error.lacks]
    if os.environ.get("CI") and any(lack.package for lack in error.lacks):
        report.longrepr = f"{error}\n(in CI this is a failure: .ci/run has to install it)"
    else:
        raised = call.excinfo.traceback[-1]
        report.outcome = "skipped"
        report.longrepr = (str(raised.path), raised.lineno + 1, f"Skipped: {error}")
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Ends the run with what was lacking, for how many tests, and the commands that bring it."""
    yield
    lacks = [list(_lacks_of(report)) for kind in _KINDS for report in terminalreporter.getreports(kind)]
    lines = lines_of(lacks)
    if lines:
        terminalreporter.section("What this machine lacks")
        terminalreporter.write("".join(f"{line}\n" for line in lines))


def lines_of(tests: Iterable[Sequence[Lack]]) -> list[str]:
    """By what each test lacked: a line for each remedy, with the number of tests, then one command for all packages."""
    counts: Counter[str] = Counter()
    names: dict[str, dict[str, None]] = {}
    packages: set[str] = set()
    for lacks in tests:
        counts.update({lack.remedy for lack in lacks})
        packages |= {lack.package for lack in lacks if lack.package}
        for lack in lacks:
            names.setdefault(lack.remedy, {})[lack.what] = None
    rows = sorted((", ".join(whats), counts[remedy], remedy) for remedy, whats in names.items())
    width = max((len(what) for what, _, _ in rows), default=0)
    lines = [f"{what:{width}}  tests not run: {count:3}  {remedy}" for what, count, remedy in rows]
    return [*lines, f"All packages at once: apt-get install {' '.join(sorted(packages))}"] if packages else lines


def _lacks_of(report: pytest.TestReport | pytest.CollectReport) -> Iterator[Lack]:
    for name, value in getattr(report, "user_properties", ()):
        if name == _PROPERTY:
            yield Lack(*value)
