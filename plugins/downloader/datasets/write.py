"""Writes a manifest: readable, validated like any other, and replaced atomically."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ..disk import flush_file, flush_folder
from ..errors import from_os_error
from .manifest import Dataset, Manifest, read_manifest

__all__ = ["manifest_text", "write_manifest"]

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def manifest_text(manifest: Manifest) -> str:
    """The manifest as JSON, one key a line, so that a diff of two versions is readable."""
    head = manifest.model_dump(exclude={"datasets"})
    return json.dumps({**head, "datasets": [*map(_entry, manifest.datasets)]}, indent=2, ensure_ascii=False) + "\n"


def write_manifest(manifest: Manifest, file: Path) -> None:
    """Replaces `file`, or the file that it links to, once everything is on the disk.

    Raises ManifestError if it could not be read back, DownloadError if the disk refuses.
    """
    try:
        file = file.resolve()
        temporary = file.with_name(f".{file.name}.{secrets.token_hex(8)}.part")
        try:
            _fill(temporary, manifest_text(manifest))
            read_manifest(temporary)
            if file.exists():
                shutil.copymode(file, temporary)
            temporary.replace(file)
        finally:
            with suppress(OSError):  # must not hide what went wrong before
                temporary.unlink(missing_ok=True)
        flush_folder(str(file.parent))
    except OSError as error:
        problem = from_os_error(error, str(file))
    else:
        return
    raise problem


def _fill(file: Path, text: str) -> None:
    with open(os.open(file, _NEW, 0o666), "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        flush_file(stream.fileno())


def _entry(dataset: Dataset) -> dict[str, Any]:
    """Without unknown values, except the SHA-256: an empty one can be filled in by hand."""
    blank = {} if dataset.export else {"sha256": ""}
    held = {name: blank.get(name) if value is None else value for name, value in dataset.model_dump().items()}
    return {name: value for name, value in held.items() if value is not None}
