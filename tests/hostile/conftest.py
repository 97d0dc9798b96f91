"""One server for each module that asks for it, and a wall around the modules that say so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.fast_folder import tmp_path
from support.hostile_server import HostileServer, hostile, walled

__all__ = ["server", "tmp_path", "tried"]


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with hostile() as found:
        yield found


@pytest.fixture(scope="module")
def tried(server: HostileServer) -> Iterator[set[tuple[str, int]]]:
    """All that a connection was tried to; none but those to the server come through."""
    with walled(server) as found:
        yield found
