"""What a run of `drive_datasets` was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ..failures import Refusal
from ..parameters import path_below, trimmed
from ..settings import PROJECT, Configuration, writable_location
from ..wording import one_line

__all__ = ["MOST_STREAMS", "DatasetRequest", "empty_manifest", "manifest_file"]

MOST_STREAMS = 16


@dataclass(frozen=True, slots=True)
class DatasetRequest:
    """`manifest`: the file. `patterns`: which of its data sets, none for all."""

    manifest: Path
    patterns: tuple[str, ...]
    concurrency: int
    verify: bool
    resume: bool
    quiet: bool
    location: Path

    @classmethod
    def from_params(cls, params: Mapping[str, Any], configuration: Configuration) -> Self:
        """Raises Refusal, LocationError."""
        concurrency = params.get("concurrency", 3)
        if not 1 <= concurrency <= MOST_STREAMS:
            raise Refusal(f"concurrency is {concurrency}; give a number from 1 to {MOST_STREAMS}, best 3")
        return cls(
            manifest=manifest_file((params.get("manifest") or "").strip(), configuration),
            patterns=trimmed(params.get("datasets") or []),
            concurrency=concurrency,
            verify=params.get("verify", True),
            resume=params.get("resume", True),
            quiet=params.get("quiet", False),
            location=writable_location(configuration, "datasets"),
        )


def manifest_file(named: str, configuration: Configuration) -> Path:
    """The configured manifest, or the one `named` in its folder. Raises Refusal if there is none."""
    configured = PROJECT / configuration.drive.manifest
    folder = configured.parent
    file = path_below(folder, named) if named else configured
    if file is None:
        raise Refusal(
            f"manifest is {one_line(named)}, which is not a file below {folder} (the folder of drive.manifest in the "
            "configuration); put it there and give its name, such as datasets.json"
        )
    if not file.is_file():
        raise Refusal(
            f"there is no manifest {file}; create one: python include/generate_manifest.py FOLDER_URL --output {file}"
        )
    return file


def empty_manifest(file: Path) -> Refusal:
    """What a manifest without data sets is refused with."""
    return Refusal(
        f"the manifest {file} lists no data sets; create it again: python include/generate_manifest.py FOLDER_URL"
    )
