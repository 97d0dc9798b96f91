"""What the tests of `slooh_images` work with: a stand-in for Slooh, a connection to it, and an output folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dags.lab import Run, Runner
from include.stand_ins.slooh_server import Picture, SloohServer

__all__ = ["HOME", "SloohLab"]

HOME = "IC434/Canary One/Pictures/Canary One_"
"""Where the usual templates put the usual pictures."""


@dataclass
class SloohLab(Runner):
    slooh: SloohServer

    def __post_init__(self) -> None:
        self.output = self.folder / "output"
        self.output.mkdir()
        self.connect()
        self.configure()

    def connect(self, **changes: Any) -> None:
        """The connection, with `changes` to its fields."""
        connection = {
            "conn_type": "http",
            "host": self.slooh.url,
            "login": self.slooh.member.username,
            "password": self.slooh.member.password,
            **changes,
        }
        self.patch.setenv("AIRFLOW_CONN_SLOOH_DEFAULT", json.dumps(connection))

    def configure(self, slooh: str = "", limits: str = "rate_limit: 0, max_retries: 0, retry_delay: 0") -> None:
        """The configuration: the location, the limits, and whatever else of the section."""
        file = self.folder / "config.yaml"
        section = f"{limits}, {slooh}" if slooh else limits
        file.write_text(f"locations: {{slooh: {self.output}}}\nslooh: {{{section}}}\n")
        self.patch.setenv("DOWNLOADER_CONFIG", str(file))

    def add(self, *numbers: int, **more: Any) -> None:
        """Pictures whose files are called ``1.png`` and so on, unless `more` says otherwise."""
        self.slooh.add(*(Picture(number, **{"file": f"{number}.png", **more}) for number in numbers))

    def run(self, conf: Mapping[str, Any] | None = None, **tasks: Mapping[str, Any]) -> Run:
        """Runs `slooh_images`."""
        return self.run_dag("slooh_images", conf or {}, **tasks)

    def brought(self, run: Run) -> dict[str, str]:
        """Outcome and message by the file's own name, where the usual templates are used."""
        return {name.rpartition("_")[2]: line for name, line in run.lines("").items()}
