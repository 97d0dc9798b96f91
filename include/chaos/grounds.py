"""The servers of each source, each behind a proxy of its own, all in processes of their own."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from ..demo.processes import Processes, free_port
from ..stand_ins.secrets import secret
from ..stand_ins.servers import S3Server
from .servant import Servant
from .shelves import BucketShelf, DriveShelf, Shelf, SloohShelf
from .trial import Ground

__all__ = ["grounds"]

_HERE: Final = "127.0.0.1"
_KEYS: Final = ("AKIATESTONLY", secret("chaos"))


@contextmanager
def grounds(sources: Sequence[str], work: Path, is_over: Callable[[], bool]) -> Iterator[dict[str, Ground]]:
    """By source. Starts no threads before all processes have been started. Raises Trouble, RuntimeError."""
    with ExitStack() as stack:
        programs = stack.enter_context(Processes(work, _environment()))
        yield {source: _MAKERS[source](_Builder(work, programs, stack, is_over)) for source in sources}


class _Builder:
    """Starts what one source needs."""

    def __init__(self, work: Path, programs: Processes, stack: ExitStack, is_over: Callable[[], bool]) -> None:
        self._work = work
        self._programs = programs
        self._stack = stack
        self._is_over = is_over

    def program(self, name: str, command: Callable[[int], list[object]]) -> int:
        """The port of a program that is not ours, once it listens there."""
        port = free_port()
        self._programs.start(name, [str(word) for word in command(port)])
        self._programs.wait_until(name, lambda: _listens(port))
        return port

    def folder(self, name: str) -> Path:
        """A new one."""
        path = self._work / name
        path.mkdir()
        return path

    def servant(self, module: str, *arguments: object) -> Servant:
        """A program of ours."""
        log = self._work / f"{module}.log"
        return self._stack.enter_context(Servant(f"include.chaos.{module}", *arguments, log=log))

    def ground(self, port: int, shelf: Callable[[str], Shelf]) -> Ground:
        """A proxy before `port`; the shelf is told its address."""
        proxy = self.servant("proxy", _HERE, port)
        return Ground(shelf(f"http://{_HERE}:{proxy.said['port']}"), proxy, self._is_over)


def _s3(builder: _Builder) -> Ground:
    port = builder.program("moto", lambda port: [_beside("moto_server"), "-H", _HERE, "-p", port])
    server = S3Server(f"http://{_HERE}:{port}", *_KEYS)
    return builder.ground(port, lambda proxy: BucketShelf(server, proxy, listed=False))


def _minio(builder: _Builder) -> Ground:
    folder = builder.folder("buckets")
    keys = ["--auth-key", ",".join(_KEYS), "--log-level", "ERROR"]
    port = builder.program(
        "rclone",
        lambda port: [_beside("rclone"), "serve", "s3", "--config", "", "--addr", f"{_HERE}:{port}", *keys, folder],
    )
    server = S3Server(f"http://{_HERE}:{port}", *_KEYS)
    return builder.ground(port, lambda proxy: BucketShelf(server, proxy, listed=True))


def _drive(builder: _Builder) -> Ground:
    stand_in = builder.servant("stand_in", "drive")
    return builder.ground(stand_in.said["port"], lambda proxy: DriveShelf(stand_in, proxy))


def _slooh(builder: _Builder) -> Ground:
    stand_in = builder.servant("stand_in", "slooh")
    return builder.ground(stand_in.said["port"], lambda proxy: SloohShelf(stand_in, proxy))


_MAKERS: Final = {"s3": _s3, "minio": _minio, "drive": _drive, "slooh": _slooh}


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def _beside(program: str) -> Path:
    """A program of the same installation."""
    return Path(sys.executable).with_name(program)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((_HERE, port), timeout=1).close()
    except OSError:
        return False
    return True
