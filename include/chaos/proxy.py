"""A TCP proxy with scripted faults at given bytes. It knows nothing of HTTP.

``python -m include.chaos.proxy HOST PORT`` runs one as a process. It prints its port as a line of JSON; then it reads
orders as lines of JSON, each the fields of a `Weather` or null for none, and answers each with what happened since the
one before: ``{"faults": {...}, "sent": bytes to the clients}``. It ends when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from .faults import Fault, NetworkTrouble, Script, Weather, clear, drawn

__all__ = ["Proxy"]

_PIECE = 64 * 1024
_TAIL = 64 * 1024
"""Bytes that are kept, to be repeated."""
_TRICKLE = 512
_DROP = 0.01
"""Seconds between two pieces of a trickle."""


class Proxy:
    """Forwards connections to `server`, a host and port, with the troubles of `script`."""

    def __init__(self, server: tuple[str, int], script: Script = clear) -> None:
        self._server = server
        self._connections = 0
        self.script = script
        """The troubles of connections made from now on."""
        self.faults: Counter[Fault] = Counter()
        """What has happened so far."""
        self.sent = 0
        """Bytes to the clients so far."""

    async def listen(self) -> asyncio.Server:
        """Listens at a free port of this machine."""
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_PIECE)

    def begin(self, script: Script) -> None:
        """Connections made from now on are numbered from 0 again and follow `script`."""
        self._connections, self.script = 0, script

    def count_fault(self, fault: Fault) -> None:
        """Counts a fault that has happened."""
        self.faults[fault] += 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        troubles = self.script(self._connections)
        self._connections += 1
        far = None
        reset = False
        try:
            far_reader, far = await asyncio.open_connection(*self._server, limit=_PIECE)
            up = _Way(self, far, troubles.up)
            down = _Way(self, writer, troubles.down)
            reset = await _until_one_ends(up.run(reader), down.run(far_reader, counted=True))
        except OSError:
            reset = True
        finally:
            if far is not None:
                far.transport.abort()
            _end(writer, reset=reset)


async def _until_one_ends(*ways: object) -> bool:
    """Runs both directions until one of them ends. Returns whether the client is to see a reset."""
    tasks = [asyncio.ensure_future(way) for way in ways]  # type: ignore[call-overload]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    return any(not task.cancelled() and isinstance(task.exception(), _Reset) for task in done)


def _end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    """Ends the client's connection: with a reset, or normally after what was sent."""
    if reset:
        client = writer.get_extra_info("socket")
        with suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()


class _Cut(Exception):
    """The connection ends here."""


class _Reset(_Cut):
    """With a reset."""


class _Way:
    """One direction of one connection."""

    def __init__(self, proxy: Proxy, writer: asyncio.StreamWriter, troubles: Iterator[NetworkTrouble]) -> None:
        self._proxy = proxy
        self._writer = writer
        self._troubles = troubles
        self._next = next(troubles, None)
        self._passed = 0
        self._tail = b""
        self._counted = False

    async def run(self, reader: asyncio.StreamReader, *, counted: bool = False) -> None:
        """Returns at the end of the stream. Raises OSError, _Cut, _Reset."""
        self._counted = counted
        while data := await reader.read(_PIECE):
            while (trouble := self._due(data)) is not None:
                before, data = self._split(data, trouble)
                await self._pass(before)
                self._next = next(self._troubles, None)
                self._proxy.count_fault(trouble.fault)
                data = await self._suffer(trouble, data, reader)
            await self._pass(data)

    def _due(self, data: bytes) -> NetworkTrouble | None:
        """The trouble that falls on one of these bytes."""
        trouble = self._next
        return trouble if trouble is not None and trouble.at < self._passed + len(data) else None

    def _split(self, data: bytes, trouble: NetworkTrouble) -> tuple[bytes, bytes]:
        here = max(trouble.at - self._passed, 0)
        return data[:here], data[here:]

    async def _pass(self, data: bytes) -> None:
        if data:
            self._passed += len(data)
            self._tail = (self._tail + data)[-_TAIL:]
            await self._send(data)

    async def _send(self, data: bytes) -> None:
        self._writer.write(data)
        self._proxy.sent += len(data) if self._counted else 0
        await self._writer.drain()

    async def _suffer(self, trouble: NetworkTrouble, data: bytes, reader: asyncio.StreamReader) -> bytes:
        """Lets the trouble happen at the first of `data`. Returns the bytes still to be sent."""
        match trouble.fault:
            case Fault.CUT:
                raise _Cut
            case Fault.RESET:
                raise _Reset
            case Fault.STALL:
                await self._stand_still(reader)
            case Fault.FLIP:
                return bytes([data[0] ^ 1 << trouble.amount]) + data[1:]
            case Fault.REPEAT:
                await self._send(self._tail[-trouble.amount :] if trouble.amount else b"")
            case Fault.SLOW:
                return await self._trickle(data, trouble.amount)
        return data

    async def _stand_still(self, reader: asyncio.StreamReader) -> None:
        """Until the client has closed the connection, which only the way to the server sees."""
        if self._counted:
            await asyncio.Event().wait()
        while await reader.read(_PIECE):
            pass
        raise _Cut

    async def _trickle(self, data: bytes, amount: int) -> bytes:
        slow, rest = data[:amount], data[amount:]
        for at in range(0, len(slow), _TRICKLE):
            await self._pass(slow[at : at + _TRICKLE])
            await asyncio.sleep(_DROP)
        return rest


async def _obey(proxy: Proxy) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        passed = {"faults": proxy.faults, "sent": proxy.sent}
        print(json.dumps(passed), flush=True)
        proxy.faults, proxy.sent = Counter(), 0
        proxy.begin(clear if order is None else drawn(Weather.of(order)))


async def _main(host: str, port: int) -> None:
    proxy = Proxy((host, port))
    server = await proxy.listen()
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await _obey(proxy)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
