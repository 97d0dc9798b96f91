"""The documents of the project, taken apart: sections, tables, blocks, links; and what the code says of the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

__all__ = [
    "DOCUMENTS",
    "ROOT",
    "anchors",
    "arrows",
    "blocks",
    "document",
    "links",
    "prose",
    "rows",
    "section",
]

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "include" / "docs").glob("*.md")))

_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHOWN = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)
"""A block that names its language."""
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_CELL = re.compile(r"(?<!\\)\|")
_PACKAGES = ("downloader", "downloader_tasks")


def document(name: str) -> str:
    """The text of `include/docs/<name>.md`."""
    return (ROOT / "include" / "docs" / f"{name}.md").read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """The text below a heading, to the next one of its rank or above."""
    for found in _HEADING.finditer(_without_blocks(text)):
        if found[2] == title:
            rest = text[found.end() :]
            end = re.search(rf"^#{{1,{len(found[1])}}} ", _without_blocks(rest), re.MULTILINE)
            return rest[: end.start()] if end else rest
    raise AssertionError(f"there is no section {title!r}")


def rows(text: str) -> list[list[str]]:
    """The cells of every row of every table, without the heads."""
    lines = [line for line in _without_blocks(text).splitlines() if line.startswith("|")]
    heads = {number for number, line in enumerate(lines) if set(line) <= set("|-: ")}
    bodies = [line for number, line in enumerate(lines) if number not in heads and number + 1 not in heads]
    return [[cell.strip() for cell in _CELL.split(line)[1:-1]] for line in bodies]


def blocks(text: str, language: str) -> list[str]:
    """The contents of the code blocks of that language."""
    return [body for found, body in _BLOCK.findall(text) if found == language]


def links(text: str) -> list[str]:
    """The addresses of all links."""
    return _LINK.findall(_without_blocks(text))


def prose(text: str) -> str:
    """The text without its tables and its blocks of commands and settings; drawings stay."""
    lines = _SHOWN.sub("", text).splitlines()
    return "\n".join(line for line in lines if not line.startswith("|"))


def anchors(text: str) -> set[str]:
    """What a link can name behind its `#`, as GitHub makes it of the headings."""
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for _, title in _HEADING.findall(_without_blocks(text))
    }


@cache
def arrows() -> frozenset[tuple[str, str]]:
    """Who imports whom among the packages and modules of `plugins`: ``("transfer", "disk")``.

    Names are those below `downloader`; those of `downloader_tasks` have ``tasks.`` before them.
    """
    return frozenset(
        (_room(module), _room(imported))
        for top in _PACKAGES
        for file in (ROOT / "plugins" / top).rglob("*.py")
        for module in [list(file.relative_to(ROOT / "plugins").with_suffix("").parts)]
        for imported in _imported(file, module[:-1])
        if _room(imported) and _room(module) and _room(imported) != _room(module)
    )


def _imported(file: Path, package: list[str]) -> Iterator[list[str]]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = above + (node.module or "").split(".")
            yield from ([*filter(None, base), alias.name] for alias in node.names)


def _room(module: list[str]) -> str:
    """The package or flat module that a dotted name lies in; "" outside of the project."""
    parts = [part for part in module if part != "__init__"]
    if len(parts) < 2 or parts[0] not in _PACKAGES:
        return ""
    if parts[:2] == ["downloader", "sources"]:
        return ".".join(parts[1:3])
    return parts[1] if parts[0] == "downloader" else f"tasks.{parts[1]}"


def _without_blocks(text: str) -> str:
    """`text` with its code blocks blanked, so that places stay where they are."""
    return _BLOCK.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
