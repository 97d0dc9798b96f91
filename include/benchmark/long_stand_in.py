"""The server of the case `long`, as a process: its object's bytes are made when they are requested, so that neither
memory nor disk holds them.

    python -m include.benchmark.long_stand_in PORT SIZE SPEED RECORD

No two blocks of the object are alike: a range in a wrong place has another checksum. `SPEED` is that of each answer, in
bytes a second; 0: no limit. `RECORD` is written before it serves: the file in the shape of a catalogue's
`file_info`, by its MD5. ``/sent`` answers how many bytes it has sent.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from ..stand_ins import wire
from ..stand_ins.contents import Generated, digest
from ..stand_ins.object_server import ObjectServer
from ..stand_ins.wire import Answer, limited, serve_until_ended
from .counted import SENT, Counted, sent_of
from .objects import BUCKET, LARGE

_MODIFIED = "Sun, 04 Feb 2024 14:30:22 GMT"


@dataclass
class LongServer(ObjectServer):
    """Has one object, and counts what is sent of it. `speed`: that of each answer."""

    bucket: str = BUCKET
    speed: float = 0.0

    def hold(self, size: int) -> str:
        """Makes the object. Returns its MD5."""
        content = Generated(size)
        self.counted = Counted(content)
        md5 = digest(content, "md5")
        self.put(f"long/{LARGE}", self.counted, ETag=f'"{md5}"', Last_Modified=_MODIFIED)
        return md5

    def take(self, request: wire.Request) -> Answer:
        """What `request` gets. There are no listings: a folder is a 404, as `server` expects."""
        if request.path == SENT:
            return sent_of([self.counted])
        return limited(self.speed)(super().take(request)) if request.path.endswith(LARGE) else Answer(404, {})


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("size", type=int)
    parser.add_argument("speed", type=float)
    parser.add_argument("record", type=Path)
    asked = parser.parse_args()
    server = LongServer(port=asked.port, speed=asked.speed)
    md5 = server.hold(asked.size)
    asked.record.write_text(json.dumps({LARGE: [asked.size, md5]}), encoding="utf-8")
    serve_until_ended(server)


if __name__ == "__main__":
    main()
