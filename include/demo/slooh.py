"""The demo of `slooh_images`: a stand-in for Slooh on this machine, with the pictures of one astronomer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from ..stand_ins.pictures import png
from ..stand_ins.slooh_server import Frame, Picture, SloohServer, serving
from ..stand_ins.wire import shorter
from .home import Home, make_folder
from .screen import say
from .showing import Act, Demo

__all__ = ["opened"]

_DAG: Final = "slooh_images"
_OBJECTS: Final = (
    ("Horsehead Nebula (IC 434)", "Canary One"),
    ("Andromeda Galaxy (M31)", "Canary Two"),
    ("Eta Carinae Nebula (NGC 3372)", "Chile One"),
    ("Orion Nebula (M42)", "Australia One"),
)
_PICTURES: Final = 16
_NEW: Final = _PICTURES + 1
_CUT: Final = 5
"""The picture that is truncated on its first download."""
_ELSEWHERE: Final = 9
"""The picture whose address is on another host at first."""
_MISSION: Final = 4711
_FORM: Final = """All fields may stay as they are. Worth a try:

       Which pictures                  all
       Include raw FITS frames         downloads those of the missions too
       Only these objects              M31
"""


@dataclass
class _Slooh:
    """What the demo puts into the account, and where the pictures go."""

    server: SloohServer
    folder: Path
    pictures: int
    elsewhere: dict[str, object] = field(default_factory=dict)
    """The row of the picture whose address is on another host."""

    def fill(self) -> None:
        """Puts the pictures into the account."""
        say("Filling the account at the stand-in for Slooh ...")
        self.server.add(*(self._picture(number) for number in range(1, self.pictures + 1)))
        self.server.add_frames(*self._frames())
        self.server.script(_name(_CUT), shorter(len(png(96, 96, seed=_CUT)) // 2))

    def next_night(self) -> None:
        """A new picture, and the one that was elsewhere is where it belongs."""
        say("The next night: one new picture, and the one on another host has moved to Slooh's own ...")
        self.elsewhere.pop("imageDownloadURL", None)
        self.server.add(self._picture(_NEW))

    def _picture(self, number: int) -> Picture:
        title, telescope = _OBJECTS[number % len(_OBJECTS)]
        row: dict[str, object] = {
            "imageTitle": title,
            "telescopeName": telescope,
            "instrumentName": f"{telescope} Wide Field",
            "displayDate": f"Feb. {number}, 2026",
            "displayTime": "20:15:30 UTC",
        }
        if number == _ELSEWHERE:
            self.elsewhere = row
            row["imageDownloadURL"] = f"https://pictures.example.org/{_name(number)}"
        return Picture(number, _MISSION, row, file=_name(number), content=png(96, 96, seed=number))

    def _frames(self) -> Iterator[Frame]:
        for number in range(1, 4):
            yield Frame(1000 + number, _MISSION)


def _name(number: int) -> str:
    return f"picture_202602{number:02d}_lrgb.png"


@contextmanager
def opened(home: Home, *, small: bool = False) -> Iterator[Demo]:
    """The demo (see `showing.Opening`)."""
    folder = home.folder / "slooh"
    make_folder(folder, "set DEMO_HOME to a folder of yours")
    with serving(SloohServer()) as server:
        say(f"The stand-in for Slooh listens at {server.url}")
        slooh = _Slooh(server, folder, 1 if small else _PICTURES)
        yield Demo(
            dag_id=_DAG,
            variables=_connection(slooh),
            # With Slooh's own limit the demo would take minutes; the stand-in allows more.
            settings={
                "locations": {"slooh": str(folder)},
                "slooh": {"rate_limit": 600, "max_retries": 1, "retry_delay": 0.5},
            },
            set_out=slooh.fill,
            acts=[_small(folder)] if small else _acts(slooh),
            form=_FORM,
            places={"Files and reports": folder},
            again="Run it again: pictures that an earlier report lists as OK are not downloaded again.\n"
            "See it in the browser: bash include/demo.sh slooh --ui",
            servers="Airflow and the stand-in",
        )


def _connection(slooh: _Slooh) -> Mapping[str, str]:
    member = slooh.server.member
    connection = {
        "conn_type": "http",
        "host": slooh.server.url,
        "login": member.username,
        "password": member.password,
    }
    return {"AIRFLOW_CONN_SLOOH_DEFAULT": json.dumps(connection)}


def _acts(slooh: _Slooh) -> list[Act]:
    act = partial(Act, reports=slooh.folder, report_id="slooh")
    return [
        act(
            f"{_PICTURES} pictures of four objects; one is truncated at first, one has an address on another host",
            {"select": "all"},
            shows_by_failing="a picture on a host that is not Slooh's is refused, and the others are downloaded",
        ),
        act("The next night: the new picture and the refused one are downloaded", {}, before=slooh.next_night),
        act("The raw FITS frames of one object as well", {"select": "all", "objects": ["M31"], "include_fits": True}),
    ]


def _small(folder: Path) -> Act:
    return Act("One picture", {"select": "all"}, folder, "slooh")
