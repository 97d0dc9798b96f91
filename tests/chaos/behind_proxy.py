"""A proxy of the chaos runs in a thread of the tests, before a server that is listening already."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from include.chaos.faults import NetworkTrouble, Script, Troubles, clear
from include.chaos.proxy import Proxy

__all__ = ["at_first", "proxied"]

_T = TypeVar("_T")


def at_first(*down: NetworkTrouble, up: tuple[NetworkTrouble, ...] = ()) -> Script:
    """The first connection has these troubles, the others none."""
    return lambda number: clear(number) if number else Troubles(iter(up), iter(down))


@contextmanager
def proxied(port: int, script: Script = clear) -> Iterator[tuple[Proxy, int]]:
    """The proxy and its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    proxy = Proxy(("127.0.0.1", port), script)
    listening = _done(loop, proxy.listen())
    try:
        yield proxy, listening.sockets[0].getsockname()[1]
    finally:
        _done(loop, _closed(listening))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _done(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run_coroutine_threadsafe(work, loop).result(10)


async def _closed(listening: asyncio.Server) -> None:
    """Ends the connections that are still there, too: each ends with one of its two ways."""
    listening.close()
    here = asyncio.current_task()
    ways = [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__name__", "") == "run"]
    for way in ways:
        way.cancel()
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not here), return_exceptions=True)
