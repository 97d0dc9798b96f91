"""The servers of each source, each behind its own proxy, all in processes of their own."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from ..processes import Processes, free_port
from ..stand_ins.s3_servers import S3Server
from ..stand_ins.secrets import secret
from .server_process import ServerProcess
from .source_servers import DriveSourceServer, S3SourceServer, SloohSourceServer, SourceServer
from .trial import Workspace

__all__ = ["workspaces"]

_HERE: Final = "127.0.0.1"
_KEYS: Final = ("AKIATESTONLY", secret("chaos"))


@contextmanager
def workspaces(sources: Sequence[str], work: Path, is_over: Callable[[], bool]) -> Iterator[dict[str, Workspace]]:
    """By source. Starts all processes before any thread. Raises ProgramError, RuntimeError."""
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
        """Starts a program that is not ours; returns its port once it listens."""
        port = free_port()
        self._programs.start(name, [str(word) for word in command(port)])
        self._programs.wait_until(name, lambda: _listens(port))
        return port

    def folder(self, name: str) -> Path:
        """A new one."""
        path = self._work / name
        path.mkdir()
        return path

    def server_process(self, module: str, *arguments: object) -> ServerProcess:
        """Starts a module of ours."""
        log = self._work / f"{module}.log"
        return self._stack.enter_context(ServerProcess(f"include.chaos.{module}", *arguments, log=log))

    def workspace(self, port: int, server: Callable[[str], SourceServer]) -> Workspace:
        """A proxy in front of `port`. `server` is called with its address."""
        proxy = self.server_process("proxy", _HERE, port)
        return Workspace(server(f"http://{_HERE}:{proxy.announced['port']}"), proxy, self._is_over)


def _s3(builder: _Builder) -> Workspace:
    port = builder.program("moto", lambda port: [_beside("moto_server"), "-H", _HERE, "-p", port])
    server = S3Server(f"http://{_HERE}:{port}", *_KEYS)
    return builder.workspace(port, lambda proxy: S3SourceServer(server, proxy, listed=False))


def _minio(builder: _Builder) -> Workspace:
    folder = builder.folder("buckets")
    keys = ["--auth-key", ",".join(_KEYS), "--log-level", "ERROR"]
    port = builder.program(
        "rclone",
        lambda port: [_beside("rclone"), "serve", "s3", "--config", "", "--addr", f"{_HERE}:{port}", *keys, folder],
    )
    server = S3Server(f"http://{_HERE}:{port}", *_KEYS)
    return builder.workspace(port, lambda proxy: S3SourceServer(server, proxy, listed=True))


def _drive(builder: _Builder) -> Workspace:
    stand_in = builder.server_process("stand_in", "drive")
    return builder.workspace(stand_in.announced["port"], lambda proxy: DriveSourceServer(stand_in, proxy))


def _slooh(builder: _Builder) -> Workspace:
    stand_in = builder.server_process("stand_in", "slooh")
    return builder.workspace(stand_in.announced["port"], lambda proxy: SloohSourceServer(stand_in, proxy))


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
