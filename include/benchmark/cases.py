"""The cases: their contestants and goals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from .bench import OURS, Bench, ratio, same_work
from .contestants import bucket_peers, large_peers, md5sum, small_peers
from .dag import seconds_to_report
from .drive import serving_drive
from .exports import SIZE
from .measure import Broken
from .objects import PARTS
from .recordings import STREAMS
from .rounds import CaseOutcome
from .scale import long, many, million, ndjson, report
from .table import Figure, Goal, Ratio, Section

__all__ = ["CASES", "ON_DEMAND", "memory"]

_PEAK = 450


def small(bench: Bench) -> Section:
    """Many small objects, to an empty folder."""
    count = bench.stock.sizes.small
    ours = bench.ours.fetch(f"{OURS}, MD5 of each", "small/", bench.stock.small, count, "md5")
    bare = bench.ours.without_flush(ours)
    played = bench.play([ours, *small_peers(bench.arena, count), bare])
    bounds = {"rclone": 3, "s5cmd": 4, "curl": 0.4}
    goals = [
        Goal(f"ours : {peer}, objects a second", ratio(played[peer], played[ours.name]), bound, True)
        for peer, bound in bounds.items()
    ]
    return Section(f"{count:,} objects of 16 KiB", played.values(), same_work(played, count), "objects", goals)


def large(bench: Bench) -> Section:
    """One large object, to an empty folder."""
    object_ = bench.stock.large
    fetch = bench.ours.fetch
    ours = [fetch(f"{OURS}, MD5", "large/", object_.by_md5, 1, "md5")]
    ours += [
        fetch(f"{OURS}, ETag of {part} MiB parts", "large/", object_.by_etag[part], 1, "s3-etag") for part in PARTS
    ]
    peers = large_peers(bench.arena, object_.size, object_.md5)
    played = bench.play([*ours, *peers, bench.ours.without_flush(ours[0])])
    them = [played[peer.name] for peer in peers if played[peer.name].runs]
    goals = [goal for one in ours for goal in _large_goals(played[one.name], them)]
    return Section(
        f"one object of {_gib(object_.size)}", played.values(), same_work(played, object_.size / 1e6), "MB", goals
    )


def there(bench: Bench) -> Section:
    """Large files that are there and right."""
    object_ = bench.stock.large
    sides = {count: bench.stock.there(count) for count in (1, 2)}
    ours = {
        count: bench.ours.keep(f"{OURS}, files: {count}", record, folder, count)
        for count, (folder, record) in sides.items()
    }
    judge = md5sum(bench.arena, object_.md5, sides[1][0])
    played = bench.play([judge, *ours.values()])
    speed = {count: ratio(played[judge.name], played[one.name], count) for count, one in ours.items()}
    goals = [
        Goal("one file, ours : md5sum, bytes a second", speed[1], 1.0, True),
        Goal("two files, ours : md5sum of one, bytes a second", speed[2], 1.7, True),
    ]
    work = {judge.name: object_.size / 1e6, **{one.name: count * object_.size / 1e6 for count, one in ours.items()}}
    return Section(f"already there and right: {_gib(object_.size)}", played.values(), work, "MB", goals)


def growth(bench: Bench) -> Section:
    """Ten times as many small objects."""
    sizes = bench.stock.sizes
    ours = {
        count: bench.ours.fetch(f"{OURS}, {count:,} objects", "many/", bench.stock.many(count), count, "md5")
        for count in (sizes.small, sizes.growth)
    }
    played = bench.stage.play(list(ours.values()), sizes.growth_rounds)
    few, many = (played[one.name] for one in ours.values())
    cost = None
    if few.inside and many.inside:
        cost = (many.inside / sizes.growth) / (few.inside / sizes.small)
    name = f"{sizes.growth:,} against {sizes.small:,}, seconds inside for each object"
    work = {one.name: float(count) for count, one in ours.items()}
    title = f"ten times as many ({sizes.growth_rounds} rounds)"
    return Section(title, played.values(), work, "objects", [Goal(name, cost, 1.15, False)])


def listing(bench: Bench) -> Section:
    """A bucket of which only the name is known, to an empty folder; and its listing alone."""
    sizes = bench.stock.sizes
    ours = bench.ours.bucket(f"{OURS}, list and fetch, MD5 of each", sizes.keys)
    rclone, loop = bucket_peers(bench.arena, sizes.keys, sizes.loop)
    looks = [bench.ours.listing(f"{OURS}, list {count:,} alone", count) for count in (sizes.few_keys, sizes.keys)]
    played = bench.stage.play([ours, rclone, loop, *looks], sizes.growth_rounds)
    few, many = (played[look.name] for look in looks)
    grown = many.peak / few.peak if few.runs and many.runs else None
    times = sizes.keys / sizes.loop
    goals: list[Goal | Ratio] = [
        Ratio("ours : rclone, objects a second", ratio(played[rclone.name], played[ours.name])),
        Ratio("ours : minio-py in a loop, objects a second", ratio(played[loop.name], played[ours.name], times)),
        Goal(f"peak of listing {sizes.keys:,} keys : {sizes.few_keys:,}", grown, 1.25, at_least=False),
    ]
    work = {one.name: float(sizes.keys) for one in (ours, rclone, looks[1])}
    work |= {loop.name: float(sizes.loop), looks[0].name: float(sizes.few_keys)}
    title = (
        f"a bucket of {sizes.keys:,} keys, {SIZE:,} bytes each, its lists made by a server of the benchmark's own, its "
        f"objects from nginx's cache ({sizes.growth_rounds} rounds)"
    )
    return Section(title, played.values(), work, "objects", goals)


def drive(bench: Bench) -> Section:
    """A dozen data sets of Google Drive, three at a time and one after the other, from streams that are slow."""
    sizes = bench.stock.sizes
    with serving_drive(bench.arena, sizes.drive_speed, sizes.drive_scale) as served:
        ours, gdown = served.ours(f"{OURS}, {STREAMS} streams, SHA-256 of each"), served.gdown()
        killed = served.killed(f"{OURS}, killed half way and started again")
        played = bench.stage.play([ours, gdown, killed], sizes.growth_rounds)
    twice = [json.loads(run.output)["twice"] for run in played[killed.name].runs]
    goals = [
        Goal("ours : gdown, bytes a second", ratio(played[gdown.name], played[ours.name]), 2.8, True),
        Goal("killed half way: share of the bytes fetched twice", max(twice, default=None), 0.05, at_least=False),
    ]
    title = (
        f"12 data sets of Google Drive, {served.size / 1e6:,.0f} MB in all, from a stand-in with "
        f"{sizes.drive_speed / 1e6:.0f} MB/s a stream ({sizes.growth_rounds} rounds)"
    )
    return Section(title, played.values(), same_work(played, served.size / 1e6), "MB", goals)


def dag(bench: Bench) -> Section:
    """The whole DAG on a real scheduler."""
    title, name = "the whole DAG, one small file", "from trigger to report, median"
    try:
        seconds = seconds_to_report(bench.stage.timeout)
    except Broken as problem:
        return Section(title, [CaseOutcome(name, failure=str(problem))], {}, "", [])
    return Section(title, [], {}, "", [Figure(name, seconds)])


CASES: dict[str, Callable[[Bench], Section]] = {
    "small": small,
    "large": large,
    "there": there,
    "growth": growth,
    "listing": listing,
    "drive": drive,
    "ndjson": ndjson,
    "report": report,
    "million": million,
    "many": many,
    "long": long,
    "dag": dag,
}
ON_DEMAND = frozenset({"million", "many", "long", "dag"})
"""Cases that take long or start many programs: they run only if named."""


def memory(sections: Iterable[Section]) -> list[Section]:
    """The peak of our process over all cases; empty if it took part in none."""
    ours = [one for section in sections for one in section.outcomes if one.name.startswith(OURS) and one.runs]
    if not ours:
        return []
    peak = Goal("peak of ours in all of these, MB", max(one.peak for one in ours), _PEAK, at_least=False)
    return [Section("memory", [], {}, "", [peak])]


def _large_goals(ours: CaseOutcome, peers: list[CaseOutcome]) -> list[Goal]:
    checked = min(peers, key=lambda peer: peer.seconds_with_then, default=None)
    bare = min(peers, key=lambda peer: peer.seconds, default=None)
    if checked is None or bare is None or not ours.runs:
        return [Goal(f"{ours.name} : fastest peer, seconds", None, 0.65, False)]
    return [
        Goal(f"{ours.name} : {checked.name} then md5sum", ours.seconds / checked.seconds_with_then, 0.65, False),
        Goal(f"{ours.name} : {bare.name}, unverified", ours.seconds / bare.seconds, 1.35, False),
    ]


def _gib(size: int) -> str:
    return f"{size / 2**30:g} GiB"
