"""In what order a program's changes reached the disk, by its system calls as strace saw them.

A call lasts from its beginning to its end, in lines of what strace wrote. A flush counts for what had ended before it
began, and only once it has ended itself: threads do not make it look better than it was. What failed does not count.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from support.machine import require, unable

__all__ = ["Call", "Trace", "read_calls", "require_strace", "strace"]

_CHANGES: Final = frozenset(
    {"write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "truncate", "fallocate", "copy_file_range"}
    | {"sendfile", "utimensat", "chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "setxattr", "fsetxattr"}
)
_FLUSH: Final = "fsync"
_FLUSHES_ALL: Final = frozenset({"syncfs", "sync"})
_NAMES: Final = frozenset({"rename", "renameat", "renameat2", "link", "linkat"})
_FOLDERS: Final = frozenset({"mkdir", "mkdirat"})
_OPENS: Final = frozenset({"open", "openat", "openat2", "creat"})
_SEEN: Final = _CHANGES | {_FLUSH} | _FLUSHES_ALL | _NAMES | _FOLDERS | _OPENS

_LINE = re.compile(r"(\d+) +(?:(\w+)\((.*)|<\.\.\. (\w+) resumed>(.*))", re.DOTALL)
_UNFINISHED: Final = " <unfinished ...>"
_WHOLE = re.compile(r"(.*)\) += (-?\d+)(?:<(.*)>)?[^\"]*", re.DOTALL)
_WORD = re.compile(r'(?:AT_FDCWD|\b\d+)<([^>]*)>|"((?:[^"\\]|\\.)*)"')
_BY_DESCRIPTOR = re.compile(r"/proc/self/fd/(\d+)(/.*)?")


@dataclass(frozen=True, slots=True)
class Call:
    """One call that succeeded. `paths`: what it was about, absolute. `text`: what was written, as strace shows it."""

    name: str
    paths: tuple[str, ...]
    text: str
    began: int
    ended: int


def strace(output: Path) -> list[str]:
    """The command that starts another one and writes its calls to `output`."""
    wanted = ",".join(sorted(_SEEN))
    return [
        "strace",
        "-f",
        "-y",
        "-s",
        "200",
        "-e",
        "signal=none",
        "-e",
        f"trace=?{wanted.replace(',', ',?')}",
        "-o",
        str(output),
    ]


def require_strace() -> None:
    """Raises LackingError where strace is not installed, or may not trace."""
    require("strace")
    why_not = _refusal()
    if why_not:
        raise unable("the right to trace programs", why_not, "run where strace works (docker run --cap-add SYS_PTRACE)")


@cache
def _refusal() -> str:
    """Why strace cannot trace a program on this machine; ``""`` where it can."""
    tried = subprocess.run([*strace(Path(os.devnull)), "true"], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else tried.stderr.strip()[:200]


def read_calls(lines: Iterable[str]) -> list[Call]:
    """The calls in what strace wrote, in the order in which they ended."""
    return list(_Reader().read(lines))


class _Reader:
    def __init__(self) -> None:
        self._begun: dict[str, tuple[str, str, int]] = {}
        self._open: dict[str, str] = {}
        """What lies behind each descriptor."""

    def read(self, lines: Iterable[str]) -> Iterator[Call]:
        for number, line in enumerate(lines):
            found = _LINE.fullmatch(line.rstrip("\n"))
            if found is None:
                continue
            thread, name, rest, again, tail = found.groups()
            began = number
            if again is not None:
                name, rest, began = self._begun.pop(thread)
                rest += tail
            if rest.endswith(_UNFINISHED):
                self._begun[thread] = name, rest.removesuffix(_UNFINISHED), began
            elif (whole := _WHOLE.fullmatch(rest)) and not whole[2].startswith("-"):
                yield from self._ended(Call(name, (), whole[1], began, number), whole)

    def _ended(self, call: Call, whole: re.Match[str]) -> Iterator[Call]:
        if call.name in _OPENS:
            self._open[whole[2]] = whole[3] or ""
        else:
            paths = tuple(self._paths(call.name, whole[1]))
            yield Call(call.name, paths, whole[1], call.began, call.ended)

    def _paths(self, name: str, arguments: str) -> Iterator[str]:
        """A descriptor's path; that of a name, below the descriptor before it where it is relative."""
        folder = ""
        words = [next(_WORD.finditer(arguments), None)] if "write" in name else list(_WORD.finditer(arguments))
        for word, following in zip(words, [*words[1:], None], strict=True):
            if word is None:
                continue
            if word[1] is None:
                yield self._named(os.path.join(folder, word[2]))
            elif following is None or following[1] is not None:
                yield word[1]
            folder = word[1] or ""

    def _named(self, path: str) -> str:
        found = _BY_DESCRIPTOR.fullmatch(path)
        return self._open[found[1]] + (found[2] or "") if found else path


@dataclass(slots=True)
class Trace:
    """The calls of a program that wrote below `root`, which lies on one file system."""

    calls: Sequence[Call]
    root: str
    _changed: dict[str, int] = field(default_factory=dict)
    _named: dict[str, Call] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for call in self.calls:
            if call.name in _CHANGES:
                self._changed |= dict.fromkeys(call.paths, call.ended)
            elif call.name in _NAMES:
                self._named[call.paths[-1]] = call

    def naming(self, final: str) -> Call | None:
        """The call that gave `final` its name the last time."""
        return self._named.get(final)

    def told(self, path: str) -> dict[str, Call]:
        """Line -> the call that wrote it to the file `path`, a line a call."""
        calls = (call for call in self.calls if "write" in call.name and path in call.paths)
        return {_WORD.findall(call.text)[1][1].removesuffix("\\n"): call for call in calls}

    def problems(self, final: str, told: Call) -> list[str]:
        """What a power cut right behind `told` could take away of a file that was brought to `final`."""
        naming = self.naming(final)
        if naming is None:
            return [f"{final}: no call gave it its name"]
        found = []
        changed = max(self._changed.get(path, -1) for path in (naming.paths[0], final))
        if not self.is_flushed(naming.paths[0], changed, naming.began):
            found.append(f"{final}: it got its name before its bytes were flushed")
        if not self.is_flushed(os.path.dirname(final), naming.ended, told.began):
            found.append(f"{final}: it was reported as OK before its name was flushed")
        made = [call for call in self.calls if call.name in _FOLDERS and final.startswith(f"{call.paths[0]}/")]
        return found + [
            f"{final}: it was reported as OK before the name of {call.paths[0]} was flushed"
            for call in made
            if not self.is_flushed(os.path.dirname(call.paths[0]), call.ended, told.began)
        ]

    def problems_of_found(self, final: str, told: Call) -> list[str]:
        """The same of a file that lay there before."""
        both = (final, os.path.dirname(final))
        flushed = all(self.is_flushed(path, -1, told.began) for path in both)
        return [] if flushed else [f"{final}: it was found, and reported as OK before it was flushed"]

    def is_flushed(self, path: str, after: int, before: int) -> bool:
        """Whether `path`, by itself or with its file system, was flushed behind line `after`, and ahead of `before`."""
        return any(
            after < call.began and call.ended < before and self._covers(call, path)
            for call in self.calls
            if call.name == _FLUSH or call.name in _FLUSHES_ALL
        )

    def _covers(self, call: Call, path: str) -> bool:
        if call.name == _FLUSH:
            return path in call.paths
        return not call.paths or f"{call.paths[0]}/".startswith(f"{self.root}/")
