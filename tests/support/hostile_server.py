"""A server that sends bytes as they are scripted, whatever HTTP says of them, and a wall that no request gets past.

The stand-ins of `wire` answer as servers do, and break as networks do. This one lies: its heads and bodies are bytes
that a test wrote, so that each of them really passes through the clients.
"""

from __future__ import annotations

import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from urllib3.util import connection

__all__ = ["HOLD", "HostileServer", "answer", "hostile", "walled"]

HOLD: Final = b"\0hold"
"""In a script: nothing more comes, and the connection stays until the client lets go of it."""
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_PATIENCE: Final = 20.0
"""Seconds for which a client may keep the server waiting: more than any that behaves does."""

Played = bytes | Iterable[bytes]


def answer(head: bytes, body: bytes = b"", status: bytes = b"200 OK") -> bytes:
    """An answer: `head` are its header lines, each with its line's end."""
    return b"HTTP/1.1 " + status + b"\r\n" + head + b"\r\n" + body


@dataclass
class HostileServer:
    """One exchange a connection, one connection after the other."""

    port: int = 0
    received: list[bytes] = field(default_factory=list)
    """The requests as they came, bodies included."""
    sent: int = 0
    """Bytes of the last answer that were taken off it: of one that never ends, all that the client had patience for."""
    otherwise: Callable[[bytes], Played] = lambda request: answer(b"Content-Length: 0\r\n", status=b"404 Not Found")
    """What is played once the script is empty."""

    def __post_init__(self) -> None:
        self._script: deque[Played] = deque()
        self._listening = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self._listening.getsockname()[1]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def play(self, *answers: Played) -> None:
        """Puts `answers` in place of what is still scripted, and forgets what was received."""
        self._script = deque(answers)
        self.received = []
        self.sent = 0

    def idle(self) -> None:
        """Returns once the last exchange is over: the next connection is taken only then."""
        with socket.create_connection(("127.0.0.1", self.port), _PATIENCE) as knocking:
            knocking.shutdown(socket.SHUT_WR)
            knocking.recv(1)

    def close(self) -> None:
        """Ends it."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def run(self) -> None:
        """Serves until it is closed."""
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with client, suppress(OSError):
                client.settimeout(_PATIENCE)
                self._exchange(client)

    def _exchange(self, client: socket.socket) -> None:
        request = _request(client)
        if not request:
            return
        self.received.append(request)
        played = self._script.popleft() if self._script else self.otherwise(request)
        self.sent = 0
        for piece in [played] if isinstance(played, bytes) else played:
            if piece is HOLD:
                client.recv(1)
                return
            client.sendall(piece)
            self.sent += len(piece)


def _request(client: socket.socket) -> bytes:
    """A request with its body; nothing where none came."""
    came = b""
    while b"\r\n\r\n" not in came:
        piece = client.recv(65536)
        if not piece:
            return b""
        came += piece
    found = _LENGTH.search(came)
    whole = came.index(b"\r\n\r\n") + 4 + (int(found[1]) if found else 0)
    while len(came) < whole and (piece := client.recv(65536)):
        came += piece
    return came


@contextmanager
def hostile() -> Iterator[HostileServer]:
    """A server, serving."""
    server = HostileServer()
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(_PATIENCE)


@contextmanager
def walled(*servers: HostileServer) -> Iterator[set[tuple[str, int]]]:
    """Lets requests reach `servers` alone. Yields the hosts and ports that connections were tried to."""
    tried: set[tuple[str, int]] = set()
    through = {server.port for server in servers}
    connect = connection.create_connection

    def connected(address: tuple[str, int], *args: Any, **more: Any) -> socket.socket:
        tried.add(address)
        if address[0] in {"127.0.0.1", "localhost"} and address[1] in through:
            return connect(("127.0.0.1", address[1]), *args, **more)
        raise ConnectionRefusedError("the wall")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "create_connection", connected)
        yield tried
