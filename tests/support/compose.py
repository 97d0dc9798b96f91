"""docker-compose.yaml as Docker Compose reads it: anchors merged, variables of .env filled in."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from ruamel.yaml import YAML

__all__ = ["CENTRAL", "COMPOSE_FOLDER", "EXAMPLE", "Missing", "dollars", "filled", "made_env", "read", "values_of"]

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yaml"
COMPOSE_FOLDER = ROOT / "include" / "compose"
CENTRAL = COMPOSE_FOLDER / "central.yaml"
EXAMPLE = ROOT / ".env.example"

DOLLAR = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>\w+)(?:(?P<kind>:-|:\?)(?P<rest>[^}$]*))?\}|(?P<wrong>.|$))")


class Missing(Exception):
    """A variable that has to be set is not: its name, and the sentence that Compose prints."""


def read(file: Path = COMPOSE) -> dict[str, Any]:
    """The file, before its variables are filled in."""
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    return loaded


def dollars(node: Any) -> Iterator[re.Match[str]]:
    """Each place with a dollar, in all values."""
    if isinstance(node, dict):
        for value in node.values():
            yield from dollars(value)
    elif isinstance(node, list):
        for item in node:
            yield from dollars(item)
    elif isinstance(node, str):
        yield from DOLLAR.finditer(node)


def filled(node: Any, values: Mapping[str, str]) -> Any:
    """`node` with its variables filled in. Raises Missing."""
    if isinstance(node, dict):
        return {key: filled(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [filled(item, values) for item in node]
    return DOLLAR.sub(lambda found: _value(found, values), node) if isinstance(node, str) else node


def _value(found: re.Match[str], values: Mapping[str, str]) -> str:
    if found["escaped"]:
        return "$"
    value = values.get(found["name"], "")
    if not value and found["kind"] == ":?":
        raise Missing(found["name"], found["rest"])
    return value or (found["rest"] or "")


def values_of(text: str) -> dict[str, str]:
    """What an .env file sets."""
    found = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value for name, value in found.items() if value is not None}


def made_env(folder: Path) -> Path:
    """The .env that include/compose/env.sh makes, in a folder that stands in for the project's."""
    scripts = folder / "include" / "compose"
    scripts.mkdir(parents=True)
    shutil.copy(COMPOSE_FOLDER / "env.sh", scripts)
    shutil.copy(EXAMPLE, folder)
    subprocess.run(["bash", scripts / "env.sh"], check=True, capture_output=True)
    return folder / ".env"
