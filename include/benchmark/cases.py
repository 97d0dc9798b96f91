"""The cases: their contestants and goals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from .bench import OURS, Bench, ratio, same_work
from .contestants import bucket_peers, floor, large_peers, listing_peer, md5sum, small_peers
from .dag import seconds_of_many, seconds_to_report
from .drive import serving_drive
from .exports import SIZE
from .measure import Broken
from .objects import PARTS
from .recordings import STREAMS
from .rounds import CaseOutcome
from .scale import long, many, million, ndjson, report
from .server import DELAY, RATE
from .table import Figure, Goal, Ratio, Section

__all__ = ["CASES", "ON_DEMAND", "memory"]

_PEAK = 450


def small(bench: Bench) -> Section:
    """Many small objects, to an empty folder, from a server that answers at once."""
    bounds = {"rclone": 1.7, "s5cmd": 4.0, "floor": 0.8}
    return _small(bench, bench.stock.sizes.fetched, "at once", 16, bounds)


def far(bench: Bench) -> Section:
    """Many small objects, to an empty folder, from a server that is far away."""
    bounds = {"rclone": 1.6, "s5cmd": 2.5, "rclone, 4": 50.0, "floor": 0.8}
    return _small(bench.far_away, bench.stock.sizes.far, f"after {DELAY * 1000:.0f} ms", 256, bounds)


def _small(bench: Bench, count: int, when: str, threads: int, bounds: dict[str, float]) -> Section:
    """`bounds`: goals of ours, in files a second inside, against the fastest whose name begins so."""
    record = bench.stock.many(count)
    ours = bench.ours.fetch(f"{OURS}, MD5 of each", "many/", record, count, "md5")
    yardstick = floor(bench.arena, record, count, threads)
    bare = bench.ours.without_flush(ours)
    played = bench.play([ours, yardstick, *small_peers(bench.arena, count), bare])
    goals = [
        Goal(f"ours inside : {peer}, objects a second", _inside(played, peer, played[ours.name]), bound, True)
        for peer, bound in bounds.items()
    ]
    title = f"{count:,} objects of 16 KiB, answers {when}"
    return Section(title, played.values(), same_work(played, count), "objects", goals)


def _inside(played: Mapping[str, CaseOutcome], peer: str, ours: CaseOutcome) -> float | None:
    """The seconds of the fastest peer whose name begins so, as the program itself measures them or else from outside,
    divided by ours inside."""
    theirs = [one.inside or one.seconds for name, one in played.items() if name.startswith(peer) and one.runs]
    return min(theirs) / ours.inside if theirs and ours.runs and ours.inside else None


def large(bench: Bench) -> Section:
    """One large object, to an empty folder, from a server that answers at once."""
    return _large(bench, "at once", {"MD5": 0.90, "ETag": 0.80})


def far_large(bench: Bench) -> Section:
    """One large object, to an empty folder, from a server that is far away and sends slowly."""
    when = f"after {DELAY * 1000:.0f} ms, {RATE} MB/s a stream"
    return _large(bench.far_away, when, {"MD5": 0.72, "ETag": 0.68})


def _large(bench: Bench, when: str, bounds: dict[str, float]) -> Section:
    """`bounds`: goals of ours, in seconds inside, against the fastest peer and md5sum, by the checksum that proves."""
    object_ = bench.stock.large
    fetch = bench.ours.fetch
    ours = [fetch(f"{OURS}, MD5", "large/", object_.by_md5, 1, "md5")]
    ours += [
        fetch(f"{OURS}, ETag of {part} MiB parts", "large/", object_.by_etag[part], 1, "s3-etag") for part in PARTS
    ]
    peers = large_peers(bench.arena, object_.size, object_.md5)
    played = bench.play([*ours, *peers, bench.ours.without_flush(ours[0])])
    them = [played[peer.name] for peer in peers if played[peer.name].runs]
    goals = [
        goal
        for one in ours
        for proof, bound in bounds.items()
        if f", {proof}" in one.name
        for goal in _large_goals(played[one.name], them, bound)
    ]
    title = f"one object of {_gib(object_.size)}, answers {when}"
    return Section(title, played.values(), same_work(played, object_.size / 1e6), "MB", goals)


def there(bench: Bench) -> Section:
    """Large files that are there and right."""
    object_ = bench.stock.large
    sides = {count: bench.stock.there(count) for count in (1, 2)}
    one, by_etag = sides[1][0], object_.by_etag[PARTS[0]]
    ours = {
        1: bench.ours.keep(f"{OURS}, one file by MD5", sides[1][1], one, 1, "md5"),
        2: bench.ours.keep(f"{OURS}, two files by MD5", sides[2][1], sides[2][0], 2, "md5"),
    }
    etag = bench.ours.keep(f"{OURS}, one file by ETag of {PARTS[0]} MiB parts", by_etag, one, 1, "s3-etag")
    judge = md5sum(bench.arena, object_.md5, one)
    played = bench.play([judge, *ours.values(), etag])
    speed = {
        name: times * played[judge.name].seconds / inside if played[judge.name].runs and inside else None
        for name, times, inside in (
            (contestant.name, times, played[contestant.name].inside if played[contestant.name].runs else None)
            for contestant, times in ((etag, 1), (ours[1], 1), (ours[2], 2))
        )
    }
    goals: list[Goal | Ratio] = [
        Goal("one file by ETag, ours inside : md5sum, bytes a second", speed[etag.name], 1.8, True),
        Goal("two files by MD5, ours inside : md5sum of one, bytes a second", speed[ours[2].name], 1.8, True),
        Ratio("one file by MD5, ours inside : md5sum, bytes a second", speed[ours[1].name]),
    ]
    work = {judge.name: object_.size / 1e6, etag.name: object_.size / 1e6}
    work |= {one.name: count * object_.size / 1e6 for count, one in ours.items()}
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
    """Buckets of which only the names are known, listed and planned."""
    sizes = bench.stock.sizes
    counts = (sizes.few_keys, sizes.keys, sizes.most_keys)
    looks = {count: bench.ours.listing(f"{OURS}, {count:,} keys planned", count) for count in counts}
    peer = listing_peer(bench.arena, sizes.keys)
    played = bench.play([looks[sizes.keys], peer, looks[sizes.few_keys], looks[sizes.most_keys]])
    few, ours, most = (played[looks[count].name] for count in counts)
    growth = most.inside / ours.inside * sizes.keys / sizes.most_keys if most.inside and ours.inside else None
    grown = ours.peak / few.peak if few.runs and ours.runs else None
    goals = [
        Goal("ours inside : rclone lsf, keys a second", _inside(played, peer.name, ours), 1.0, at_least=True),
        Goal(f"{sizes.most_keys:,} keys : {sizes.keys:,}, seconds inside for each", growth, 1.1, at_least=False),
        Goal(f"peak of {sizes.keys:,} keys : {sizes.few_keys:,}", grown, 1.25, at_least=False),
    ]
    work = {looks[count].name: float(count) for count in counts} | {peer.name: float(sizes.keys)}
    title = f"listing a bucket of {sizes.keys:,} keys, from a server of the benchmark's own"
    return Section(title, played.values(), work, "keys", goals)


def bucket(bench: Bench) -> Section:
    """A bucket of which only the name is known, to an empty folder."""
    sizes = bench.stock.sizes
    ours = bench.ours.bucket(f"{OURS}, list and fetch, MD5 of each", sizes.keys)
    rclone, loop = bucket_peers(bench.arena, sizes.keys, sizes.loop)
    played = bench.stage.play([ours, rclone, loop], sizes.growth_rounds)
    times = sizes.keys / sizes.loop
    goals = [
        Ratio("ours : rclone, objects a second", ratio(played[rclone.name], played[ours.name])),
        Ratio("ours : minio-py in a loop, objects a second", ratio(played[loop.name], played[ours.name], times)),
    ]
    work = {one.name: float(sizes.keys) for one in (ours, rclone)} | {loop.name: float(sizes.loop)}
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
    """The whole DAG on a real scheduler: one small file, and many that are far away."""
    count = bench.stock.sizes.fetched
    title = "the whole DAG, from trigger to report"
    one, many = "one small file, median", f"{count:,} objects of 16 KiB, answers after {DELAY * 1000:.0f} ms, seconds"
    try:
        seconds = seconds_to_report(bench.stage.timeout)
        catalogue = bench.catalogue(bench.stock.many(count), "many")
        rounds, work = bench.stock.sizes.growth_rounds, bench.stage.work / "dag"
        all_of_it = seconds_of_many(bench.far_away.arena, catalogue, work, rounds, bench.stage.timeout)
    except Broken as problem:
        return Section(title, [CaseOutcome(one, failure=str(problem))], {}, "", [])
    return Section(title, [], {}, "", [Figure(one, seconds), Goal(many, all_of_it, 12.0, at_least=False)])


CASES: dict[str, Callable[[Bench], Section]] = {
    "small": small,
    "far": far,
    "large": large,
    "far-large": far_large,
    "there": there,
    "growth": growth,
    "listing": listing,
    "bucket": bucket,
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


def _large_goals(ours: CaseOutcome, peers: list[CaseOutcome], bound: float) -> list[Goal | Ratio]:
    checked = min(peers, key=lambda peer: peer.seconds_with_then, default=None)
    bare = min(peers, key=lambda peer: peer.seconds, default=None)
    if checked is None or bare is None or not ours.runs or ours.inside is None:
        return [Goal(f"{ours.name} : fastest peer, seconds", None, bound, False)]
    name = f"{ours.name} inside"
    return [
        Goal(f"{name} : {checked.name} then md5sum", ours.inside / checked.seconds_with_then, bound, False),
        Ratio(f"{name} : {bare.name}, unverified", ours.inside / bare.seconds),
    ]


def _gib(size: int) -> str:
    return f"{size / 2**30:g} GiB"
