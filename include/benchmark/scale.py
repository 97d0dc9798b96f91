"""The cases of what is many and of what is long: whether time and memory stay what they are for few and short."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from .bench import OURS, Bench, ratio, same_work
from .contestants import Check, interrupted
from .measure import Broken
from .objects import LARGE
from .rounds import CaseOutcome
from .server import serve_long
from .table import Goal, Ratio, Section

__all__ = ["long", "many", "million", "ndjson", "report"]

_HOUR = 3600.0
_MB = 1e6
_FLAT = 1.25
_AT_ONCE = 4


def million(bench: Bench) -> Section:
    """A million files, planned and cut into shards, from a record of a catalogue and from a listing."""
    sizes, ours = bench.stock.sizes, bench.ours
    records = {n: bench.catalogue(bench.stock.made_up(n), "many") for n in sizes.planned}
    plans = {n: ours.plan(f"{OURS}, a record of {n:,}: the plan", records[n], n) for n in sizes.planned}
    slices = {n: ours.slice(f"{OURS}, a record of {n:,}: a task's slice", records[n]) for n in sizes.planned}
    looks = {n: ours.listing(f"{OURS}, a listing of {n:,}: the plan", n) for n in sizes.planned}
    every = [one for group in (plans, slices, looks) for one in group.values()]
    played = bench.play_long(every, sizes.growth_rounds, _HOUR)
    series = {
        what: {n: played[one.name] for n, one in of.items()} for what, of in (("record", plans), ("listing", looks))
    }
    goals = [goal for what, outcomes in series.items() for goal in _plan_goals(what, outcomes)]
    done = {one.name: float(n) for group in (plans, slices, looks) for n, one in group.items()}
    return Section(f"planning a million files ({sizes.growth_rounds} rounds)", played.values(), done, "files", goals)


def _plan_goals(what: str, outcomes: dict[int, CaseOutcome]) -> list[Goal]:
    few, most = min(outcomes), max(outcomes)
    growth = _growth(outcomes[few], outcomes[most], most / few)
    return [
        Goal(f"XCom of a {what} of {most:,}, MB", _reported(outcomes[most], "xcom", _MB), 1.0, at_least=False),
        Goal(f"a {what} of {most:,} : of {few:,}, processor time a file", growth, _FLAT, at_least=False),
    ]


def many(bench: Bench) -> Section:
    """A raw file of many small files, looked up, cut, planned anew for each shard and downloaded, as the tasks do."""
    sizes = bench.stock.sizes
    ours = {
        n: bench.ours.raw_file(f"{OURS}, a raw file of {n:,}", bench.catalogue(bench.stock.many(n), "many"), n)
        for n in sizes.in_shards
    }
    played = bench.play_long(list(ours.values()), sizes.growth_rounds, _HOUR)
    outcomes = {n: played[one.name] for n, one in ours.items()}
    few, most = min(outcomes), max(outcomes)
    growth = _growth(outcomes[few], outcomes[most], most / few)
    peaks = [outcomes[n].peak if outcomes[n].runs else None for n in (few, most)]
    goals = [
        Goal(f"{most:,} : {few:,}, processor time a file", growth, _FLAT, at_least=False),
        Goal(f"{most:,} : {few:,}, peak of memory", _quotient(peaks[1], peaks[0]), _FLAT, at_least=False),
    ]
    done = {one.name: float(n) for n, one in ours.items()}
    return Section(f"files of 16 KiB, in shards ({sizes.growth_rounds} rounds)", played.values(), done, "files", goals)


def report(bench: Bench) -> Section:
    """A long report, written and read."""
    lines = bench.stock.sizes.lines
    ours = bench.ours.report(f"{OURS}, write and read it", lines)
    played = bench.play([ours])
    outcome = played[ours.name]
    goals = [Goal(f"seconds to {what} it", _reported(outcome, what), 2.0, at_least=False) for what in ("write", "read")]
    return Section(f"a report of {lines:,} lines", played.values(), same_work(played, lines), "lines", goals)


def long(bench: Bench) -> Section:
    """One very long object, without a break, and by processes that are killed."""
    sizes = bench.stock.sizes
    with _serving(bench, sizes.long) as (there, record):
        fetch = there.ours.fetch(f"{OURS}, MD5", "long/", record, 1, "md5")
        name = f"{OURS}, killed {sizes.kills} times and started again"
        again = replace(fetch, name=name, check=_completes(sizes.long, sizes.kills))
        killed = interrupted(there.arena, again, (sizes.kills, sizes.long), there.arena.endpoint)
        played = there.play_long([fetch, killed], 1, _HOUR)
    title = f"one object of {sizes.long / 1e9:g} GB, its bytes made as they are asked for (1 round)"
    twice = Goal(f"{name}: fetched twice, %", _reported(played[name], "twice", 0.01), 2.0, at_least=False)
    slower = Ratio(f"{name} : without a break, seconds", ratio(played[name], played[fetch.name]))
    return Section(title, played.values(), same_work(played, sizes.long / _MB), "MB", [twice, slower])


def ndjson(bench: Bench) -> Section:
    """Four files of NDJSON, checked at once: with lines as they are, and with one long line each."""
    size = bench.stock.sizes.checked
    lines = {f"lines of {line:,} bytes": line for line in (1_000, size)}
    ours = {what: bench.ours.ndjson(f"{OURS}, {what}", _AT_ONCE, size, line) for what, line in lines.items()}
    played = bench.play(list(ours.values()))
    short, long_ = (played[one.name] for one in ours.values())
    peaks = [outcome.peak if outcome.runs else None for outcome in (long_, short)]
    goals = [Goal("long lines : short lines, peak of memory", _quotient(*peaks), _FLAT, at_least=False)]
    title = f"{_AT_ONCE} files of NDJSON, {size / _MB:,.0f} MB each, checked at once"
    return Section(title, played.values(), same_work(played, _AT_ONCE * size / _MB), "MB", goals)


@contextmanager
def _serving(bench: Bench, size: int) -> Iterator[tuple[Bench, Path]]:
    """The bench before a server that has one object of `size` bytes, and the record of it."""
    record = bench.arena.lists / "long.json"
    with serve_long(bench.arena.tools.python, bench.arena.lists, record, size) as endpoint:
        yield replace(bench, arena=replace(bench.arena, endpoint=endpoint)), record


def _completes(size: int, kills: int) -> Check:
    def check(folder: Path, output: str) -> None:
        found = json.loads(output)
        if found["assurances"] != {"md5": 1} or found["kills"] != kills:
            raise Broken(f"not one file by its MD5 after {kills} kills: {output}")
        if [(path.name, path.stat().st_size) for path in folder.iterdir()] != [(LARGE, size)]:
            raise Broken(f"{folder} does not hold {LARGE} alone, with {size} bytes")

    return check


def _reported(outcome: CaseOutcome, what: str, unit: float = 1) -> float | None:
    """The median of a figure that the program itself printed; None if no run succeeded."""
    if not outcome.runs:
        return None
    return float(median(json.loads(run.output)[what] for run in outcome.runs)) / unit


def _growth(few: CaseOutcome, many: CaseOutcome, times: float) -> float | None:
    """How many times as much processor time one file takes if there are `times` as many, without Python's start."""
    return _quotient(_reported(many, "processor", times), _reported(few, "processor"))


def _quotient(one: float | None, other: float | None) -> float | None:
    return one / other if one and other else None
