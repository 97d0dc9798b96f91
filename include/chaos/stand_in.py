"""The stand-in for Drive or Slooh in a process of its own.

``python -m include.chaos.stand_in drive|slooh`` prints its port as a line of JSON. Each line of JSON that it
reads is an order ``{"address": its address for clients, "files": [...]}``: from then on it has these files. It ends
when its standard input is closed.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..stand_ins.drive_server import DriveFile, DriveServer, ScanWarning
from ..stand_ins.secrets import secret
from ..stand_ins.slooh_server import Picture, SloohServer
from ..stand_ins.wire import serving

__all__ = ["API_KEY"]

API_KEY: Final = secret("drive-api-key")


@dataclass(frozen=True)
class _OnDisk:
    """The content of a file, read as it is asked for."""

    path: Path
    size: int

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, span: slice) -> bytes:
        start, stop, _ = span.indices(self.size)
        with self.path.open("rb") as file:
            return os.pread(file.fileno(), max(stop - start, 0), start)


def _content(file: dict[str, Any]) -> _OnDisk:
    path = Path(file["content"])
    return _OnDisk(path, path.stat().st_size)


def _fill_drive(server: DriveServer, order: dict[str, Any]) -> None:
    server.web_host = server.download_host = order["address"]
    for file in order["files"]:
        server.add(
            DriveFile(
                file["key"],
                "data.bin",
                _content(file),
                warning=ScanWarning() if file["warned"] else None,
                announces_length=not file["chunked"],
            )
        )


def _fill_slooh(server: SloohServer, order: dict[str, Any]) -> None:
    for number, file in enumerate(order["files"]):
        picture = Picture(number, file=file["key"], kind=file["kind"])
        picture.content, picture.announces_length = _content(file), not file["chunked"]
        server.add(picture)


def _obey(server: DriveServer | SloohServer) -> None:
    with serving(server):
        print(json.dumps({"port": server.port}), flush=True)
        for line in sys.stdin:
            server.requests.clear()
            if isinstance(server, DriveServer):
                _fill_drive(server, json.loads(line))
            else:
                _fill_slooh(server, json.loads(line))
            print("{}", flush=True)


if __name__ == "__main__":
    _obey(DriveServer(api_key=API_KEY) if sys.argv[1] == "drive" else SloohServer())
