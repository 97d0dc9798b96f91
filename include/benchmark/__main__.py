"""The one program behind `run.sh`."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from .bench import Bench
from .cases import CASES, ON_DEMAND, memory
from .contestants import Arena
from .measure import Broken
from .objects import MIB, Sizes, Stock
from .rounds import Stage
from .server import serve, serve_exports
from .table import Section, table
from .tools import facts, find_tools

_ROOT = Path(__file__).resolve().parents[2]
_QUICK = Sizes(
    small=1_000,
    fetched=2_000,
    far=1_000,
    growth=10_000,
    large=256 * MIB,
    rounds=3,
    growth_rounds=1,
    keys=10_000,
    few_keys=1_000,
    most_keys=50_000,
    loop=500,
    planned=(1_000, 10_000),
    in_shards=(100, 1_000),
    lines=10_000,
    long=400_000_000,
    kills=3,
    checked=20 * MIB,
    drive_scale=0.02,
    drive_speed=3e6,
)


def main() -> int:
    """Runs the cases and prints the table. Returns 1 if a contestant dropped out or nothing could be run."""
    asked = _arguments()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupted)
    try:
        with _work_folder(asked.work) as work:
            sections = _run(asked, work)
    except Broken as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 1 if any(outcome.failure for section in sections for outcome in section.outcomes) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.sh", description="Measures ours against rclone, s5cmd, aws-cli, curl and minio-py."
    )
    parser.add_argument(
        "--quick", action="store_true", help="smaller sizes, to check that it works; the figures are not meaningful"
    )
    parser.add_argument("--only", action="append", choices=list(CASES), help="run only this case; may be repeated")
    parser.add_argument("--dag", action="store_true", help="also measure the whole DAG on the demo's Airflow")
    parser.add_argument("--rounds", type=int, help="number of rounds (five)")
    parser.add_argument("--timeout", type=float, default=300.0, help="limit of one run in seconds (300)")
    parser.add_argument(
        "--patience", type=float, default=0.0, help="seconds to wait before a run for other programs to be quiet (0)"
    )
    parser.add_argument(
        "--work", type=Path, default=os.environ.get("BENCHMARK_WORK"), help="folder to work in (a new one in TMPDIR)"
    )
    parser.add_argument("--peers", type=Path, default=_ROOT / ".venv" / "bin", help="folder of rclone, s5cmd and aws")
    return parser.parse_args()


def _interrupted(number: int, _: object) -> None:
    raise SystemExit(128 + number)


@contextmanager
def _work_folder(chosen: Path | None) -> Iterator[Path]:
    """A new folder below the chosen one; deleted at the end."""
    if chosen is not None:
        chosen.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="benchmark-", dir=chosen)).resolve()
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(asked: argparse.Namespace, work: Path) -> list[Section]:
    sizes, names = _sizes(asked), _cases(asked)
    _refuse_small_disk(work, sizes, names)
    tools = find_tools(sys.executable, asked.peers)
    about = facts(tools, work)
    began = time.monotonic()
    stock = Stock(work, sizes)
    (work / "lists").mkdir()
    stage = Stage(work, asked.timeout, asked.patience, _say)
    with (
        serve_exports(tools.python, work / "exports.log") as exports,
        serve(tools.nginx, stock.objects, work / "nginx", sizes.small, exports) as server,
    ):
        sections = _play(Bench(stock, Arena(tools, server.near, work / "lists", server.far), stage), names)
    _print(sections, about, time.monotonic() - began)
    return sections


def _cases(asked: argparse.Namespace) -> list[str]:
    names = asked.only or [name for name in CASES if name not in ON_DEMAND]
    return [*names, "dag"] if asked.dag and "dag" not in names else names


def _sizes(asked: argparse.Namespace) -> Sizes:
    sizes = _QUICK if asked.quick else Sizes()
    if asked.rounds is None:
        return sizes
    return replace(sizes, rounds=asked.rounds, growth_rounds=min(asked.rounds, sizes.growth_rounds))


def _refuse_small_disk(work: Path, sizes: Sizes, names: list[str]) -> None:
    free, files, room = shutil.disk_usage(work).free, sizes.files(names), sizes.room(names)
    inodes = os.statvfs(work)
    if inodes.f_files and inodes.f_favail < files:
        raise Broken(
            f"{work.parent} has room for {inodes.f_favail:,} more files, {files:,} are needed: "
            "choose another folder with --work"
        )
    if free < room:
        gib = 2**30
        raise Broken(
            f"{work.parent} has {free / gib:.1f} GiB free, {room / gib:.1f} GiB are needed: "
            "choose another folder with --work"
        )


def _play(bench: Bench, names: list[str]) -> list[Section]:
    sections = []
    for name in names:
        _say(name)
        sections.append(CASES[name](bench))
    return [*sections, *memory(sections)]


def _print(sections: list[Section], about: list[str], seconds: float) -> None:
    print(table(sections))
    print()
    print(f"{rounds_of(sections)}, all in one run of {seconds / 60:.0f} minutes.")
    print(_unrest(sections))
    for line in about:
        print(f"- {line}")


def rounds_of(sections: Iterable[Section]) -> str:
    """How many rounds the figures come from. A case with another number states it in its title."""
    counts = Counter(section.rounds for section in sections if section.rounds)
    if not counts:
        return "No rounds"
    usual, _ = counts.most_common(1)[0]
    shown = f"Medians of {usual} rounds" if usual > 1 else "One round"
    return shown if len(counts) == 1 else f"{shown}, where a case does not say otherwise"


def _unrest(sections: list[Section]) -> str:
    shares = [share for section in sections for outcome in section.outcomes for share in outcome.busy]
    if not shares:
        return "Nothing was measured."
    return (
        f"Just before the runs, other programs kept {median(shares):.0%} of the processors busy (median; "
        f"most: {max(shares):.0%}): far above 0 %, all figures are worse and their ratios less reliable."
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
