"""The stand-ins of the tests for Google Drive and Slooh, which speak what those speak on the wire."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from .home import PROJECT, Home

__all__ = ["importable", "settings_file"]

_FOLDERS: Final = ("plugins", "tests")


def importable() -> None:
    """Makes `support` and `downloader` importable: call it before they are."""
    for folder in _FOLDERS:
        path = str(PROJECT / folder)
        if path not in sys.path:
            sys.path.insert(0, path)


def settings_file(home: Home, name: str, values: dict[str, Any]) -> Path:
    """Writes the demo's own `DOWNLOADER_CONFIG`. What is JSON is YAML."""
    file = home.folder / f"{name}.yaml"
    file.write_text(json.dumps(values, indent=2), encoding="utf-8")
    return file
