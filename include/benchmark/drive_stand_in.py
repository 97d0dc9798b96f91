"""The stand-in for Google Drive of the case `drive`, as a process: its streams are limited in speed.

    python -m include.benchmark.drive_stand_in PORT SPEED SCALE MANIFEST [--google]

`SPEED` is that of each stream, in bytes a second. It writes the manifest of its files, checksums included, if there
is none, and serves. ``/sent`` answers how many bytes of files it has sent. With ``--google`` its pages link to
Google's own hosts, which a client has to map back to the stand-in.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..stand_ins.contents import Generated, digest
from ..stand_ins.drive_server import DriveFile, DriveServer, ScanWarning, file_id
from ..stand_ins.wire import Answer, Request, serve_until_ended
from .counted import SENT, Counted, sent_of
from .recordings import Recording, scaled

_GOOGLE = ("https://drive.google.com", "https://drive.usercontent.google.com")


class CountingDrive(DriveServer):
    """Counts what is sent of its files."""

    def fill(self, recordings: list[Recording]) -> None:
        """Takes the files."""
        self.counted = [Counted(Generated(one.size, one.seed)) for one in recordings]
        for one, content in zip(recordings, self.counted, strict=True):
            warning = ScanWarning() if one.warned else None
            self.add(DriveFile(_id(one), _name(one), content, warning=warning))

    def take(self, request: Request) -> Answer:
        """What `request` gets."""
        return sent_of(self.counted) if request.path == SENT else super().take(request)


def _name(one: Recording) -> str:
    return one.path.rpartition("/")[2]


def _id(one: Recording) -> str:
    return file_id(_name(one).replace(".", "_"))


def entry(one: Recording) -> dict[str, Any]:
    """Of a manifest."""
    sha256 = digest(Generated(one.size, one.seed), "sha256")
    return {"id": _id(one), "name": _name(one), "path": one.path, "size": one.size, "sha256": sha256}


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("speed", type=float)
    parser.add_argument("scale", type=float)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--google", action="store_true")
    asked = parser.parse_args()
    drive = CountingDrive(port=asked.port, speed=asked.speed)
    if asked.google:
        drive.web_host, drive.download_host = _GOOGLE
    recordings = scaled(asked.scale)
    drive.fill(recordings)
    if not asked.manifest.exists():
        manifest = {"version": "1.0", "datasets": [entry(one) for one in recordings]}
        asked.manifest.write_text(json.dumps(manifest), encoding="utf-8")
    serve_until_ended(drive)


if __name__ == "__main__":
    main()
