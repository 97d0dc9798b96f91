"""What a run of `minio_downloader` was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from downloader.fhir import canonical_type

from ..failures import Refusal
from ..parameters import path_below, refuse_contradictions
from ..settings import Configuration, readable_location, writable_location
from ..wording import one_line

__all__ = ["ExportRequest"]

_URL: Final = re.compile(r"s3[an]?://([^/]+)/*(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """`types`: the resource types to download, in their official spelling; empty for all.

    `unheard`: what the filter names besides, which is no type.
    """

    bucket: str
    prefix: str
    types: frozenset[str]
    unheard: tuple[str, ...]
    organize: bool
    overwrite: bool
    check_ndjson: bool
    location: Path
    output: Path
    """The location, or a folder below it."""
    audit: bool = False

    @classmethod
    def from_params(cls, params: Mapping[str, Any], configuration: Configuration) -> Self:
        """Raises Refusal, LocationError."""
        refuse_contradictions("minio_downloader", params)
        audit = bool(params.get("audit"))
        location = (readable_location if audit else writable_location)(configuration, "minio")
        bucket, prefix = _place((params.get("bucket") or "").strip(), params.get("prefix") or "")
        words = _words(params.get("filter") or "")
        return cls(
            bucket=bucket or configuration.minio.bucket,
            prefix=prefix,
            types=frozenset(filter(None, map(canonical_type, words))),
            unheard=tuple(dict.fromkeys(word for word in words if canonical_type(word) is None)),
            organize=bool(params.get("organize")),
            overwrite=bool(params.get("overwrite")),
            check_ndjson=bool(params.get("check_ndjson")),
            location=location,
            output=_output((params.get("output") or "").strip(), location),
            audit=audit,
        )

    @property
    def is_filtered(self) -> bool:
        """Whether types are named."""
        return bool(self.types or self.unheard)

    def wants(self, kind: str) -> bool:
        """Whether files of that type are to be downloaded."""
        return kind in self.types or not self.is_filtered


def _words(given: str | Sequence[str]) -> list[str]:
    """What a filter names: a text, parted by commas, or a list of such."""
    text = given if isinstance(given, str) else ",".join(given)
    return [word.strip() for word in text.split(",") if word.strip()]


def _place(bucket: str, prefix: str) -> tuple[str, str]:
    """Bucket and prefix, of which either may be written as ``s3://bucket/prefix``, the first also as ``bucket/prefix``.

    Raises Refusal where they contradict each other.
    """
    if "://" in bucket and not _URL.fullmatch(bucket):
        raise Refusal(
            f"bucket is {one_line(bucket)}, which is an address; give the bucket's name alone: the server's address "
            "belongs to the connection"
        )
    below = _URL.fullmatch(prefix.strip())
    name, _, rest = bucket.partition("://")[2 if "://" in bucket else 0].partition("/")
    if below and name not in ("", below[1]):
        raise Refusal(f"prefix is {one_line(prefix.strip())}, and bucket is {one_line(name)}; name one bucket only")
    prefix = below[2] if below else prefix
    if rest and prefix not in ("", rest):
        raise Refusal(f"bucket is {one_line(bucket)}, and prefix is {one_line(prefix)}; give prefix alone")
    return (below[1] if below else name), prefix or rest


def _output(named: str, location: Path) -> Path:
    """The folder that the run fills: the location, or one below it, named by its whole path or from the location on."""
    below = named
    if Path(named).is_absolute() and Path(named).is_relative_to(location):
        below = str(Path(named).relative_to(location))
    if below in ("", ".", "./"):
        return location
    folder = path_below(location, below.rstrip("/"))
    if folder is None:
        raise Refusal(
            f"output is {one_line(named)}, which is not a folder below {location} (locations.minio of the "
            "configuration); give the name of one, such as exports/2024"
        )
    return folder
