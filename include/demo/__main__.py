"""Reads the command line of include/demo.sh, which starts this."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ..processes import ProgramError, stop_at_signals
from . import drive, minio, s3, slooh
from .home import PROJECT, Home
from .screen import quiet
from .showing import DemoOpening, measure, show, stay

_DEMOS: dict[str, DemoOpening] = {"drive": drive.opened, "minio": minio.opened, "s3": s3.opened, "slooh": slooh.opened}


def main() -> int:
    """The exit code: 0 as planned, 1 for an error."""
    wanted = _arguments()
    stop_at_signals()
    home = Home(Path(os.environ.get("DEMO_HOME") or PROJECT / ".demo"))
    try:
        home.make()
        with home.alone():
            _run(wanted, home)
    except ProgramError as error:
        print(f"\nThe demo has stopped. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="include/demo.sh", add_help=False)
    parser.add_argument("demo", nargs="?", choices=sorted(_DEMOS), default="s3")
    parser.add_argument("--ui", action="store_true")
    parser.add_argument("--seconds-to-report", action="store_true")
    return parser.parse_args()


def _run(wanted: argparse.Namespace, home: Home) -> None:
    opening = _DEMOS[wanted.demo]
    if wanted.seconds_to_report:
        quiet()
        measure(home, opening, print)
    elif wanted.ui:
        stay(home, opening, *(other for name, other in _DEMOS.items() if name != wanted.demo))
    else:
        show(home, opening)


if __name__ == "__main__":
    sys.exit(main())
