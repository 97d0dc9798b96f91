"""What the tests of `minio_downloader` work with: a bucket of exports, a connection to it, and an output folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dags.lab import Run, Runner
from include.stand_ins.s3_servers import S3Server

__all__ = ["FhirLab", "resources"]


def resources(kind: str, count: int) -> bytes:
    """An exported file of `count` resources."""
    return b"".join(json.dumps({"resourceType": kind, "id": f"{n}"}).encode() + b"\n" for n in range(count))


@dataclass
class FhirLab(Runner):
    server: S3Server
    bucket: str = field(init=False)

    def __post_init__(self) -> None:
        self.bucket = self.server.new_bucket()
        self.output = self.folder / "output"
        self.output.mkdir()
        self.connect()
        self.configure()

    def connect(self, **changes: Any) -> None:
        """The connection, of type generic, with `changes` to its fields; those of the extra go into `extra`."""
        host, _, port = self.server.url.removeprefix("http://").rpartition(":")
        connection = {
            "conn_type": "generic",
            "host": host,
            "port": int(port),
            "login": self.server.key,
            "password": self.server.secret,
            **changes,
            "extra": {"secure": False, **changes.get("extra", {})},
        }
        self.patch.setenv("AIRFLOW_CONN_MINIO_DEFAULT", json.dumps(connection))

    def configure(self, text: str = "", transfer: str = "attempts: 1") -> None:
        """The configuration: the location, the bucket, how files travel, and whatever else."""
        file = self.folder / "config.yaml"
        file.write_text(
            f"locations: {{minio: {self.output}}}\nminio: {{bucket: {self.bucket}}}\ntransfer: {{{transfer}}}\n{text}"
        )
        self.patch.setenv("DOWNLOADER_CONFIG", str(file))

    def upload(self, objects: Mapping[str, bytes]) -> None:
        client = self.server.client()
        for key, data in objects.items():
            client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def run(self, conf: Mapping[str, Any] | None = None, **tasks: Mapping[str, Any]) -> Run:
        """Runs `minio_downloader`."""
        return self.run_dag("minio_downloader", conf or {}, **tasks)
