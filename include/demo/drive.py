"""The demo of `drive_datasets`: a stand-in for Google Drive on this machine, with a dozen recordings of cameras."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from ..stand_ins.drive_server import DriveFile, DriveServer, ScanWarning, file_id, quota_exceeded, serving
from .home import Home, make_folder
from .local_copies import Here, lay_out
from .screen import say
from .showing import Act, Demo

__all__ = ["RECORDINGS", "manifest_of", "opened"]

_DAG: Final = "drive_datasets"
_MIB: Final = 1024 * 1024
_SPEED: Final = 4 * _MIB
"""Bytes a second of one stream: three at once are seen to be three times as fast."""
_NAME: Final = "datasets"
"""The manifest's, as that of the one that is shipped: its content is the same."""
_FORM: Final = """All fields may stay as they are. Worth a try:

       Dry run                lists every file in the log of validate
       Only these data sets   fan/*
       Streams at once        1, to see what the other two gain
"""


@dataclass(frozen=True, slots=True)
class Recording:
    """One file of the folder. `warned`: whether the virus-scan warning stands before it."""

    path: str
    size: int
    warned: bool = False
    here: Here | None = None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def id(self) -> str:
        """At Google Drive."""
        return file_id(self.name.replace(".", "_"))

    def content(self) -> bytes:
        """Its bytes, the same in each demo."""
        return random.Random(self.path).randbytes(self.size)


_WANTED_BY_ALL: Final = Recording("city/hong_kong_city.glb", 3 * _MIB, warned=True)
RECORDINGS: Final = (
    Recording("fan/fan_const_rpm.dat", 5 * _MIB, warned=True),
    Recording("fan/fan_varying_rpm.dat", 6 * _MIB, warned=True, here=Here.HALF),
    Recording("fan/fan_varying_rpm_turning.dat", 4 * _MIB, warned=True),
    Recording("drone_idle/drone_idle.dat", 4 * _MIB, here=Here.DAMAGED),
    Recording("drone_moving/drone_moving.dat", 5 * _MIB, warned=True),
    Recording("fred-0/events/cam0.raw", 3 * _MIB),
    Recording("fred-0/events/cam1.raw", 3 * _MIB),
    Recording("fred-0/frames.zip", 2 * _MIB, here=Here.WHOLE),
    Recording("fred-0/labels.csv", 40_000),
    Recording("README.html", 9_000),
    Recording("calibration.json", 2_000),
    _WANTED_BY_ALL,
)
_SMALL: Final = Recording("labels.csv", 40_000)


@dataclass
class _Drive:
    """What the demo puts into the server, and where the files go."""

    server: DriveServer
    folder: Path
    manifest: Path
    recordings: Sequence[Recording]

    def fill(self) -> None:
        """Puts the recordings into Drive and into the manifest, and what is here already onto the disk."""
        say("Filling the stand-in for Google Drive, writing the manifest ...")
        for recording in self.recordings:
            self._add(recording, busy=recording is _WANTED_BY_ALL)
            if recording.here:
                lay_out(self.folder / recording.path, recording.content(), recording.here)
        (self.folder / _WANTED_BY_ALL.path).unlink(missing_ok=True)
        self.manifest.write_text(json.dumps(manifest_of(self.recordings), indent=2), encoding="utf-8")

    def next_day(self) -> None:
        """Allows the download of the file again."""
        say("The next day: Google Drive allows the download of the file again ...")
        self._add(_WANTED_BY_ALL, busy=False)

    def _add(self, recording: Recording, *, busy: bool) -> None:
        mime = "text/html" if recording.name.endswith(".html") else "application/octet-stream"
        held = DriveFile(
            recording.id,
            recording.name,
            recording.content(),
            mime,
            warning=ScanWarning() if recording.warned else None,
            problem=quota_exceeded() if busy else None,
        )
        self.server.add(held)


def manifest_of(recordings: Sequence[Recording]) -> dict[str, Any]:
    """The manifest that lists them."""
    entries = [
        {
            "id": recording.id,
            "name": recording.name,
            "path": recording.path,
            "size": recording.size,
            "sha256": hashlib.sha256(recording.content()).hexdigest(),
        }
        for recording in recordings
    ]
    source = f"https://drive.google.com/drive/folders/{file_id('example_of_the_demo')}"
    return {"version": "1.0", "source": source, "generated": "2026-11-28", "datasets": entries}


@contextmanager
def opened(home: Home, *, small: bool = False) -> Iterator[Demo]:
    """The demo (see `showing.Opening`)."""
    folder = home.folder / "datasets"
    make_folder(folder, "set DEMO_HOME to a folder of yours")
    recordings = (_SMALL,) if small else RECORDINGS
    with serving(DriveServer(speed=0 if small else _SPEED)) as server:
        say(f"The stand-in for Google Drive listens at {server.url}")
        drive = _Drive(server, folder, home.folder / f"{_NAME}.json", recordings)
        yield Demo(
            dag_id=_DAG,
            variables={},
            settings=_settings(drive),
            set_out=drive.fill,
            acts=[_small(folder)] if small else _acts(drive),
            form=_FORM,
            places={"Files and reports": folder, "Manifest": drive.manifest},
            again="Run it again: correct files are skipped; the damaged and the half file are prepared again.\n"
            "See it in the browser: bash include/demo.sh drive --ui",
            servers="Airflow and the stand-in",
        )


def _settings(drive: _Drive) -> dict[str, dict[str, str]]:
    server = drive.server
    return {
        "locations": {"datasets": str(drive.folder)},
        "drive": {
            "manifest": str(drive.manifest),
            "web_url": server.web_url,
            "download_url": server.download_url,
            "api_url": server.api_url,
        },
    }


def _acts(drive: _Drive) -> list[Act]:
    act = partial(Act, reports=drive.folder, report_id=_NAME)
    return [
        act(
            f"{len(RECORDINGS)} recordings, 3 at a time; one complete, one damaged, one half there, one refused today",
            {},
            shows_by_failing="a file that Google Drive refuses today is reported, and the others are downloaded",
        ),
        act("The next day: only that file is downloaded", {}, before=drive.next_day),
    ]


def _small(folder: Path) -> Act:
    return Act("One small file", {}, folder, _NAME, brings=[folder / _SMALL.path])
