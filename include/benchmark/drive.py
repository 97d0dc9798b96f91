"""The case `drive`: data sets of Google Drive behind a stand-in whose streams are slow, as Google's are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .contestants import Arena, Check, Contestant, interrupted, python_command, python_env
from .measure import Broken
from .recordings import RECORDINGS, scaled
from .server import serve_drive

__all__ = ["DriveBench", "serving_drive"]

_COUNT = len(RECORDINGS)


@dataclass(frozen=True, slots=True)
class DriveBench:
    """Two stand-ins with the same files: one for ours, one whose pages name Google's hosts, for gdown."""

    arena: Arena
    manifest: Path
    ours_at: str
    gdown_at: str
    size: int

    def ours(self, name: str) -> Contestant:
        """Three streams at once, each file checked by its SHA-256."""
        return self._contestant(name, "datasets", self.ours_at, self._check)

    def killed(self, name: str) -> Contestant:
        """The same, killed half way and started again."""
        again = replace(self.ours(name), check=self._check_sizes)
        return interrupted(self.arena, again, (1, self.size), self.ours_at)

    def gdown(self) -> Contestant:
        """One file after the other; nothing is verified."""
        return self._contestant("gdown, one after the other", "gdown_loop", self.gdown_at, self._check_sizes)

    def _contestant(self, name: str, module: str, url: str, check: Check) -> Contestant:
        fixed = [*python_command(self.arena, module), str(self.manifest), url]
        return Contestant(name, lambda folder: [*fixed, str(folder)], check, python_env(self.arena))

    def _check(self, folder: Path, output: str) -> None:
        found = json.loads(output)
        if found["outcomes"] != {"downloaded": _COUNT} or found["assurances"] != {"sha256": _COUNT}:
            raise Broken(f"not {_COUNT} downloaded by sha256: {output}")
        self._check_sizes(folder, output)

    def _check_sizes(self, folder: Path, _: str) -> None:
        sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        if (len(sizes), sum(sizes)) != (_COUNT, self.size):
            raise Broken(f"{len(sizes)} files of {sum(sizes)} bytes are there, not {_COUNT} of {self.size}")


@contextmanager
def serving_drive(arena: Arena, speed: float, scale: float) -> Iterator[DriveBench]:
    """`speed`: bytes a second of one stream. `scale`: how large the files are, 1 for 1.4 GB. Raises Broken."""
    manifest = arena.lists / "drive.json"
    with ExitStack() as stack:
        ours, gdown = (
            stack.enter_context(serve_drive(arena.tools.python, arena.lists, manifest, (speed, scale), google=google))
            for google in (False, True)
        )
        yield DriveBench(arena, manifest, ours, gdown, sum(one.size for one in scaled(scale)))
