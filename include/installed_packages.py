"""Which packages a list of exact versions names, and which of them are installed in another version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

__all__ = ["differences", "fixed_versions"]


def fixed_versions(file: Path) -> Iterator[tuple[str, str]]:
    """Name and version of each package of a list. Raises OSError, InvalidRequirement."""
    for text in file.read_text(encoding="utf-8").splitlines():
        written = text.partition("#")[0].strip()
        if not written:
            continue
        requirement = Requirement(written)
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement.name, str(requirement.specifier).removeprefix("==")


def differences(locked: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Name, version of the lock, and version that is installed, `""` for none."""
    for name, want in locked.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            found = ""
        if found != want:
            yield name, want, found
