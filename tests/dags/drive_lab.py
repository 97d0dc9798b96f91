"""What the tests of `drive_datasets` work with: a stand-in for Google Drive, a manifest, and an output folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dags.lab import Run, Runner
from include.stand_ins.drive_server import DriveFile, DriveServer, file_id

__all__ = ["DriveLab"]


@dataclass
class DriveLab(Runner):
    drive: DriveServer
    entries: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.output = self.folder / "output"
        self.output.mkdir()
        self.manifest = self.folder / "lists" / "cameras.json"
        self.manifest.parent.mkdir()
        self.configure()

    def configure(self, text: str = "", drive: str = "max_retries: 1, retry_delay: 0") -> None:
        """The configuration: the location, Drive's addresses, and whatever else."""
        file = self.folder / "config.yaml"
        drives = self.drive
        addresses = f"web_url: '{drives.web_url}', download_url: '{drives.download_url}', api_url: '{drives.api_url}'"
        file.write_text(
            f"locations: {{datasets: {self.output}}}\n"
            f"drive: {{manifest: {self.manifest}, {addresses}, {drive}}}\n{text}"
        )
        self.patch.setenv("DOWNLOADER_CONFIG", str(file))

    def add(self, name: str, data: bytes, entry: Mapping[str, Any] | None = None, **quirks: Any) -> DriveFile:
        """A file in Drive and in the manifest. `entry`: what the manifest says otherwise."""
        held = self.drive.add(DriveFile(file_id(name.replace(".", "").replace("/", "-")), name, data, **quirks))
        self.entries.append(
            {
                "id": held.id,
                "name": name.rpartition("/")[2],
                "path": name,
                "size": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                **(entry or {}),
            }
        )
        self.write_manifest()
        return held

    def write_manifest(self, **changes: Any) -> None:
        head = {"version": "1.0", "source": "https://drive.google.com/drive/folders/1abc", "generated": "2026-02-07"}
        self.manifest.write_text(json.dumps({**head, "datasets": self.entries, **changes}))

    def use_key(self, key: str = "") -> None:
        """A connection with an API key: the server's own, or another."""
        connection = {"conn_type": "generic", "password": key or self.drive.api_key}
        self.patch.setenv("AIRFLOW_CONN_GOOGLE_DRIVE_DEFAULT", json.dumps(connection))

    def run(self, conf: Mapping[str, Any] | None = None, **tasks: Mapping[str, Any]) -> Run:
        """Runs `drive_datasets`."""
        return self.run_dag("drive_datasets", conf or {}, **tasks)
